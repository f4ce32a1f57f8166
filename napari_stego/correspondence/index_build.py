"""Building the search index: its cells, and its segments one by one."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from napari_stego.clustering import unit
from napari_stego.clustering.spherical import directions, nearest
from napari_stego.correspondence.index_segment import (
    MAX_IMAGES,
    packed,
    row_type,
    write_index_segment,
)
from napari_stego.files import replacing
from napari_stego.progress import CancelToken, ProgressCallback
from napari_stego.untrusted import check_file

if TYPE_CHECKING:
    from napari_stego.correspondence.index import CodeSource

_CELLS_FILE = "cells.safetensors"
_MAX_CELLS = 1024
_PATCHES_A_CELL = 256
_SAMPLE_A_CELL = 64
_SAMPLED_IMAGES = 1000
_ITERATIONS = 10
_MAX_BYTES = 2**27
_SEGMENT_BYTES = 2**26


@dataclass(frozen=True, eq=False)
class Cells:
    """What the codes are sorted by.

    Attributes
    ----------
    centroids : numpy.ndarray
        ``(K, D) float32`` unit vectors.
    positions : int
        Patches of the corpus that they were made for.
    digest : str
        Their name: 16 hexadecimal digits.
    """

    centroids: npt.NDArray[np.float32]
    positions: int
    digest: str

    def nearest(self, queries: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
        """Find the cells nearest to any of some directions.

        Parameters
        ----------
        queries : numpy.ndarray
            ``(p, D) float32`` unit vectors.
        count : int
            Cells for each.

        Returns
        -------
        numpy.ndarray
            ``(m,) int64``, ascending.
        """
        order = np.argsort(-(queries @ self.centroids.T), axis=1, kind="stable")
        return np.unique(order[:, :count])


def load_cells(folder: Path, length: int) -> Cells | None:
    """Read the cells of an index.

    Parameters
    ----------
    folder : Path
        Where the index is, or not.
    length : int
        Numbers of a code.

    Returns
    -------
    Cells or None
        None if they are missing or damaged.
    """
    try:
        check_file(folder / _CELLS_FILE, _MAX_BYTES)
        tensors = load_file(folder / _CELLS_FILE)
        centroids, positions = tensors["centroids"], tensors["positions"]
        sound = (
            centroids.dtype == np.float32
            and centroids.ndim == 2
            and 0 < len(centroids) <= _MAX_CELLS
            and centroids.shape[1] == length
            and np.isfinite(centroids).all()
            and positions.dtype == np.int64
            and positions.shape == (1,)
        )
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    if not sound:
        return None
    digest = hashlib.sha256(centroids.tobytes()).hexdigest()[:16]
    return Cells(centroids, int(positions[0]), digest)


def make_cells(
    folder: Path,
    source: CodeSource,
    images: list[str],
    positions: int,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> None:
    """Cut the codes of a corpus into cells, by k-means on a sample, and write them.

    Parameters
    ----------
    folder : Path
        Where the index is.
    source : CodeSource
        Makes the codes.
    images : list of str
        Content hashes of the corpus.
    positions : int
        Its patches.
    progress : ProgressCallback
        Called once an image of the sample.
    cancel : CancelToken, optional
        Obeyed between images and iterations.

    Raises
    ------
    StegoError
        If codes cannot be made, or the cells cannot be written.
    Cancelled
        If `cancel` is set.
    """
    count = min(max(positions // _PATCHES_A_CELL, 1), _MAX_CELLS)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(images))[:_SAMPLED_IMAGES].tolist()
    quota = -(-_SAMPLE_A_CELL * count // len(chosen))
    sample = []
    for done, place in enumerate(chosen):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(chosen), "preparing the index")
        codes = source.codes(images[place])
        codes = codes.reshape(-1, codes.shape[-1])
        sample.append(codes[rng.permutation(len(codes))[:quota]])
    points = unit(np.concatenate(sample))
    centroids = points[rng.permutation(len(points))[:count]]
    for _ in range(_ITERATIONS):
        if cancel is not None:
            cancel.raise_if_cancelled()
        centroids = directions(points, nearest(points, centroids)[0], centroids)
    progress(len(chosen), len(chosen), "preparing the index")
    tensors: dict[str, npt.NDArray[Any]] = {
        "centroids": np.ascontiguousarray(centroids),
        "positions": np.array([positions], np.int64),
    }
    with replacing(folder / _CELLS_FILE) as temporary:
        save_file(tensors, temporary)


class SegmentWriter:
    """Collects images until they fill a segment.

    Parameters
    ----------
    folder : Path
        Where the index is.
    cells : Cells
        What codes are sorted by.
    length : int
        Numbers of a code.

    Attributes
    ----------
    most_rows : int
        Patches that a segment is full with.
    """

    def __init__(self, folder: Path, cells: Cells, length: int) -> None:
        self._folder = folder
        self._cells = cells
        self.most_rows = max(_SEGMENT_BYTES // row_type(length).itemsize, 1)
        self._empty()

    def _empty(self) -> None:
        self._images: list[str] = []
        self._grids: list[tuple[int, int]] = []
        self._rows: list[npt.NDArray[Any]] = []
        self._labels: list[npt.NDArray[np.int64]] = []
        self._count = 0

    def add(self, image: str, codes: npt.NDArray[np.float32]) -> None:
        """Add an image.

        Parameters
        ----------
        image : str
            Its content hash.
        codes : numpy.ndarray
            ``(h, w, D) float32``.

        Raises
        ------
        StegoError
            If a full segment cannot be written.
        """
        height, width, length = codes.shape
        units = np.nan_to_num(unit(codes).reshape(-1, length))  # a cell and a row for anything
        self._labels.append(nearest(units, self._cells.centroids)[0])
        self._rows.append(packed(units, len(self._images), np.arange(len(units))))
        self._images.append(image)
        self._grids.append((height, width))
        self._count += len(units)
        if self._count >= self.most_rows or len(self._images) == MAX_IMAGES:
            self.finish()

    def finish(self) -> None:
        """Write what has come together.

        Raises
        ------
        StegoError
            If it cannot be written.
        """
        if self._images:
            write_index_segment(
                self._folder / f"images-{uuid.uuid4().hex}.safetensors",
                self._images,
                self._grids,
                np.concatenate(self._rows),
                np.concatenate(self._labels),
                self._cells.digest,
                len(self._cells.centroids),
            )
            self._empty()
