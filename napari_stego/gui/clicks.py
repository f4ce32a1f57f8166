"""What the mouse does in the viewer: clicks, drags, and where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

_LEFT_BUTTON = 1
_SLACK_PIXELS = 4


class Click(Enum):
    """What a click or drag in the photograph means, by the keys that are held down."""

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
    """Calls back when the left button is pressed and released at one place, or dragged with a key.

    Other drags pan the view as ever, and clicks with other keys are left to napari.

    Parameters
    ----------
    callbacks : list of callable
        The viewer's ``mouse_drag_callbacks``.
    on_click : callable
        Takes the world coordinates of the click, and a `Click`.
    on_drag : callable
        Takes the world coordinates of all places so far, a `Click`, and whether
        the button is up; called at each move.
    takes_drags : callable
        Whether drags with a key are asked for; else they pan the view, too.
    """

    def __init__(
        self,
        callbacks: list[Callable[..., Any]],
        on_click: Callable[[Any, Click], None],
        on_drag: Callable[[Sequence[Any], Click, bool], None],
        takes_drags: Callable[[], bool],
    ) -> None:
        self._callbacks = callbacks
        self._on_click = on_click
        self._on_drag = on_drag
        self._takes_drags = takes_drags
        callbacks.append(self._follow)

    def stop(self) -> None:
        """Listen no longer."""
        if self._follow in self._callbacks:
            self._callbacks.remove(self._follow)

    def _follow(self, viewer: Any, event: Any) -> Iterator[None]:
        meaning = _MEANINGS.get(frozenset(key.name for key in event.modifiers))
        if event.button != _LEFT_BUTTON or meaning is None:
            return
        if meaning is Click.LOOK or not self._takes_drags():
            yield from self._wait_for_click(event, meaning)
            return
        camera = viewer.camera
        pans, camera.mouse_pan = camera.mouse_pan, False
        try:
            yield from self._follow_drag(event, meaning)
        finally:
            camera.mouse_pan = pans

    def _wait_for_click(self, event: Any, meaning: Click) -> Iterator[None]:
        pressed, place = np.asarray(event.pos), event.position
        yield
        while event.type == "mouse_move":
            if _is_far(event, pressed):
                return
            yield
        self._on_click(place, meaning)

    def _follow_drag(self, event: Any, meaning: Click) -> Iterator[None]:
        pressed, places, dragged = np.asarray(event.pos), [event.position], False
        yield
        while event.type == "mouse_move":
            dragged = dragged or _is_far(event, pressed)
            places.append(event.position)
            if dragged:
                self._on_drag(places, meaning, False)
            yield
        if dragged:
            self._on_drag(places, meaning, True)
        else:
            self._on_click(places[0], meaning)


def _is_far(event: Any, pressed: npt.NDArray[np.int64]) -> bool:
    return bool(np.abs(np.asarray(event.pos) - pressed).max() > _SLACK_PIXELS)


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
