"""Finding the photographs of a corpus."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from natsort import natsorted, ns

from napari_stego.corpus.reading import ImageReadError, read_image, read_image_size
from napari_stego.errors import StegoError
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})


@dataclass(frozen=True)
class CorpusImage:
    """One photograph of a corpus.

    Attributes
    ----------
    path : Path
        Where the file is.
    name : str
        Path relative to the corpus root, with forward slashes; unique in a corpus.
    height, width : int
        Size in pixels, after EXIF orientation.
    content_hash : str
        SHA-256 of the file, hexadecimal; the key of everything derived from it.
    size, modified_ns : int
        Bytes of the file and its time of change in nanoseconds, when it was
        hashed; 0 where unknown. Photographs are equal without them: a file
        that was only copied or touched is the same photograph.
    """

    path: Path
    name: str
    height: int
    width: int
    content_hash: str
    size: int = field(default=0, compare=False)
    modified_ns: int = field(default=0, compare=False)

    def read(self) -> npt.NDArray[np.uint8]:
        """Read the photograph as `read_image` does.

        A file whose size or time of change is another than before is hashed
        again.

        Returns
        -------
        numpy.ndarray
            ``(height, width, 3) uint8``.

        Raises
        ------
        ImageReadError
            If it can no longer be read, or is another picture than before;
            the message names it.
        """
        try:
            pixels = read_image(self.path)
            # After reading, so that these are the pixels of what was hashed.
            same = self._is_unchanged()
        except ImageReadError as error:
            raise ImageReadError(
                error.reason,
                f"{self.path}: {error}. Put the file back, or extract features again without it. "
                "If the photographs were moved, `napari-stego relink` finds them.",
            ) from error
        if not same or pixels.shape[:2] != (self.height, self.width):
            raise ImageReadError(
                "the file is another picture now; extract features again",
                f"{self.path} is another picture now. Extract features again.",
            )
        return pixels

    def _is_unchanged(self) -> bool:
        try:
            return self.is_listed_as(self.path.stat()) or hash_file(self.path) == self.content_hash
        except OSError as error:
            raise ImageReadError(error.strerror or str(error)) from error

    def is_listed_as(self, status: os.stat_result) -> bool:
        """Tell without reading a file that it is the photograph.

        Parameters
        ----------
        status : os.stat_result
            Of the file.

        Returns
        -------
        bool
            Whether its size and time of change are known and the same.
        """
        found = (status.st_size, status.st_mtime_ns)
        return 0 not in found and found == (self.size, self.modified_ns)


@dataclass(frozen=True)
class SkippedFile:
    """A file or folder that is no part of the corpus although it looks like one.

    Attributes
    ----------
    name : str
        Path relative to the corpus root, with forward slashes.
    reason : str
        Why it cannot be read.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Corpus:
    """The photographs below a folder, in natural reading order of their names.

    Attributes
    ----------
    root : Path
        The folder.
    images : tuple of CorpusImage
        What can be read.
    skipped : tuple of SkippedFile
        What cannot, folders included, and why.
    """

    root: Path
    images: tuple[CorpusImage, ...]
    skipped: tuple[SkippedFile, ...] = ()

    def __len__(self) -> int:
        return len(self.images)


class EmptyCorpusError(StegoError):
    """A folder without a single readable photograph."""


