"""What was pointed at, and the vectors that are looked for because of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator

from napari_stego.clustering import unit
from napari_stego.errors import StegoError

MAX_VERTICES = 10_000
"""The most corners of a region: of a lasso drawn by hand."""

_FARTHEST = 1e7
# Covers of patches are counted on so many points across each.
_POINTS_ACROSS = 8
# Plain subtraction, 1, takes away much that is still more like the positive.
_STEEPNESS = 8

_Coordinate = Annotated[float, Field(allow_inf_nan=False, ge=-_FARTHEST, le=_FARTHEST)]
Grid = tuple[npt.NDArray[np.float32], tuple[int, int]]
"""Codes, or features, ``(h, w, D)`` of an image, and its ``(H, W)`` in pixels."""


class PromptError(StegoError):
    """Prompts that nothing can be looked for with."""


class Prompt(BaseModel):
    """A place that was pointed at: a point, or a region.

    Attributes
    ----------
    image : str
        Content hash of the image.
    vertices : tuple of (float, float)
        Row and column in pixels, where whole numbers are the middles of
        pixels. One is a point; three or more are the corners of a region in
        their order.
    positive : bool
        Look for what is like it; if not, for what is unlike it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    vertices: Annotated[
        tuple[tuple[_Coordinate, _Coordinate], ...], Field(min_length=1, max_length=MAX_VERTICES)
    ]
    positive: StrictBool = True

    @field_validator("vertices")
    @classmethod
    def _no_lines(
        cls, vertices: tuple[tuple[float, float], ...]
    ) -> tuple[tuple[float, float], ...]:
        if len(vertices) == 2:
            raise ValueError("two corners make no region")
        return vertices

    @classmethod
    def point(cls, image: str, row: float, column: float, *, positive: bool = True) -> Self:
        """Point at a pixel.

        Parameters
        ----------
        image : str
            Content hash of the image.
        row, column : float
            Where.
        positive : bool
            Whether to look for what is like it.

        Returns
        -------
        Prompt
            The point.
        """
        return cls(image=image, vertices=((row, column),), positive=positive)

    @classmethod
    def rectangle(
        cls,
        image: str,
        corner: tuple[float, float],
        opposite: tuple[float, float],
        *,
        positive: bool = True,
    ) -> Self:
        """Point at an upright rectangle.

        Parameters
        ----------
        image : str
            Content hash of the image.
        corner, opposite : tuple of float
            Row and column of two opposite corners.
        positive : bool
            Whether to look for what is like it.

        Returns
        -------
        Prompt
            The region.
        """
        (top, left), (bottom, right) = corner, opposite
        corners = ((top, left), (top, right), (bottom, right), (bottom, left))
        return cls(image=image, vertices=corners, positive=positive)

    @property
    def is_point(self) -> bool:
        """Whether it is a point."""
        return len(self.vertices) == 1

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column of the middle of its corners."""
        rows, columns = zip(*self.vertices, strict=True)
        return sum(rows) / len(rows), sum(columns) / len(columns)

    def vector(
        self, codes: npt.NDArray[np.float32], shape: tuple[int, int]
    ) -> npt.NDArray[np.float32]:
        """Give the direction that is looked for.

        Parameters
        ----------
        codes : numpy.ndarray
            ``(h, w, D) float32`` codes or features of the prompt's image.
        shape : tuple of int
            ``(H, W)`` of the image in pixels.

        Returns
        -------
        numpy.ndarray
            ``(D,) float32`` unit vector: the code at the point, interpolated;
            or the mean of the unit codes of the patches in the region, each
            by how much of it is covered.

        Raises
        ------
        PromptError
            If it lies outside of the image.
        """
        if self.is_point:
            return code_at(codes, self.vertices[0], shape)
        cover = _cover(self.vertices, codes.shape[:2], shape)
        if not cover.any():
            raise PromptError(f"A region lies outside of its image of {shape[0]} x {shape[1]}.")
        return unit(np.tensordot(cover, unit(codes), axes=2))


def code_at(
    codes: npt.NDArray[np.float32], pixel: tuple[float, float], shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Interpolate the unit code at a pixel.

    Parameters
    ----------
    codes : numpy.ndarray
        ``(h, w, D) float32`` codes or features of an image.
    pixel : tuple of float
        Row and column; whole numbers are the middles of pixels.
    shape : tuple of int
        ``(H, W)`` of the image in pixels.

    Returns
    -------
    numpy.ndarray
        ``(D,) float32`` unit vector.

    Raises
    ------
    PromptError
        If the pixel is outside of the image.
    """
    rows, columns, weights = corners(pixel, shape, (codes.shape[0], codes.shape[1]))
    return unit(np.tensordot(weights, unit(codes[np.ix_(rows, columns)]), axes=2))


def corners(
    pixel: tuple[float, float], shape: tuple[int, int], grid: tuple[int, int]
) -> tuple[list[int], list[int], npt.NDArray[np.float32]]:
    """Find the patches that a pixel lies between.

    Parameters
    ----------
    pixel : tuple of float
        Row and column; whole numbers are the middles of pixels.
    shape : tuple of int
        ``(H, W)`` of the image in pixels.
    grid : tuple of int
        ``(h, w)`` in patches.

    Returns
    -------
    rows, columns : list of int
        Two of each, the same twice at the border.
    weights : numpy.ndarray
        ``(2, 2) float32``, what each patch counts in a bilinear interpolation.

    Raises
    ------
    PromptError
        If the pixel is outside of the image.
    """
    places, shares = [], []
    for position, size, count in zip(pixel, shape, grid, strict=True):
        if not -0.5 <= position <= size - 0.5:
            row, column = (f"{value:g}" for value in pixel)
            raise PromptError(
                f"The pixel {row}, {column} is outside of an image of {shape[0]} x {shape[1]}. "
                "Rows and columns count from 0 at the upper left."
            )
        place = min(max((position + 0.5) * count / size - 0.5, 0.0), count - 1.0)
        first = int(place)
        places.append([first, min(first + 1, count - 1)])
        shares.append([1 - (place - first), place - first])
    return places[0], places[1], np.outer(shares[0], shares[1]).astype(np.float32)


