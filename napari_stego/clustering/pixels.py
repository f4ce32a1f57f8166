"""From scores per patch to a cluster for each pixel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

_STRIP_VALUES = 16_000_000


def upsample(values: npt.NDArray[np.float32], shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Interpolate values per patch bilinearly to pixels.

    Parameters
    ----------
    values : numpy.ndarray
        ``(h, w, K) float32``, each at the centre of its patch.
    shape : tuple of int
        ``(H, W)`` of the image.

    Returns
    -------
    numpy.ndarray
        ``(K, H, W) float32``.
    """
    return np.concatenate([strip.numpy() for strip in _strips(values, shape)], axis=1)


def cluster_map(scores: npt.NDArray[np.float32], shape: tuple[int, int]) -> npt.NDArray[np.uint16]:
    """Give each pixel the cluster of the highest interpolated score.

    Works through the image in strips, so that memory does not grow with K
    times the pixels.

    Parameters
    ----------
    scores : numpy.ndarray
        ``(h, w, K) float32``.
    shape : tuple of int
        ``(H, W)`` of the image.

    Returns
    -------
    numpy.ndarray
        ``(H, W) uint16``, clusters ``0..K-1``.
    """
    # max() finds the place of the maximum in half the time of argmax().
    best = [strip.max(dim=0).indices.numpy() for strip in _strips(scores, shape)]
    return np.concatenate(best).astype(np.uint16)


def probable_map(
    scores: npt.NDArray[np.float32], shape: tuple[int, int]
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.float32]]:
    """Give each pixel its most probable class, and that probability.

    Works through the image in strips, as `cluster_map` does.

    Parameters
    ----------
    scores : numpy.ndarray
        ``(h, w, K) float32`` logits.
    shape : tuple of int
        ``(H, W)`` of the image.

    Returns
    -------
    best : numpy.ndarray
        ``(H, W) uint16``, ``0..K-1``, the highest interpolated score.
    probability : numpy.ndarray
        ``(H, W) float32``, from the softmax of the interpolated scores.
    """
    best, probability = [], []
    for strip in _strips(scores, shape):
        highest = strip.max(dim=0)
        best.append(highest.indices.numpy().astype(np.uint16))
        # The softmax of the highest, without those of all others.
        probability.append((highest.values - strip.logsumexp(dim=0)).exp().numpy())
    return np.concatenate(best), np.concatenate(probability)


def _strips(values: npt.NDArray[np.float32], shape: tuple[int, int]) -> Iterator[torch.Tensor]:
    """Yield ``(K, rows, W)`` pieces of the bilinear interpolation, top to bottom."""
    height, width = shape
    grid = torch.from_numpy(np.ascontiguousarray(values)).permute(2, 0, 1)
    n_channels, grid_height, _ = grid.shape
    rows_at_once = max(1, _STRIP_VALUES // (n_channels * width))
    for top in range(0, height, rows_at_once):
        bottom = min(top + rows_at_once, height)
        # Pixel centres in units of patches; the border patch continues outwards.
        y = (torch.arange(top, bottom, dtype=torch.float64) + 0.5) * (grid_height / height) - 0.5
        y = y.clamp(0, grid_height - 1)
        above = y.floor().long()
        below = (above + 1).clamp(max=grid_height - 1)
        weight = (y - above).to(torch.float32)[None, :, None]
        rows = torch.lerp(grid[:, above], grid[:, below], weight)
        size = (bottom - top, width)
        yield F.interpolate(rows[None], size=size, mode="bilinear", align_corners=False)[0]
