"""What the mouse does in the viewer: clicks, told from drags, and where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import numpy as np

_LEFT_BUTTON = 1
_SLACK_PIXELS = 4


class Click(Enum):
    """What a click in the photograph means, by the keys that are held down."""

    LOOK = "look"
    LIKE = "like"
    UNLIKE = "unlike"


# Window managers keep Alt for themselves on many desktops, so that Ctrl does the same.
_MEANINGS = {
    frozenset[str](): Click.LOOK,
    frozenset({"Shift"}): Click.LIKE,
    frozenset({"Control"}): Click.UNLIKE,
    frozenset({"Alt"}): Click.UNLIKE,
}


class ClickListener:
    """Calls back when the left button is pressed and released at one place.

    A drag pans the view as ever; clicks with other keys are left to napari.

    Parameters
    ----------
    callbacks : list of callable
        The viewer's ``mouse_drag_callbacks``.
    on_click : callable
        Takes the world coordinates of the click, and a `Click`.
    """

    def __init__(
        self, callbacks: list[Callable[..., Any]], on_click: Callable[[Any, Click], None]
    ) -> None:
        self._callbacks = callbacks
        self._on_click = on_click
        callbacks.append(self._follow)

    def stop(self) -> None:
        """Listen no longer."""
        if self._follow in self._callbacks:
            self._callbacks.remove(self._follow)

    def _follow(self, viewer: Any, event: Any) -> Iterator[None]:
        meaning = _MEANINGS.get(frozenset(key.name for key in event.modifiers))
        if event.button != _LEFT_BUTTON or meaning is None:
            return
        pressed, place = np.asarray(event.pos), event.position
        yield
        while event.type == "mouse_move":
            if np.abs(np.asarray(event.pos) - pressed).max() > _SLACK_PIXELS:
                return
            yield
        self._on_click(place, meaning)


class MoveListener:
    """Calls back when the mouse moves over the canvas with no button down.

    Parameters
    ----------
    callbacks : list of callable
        The viewer's ``mouse_move_callbacks``.
    on_move : callable
        Takes the world coordinates of the mouse.
    """

    def __init__(self, callbacks: list[Callable[..., Any]], on_move: Callable[[Any], None]) -> None:
        self._callbacks = callbacks
        self._on_move = on_move
        callbacks.append(self._follow)

    def stop(self) -> None:
        """Listen no longer."""
        if self._follow in self._callbacks:
            self._callbacks.remove(self._follow)

    def _follow(self, viewer: Any, event: Any) -> None:
        self._on_move(event.position)