def _cover(
    vertices: tuple[tuple[float, float], ...], grid: tuple[int, ...], shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Tell how much of each patch a region covers."""
    height, width = grid[0] * _POINTS_ACROSS, grid[1] * _POINTS_ACROSS
    canvas = Image.new("L", (width, height))
    places = [
        ((column + 0.5) * width / shape[1] - 0.5, (row + 0.5) * height / shape[0] - 0.5)
        for row, column in vertices
    ]
    # The outline too, so that a region thinner than the points are apart is not lost.
    ImageDraw.Draw(canvas).polygon(places, fill=1, outline=1)
    points = np.asarray(canvas, dtype=np.float32)
    blocks = points.reshape(grid[0], _POINTS_ACROSS, grid[1], _POINTS_ACROSS)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Queries:
    """The directions that are looked for.

    Attributes
    ----------
    positives : numpy.ndarray
        ``(p, D) float32`` unit vectors to be like; at least one of `positives`
        and `negatives` holds some.
    negatives : numpy.ndarray
        ``(n, D) float32`` unit vectors to be unlike.
    """

    positives: npt.NDArray[np.float32]
    negatives: npt.NDArray[np.float32]

    @classmethod
    def of(cls, prompts: Iterable[Prompt], grid_of: Callable[[str], Grid]) -> Queries:
        """Turn prompts into directions.

        Parameters
        ----------
        prompts : iterable of Prompt
            At least one; equal ones count once.
        grid_of : callable
            Gives codes and size of an image, by content hash.

        Returns
        -------
        Queries
            The directions.

        Raises
        ------
        PromptError
            If there are no prompts, or one lies outside of its image.
        """
        parts: dict[bool, list[npt.NDArray[np.float32]]] = {True: [], False: []}
        for prompt in dict.fromkeys(prompts):
            parts[prompt.positive].append(prompt.vector(*grid_of(prompt.image)))
        if not parts[True] and not parts[False]:
            raise PromptError("Point at something first.")
        length = len((parts[True] or parts[False])[0])
        return cls(*(np.array(parts[kind], np.float32).reshape(-1, length) for kind in parts))

    def __len__(self) -> int:
        return len(self.positives) + len(self.negatives)

    def scores(
        self, units: npt.NDArray[np.float32], *, centred: bool = False
    ) -> npt.NDArray[np.float32]:
        """Score codes.

        Parameters
        ----------
        units : numpy.ndarray
            ``(..., D) float32`` unit codes.
        centred : bool
            Subtract from the correspondence with each prompt its mean over
            all these codes, as the loss does over an image (Eq. 3 there).

        Returns
        -------
        numpy.ndarray
            ``(...) float32`` in ``[-1, 1]``; see `combined`.

        References
        ----------
        Hamilton et al., "Unsupervised Semantic Segmentation by Distilling
        Feature Correspondences", ICLR 2022, Eq. 1, Eq. 3 and Fig. 2.
        """
        both = units @ self.directions.T
        if centred:
            both -= both.mean(axis=tuple(range(both.ndim - 1)), keepdims=True)
        return self.combine(both)

    @property
    def directions(self) -> npt.NDArray[np.float32]:
        """``(p + n, D) float32``, the positives and then the negatives."""
        return np.concatenate([self.positives, self.negatives])

    def combine(self, cosines: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Make one score of the correspondences with all directions.

        Parameters
        ----------
        cosines : numpy.ndarray
            ``(..., p + n) float32``.

        Returns
        -------
        numpy.ndarray
            ``(...) float32`` in ``[-1, 1]``; see `combined`.
        """
        count = len(self.positives)
        return combined(cosines[..., :count], cosines[..., count:])


def combined(
    positives: npt.NDArray[np.float32], negatives: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Make one score of the correspondences with several prompts.

    With P the largest of the positives and N the largest of the negatives it
    is P where P is clearly larger, 0 where both are equal, and below where N
    is larger: ``P - max(0, 8 N - 7 max(P, 0))``, cut at -1. So a negative
    prompt takes away what is more like it than like a positive, and leaves the
    rest as it was. Without negatives it is P, without positives -N.

    Parameters
    ----------
    positives : numpy.ndarray
        ``(..., p) float32`` correspondences with positive prompts.
    negatives : numpy.ndarray
        ``(..., n) float32`` with negative ones; p + n is 1 or more.

    Returns
    -------
    numpy.ndarray
        ``(...) float32`` in ``[-1, 1]``.
    """
    if not negatives.shape[-1]:
        score = positives.max(axis=-1)
    elif not positives.shape[-1]:
        score = -negatives.max(axis=-1)
    else:
        like, unlike = positives.max(axis=-1), negatives.max(axis=-1)
        won = (_STEEPNESS - 1) * np.maximum(like, 0)
        score = like - np.maximum(_STEEPNESS * unlike - won, 0)
    return np.asarray(np.clip(score, -1, 1), dtype=np.float32)  # rounding oversteps
