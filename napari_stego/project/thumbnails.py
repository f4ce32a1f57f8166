"""Thumbnails in the project folder: a few files that grow, whatever the number of photographs.

A thumbnail is appended to a pack and then named in the index beside it. What a
kill or a power cut leaves behind is at most a tail that no index names, or a
name whose checksum does not fit: that thumbnail is made again.
"""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import google_crc32c
import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_stego.corpus import CorpusImage, ImageReadError, hash_file
from napari_stego.corpus.thumbnails import read_thumbnail
from napari_stego.errors import StegoError
from napari_stego.project.layout import ProjectFolder
from napari_stego.untrusted import SAFE_FLAGS, check_file, read_bytes

SIDE = 192
"""The most pixels on a side of a thumbnail."""

FOLDER = "thumbnails"

_QUALITY = 85
_ENTRY = np.dtype([("hash", "V32"), ("offset", "<u8"), ("bytes", "<u4"), ("crc", "<u4")])
# The first entry of an index names the format and the size; another size is another index.
_HEADER = b"napari-stego thumbnails 1".ljust(44, b"\0") + SIDE.to_bytes(4, "little")
_PACK_BYTES = 2**28
_PACK_LIMIT = 2**30
_MAX_ENTRIES = 250_000
_MAX_PACKS = 100
# Random pixels at that quality take half as much.
_MAX_BYTES = 6 * SIDE * SIDE
_MEMORY_BYTES = 2**25

_Place = tuple[Path, int, int, int]


