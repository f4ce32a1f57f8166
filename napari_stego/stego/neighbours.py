"""Nearest neighbours of images, from their mean token."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_stego.errors import StegoError
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

APPROXIMATE_BEYOND = 200_000
"""Images up to which the search is exact by default.

One core takes 20 s for 50,000 images of 384 channels, so 16 times that here.
"""

_BLOCK_VALUES = 2**23
"""Similarities held at once: 32 MiB."""

_QUERIES = 1024
_CELL_IMAGES = 39
"""With fewer in a cell faiss warns that its centre means little."""

_PROBES = 64

Search = Callable[[slice], npt.NDArray[np.int64]]


def nearest_images(
    pooled: npt.NDArray[np.float32],
    count: int,
    *,
    approximate: bool | None = None,
    device: str = "cpu",
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.int64]:
    """Find for each image the most similar others by cosine.

    The search is exact, in blocks of 32 MiB of similarities: its time grows
    with the square of N, its memory with N. The approximate one looks only
    into the 64 nearest of 4 sqrt(N) cells of a k-means partition (the inverted
    file of faiss), so that its time grows with N sqrt(N). Its cells and so its
    results are the same at each call, unlike those of a graph built by several
    threads. On vectors with the spectrum of pooled DINOv2 tokens it finds
    99.8% of the true neighbours among 50,000 images, where it is no faster yet
    than the exact one (``benchmarks/neighbours.py``).

    Parameters
    ----------
    pooled : numpy.ndarray
        ``(N, C) float32``, the spatial mean of each image's tokens.
    count : int
        Neighbours wanted; a corpus of N images has at most N - 1.
    approximate : bool, optional
        Whether to use faiss. By default only beyond 200,000 images, and where
        it is installed.
    device : str
        Where the exact search runs.
    progress : ProgressCallback
        Called after each block of images.
    cancel : CancelToken, optional
        Obeyed between blocks.

    Returns
    -------
    numpy.ndarray
        ``(N, min(count, N - 1)) int64`` indices, nearest first, never the
        image itself. Cosines that differ by less than the precision of
        float32 may come in either order.

    Raises
    ------
    StegoError
        If `approximate` is true and faiss is not installed.
    Cancelled
        If `cancel` is set.

    References
    ----------
    Hamilton et al., "Unsupervised Semantic Segmentation by Distilling Feature
    Correspondences", ICLR 2022, Sec. 3.2. Jegou et al., "Product Quantization
    for Nearest Neighbor Search", IEEE TPAMI 33, 2011, Sec. IV (inverted file).
    """
    n_images = len(pooled)
    count = min(count, n_images - 1)
    if count < 1:
        return np.empty((n_images, 0), np.int64)
    norms = np.linalg.norm(pooled, axis=1, keepdims=True)
    unit = np.asarray(pooled / np.maximum(norms, 1e-10), np.float32)
    exact = _exact_search(torch.from_numpy(unit).to(device), count)
    search, block = exact, max(1, _BLOCK_VALUES // n_images)
    if approximate is None:
        there = importlib.util.find_spec("faiss") is not None
        approximate = n_images > APPROXIMATE_BEYOND and there
    if approximate:
        search, block = _approximate_search(unit, count, exact), _QUERIES
    nearest = np.empty((n_images, count), np.int64)
    for start in range(0, n_images, block):
        if cancel is not None:
            cancel.raise_if_cancelled()
        rows = slice(start, min(start + block, n_images))
        nearest[rows] = search(rows)
        progress(rows.stop, n_images, "finding neighbours")
    return nearest


def _exact_search(unit: torch.Tensor, count: int) -> Search:
    def search(rows: slice) -> npt.NDArray[np.int64]:
        similarity = unit[rows] @ unit.T
        own = torch.arange(rows.start, rows.stop, device=unit.device)
        similarity.scatter_(1, own[:, None], -torch.inf)
        return np.asarray(similarity.topk(count, dim=1).indices.cpu().numpy(), np.int64)

    return search


def _approximate_search(unit: npt.NDArray[np.float32], count: int, exact: Search) -> Search:
    try:
        faiss: Any = importlib.import_module("faiss")
    except ImportError as error:
        raise StegoError(
            "The approximate search for neighbours needs faiss. Install it with "
            "`pip install napari-stego[ann]`, or search exactly."
        ) from error
    n_images, n_channels = unit.shape
    cells = min(int(4 * np.sqrt(n_images)), n_images // _CELL_IMAGES)
    if cells < 2:
        return exact
    flat = faiss.IndexFlatIP(n_channels)
    index = faiss.IndexIVFFlat(flat, n_channels, cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.spherical = True
    index.train(unit)
    index.add(unit)
    index.nprobe = _PROBES

    def search(rows: slice) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = index.search(unit[rows], count + 1)[1]
        own = np.arange(rows.start, rows.stop)[:, None]
        # An image comes first among its own neighbours, unless others have equal tokens.
        order = np.argsort(found == own, axis=1, kind="stable")[:, :count]
        nearest = np.take_along_axis(found, order, axis=1)
        for row in np.flatnonzero((nearest < 0).any(axis=1)).tolist():
            # Too few images in the cells near to this one.
            nearest[row] = exact(slice(rows.start + row, rows.start + row + 1))[0]
        return nearest

    return search
