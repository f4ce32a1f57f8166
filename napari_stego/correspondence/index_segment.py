"""One file of the search index: the codes of some images, sorted by cell.

Nothing here trusts what is on the disk: the header is compared with the size of
the file before memory is taken, and what rows say is checked when they are read.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from napari_stego.errors import StegoError
from napari_stego.files import replacing
from napari_stego.untrusted import check_file, parse_json

MAX_IMAGES = 2**16
"""The most images of a segment: each row names its own in 2 bytes."""

_FORMAT = "napari-stego index 1"
_MAX_BYTES = 2**31
_MAX_HEADER_BYTES = 2**16
_HASH_BYTES = 32
_LEVELS = 127
_TYPES: dict[str, np.dtype[Any]] = {
    "U8": np.dtype("u1"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
}


class DamagedIndexError(StegoError):
    """A part of the index that cannot be what was written."""


def row_type(length: int) -> np.dtype[Any]:
    """Give the layout of a row.

    Parameters
    ----------
    length : int
        Numbers D of a code.

    Returns
    -------
    numpy.dtype
        ``codes``, D whole numbers of 1 byte, which times ``scale`` are the
        unit code; ``image`` in the segment; ``place`` in the flattened grid.
    """
    fields = [("codes", "i1", (length,)), ("scale", "<f4"), ("image", "<u2"), ("place", "<u4")]
    return np.dtype(fields)


def packed(
    units: npt.NDArray[np.float32], image: int, places: npt.NDArray[np.int64]
) -> npt.NDArray[Any]:
    """Make rows of unit codes.

    Parameters
    ----------
    units : numpy.ndarray
        ``(n, D) float32``.
    image : int
        Their image in the segment.
    places : numpy.ndarray
        ``(n,) int64``, where in its flattened grid.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` of `row_type`.
    """
    rows = np.empty(len(units), row_type(units.shape[1]))
    scale = np.maximum(np.abs(units).max(axis=1), 1e-10) / _LEVELS
    rows["codes"] = np.rint(units / scale[:, None])
    rows["scale"], rows["image"], rows["place"] = scale, image, places
    return rows


@dataclass(frozen=True)
class _Tensor:
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int


class IndexSegment:
    """A file of the index.

    Parameters
    ----------
    path : Path
        The file.
    length : int
        Numbers of a code.
    cells : str
        Digest of the cells that it has to be sorted by.
    n_cells : int
        How many there are.

    Attributes
    ----------
    images : list of str
        Content hashes.
    grids : numpy.ndarray
        ``(n, 2) int64``, patches down and across of each.
    n_rows : int
        Patches of all.

    Raises
    ------
    DamagedIndexError
        If the file is damaged, or belongs to other cells.
    OSError
        If it cannot be read.
    """

    def __init__(self, path: Path, length: int, cells: str, n_cells: int) -> None:
        self.path = path
        self._type = row_type(length)
        try:
            check_file(path, _MAX_BYTES)
            with path.open("rb") as file:
                metadata, tensors = _header(file.read(_MAX_HEADER_BYTES), path.stat().st_size)
            if metadata != {"format": _FORMAT, "cells": cells}:
                raise ValueError("it is sorted by other cells")
            count, rows = tensors["images"].shape[0], tensors["rows"]
            for name, dtype, shape in (
                ("images", "U8", (count, _HASH_BYTES)),
                ("grids", "I32", (count, 2)),
                ("starts", "I64", (n_cells + 1,)),
                ("rows", "U8", (rows.shape[0], self._type.itemsize)),
            ):
                if (tensors[name].dtype, tensors[name].shape) != (_TYPES[dtype], shape):
                    raise ValueError(f"{name} of another type or shape")
            if not 0 < count <= MAX_IMAGES:
                raise ValueError(f"{count} images")
            images, grids, starts = (
                self._whole(tensors[name]) for name in ("images", "grids", "starts")
            )
            self.n_rows = rows.shape[0]
            self.grids = grids.astype(np.int64)
            # Together they fill the file, which leaves no room for absurd numbers.
            area = self.grids.prod(axis=1, dtype=np.float64).sum()
            if self.grids.min() < 1 or area != self.n_rows:
                raise ValueError("images that do not fill it")
            if starts[0] != 0 or starts[-1] != self.n_rows or (np.diff(starts) < 0).any():
                raise ValueError("cells that do not fill it")
        except (ValueError, TypeError, KeyError, IndexError, struct.error, RecursionError) as error:
            raise DamagedIndexError(f"{path} is damaged or outdated ({error}).") from error
        self.images = [row.tobytes().hex() for row in images]
        self._starts = starts
        self._first = rows.start

    def _whole(self, tensor: _Tensor) -> npt.NDArray[Any]:
        with self.path.open("rb") as file:
            file.seek(tensor.start)
            content = file.read(math.prod(tensor.shape) * tensor.dtype.itemsize)
        return np.frombuffer(content, tensor.dtype).reshape(tensor.shape)

    def runs(self, cells: npt.NDArray[np.int64] | None) -> list[tuple[int, int]]:
        """Tell where the rows of some cells are.

        Parameters
        ----------
        cells : numpy.ndarray, optional
            ``(m,) int64`` cells, ascending; by default all.

        Returns
        -------
        list of (int, int)
            First row and the one after the last, neighbours as one.
        """
        if cells is None:
            return [(0, self.n_rows)]
        starts, ends = self._starts[cells], self._starts[cells + 1]
        starts, ends = starts[starts < ends], ends[starts < ends]
        if not len(starts):
            return []
        breaks = np.flatnonzero(starts[1:] != ends[:-1])
        firsts = starts[np.r_[0, breaks + 1]].tolist()
        return list(zip(firsts, ends[np.r_[breaks, len(ends) - 1]].tolist(), strict=True))

    def rows(self, runs: Sequence[tuple[int, int]]) -> npt.NDArray[Any]:
        """Read rows.

        Parameters
        ----------
        runs : sequence of (int, int)
            Some of what `runs` gives, or parts of it.

        Returns
        -------
        numpy.ndarray
            ``(n,)`` of `row_type`.

        Raises
        ------
        DamagedIndexError
            If they cannot be what was written.
        OSError
            If the disk does not answer.
        """
        found = np.empty(sum(end - start for start, end in runs), self._type)
        view, done = found.view(np.uint8).data, 0
        # A memory map would end the process where the disk does not answer.
        with self.path.open("rb", buffering=0) as file:
            for start, end in runs:
                file.seek(self._first + start * self._type.itemsize)
                wanted = (end - start) * self._type.itemsize
                while wanted:
                    read = file.readinto(view[done : done + wanted])
                    if not read:
                        raise DamagedIndexError(f"{self.path} is shorter than it was.")
                    done, wanted = done + read, wanted - read
        if len(found) and found["image"].max() >= len(self.images):
            raise DamagedIndexError(f"{self.path} is damaged: a row of no image.")
        return found

    def places(self, rows: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Tell where in their images some rows are.

        Parameters
        ----------
        rows : numpy.ndarray
            ``(n,)`` with ``image`` and ``place``, as `rows` gives them.

        Returns
        -------
        down, across : numpy.ndarray
            ``(n,) int64`` each, patches from the upper left.

        Raises
        ------
        DamagedIndexError
            If one is outside of its image.
        """
        grids = self.grids[rows["image"]]
        down, across = np.divmod(rows["place"].astype(np.int64), grids[:, 1])
        if (down >= grids[:, 0]).any():
            raise DamagedIndexError(f"{self.path} is damaged: a row outside of its image.")
        return down, across


def write_index_segment(
    path: Path,
    images: Sequence[str],
    grids: Sequence[tuple[int, int]],
    rows: npt.NDArray[Any],
    labels: npt.NDArray[np.int64],
    cells: str,
    n_cells: int,
) -> None:
    """Write a file of the index, in one move.

    Parameters
    ----------
    path : Path
        The file.
    images : sequence of str
        Content hashes, each once.
    grids : sequence of (int, int)
        Patches down and across of each.
    rows : numpy.ndarray
        ``(n,)`` of `row_type`, in any order.
    labels : numpy.ndarray
        ``(n,) int64``, the cell of each.
    cells : str
        Digest of the cells.
    n_cells : int
        How many there are.

    Raises
    ------
    StegoError
        If it cannot be written.
    """
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels, minlength=n_cells)
    hashes = b"".join(map(bytes.fromhex, images))
    tensors: dict[str, npt.NDArray[Any]] = {
        "images": np.frombuffer(hashes, np.uint8).reshape(-1, _HASH_BYTES),
        "grids": np.array(grids, np.int32),
        "starts": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "rows": rows[order].view(np.uint8).reshape(len(rows), -1),
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"format": _FORMAT, "cells": cells})


def _header(start: bytes, size: int) -> tuple[dict[str, str], dict[str, _Tensor]]:
    """Read the header of a safetensors file, of which no tensor is to be read whole."""
    (length,) = struct.unpack("<Q", start[:8])
    if length > len(start) - 8:
        raise ValueError("a header of another kind")
    values = parse_json(start[8 : 8 + length], _MAX_HEADER_BYTES)
    metadata = values.pop("__metadata__")
    tensors = {}
    for name, value in values.items():
        dtype, (first, last) = _TYPES[value["dtype"]], value["data_offsets"]
        shape = tuple(value["shape"])
        if any(type(number) is not int or number < 0 for number in (*shape, first, last)):
            raise ValueError("sizes that are no numbers")
        if last - first != math.prod(shape) * dtype.itemsize or 8 + length + last > size:
            raise ValueError("less data than the header tells")
        tensors[name] = _Tensor(dtype, shape, 8 + length + first)
    return metadata, tensors
