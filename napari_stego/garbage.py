"""Sparing the garbage collector what is no garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collections() -> Iterator[None]:
    """Let Python look for no garbage while many objects are made that stay.

    Each time the number of objects has grown by a quarter, it goes through all
    of them, those of other libraries included: with napari and torch loaded, a
    third of a second, in which no thread goes on. Calls may nest; a
    collector that was off stays off.

    Yields
    ------
    None
        While the collector is off.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
