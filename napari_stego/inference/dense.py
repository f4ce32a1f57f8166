"""Codes of an image at full resolution: windows, mirror, scales and shifted grids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from napari_stego.backbones import Backbone
from napari_stego.clustering import Encode
from napari_stego.errors import StegoError
from napari_stego.features import FeatureSettings
from napari_stego.inference.resampling import Axis, add_resampled, shifted_axes
from napari_stego.inference.windows import Window, windows_along
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

_MIN_PATCHES = 2
_BATCH_PIXELS = 8 * 448 * 448
"""In one pass through the backbone, unless a single window is larger."""


class DenseSettings(BaseModel):
    """How the codes of an image are made.

    Attributes
    ----------
    long_side : int, optional
        Pixels of the image's longer side at scale 1; by default its own.
    window : int
        Pixels of a window's side as it enters the backbone, rounded to whole
        patches. An image that fits passes whole.
    overlap : float
        Part of a window's side that it shares with its neighbours, at least.
    mirror : bool
        Take the mean of the codes of the image and of its mirror image, as
        the STEGO paper does.
    scales : tuple of float
        Sizes of the image, in parts of the long side, over whose codes the
        mean is taken.
    shifted_grids : int
        With n, the mean is taken over n x n patch grids, shifted against one
        another by the n-th part of a patch, and the output is n times finer.
        Takes n x n times as long.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    long_side: int | None = Field(default=None, ge=32)
    window: int = Field(default=448, ge=32)
    overlap: float = Field(default=0.25, ge=0, le=0.75)
    mirror: bool = True
    scales: tuple[Annotated[float, Field(ge=0.1, le=4)], ...] = Field(default=(1.0,), min_length=1)
    shifted_grids: int = Field(default=1, ge=1, le=8)


