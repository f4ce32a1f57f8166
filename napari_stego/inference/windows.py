"""Overlapping windows along one side of a grid, and how they are blended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Window:
    """A stretch of patches along one side of a grid.

    Attributes
    ----------
    start, stop : int
        First patch, and the one after the last.
    weights : numpy.ndarray
        ``(stop - start,) float32``, positive; over all windows that hold it,
        the weights of a patch add up to 1.
    """

    start: int
    stop: int
    weights: npt.NDArray[np.float32]


def windows_along(length: int, size: int, overlap: int) -> list[Window]:
    """Cover one side of a grid with windows of equal size.

    Towards a neighbour a window's weight falls like the square of a sine, so
    that patches count least where they see least around them; at the border of
    the image it does not.

    Parameters
    ----------
    length : int
        Patches along the side.
    size : int
        Patches of a window; the whole side if it is shorter.
    overlap : int
        Patches that neighbours share at least, less than `size`.

    Returns
    -------
    list of Window
        From the first patch to the last, evenly spread.
    """
    if length <= size:
        return [Window(0, length, np.ones(length, np.float32))]
    count = 1 + -(-(length - size) // (size - overlap))
    starts = np.linspace(0, length - size, count).round().astype(int)
    heights = np.zeros((count, length))
    for index, start in enumerate(starts):
        heights[index, start : start + size] = 1
        if index > 0:
            shared = starts[index - 1] + size - start
            rise = np.sin(np.pi / 2 * (np.arange(shared) + 0.5) / shared) ** 2
            heights[index, start : start + shared] *= rise
            heights[index - 1, start : start + shared] *= rise[::-1]
    heights /= heights.sum(axis=0)
    return [
        Window(int(start), int(start) + size, row[start : start + size].astype(np.float32))
        for start, row in zip(starts, heights, strict=True)
    ]
