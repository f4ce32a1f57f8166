"""The on-disk store of patch tokens.

Tokens are written in segments: one sharded zarr 3 array for a few dozen
images, appearing under its final name only when complete. Several processes
can write segments at once, nothing is rewritten when images are added, and a
killed process leaves at most a temporary folder behind.
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BytesCodec, Crc32cCodec

from napari_stego.errors import StegoError

_CHUNK_POSITIONS = 256
_SHARD = Path("c", "0", "0")
_TEMPORARY = ".writing-"
_DAMAGED = ".damaged"


class DamagedStoreError(StegoError):
    """Stored tokens that no longer match their checksum."""


@dataclass(frozen=True)
class _Entry:
    segment: str
    start: int
    height: int
    width: int


class FeatureStore:
    """Patch tokens of one backbone, layer and size, by content hash of the image.

    Parameters
    ----------
    folder : Path
        Where the segments are; made by the first `write`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._entries: dict[str, _Entry] = {}
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the index again, to see what other processes have written."""
        self._entries.clear()
        self._arrays.clear()
        if self.folder.is_dir():
            for path in sorted(self.folder.iterdir()):
                if path.is_dir() and path.suffix != _DAMAGED and not path.name.startswith("."):
                    self._index(path)

    def _index(self, path: Path) -> None:
        try:
            array = zarr.open_array(path, mode="r")
            listing: Any = array.attrs["images"]
            if not (path / _SHARD).is_file():  # zarr would read it as zeros
                raise FileNotFoundError(path / _SHARD)
            entries = {
                str(image["hash"]): _Entry(
                    path.name, int(image["start"]), int(image["height"]), int(image["width"])
                )
                for image in listing
            }
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            # Without a readable header or its data, nothing in the segment can be found again.
            self._set_aside(path.name)
            return
        self._arrays[path.name] = array
        self._entries.update(entries)

    def _set_aside(self, segment: str) -> None:
        """Rename a damaged segment, so that the next extraction fills the gap."""
        self._arrays.pop(segment, None)
        self._entries = {
            key: entry for key, entry in self._entries.items() if entry.segment != segment
        }
        with contextlib.suppress(OSError):
            (self.folder / segment).rename(self.folder / (segment + _DAMAGED))

    def __contains__(self, content_hash: object) -> bool:
        return content_hash in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def grid_shape(self, content_hash: str) -> tuple[int, int]:
        """Tell the token grid of an image.

        Parameters
        ----------
        content_hash : str
            Key of a stored image.

        Returns
        -------
        tuple of int
            ``(h, w)`` in patches.
        """
        entry = self._entries[content_hash]
        return entry.height, entry.width

    def tokens(self, content_hash: str) -> npt.NDArray[np.float16]:
        """Read the tokens of one image.

        Parameters
        ----------
        content_hash : str
            Key of a stored image.

        Returns
        -------
        numpy.ndarray
            ``(h, w, C) float16``.

        Raises
        ------
        KeyError
            If the image is not in the store.
        DamagedStoreError
            If the tokens on disk are damaged. The segment is set aside, so
            that another extraction replaces it.
        """
        entry = self._entries[content_hash]
        stop = entry.start + entry.height * entry.width
        try:
            rows = np.asarray(self._arrays[entry.segment][entry.start : stop])
        except Exception as error:  # zarr's codecs raise many types for damaged bytes
            self._set_aside(entry.segment)
            raise DamagedStoreError(
                f"Stored features in {self.folder / entry.segment} are damaged and were set aside. "
                "Extract features again: only the missing images are done anew."
            ) from error
        if rows.dtype != np.float16:
            raise DamagedStoreError(f"{self.folder / entry.segment} does not hold float16 tokens.")
        return rows.reshape(entry.height, entry.width, -1)

    def write(self, tokens: Sequence[tuple[str, npt.NDArray[np.float16]]]) -> None:
        """Add a segment.

        Parameters
        ----------
        tokens : sequence of (str, numpy.ndarray)
            Content hash and ``(h, w, C) float16`` tokens of each image, all
            of the same ``C``.

        Raises
        ------
        StegoError
            If the folder cannot be written, the disk being full included.
            What was there before is untouched.
        """
        if not tokens:
            return
        name = uuid.uuid4().hex
        temporary = self.folder / (_TEMPORARY + name)
        final = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write_array(temporary, tokens)
            temporary.rename(final)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise StegoError(
                f"Cannot write features to {self.folder}: {error.strerror or error}. "
                "Free some space or choose another project folder; what is finished is kept."
            ) from error
        self._index(final)

    @staticmethod
    def _write_array(path: Path, tokens: Sequence[tuple[str, npt.NDArray[np.float16]]]) -> None:
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

    def sweep(self) -> None:
        """Delete what killed processes left behind: unfinished and damaged segments."""
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.name.startswith(_TEMPORARY) or path.suffix == _DAMAGED:
                    shutil.rmtree(path, ignore_errors=True)
