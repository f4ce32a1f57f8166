"""What the user points at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from napari_stego.errors import StegoError


@dataclass(frozen=True)
class Click:
    """A click, or a scribble.

    Attributes
    ----------
    pixels : tuple of tuple of int
        Row and column of each pixel; one for a click.
    positive : bool
        Whether they are inside of what is wanted.
    """

    pixels: tuple[tuple[int, int], ...]
    positive: bool = True

    @classmethod
    def at(cls, row: int, column: int, positive: bool = True) -> Click:
        """Click on one pixel.

        Parameters
        ----------
        row, column : int
            The pixel.
        positive : bool
            Whether it is inside of what is wanted.

        Returns
        -------
        Click
            The click.
        """
        return cls(((row, column),), positive)

    @classmethod
    def along(cls, points: Sequence[tuple[int, int]], positive: bool = True) -> Click:
        """Scribble from pixel to pixel.

        Parameters
        ----------
        points : sequence of tuple of int
            Rows and columns; one is a click.
        positive : bool
            Whether all that is between them is inside of what is wanted.

        Returns
        -------
        Click
            All pixels on the way, each once.
        """
        pixels = dict.fromkeys(points[:1])
        for start, end in pairwise(points):
            steps = max(abs(end[0] - start[0]), abs(end[1] - start[1])) + 1
            rows, columns = np.linspace(start, end, steps).round().astype(int).T.tolist()
            pixels |= dict.fromkeys(zip(rows, columns, strict=True))
        return cls(tuple(pixels), positive)


def check_clicks(clicks: Sequence[Click], shape: tuple[int, int]) -> None:
    """Check that clicks can be worked with.

    Parameters
    ----------
    clicks : sequence of Click
        The clicks.
    shape : tuple of int
        Height and width of the photograph.

    Raises
    ------
    StegoError
        If none is positive, or a pixel is outside the photograph.
    """
    height, width = shape
    for click in clicks:
        for row, column in click.pixels:
            if not (0 <= row < height and 0 <= column < width):
                raise StegoError(
                    f"The pixel {row},{column} is outside the photograph of {height} rows and "
                    f"{width} columns. Rows come first, and both are counted from 0."
                )
    if not any(click.positive and click.pixels for click in clicks):
        raise StegoError("No pixel of what is wanted was given. Click at least one inside of it.")


def signs_of(clicks: Sequence[Click]) -> dict[tuple[int, int], bool]:
    """Give each clicked pixel its sign; of several, the last.

    Parameters
    ----------
    clicks : sequence of Click
        The clicks, oldest first.

    Returns
    -------
    dict
        From row and column to whether the pixel is inside; the newest last.
    """
    signs: dict[tuple[int, int], bool] = {}
    for click in clicks:
        for pixel in click.pixels:
            signs.pop(pixel, None)
            signs[pixel] = click.positive
    return signs
