"""Telling clicks from drags in the viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_LEFT_BUTTON = 1
_SLACK_PIXELS = 4


class ClickListener:
    """Calls back when the left button is pressed and released at one place.

    A drag pans the view as ever, and clicks with modifiers are left to napari.

    Parameters
    ----------
    callbacks : list of callable
        The viewer's ``mouse_drag_callbacks``.
    on_click : callable
        Takes the world coordinates of the click.
    """

    def __init__(
        self, callbacks: list[Callable[..., Any]], on_click: Callable[[Any], None]
    ) -> None:
        self._callbacks = callbacks
        self._on_click = on_click
        callbacks.append(self._follow)

    def stop(self) -> None:
        """Listen no longer."""
        if self._follow in self._callbacks:
            self._callbacks.remove(self._follow)

    def _follow(self, viewer: Any, event: Any) -> Iterator[None]:
        if event.button != _LEFT_BUTTON or event.modifiers:
            return
        pressed, place = np.asarray(event.pos), event.position
        yield
        while event.type == "mouse_move":
            if np.abs(np.asarray(event.pos) - pressed).max() > _SLACK_PIXELS:
                return
            yield
        self._on_click(place)
