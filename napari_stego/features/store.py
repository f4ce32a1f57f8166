"""The on-disk store of patch tokens.

Tokens are written in segments: one sharded zarr 3 array for a few dozen
images, appearing under its final name only when complete and on the disk.
Several processes can write segments at once, nothing is rewritten when images
are added, and a killed one leaves at most a temporary folder behind.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_stego.errors import StegoError
from napari_stego.features.segment import DamagedStoreError, Segment, write_segment
from napari_stego.files import flush
from napari_stego.untrusted import is_link

_TEMPORARY = ".writing-"
_DAMAGED = ".damaged"
_ABANDONED_SECONDS = 3600
"""A segment is written in seconds; whatever was untouched for so long has no owner left."""


class FeatureStore:
    """Patch tokens of one backbone, layer and size, by content hash of the image.

    Parameters
    ----------
    folder : Path
        Where the segments are; made by the first `write`.

    Raises
    ------
    StegoError
        If the folder cannot be read. Damaged segments are no error: they are
        set aside, and their images are not in the store.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._segments: dict[str, Segment] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the index again, to see what other processes have written.

        Raises
        ------
        StegoError
            If the folder cannot be read.
        """
        self._segments.clear()
        with _reading(self.folder):
            if self.folder.is_dir():
                for path in sorted(self.folder.iterdir()):
                    # A link is no segment: renaming or deleting what is behind it could do harm.
                    here = path.is_dir() and not is_link(path)
                    if here and path.suffix != _DAMAGED and not path.name.startswith("."):
                        self._index(path)

    def _index(self, path: Path) -> None:
        try:
            segment = Segment(path)
        except DamagedStoreError:
            self._set_aside(path)
            return
        self._segments.update(dict.fromkeys(segment, segment))

    def _set_aside(self, path: Path) -> bool:
        """Rename a damaged segment, so that the next extraction fills the gap."""
        self._segments = {
            key: segment for key, segment in self._segments.items() if segment.path != path
        }
        aside = path.with_name(path.name + _DAMAGED)
        try:
            path.rename(aside)
        except OSError:
            return not path.exists()  # another process may have been faster
        with suppress(OSError):
            os.utime(aside)
        return True

    def __contains__(self, content_hash: object) -> bool:
        return content_hash in self._segments

    def __len__(self) -> int:
        return len(self._segments)

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
        return self._segments[content_hash].grid_shape(content_hash)

    def n_channels(self, content_hash: str) -> int:
        """Tell the length of an image's tokens.

        Parameters
        ----------
        content_hash : str
            Key of a stored image.

        Returns
        -------
        int
            The C of its ``(h, w, C)`` tokens.
        """
        return self._segments[content_hash].n_channels

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
        StegoError
            If they cannot be read now, the memory being short included. They
            stay in the store.
        """
        segment = self._segments[content_hash]
        with self._reading_tokens(segment):
            return segment.tokens(content_hash)

    def rows(
        self,
        content_hash: str,
        positions: npt.NDArray[np.int64],
        out: npt.NDArray[np.float16] | None = None,
    ) -> npt.NDArray[np.float16]:
        """Read the tokens at some positions of one image, and little else.

        Parameters
        ----------
        content_hash : str
            Key of a stored image.
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
        KeyError
            If the image is not in the store.
        IndexError
            If a position is outside the grid.
        DamagedStoreError
            If the tokens on disk are damaged. The segment is set aside, so
            that another extraction replaces it.
        StegoError
            If they cannot be read now, the memory being short included. They
            stay in the store.
        """
        segment = self._segments[content_hash]
        with self._reading_tokens(segment):
            return segment.rows(content_hash, positions, out)

    @contextmanager
    def _reading_tokens(self, segment: Segment) -> Iterator[None]:
        try:
            with _reading(segment.path):
                yield
        except DamagedStoreError as error:
            if self._set_aside(segment.path):
                todo = "They were set aside."
            else:
                todo = "They cannot be set aside: delete that folder."
            raise DamagedStoreError(
                f"{error} {todo} Extract features again: only the missing images are done anew."
            ) from error

    def write(self, tokens: Sequence[tuple[str, npt.NDArray[np.float16]]]) -> None:
        """Add a segment.

        Parameters
        ----------
        tokens : sequence of (str, numpy.ndarray)
            Content hash, each once, and ``(h, w, C) float16`` tokens of each
            image, all of the same ``C``.

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
            write_segment(temporary, tokens)
            temporary.rename(final)
            flush(self.folder)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise StegoError(
                f"Cannot write features to {self.folder}: {error.strerror or error}. "
                "Free some space or choose another project folder; what is finished is kept."
            ) from error
        with _reading(final):
            self._index(final)

    def sweep(self) -> None:
        """Delete unfinished and damaged segments that nobody has touched for an hour.

        Younger unfinished ones may belong to a process that is writing now.
        Damaged ones count from when they were set aside, which leaves time to
        look at them; nothing reads them any more.
        """
        if not self.folder.is_dir():
            return
        oldest = time.time() - _ABANDONED_SECONDS
        for path in list(self.folder.iterdir()):
            leftover = path.name.startswith(_TEMPORARY) or path.suffix == _DAMAGED
            if leftover and _last_change(path) < oldest:
                shutil.rmtree(path, ignore_errors=True)


def _last_change(folder: Path) -> float:
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:  # its writer has just finished or tidied up
        return time.time()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "out of memory"
        raise StegoError(
            f"Cannot read the features in {path}: {reason}. Nothing is lost: check the disk, the "
            "permissions and the free memory, and try again."
        ) from error
