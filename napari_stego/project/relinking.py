"""Finding photographs again that were moved or renamed, by their content."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter, ValidationError

from napari_stego.corpus import SkippedFile, hash_file, photograph_files
from napari_stego.errors import StegoError
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.project import Project
from napari_stego.project.project_file import root_fields
from napari_stego.project.state import ImageRecord, Name

_NAME = TypeAdapter(Name)


@dataclass(frozen=True)
class RelinkReport:
    """What was found of a project's photographs.

    Attributes
    ----------
    root : Path
        The folder that they are looked for in from now on.
    in_place : int
        Photographs where they were, relative to the folder.
    moved : tuple of (str, str)
        Names of those found elsewhere in it, before and now.
    changed : tuple of str
        Names of files that hold another picture than before.
    missing : tuple of str
        Names of photographs that are nowhere in the folder.
    """

    root: Path
    in_place: int
    moved: tuple[tuple[str, str], ...]
    changed: tuple[str, ...]
    missing: tuple[str, ...]


def missing_photographs(project: Project) -> tuple[str, ...]:
    """Name the photographs that are not where the project looks for them.

    Parameters
    ----------
    project : Project
        A project with photographs. Their content is not compared.

    Returns
    -------
    tuple of str
        Their names.
    """
    corpus = project.corpus
    listed: dict[str, frozenset[str]] = {}
    missing = []
    for image in corpus.images:
        folder, _, name = image.name.rpartition("/")
        if folder not in listed:
            listed[folder] = _files(corpus.root / folder)
        # Some file systems know a name in more than one spelling.
        if name not in listed[folder] and not image.path.is_file():
            missing.append(image.name)
    return tuple(missing)


def _files(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file())
    except OSError:
        return frozenset()


def relink(
    project: Project,
    folder: Path,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> RelinkReport:
    """Find the photographs of a project again after they were moved or renamed.

    A file is taken for a photograph if its size and SHA-256 are the same;
    names do not matter. Features, strokes and all that was made of them stay.
    Photographs that are missing or changed stay in the project under their
    names; where another photograph has that name now, ``~missing`` is put
    before the suffix. The order of the photographs stays, too.

    Parameters
    ----------
    project : Project
        A project with photographs.
    folder : Path
        Where they are now: the folder they were in under its new name or
        place, or a folder around it. For photographs that were moved within
        their folder, that folder or one in it.
    progress : ProgressCallback
        Called once a photograph.
    cancel : CancelToken, optional
        Obeyed between files; nothing is changed.

    Returns
    -------
    RelinkReport
        What was found.

    Raises
    ------
    ReadOnlyError
        If the project can only be read.
    StegoError
        If it has no photographs, the folder holds none of them, or fewer than
        the project finds without it.
    Cancelled
        If `cancel` is set.
    """
    project.check_writable()
    before = project.corpus
    root = folder.expanduser().resolve()
    if not root.is_dir():
        raise StegoError(f"There is no folder {root}. Check the path.")
    if root.is_relative_to(before.root) and before.root.is_dir():
        root = before.root
    search = _Search(project.state.images, root, progress, cancel)
    found = len(search.found)
    if not found:
        raise StegoError(
            f"None of the {len(before)} photographs of the project is in {root}. Choose the folder "
            "that they were moved to."
        )
    there = sum(image.path.is_file() for image in before.images) if root != before.root else 0
    if found < there:
        raise StegoError(
            f"{there} of the {len(before)} photographs are in {before.root}, and {found} are "
            f"in {root}. Choose a folder that holds all of them, such as one around both."
        )
    report = search.report()
    images = search.images()
    names = {old.name: new.name for old, new in zip(project.state.images, images, strict=True)}
    skipped = tuple(
        file.model_copy(update={"name": names.get(file.name, file.name)})
        for file in project.state.skipped
    )
    if root != before.root or images != project.state.images:
        project.update(**root_fields(project.folder, root), images=images, skipped=skipped)
    return report


class _Search:
    """Matches photographs with the files of a folder: by place, then by size and hash."""

    def __init__(
        self,
        images: tuple[ImageRecord, ...],
        root: Path,
        progress: ProgressCallback,
        cancel: CancelToken | None,
    ) -> None:
        self._images, self._root = images, root
        self._progress, self._cancel = progress, cancel
        self._hashes: dict[Path, str] = {}
        skipped: list[SkippedFile] = []
        self._files = dict(self._listed(photograph_files(root, skipped)))
        self.found: dict[int, ImageRecord] = {}
        self._find_in_place()
        self.in_place = len(self.found)
        self._find_moved()

    def report(self) -> RelinkReport:
        """Tell what was found."""
        moved, changed, missing = [], [], []
        taken = {record.name for record in self.found.values()}
        for number, record in enumerate(self._images):
            if number in self.found:
                name = self.found[number].name
                if name != record.name:
                    moved.append((record.name, name))
            elif record.name not in taken and self._root / record.name in self._files:
                changed.append(record.name)
            else:
                missing.append(record.name)
        return RelinkReport(self._root, self.in_place, tuple(moved), tuple(changed), tuple(missing))

    def images(self) -> tuple[ImageRecord, ...]:
        """All photographs as they are named now, in their order."""
        taken = {record.name for record in self.found.values()}
        images = []
        for number, record in enumerate(self._images):
            if number in self.found:
                images.append(self.found[number])
                continue
            name = PurePosixPath(record.name)
            while str(name) in taken:
                name = name.with_stem(f"{name.stem}~missing")
            taken.add(str(name))
            images.append(record.model_copy(update={"name": str(name)}))
        return tuple(images)

    def _listed(self, paths: list[Path]) -> Iterator[tuple[Path, os.stat_result]]:
        for path in paths:
            with suppress(OSError, ValidationError):  # gone meanwhile, or of an impossible name
                _NAME.validate_python(path.relative_to(self._root).as_posix())
                yield path, path.stat()

    def _find_in_place(self) -> None:
        for number, record in enumerate(self._images):
            self._step(number, len(self._images), "looking for photographs")
            image = record.image(self._root)
            status = self._files.get(image.path)
            if status is None:
                continue
            may_be = record.size in (0, status.st_size)
            if image.is_listed_as(status) or (may_be and self._is(record, image.path)):
                self.found[number] = self._at(record, image.path)

    def _find_moved(self) -> None:
        lost = {n: r for n, r in enumerate(self._images) if n not in self.found}
        by_content = self._hashed(tuple(lost.values()))
        for number, record in lost.items():
            paths = by_content[record.content_hash]
            if paths:
                same_name = [path for path in paths if path.name == _base(record)]
                path = (same_name or paths)[0]
                paths.remove(path)
                self.found[number] = self._at(record, path)

    def _hashed(self, lost: tuple[ImageRecord, ...]) -> dict[str, list[Path]]:
        """Find the files with the content of photographs, reading as few as can be."""
        taken = {self._root / record.name for record in self.found.values()}
        sizes, names = {record.size for record in lost}, {_base(record) for record in lost}
        # Projects of older versions do not know the sizes.
        candidates = [
            path
            for path, status in self._files.items()
            if path not in taken and (status.st_size in sizes or 0 in sizes)
        ]
        candidates.sort(key=lambda path: path.name not in names)
        wanted = Counter(record.content_hash for record in lost)
        by_content: dict[str, list[Path]] = defaultdict(list)
        for done, path in enumerate(candidates):
            if not wanted.total():
                break
            self._step(done, len(candidates), "comparing photographs")
            content_hash = self._hash(path)
            by_content[content_hash].append(path)
            if wanted[content_hash]:
                wanted[content_hash] -= 1
        return by_content

    def _step(self, done: int, total: int, message: str) -> None:
        if self._cancel is not None:
            self._cancel.raise_if_cancelled()
        self._progress(done, total, message)

    def _is(self, record: ImageRecord, path: Path) -> bool:
        return self._hash(path) == record.content_hash

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            try:
                self._hashes[path] = hash_file(path)
            except OSError:
                self._hashes[path] = ""
        return self._hashes[path]

    def _at(self, record: ImageRecord, path: Path) -> ImageRecord:
        status = self._files[path]
        return record.model_copy(
            update={
                "name": path.relative_to(self._root).as_posix(),
                "size": status.st_size,
                "modified_ns": status.st_mtime_ns,
            }
        )


def _base(record: ImageRecord) -> str:
    return PurePosixPath(record.name).name
