"""One segment of the store: a sharded zarr 3 array with a list of its images.

Nothing here trusts what is on the disk. A header that does not fit its data is
found when the segment is opened, before anything of the size it claims is
allocated, and every chunk of tokens is compared with its checksum when it is
read.

Segments are valid zarr, written and opened by zarr. Tokens are read without
it: its event loop takes 2 to 4 ms for the tokens of an image, of which a
training wants dozens a step, against 0.3 ms for the chunks alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import google_crc32c
import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec
from zarr.storage import LocalStore, StorePath

from napari_stego.errors import StegoError
from napari_stego.files import flush
from napari_stego.untrusted import (
    MAX_JSON_VALUES,
    check_file,
    link_between,
    parse_json,
    read_bytes,
)

_CHUNK_POSITIONS = 256
_SHARD = Path("c", "0", "0")
_METADATA = "zarr.json"
_MAX_HEADER_BYTES = 2**22
_CHECKSUM_BYTES = 4
_PLACE = np.dtype([("offset", "<u8"), ("size", "<u8")])
_TOKEN_TYPE = np.dtype("<f2")


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

    Attributes
    ----------
    n_channels : int
        Length C of a token.

    Raises
    ------
    DamagedStoreError
        If the header or the data can be seen to be damaged.
    OSError
        If the disk does not answer; the segment may be whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: npt.NDArray[np.uint64] | None = None
        with _content_of(path):
            with _missing_as("no header"):
                content = read_bytes(path / _METADATA, _MAX_HEADER_BYTES)
            if link_between(path, path / _SHARD) is not None:
                raise ValueError("a link in place of data")
            # Not `open_array`, whose event loop runs in a thread that each segment waits for.
            store = StorePath(LocalStore(path, read_only=True))
            header = parse_json(content, MAX_JSON_VALUES)
            if header["zarr_format"] != 3:
                raise ValueError("no array of zarr 3")
            array: zarr.Array[Any] = zarr.Array.from_dict(store, header)
            self._check_array(array)
            self._entries = _entries(array)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def _check_array(self, array: zarr.Array[Any]) -> None:
        if array.ndim != 2 or array.dtype != np.float16 or array.shards is None:
            raise ValueError("not an array of float16 tokens")
        # Nothing is compressed, so the data bounds whatever is allocated.
        rows, channels = array.shards
        if rows < array.shape[0] or channels != array.shape[1] or array.shape[1] < 1:
            raise ValueError("not all rows in one shard")
        with _missing_as("no data"):
            data_bytes = (self.path / _SHARD).stat().st_size
            check_file(self.path / _SHARD, data_bytes)
        if rows * channels * _TOKEN_TYPE.itemsize > data_bytes:
            raise ValueError("less data than the header tells")
        codecs = array.metadata.to_dict().get("codecs")
        if codecs != (_sharding(array.chunks).to_dict(),) or array.chunks[1] != channels:
            raise ValueError("not stored as tokens are")
        self.n_channels = channels
        self._chunk_rows = array.chunks[0]
        self._n_chunks = rows // self._chunk_rows

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
        found = np.empty((entry.height, entry.width, self.n_channels), np.float16)
        flat = found.reshape(-1, self.n_channels)
        with _content_of(self.path), self._data() as file:
            for number in range(entry.start // self._chunk_rows, -(-stop // self._chunk_rows)):
                first = number * self._chunk_rows
                low, high = max(first, entry.start), min(first + self._chunk_rows, stop)
                chunk = self._chunk(file, number)
                flat[low - entry.start : high - entry.start] = chunk[low - first : high - first]
        return found

    def rows(
        self,
        content_hash: str,
        positions: npt.NDArray[np.int64],
        out: npt.NDArray[np.float16] | None = None,
    ) -> npt.NDArray[np.float16]:
        """Read the tokens at some positions of one image.

        Only the chunks that hold one of them are read, each whole, so that its
        checksum can be compared.

        Parameters
        ----------
        content_hash : str
            Key of an image in the segment.
        positions : numpy.ndarray
            ``(n,) int64`` indices into the flattened grid, from 0 to
            ``h * w - 1``, in any order.
        out : numpy.ndarray, optional
            ``(n, C) float16`` to write to.

        Returns
        -------
        numpy.ndarray
            ``(n, C) float16``; `out` if that was given.

        Raises
        ------
        IndexError
            If a position is outside the grid.
        DamagedStoreError
            If the data is missing or does not match its checksum.
        OSError
            If the disk does not answer.
        """
        entry = self._entries[content_hash]
        check_positions(positions, entry.height * entry.width)
        found = np.empty((len(positions), self.n_channels), np.float16) if out is None else out
        numbers, within = np.divmod(positions + entry.start, self._chunk_rows)
        with _content_of(self.path), self._data() as file:
            for number in np.unique(numbers).tolist():
                here = np.flatnonzero(numbers == number)
                found[here] = self._chunk(file, number)[within[here]]
        return found

    @contextmanager
    def _data(self) -> Iterator[BinaryIO]:
        """Open the data, for one call only.

        Windows renames no folder of an open file, and another process may have
        set the segment aside meanwhile. A memory map would end the process
        where the disk does not answer.
        """
        with _missing_as("no data"):
            file = (self.path / _SHARD).open("rb")
        with file:
            yield file

    def _chunk(self, file: BinaryIO, number: int) -> npt.NDArray[np.float16]:
        if self._places is None:
            self._places = self._read_places(file)
        file.seek(int(self._places[number]))
        raw = _checked(file, self._chunk_bytes)
        return (
            np.frombuffer(raw, _TOKEN_TYPE).reshape(-1, self.n_channels).astype("=f2", copy=False)
        )

    @property
    def _chunk_bytes(self) -> int:
        return self._chunk_rows * self.n_channels * _TOKEN_TYPE.itemsize

    def _read_places(self, file: BinaryIO) -> npt.NDArray[np.uint64]:
        """Read where each chunk begins: the index at the end of a shard."""
        size = self._n_chunks * _PLACE.itemsize
        start = file.seek(0, os.SEEK_END) - size - _CHECKSUM_BYTES
        if start < 0:
            raise ValueError("less data than the header tells")
        file.seek(start)
        places = np.frombuffer(_checked(file, size), _PLACE)
        stored = self._chunk_bytes + _CHECKSUM_BYTES
        if (places["size"] != stored).any() or (places["offset"] > max(start - stored, 0)).any():
            raise ValueError("chunks that are missing or of another size")
        return np.array(places["offset"])


def check_positions(positions: npt.NDArray[np.int64], size: int) -> None:
    """Refuse positions outside a grid.

    Parameters
    ----------
    positions : numpy.ndarray
        ``(n,) int64``.
    size : int
        Number of positions of the grid.

    Raises
    ------
    IndexError
        If one is below 0, or `size` or more.
    """
    if len(positions) and not 0 <= positions.min() <= positions.max() < size:
        raise IndexError(f"positions are counted from 0 to {size - 1}")


def _sharding(chunks: tuple[int, ...]) -> ShardingCodec:
    """Describe how tokens are stored in their one shard.

    Tokens are close to incompressible; a checksum is worth more than a codec.
    """
    checked: list[Any] = [BytesCodec(endian="little"), Crc32cCodec()]
    return ShardingCodec(chunk_shape=chunks, codecs=checked, index_codecs=checked)


def _checked(file: BinaryIO, size: int) -> bytes | memoryview:
    """Read so many bytes and the checksum behind them."""
    raw = file.read(size + _CHECKSUM_BYTES)
    if len(raw) != size + _CHECKSUM_BYTES:
        raise ValueError("less data than the header tells")
    content = np.frombuffer(raw, np.uint8, size)
    if google_crc32c.value(content) != int.from_bytes(raw[size:], "little"):
        raise ValueError("data that does not match its checksum")
    return memoryview(raw)[:size]


@contextmanager
def _missing_as(reason: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ValueError(reason) from error


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
        serializer=BytesCodec(endian="little"),
        compressors=[Crc32cCodec()],
        attributes={"images": images},
        config={"write_empty_chunks": True},
    )
    stored[:] = rows
    for part in (*path.rglob("*"), path):
        flush(part)
