"""Numbers of each image that take a while to find: found once, kept in the project folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from napari_stego.corpus import CorpusImage
from napari_stego.errors import StegoError
from napari_stego.files import replacing
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.untrusted import check_file

_SAVE_SECONDS = 30.0
_HEADER_BYTES = 2**16
_HASH_BYTES = 32


@dataclass(frozen=True, eq=False)
class ImageValues:
    """Numbers of each image of a corpus.

    Attributes
    ----------
    values : numpy.ndarray
        ``(n, m)``, images in corpus order; zeros in rows that are not known.
    known : numpy.ndarray
        ``(n,) bool``, the rows that are.
    """

    values: npt.NDArray[Any]
    known: npt.NDArray[np.bool_]

    @classmethod
    def unknown(cls, n_images: int, width: int, dtype: npt.DTypeLike) -> ImageValues:
        """Make room for numbers.

        Parameters
        ----------
        n_images, width : int
            Rows and columns.
        dtype : dtype
            Of the numbers.

        Returns
        -------
        ImageValues
            Of which nothing is known.
        """
        return cls(np.zeros((n_images, width), dtype), np.zeros(n_images, bool))


def find_values(
    images: Sequence[CorpusImage],
    values: ImageValues,
    find: Callable[[CorpusImage], Any],
    file: Path,
    *,
    message: str,
    keep: bool = True,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> None:
    """Find numbers of each image, but for those that are in a file already.

    What is found is kept there, also when the call is cancelled.

    Parameters
    ----------
    images : sequence of CorpusImage
        n of them; images of equal content are looked at once.
    values : ImageValues
        Receives the numbers as they are found.
    find : callable
        Takes an image and returns its m numbers, or None if it has none for
        now.
    file : Path
        A safetensors file, which is a cache and not trusted.
    message : str
        What to tell of the progress.
    keep : bool
        Whether the file is written; False where the project can only be read.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Raises
    ------
    StegoError
        What `find` raises; or if the file cannot be written.
    Cancelled
        If `cancel` is set.
    """
    places: dict[str, list[int]] = {}
    for place, image in enumerate(images):
        places.setdefault(image.content_hash, []).append(place)
    _take(values, places, file)
    saved, unsaved = time.monotonic(), False
    try:
        for done, rows in enumerate(places.values()):
            if values.known[rows[0]]:
                continue
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(done, len(places), message)
            found = find(images[rows[0]])
            if found is not None:
                values.values[rows] = found
                values.known[rows] = unsaved = True
            if unsaved and time.monotonic() - saved > _SAVE_SECONDS and keep:
                _save(values, places, file)
                saved, unsaved = time.monotonic(), False
    finally:
        if unsaved and keep:
            _save(values, places, file)
    progress(len(places), len(places), message)


def _take(values: ImageValues, places: dict[str, list[int]], file: Path) -> None:
    try:
        hashes, table = _read(file, values)
    except (OSError, ValueError, SafetensorError, StegoError):
        return
    for row, content_hash in enumerate(hashes):
        mine = places.get(content_hash)
        if mine is not None:
            values.values[mine] = table[row]
            values.known[mine] = True


def _read(path: Path, values: ImageValues) -> tuple[list[str], npt.NDArray[Any]]:
    n_images, width = values.values.shape
    row = values.values.itemsize * width + _HASH_BYTES
    # Images may have been taken out of the corpus since, though hardly most of them.
    check_file(path, 2 * n_images * row + _HEADER_BYTES)
    tensors = load_file(path)
    hashes, table = tensors.get("images"), tensors.get("values")
    if hashes is None or hashes.dtype != np.uint8 or hashes.shape[1:] != (_HASH_BYTES,):
        raise ValueError("no hashes")
    if table is None or table.dtype != values.values.dtype or table.shape[1:] != (width,):
        raise ValueError("no values")
    if len(table) != len(hashes) or (table.dtype.kind == "f" and not np.isfinite(table).all()):
        raise ValueError("other images, or no numbers")
    return [key.tobytes().hex() for key in hashes], table


def _save(values: ImageValues, places: dict[str, list[int]], file: Path) -> None:
    firsts = {key: rows[0] for key, rows in places.items() if values.known[rows[0]]}
    hashes = np.frombuffer(b"".join(bytes.fromhex(key) for key in firsts), np.uint8)
    tensors: dict[str, npt.NDArray[Any]] = {
        "images": hashes.reshape(-1, _HASH_BYTES),
        "values": values.values[list(firsts.values())],
    }
    with replacing(file) as temporary:
        save_file(tensors, temporary)
