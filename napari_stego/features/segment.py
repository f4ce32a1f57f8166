"""One segment of the store: a sharded zarr 3 array with a list of its images.

Nothing here trusts what is on the disk. A header that does not fit its data is
found when the segment is opened, before anything of the size it claims is
allocated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BytesCodec, Crc32cCodec

from napari_stego.errors import StegoError
from napari_stego.files import flush

_CHUNK_POSITIONS = 256
_SHARD = Path("c", "0", "0")
_METADATA = "zarr.json"


class DamagedStoreError(StegoError):
    """Stored tokens that cannot be what was written."""


@dataclass(frozen=True)
class _Entry:
    start: int
    height: int
    width: int


class Segment:
    """The tokens of a few dozen images.

    Parameters
    ----------
    path : Path
        Its folder.

    Raises
    ------
    DamagedStoreError
        If the header or the data can be seen to be damaged.
    OSError
        If the disk does not answer; the segment may be whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _content_of(path):
            if not (path / _METADATA).is_file():
                raise ValueError("no header")
            self._array: zarr.Array[Any] = zarr.open_array(path, mode="r", zarr_format=3)
            self._check_array()
            self._entries = _entries(self._array)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def _data_bytes(self) -> int:
        try:
            return (self.path / _SHARD).stat().st_size
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ValueError("no data") from error  # zarr would read it as zeros

    def _check_array(self) -> None:
        array = self._array
        if array.ndim != 2 or array.dtype != np.float16 or array.shards is None:
            raise ValueError("not an array of float16 tokens")
        # Nothing is compressed, so the data bounds whatever zarr would allocate.
        rows, channels = array.shards
        if rows < array.shape[0] or channels != array.shape[1] or array.shape[1] < 1:
            raise ValueError("not all rows in one shard")
        if rows * channels * array.dtype.itemsize > self._data_bytes():
            raise ValueError("less data than the header tells")

    def grid_shape(self, content_hash: str) -> tuple[int, int]:
        """Tell the token grid ``(h, w)`` of an image."""
        entry = self._entries[content_hash]
        return entry.height, entry.width

    def tokens(self, content_hash: str) -> npt.NDArray[np.float16]:
        """Read the tokens of one image.

        Parameters
        ----------
        content_hash : str
            Key of an image in the segment.

        Returns
        -------
        numpy.ndarray
            ``(h, w, C) float16``.

        Raises
        ------
        DamagedStoreError
            If the data is missing or does not match its checksum.
        OSError
            If the disk does not answer.
        """
        entry = self._entries[content_hash]
        stop = entry.start + entry.height * entry.width
        with _content_of(self.path):
            rows = np.asarray(self._array[entry.start : stop])
            # Another process may have set the segment aside meanwhile.
            self._data_bytes()
            return rows.reshape(entry.height, entry.width, -1)


@contextmanager
def _content_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError:  # some of zarr's are ValueErrors too
        raise
    except (
        # What zarr, its codecs and json raise for content they do not understand. Other errors
        # say nothing about the content.
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise DamagedStoreError(f"Stored features in {path} are damaged ({error}).") from error


def _entries(array: zarr.Array[Any]) -> dict[str, _Entry]:
    listing: Any = array.attrs["images"]
    entries: dict[str, _Entry] = {}
    end = 0
    for image in listing:
        content_hash = image["hash"]
        numbers = [image[name] for name in ("start", "height", "width")]
        if type(content_hash) is not str or any(type(number) is not int for number in numbers):
            raise TypeError("a hash that is no text, or a place that is no number")
        entry = _Entry(*numbers)
        # Images lie one after another, which leaves no room for absurd numbers.
        if entry.start != end or min(entry.height, entry.width) < 1 or content_hash in entries:
            raise ValueError("images that overlap, leave gaps or come twice")
        entries[content_hash] = entry
        end += entry.height * entry.width
    if end != array.shape[0] or not entries:
        raise ValueError("images that do not fill the array")
    return entries


def write_segment(path: Path, tokens: Sequence[tuple[str, npt.NDArray[np.float16]]]) -> None:
    """Write a segment and wait until it is on the disk.

    Parameters
    ----------
    path : Path
        Its folder, not there yet.
    tokens : sequence of (str, numpy.ndarray)
        Content hash, each once, and ``(h, w, C) float16`` tokens of each
        image, all of the same ``C``.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    rows = np.concatenate([array.reshape(-1, array.shape[-1]) for _, array in tokens])
    images = []
    start = 0
    for content_hash, array in tokens:
        height, width = array.shape[:2]
        images.append({"hash": content_hash, "start": start, "height": height, "width": width})
        start += height * width
    n_chunks = -(-len(rows) // _CHUNK_POSITIONS)
    stored = zarr.create_array(
        path,
        shape=rows.shape,
        dtype=np.float16,
        chunks=(_CHUNK_POSITIONS, rows.shape[1]),
        shards=(n_chunks * _CHUNK_POSITIONS, rows.shape[1]),
        # Tokens are close to incompressible; a checksum is worth more than a codec.
        serializer=BytesCodec(),
        compressors=[Crc32cCodec()],
        attributes={"images": images},
        config={"write_empty_chunks": True},
    )
    stored[:] = rows
    for part in (*path.rglob("*"), path):
        flush(part)