def dense_codes(
    image: npt.NDArray[np.uint8],
    backbone: Backbone,
    features: FeatureSettings,
    encode: Encode,
    settings: DenseSettings,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.float32]:
    """Make the codes of an image of any size.

    Windows overlap and are blended with weights that fall off smoothly, so
    that there are no seams. Where the image fits into one window and there is
    but one scale and grid, this is the code of the image's tokens as
    `extract_features` stores them.

    Besides the output it takes the memory of one more grid of codes, of a
    batch of windows, and of the image at the scale in hand; that of the image
    four times over while it is scaled.

    Parameters
    ----------
    image : numpy.ndarray
        ``(H, W, 3) uint8`` RGB.
    backbone : Backbone
        The frozen backbone.
    features : FeatureSettings
        Layer and facet. `long_side` and `crops` are not used.
    encode : callable
        From ``(h, w, C) float16`` tokens to ``(h, w, D) float32`` codes, each
        position by itself.
    settings : DenseSettings
        Size, windows and what is averaged.
    progress : ProgressCallback
        Called after each batch of windows.
    cancel : CancelToken, optional
        Obeyed between batches.

    Returns
    -------
    numpy.ndarray
        ``(gh, gw, D) float32``: a grid of equal cells over the whole image, as
        `napari_stego.clustering.upsample` takes it. It has a cell for each
        patch at the largest scale, times `shifted_grids` both ways.

    Raises
    ------
    StegoError
        If the backbone has no such layer or facet, a GPU too little memory, or
        the patches are too small to be shifted so often.
    Cancelled
        If `cancel` is set.
    """
    if settings.shifted_grids > backbone.spec.patch_size:
        raise StegoError(
            f"Patches of {backbone.spec.patch_size} pixels cannot be shifted "
            f"{settings.shifted_grids} times. Choose fewer shifted grids."
        )
    passes = _passes(image.shape[:2], backbone, settings)
    done, n_windows = 0, sum(len(each.windows) for each in passes)

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done, n_windows, "computing codes")
        if cancel is not None:
            cancel.raise_if_cancelled()

    def encode_windows(pixels: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        seen = np.concatenate([pixels, pixels[:, :, ::-1]]) if settings.mirror else pixels
        tokens = backbone.encode(seen, (features.layer,), features.facet)[0]
        codes = [encode(window) for window in tokens]
        if not settings.mirror:
            return codes
        pairs = zip(codes[: len(pixels)], codes[len(pixels) :], strict=True)
        return [np.float32(0.5) * (code + mirrored[:, ::-1]) for code, mirrored in pairs]

    total: npt.NDArray[np.float32] | None = None
    grid, picture = None, image
    for each in passes:
        if each.grid != grid:
            grid, picture = each.grid, backbone.resize(image, each.grid)
        codes = _codes_of(each, picture, encode_windows, 2 if settings.mirror else 1, advance)
        if len(passes) == 1:
            return codes
        if total is None:
            total = np.zeros((*each.out_shape, codes.shape[-1]), np.float32)
        add_resampled(total, codes, each.rows, each.columns)
    assert total is not None  # there is at least one scale
    total /= len(settings.scales)
    return total


def _codes_of(
    grid_pass: _Pass,
    picture: npt.NDArray[np.uint8],
    encode_windows: Callable[[npt.NDArray[np.uint8]], list[npt.NDArray[np.float32]]],
    copies: int,
    advance: Callable[[int], None],
) -> npt.NDArray[np.float32]:
    """Encode the windows of one grid and blend their codes."""
    blended: npt.NDArray[np.float32] | None = None
    for windows in grid_pass.batches(copies):
        advance(0)
        pixels = np.stack([picture[grid_pass.pixels_of(window)] for window in windows])
        for (rows, columns), codes in zip(windows, encode_windows(pixels), strict=True):
            if blended is None:
                blended = np.zeros((*grid_pass.shape, codes.shape[-1]), np.float32)
            weights = rows.weights[:, None, None] * columns.weights[:, None]
            blended[rows.start : rows.stop, columns.start : columns.stop] += codes * weights
        advance(len(windows))
    assert blended is not None  # there is at least one window
    return blended


@dataclass(frozen=True)
class _Pass:
    """One grid of patches over the image, and how the output reads from it.

    Attributes
    ----------
    patch_size : int
        Pixels of a patch's side.
    grid : tuple of int
        Patches of the whole image at this scale.
    shift : tuple of int
        Pixels, at this scale, between the image's corner and the first patch.
    shape : tuple of int
        Patches of this grid; one less than `grid` where it is shifted.
    windows : list of (Window, Window)
        Rows and columns of patches that pass through the backbone together.
    out_shape : tuple of int
        Cells of the output.
    rows, columns : Axis
        Where they lie on this grid.
    """

    patch_size: int
    grid: tuple[int, int]
    shift: tuple[int, int]
    shape: tuple[int, int]
    windows: list[tuple[Window, Window]]
    out_shape: tuple[int, int]
    rows: Axis
    columns: Axis

    def batches(self, copies: int) -> Iterator[list[tuple[Window, Window]]]:
        """Yield windows that the backbone can take at once, if it sees each `copies` times."""
        rows, columns = self.windows[0]
        patches = (rows.stop - rows.start) * (columns.stop - columns.start)
        count = max(1, _BATCH_PIXELS // (patches * self.patch_size**2 * copies))
        for first in range(0, len(self.windows), count):
            yield self.windows[first : first + count]

    def pixels_of(self, tile: tuple[Window, Window]) -> tuple[slice, slice]:
        """Tell where a window lies on the scaled image."""
        rows, columns = (
            slice(window.start * self.patch_size + shift, window.stop * self.patch_size + shift)
            for window, shift in zip(tile, self.shift, strict=True)
        )
        return rows, columns


def _passes(shape: tuple[int, int], backbone: Backbone, settings: DenseSettings) -> list[_Pass]:
    patch, n = backbone.spec.patch_size, settings.shifted_grids
    long_side = settings.long_side or max(shape)
    grids = [backbone.grid_shape(*shape, round(long_side * scale)) for scale in settings.scales]
    out_shape = (n * max(grid[0] for grid in grids), n * max(grid[1] for grid in grids))
    pixels = [round(index * patch / n) for index in range(n)]
    shifts = [pixel / patch for pixel in pixels]
    size = max(_MIN_PATCHES, round(settings.window / patch))
    overlap = int(settings.overlap * size)
    passes = []
    for grid in grids:
        axes = [shifted_axes(*sides, shifts) for sides in zip(out_shape, grid, strict=True)]
        for row, column in product(range(n), repeat=2):
            inner = (grid[0] - (row > 0), grid[1] - (column > 0))
            rows, columns = (windows_along(length, size, overlap) for length in inner)
            passes.append(
                _Pass(
                    patch,
                    grid,
                    (pixels[row], pixels[column]),
                    inner,
                    list(product(rows, columns)),
                    out_shape,
                    axes[0][row],
                    axes[1][column],
                )
            )
    return passes