class ThumbnailStore:
    """Thumbnails of a project's photographs, by their content; safe to use from several threads.

    They are kept in the project folder. While that cannot be written they are
    kept in memory, the 32 MiB used last. What is read is not trusted.

    Parameters
    ----------
    project : ProjectFolder
        The project.
    writable : bool
        Whether this process may change it.
    """

    def __init__(self, project: ProjectFolder, writable: bool) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._places: dict[bytes, _Place] = {}
        self._held: OrderedDict[bytes, bytes] = OrderedDict()
        self._held_bytes = 0
        self._pack: Path | None = None
        self._writable = writable
        with suppress(OSError, ValueError, StegoError):
            for number in range(1, _MAX_PACKS + 1):
                if not self._read_index(number):
                    break

    @property
    def keeps(self) -> bool:
        """Whether thumbnails are written to the project folder."""
        return self._writable

    def __contains__(self, content_hash: object) -> bool:
        if not isinstance(content_hash, str):
            return False
        key = bytes.fromhex(content_hash)
        return key in self._places or key in self._held

    def make(self, image: CorpusImage) -> npt.NDArray[np.uint8]:
        """Return the thumbnail of a photograph, which is made and kept if there is none.

        Parameters
        ----------
        image : CorpusImage
            The photograph.

        Returns
        -------
        numpy.ndarray
            ``(h, w, 3) uint8``, no side longer than `SIDE`.

        Raises
        ------
        ImageReadError
            If the photograph cannot be read, or is another picture than
            before.
        """
        found = self.get(image.content_hash)
        if found is not None:
            return found
        pixels = read_thumbnail(image.path, SIDE)
        # After reading, so that these are the pixels of what was hashed.
        try:
            status = image.path.stat()
            same = image.is_listed_as(status) or hash_file(image.path) == image.content_hash
        except OSError as error:
            raise ImageReadError(error.strerror or str(error)) from error
        if not same:
            raise ImageReadError("the file is another picture now; open the photographs again")
        self.put(image.content_hash, pixels)
        return pixels

    def get(self, content_hash: str) -> npt.NDArray[np.uint8] | None:
        """Return a thumbnail.

        Parameters
        ----------
        content_hash : str
            Of the photograph.

        Returns
        -------
        numpy.ndarray or None
            ``(h, w, 3) uint8``; None if there is none, or it is damaged.
        """
        key = bytes.fromhex(content_hash)
        with self._lock:
            place, held = self._places.get(key), self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
        try:
            if held is None and place is not None:
                held = _read(place)
            return None if held is None else _decoded(held)
        except Exception:  # whatever a damaged picture makes a decoder raise
            with self._lock:
                self._places.pop(key, None)
            return None

    def put(self, content_hash: str, pixels: npt.NDArray[np.uint8]) -> None:
        """Keep a thumbnail: on the disk if that can be, else in memory for a while.

        Parameters
        ----------
        content_hash : str
            Of the photograph.
        pixels : numpy.ndarray
            ``(h, w, 3) uint8``, no side longer than `SIDE`.
        """
        key = bytes.fromhex(content_hash)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY)
        content = stream.getvalue()
        with self._lock:
            if self.keeps:
                try:
                    self._places[key] = self._append(key, content)
                    return
                except (OSError, StegoError):  # a cache does not bother the user with a full disk
                    self._writable = False
            self._hold(key, content)

    def _hold(self, key: bytes, content: bytes) -> None:
        self._held_bytes += len(content) - len(self._held.pop(key, b""))
        self._held[key] = content
        while self._held_bytes > _MEMORY_BYTES:
            self._held_bytes -= len(self._held.popitem(last=False)[1])

    def _file(self, number: int, suffix: str) -> Path:
        return self._project.inside(FOLDER, f"{number:03}.{suffix}")

    def _read_index(self, number: int) -> bool:
        """Read an index; those of other sizes and versions are passed over."""
        path, pack = self._file(number, "index"), self._file(number, "pack")
        if not path.exists():
            return False
        content = read_bytes(path, (_MAX_ENTRIES + 1) * _ENTRY.itemsize)
        check_file(pack, _PACK_LIMIT)
        if content[: len(_HEADER)] != _HEADER:
            return True
        whole = len(content) // _ENTRY.itemsize
        entries = np.frombuffer(content, _ENTRY, count=whole)[1:]
        good = (entries["bytes"] > 0) & (entries["bytes"] <= _MAX_BYTES)
        for key, offset, size, crc in entries[good].tolist():
            if len(self._places) < _MAX_ENTRIES:
                self._places[key] = pack, offset, size, crc
        return True

    def _append(self, key: bytes, content: bytes) -> _Place:
        pack = self._open_pack()
        offset = _append(pack, content)
        crc = google_crc32c.value(content)
        entry = np.array([(key, offset, len(content), crc)], _ENTRY)
        _append(pack.with_suffix(".index"), entry.tobytes())
        if offset > _PACK_BYTES:
            self._pack = None
        return pack, offset, len(content), crc

    def _open_pack(self) -> Path:
        """Choose the last pack if it can grow, or begin another one."""
        if self._pack is not None:
            return self._pack
        for number in range(1, _MAX_PACKS + 1):
            pack, index = self._file(number, "pack"), self._file(number, "index")
            if not index.exists():
                pack.parent.mkdir(exist_ok=True)
                _append(pack, b"")
                _append(index, _HEADER)
                break
            if _can_grow(pack, index):
                break
        else:
            raise StegoError(f"There are {_MAX_PACKS} packs in {pack.parent}. Delete the folder.")
        self._pack = pack
        return pack


def _can_grow(pack: Path, index: Path) -> bool:
    try:
        check_file(pack, _PACK_BYTES)
        content = read_bytes(index, (_MAX_ENTRIES + 1) * _ENTRY.itemsize)
    except (OSError, ValueError):
        return False
    return content[: len(_HEADER)] == _HEADER and len(content) % _ENTRY.itemsize == 0


def _append(path: Path, content: bytes) -> int:
    """Append in one write, and return where: others may append to the same file."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | SAFE_FLAGS
    descriptor = os.open(path, flags, 0o666)
    try:
        if os.write(descriptor, content) != len(content):
            raise OSError(f"{path} could be written only in part")
        return os.lseek(descriptor, 0, os.SEEK_CUR) - len(content)
    finally:
        os.close(descriptor)


def _read(place: _Place) -> bytes:
    path, offset, size, crc = place
    with os.fdopen(os.open(path, os.O_RDONLY | SAFE_FLAGS), "rb") as file:
        file.seek(offset)
        content = file.read(size)
    if google_crc32c.value(content) != crc:
        raise ValueError("damaged")
    return content


def _decoded(content: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
        if max(image.size) > SIDE or image.mode != "RGB":
            raise ValueError("no thumbnail")
        return np.asarray(image)