def discover(
    folder: Path,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
    known: Corpus | None = None,
) -> Corpus:
    """List the photographs in a folder and all folders below it.

    Files are hashed and their headers read, not their pixels; those that are
    already known are not even opened. Hidden files and folders and project
    folders (``*.stego``, and those of other names) are passed over, links to
    folders are not followed.

    Parameters
    ----------
    folder : Path
        Where to look. A single image file makes a corpus of one.
    progress : ProgressCallback
        Called once a file.
    cancel : CancelToken, optional
        Stops the search.
    known : Corpus, optional
        What an earlier search found. Images of the same name, file size and
        time of change keep their height, width and hash.

    Returns
    -------
    Corpus
        At least one image.

    Raises
    ------
    EmptyCorpusError
        If the folder does not exist or holds no readable photograph.
    Cancelled
        If `cancel` is set.
    """
    folder = folder.expanduser().resolve()
    if not folder.exists():
        raise EmptyCorpusError(f"There is no folder {folder}. Check the path.")
    images: list[CorpusImage] = []
    skipped: list[SkippedFile] = []
    if folder.is_file():
        root, paths = folder.parent, [folder]
    else:
        root, paths = folder, photograph_files(folder, skipped)
    before = {} if known is None else {image.name: image for image in known.images}
    for done, path in enumerate(paths):
        if cancel is not None:
            cancel.raise_if_cancelled()
        name = path.relative_to(root).as_posix()
        progress(done, len(paths), "reading photographs")
        if not _is_text(name):
            skipped.append(SkippedFile(_shown(name), "its name is in no known encoding; rename it"))
            continue
        try:
            images.append(_listed(path, name, before.get(name)))
        except ImageReadError as error:
            skipped.append(SkippedFile(name, error.reason))
        except OSError as error:
            skipped.append(SkippedFile(name, error.strerror or str(error)))
    progress(len(paths), len(paths), "reading photographs")
    if not images:
        raise EmptyCorpusError(_nothing_found(folder, skipped))
    return Corpus(root, tuple(images), tuple(skipped))


def _listed(path: Path, name: str, before: CorpusImage | None) -> CorpusImage:
    # Asked before the content is read: a file that changes meanwhile is read again next time.
    status = path.stat()
    if before is not None and before.is_listed_as(status):
        return replace(before, path=path)
    height, width = read_image_size(path)
    return CorpusImage(
        path, name, height, width, hash_file(path), status.st_size, status.st_mtime_ns
    )


def photograph_files(folder: Path, skipped: list[SkippedFile]) -> list[Path]:
    """List the files in a folder, and all folders below it, that may be photographs.

    Parameters
    ----------
    folder : Path
        Where to look; what is passed over is said at `discover`.
    skipped : list of SkippedFile
        Receives the folders that cannot be listed.

    Returns
    -------
    list of Path
        The files, in natural reading order.
    """
    return natsorted(_candidates(folder, skipped), alg=ns.PATH | ns.IGNORECASE)


def _candidates(folder: Path, skipped: list[SkippedFile]) -> Iterable[Path]:
    def unreadable(error: OSError) -> None:
        name = Path(error.filename).relative_to(folder).as_posix()
        reason = f"the folder cannot be listed ({error.strerror or error})"
        skipped.append(SkippedFile(_shown(name), reason))

    for parent, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not _is_project(Path(parent) / name)
        ]
        for name in files:
            path = Path(parent) / name
            if not name.startswith(".") and path.suffix.lower() in IMAGE_SUFFIXES:
                yield path


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8, as on disks of old cameras
        return False
    return True


def _shown(name: str) -> str:
    return name.encode(errors="replace").decode()


def _is_project(folder: Path) -> bool:
    # Its exported overlays must not be taken for photographs.
    return folder.suffix == ".stego" or (
        (folder / "project.json").is_file() and (folder / "features").is_dir()
    )


def hash_file(path: Path) -> str:
    """Name a file by its content.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        Its SHA-256, hexadecimal.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _nothing_found(folder: Path, skipped: list[SkippedFile]) -> str:
    kinds = ", ".join(sorted(suffix.lstrip(".") for suffix in IMAGE_SUFFIXES))
    if not skipped:
        return f"No photographs in {folder}. Choose a folder that holds {kinds} files."
    lines = "\n".join(f"  {file.name}: {file.reason}" for file in skipped[:10])
    more = f"\n  and {len(skipped) - 10} more" if len(skipped) > 10 else ""
    return f"Nothing in {folder} can be read:\n{lines}{more}"
