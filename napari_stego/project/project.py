"""The project folder: where a corpus's features, runs, clusters and classes are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_stego.corpus import Corpus
from napari_stego.errors import StegoError
from napari_stego.features import FeatureStore, TokenSet
from napari_stego.garbage import no_collections
from napari_stego.project.layout import ProjectFolder, result_key
from napari_stego.project.lock import ReadOnlyError, WriteLock, take
from napari_stego.project.project_file import (
    ProjectError,
    back_up,
    read_state,
    root_fields,
    root_of,
    write_state,
)
from napari_stego.project.state import (
    FORMAT,
    FeaturesRecord,
    ProjectState,
    ResultRecord,
    records_of,
)

__all__ = ["Project", "ProjectError", "result_key"]


class Project(ProjectFolder):
    """A project folder.

    Results are kept under keys made from their inputs and settings: changing
    a setting and changing it back finds the earlier result again, and a
    result is never shown for settings it was not made with.

    One process at a time may change it: the first that opens it, until the
    last of its projects of that folder is closed or forgotten. All others read
    it. Features are an exception: `FeatureStore` takes any number of writers.

    Parameters
    ----------
    folder : Path
        The project folder.
    state : ProjectState
        What ``project.json`` says.
    lock : WriteLock or str
        The right to change it; or why there is none.

    Attributes
    ----------
    folder : Path
        The project folder.
    state : ProjectState
        What ``project.json`` says.
    note : str
        What the user should know, such as that the disk cannot lock; empty if
        nothing.
    """

    def __init__(self, folder: Path, state: ProjectState, lock: WriteLock | str) -> None:
        super().__init__(folder)
        self.state = state
        self.note = "" if isinstance(lock, str) else lock.note
        self._lock = lock
        self._stores: dict[str, FeatureStore] = {}
        self._corpus: tuple[ProjectState, Corpus] | None = None

    @classmethod
    @no_collections()  # of the records of the photographs
    def open(cls, folder: Path, *, writable: bool = True) -> Project:
        """Open a project folder.

        A project in an older format is brought up to date, with a copy of the
        old ``project.json`` beside the new one; where it can only be read,
        nothing is written.

        Parameters
        ----------
        folder : Path
            A folder that `create` made.
        writable : bool
            Open it for changes, if nobody else has. Without, nothing is
            locked.

        Returns
        -------
        Project
            The project; `read_only` tells whether it can be changed.

        Raises
        ------
        ProjectError
            If there is no project, or ``project.json`` cannot be understood.
        StegoError
            If an older format cannot be brought up to date on the disk.
        """
        folder = folder.expanduser().absolute()
        lock: WriteLock | str = f"{folder} was opened for reading only."
        if writable and cls.exists(folder):
            try:
                lock = take(folder)
            except ReadOnlyError as error:
                lock = str(error)
        found = read_state(folder)
        project = cls(folder, found.state, lock)
        if found.format != FORMAT and not project.read_only:
            back_up(folder, found)
            write_state(folder, found.state)
        return project

    @classmethod
    def create(cls, folder: Path) -> Project:
        """Open a project folder, or make it if there is none.

        Parameters
        ----------
        folder : Path
            Where; the folder may exist.

        Returns
        -------
        Project
            The project.

        Raises
        ------
        ProjectError
            If an existing project cannot be read.
        StegoError
            If the folder cannot be written, or another process is making a
            project of it.
        """
        folder = folder.expanduser().absolute()
        if cls.exists(folder):
            return cls.open(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StegoError(
                f"Cannot write {folder}: {error.strerror or error}. Free some space, check the "
                "permissions of the folder, or choose another one."
            ) from error
        project = cls(folder, ProjectState(), take(folder))
        write_state(folder, project.state)
        return project

    @property
    def read_only(self) -> str:
        """Why the project cannot be changed, and what to do, in a line; empty if it can be."""
        return self._lock if isinstance(self._lock, str) else ""

    def check_writable(self) -> None:
        """Make sure that the project may be changed.

        Raises
        ------
        ReadOnlyError
            If it can only be read; the message says who has it and what to do.
        """
        if self.read_only:
            raise ReadOnlyError(self.read_only)

    def close(self) -> None:
        """Let others change the project; what was read stays readable.

        Harmless when done twice. A project that is no longer in use closes by
        itself.
        """
        if isinstance(self._lock, WriteLock):
            self._lock.release()
            self._lock = f"{self.folder} was closed. Open it again."

    def update(self, **changes: Any) -> None:
        """Change the state, on disk first.

        Fields that are not named keep what is on disk, where another window
        of this process may have changed them.

        Parameters
        ----------
        **changes : Any
            Fields of `ProjectState`.

        Raises
        ------
        ReadOnlyError
            If the project can only be read.
        ProjectError
            If what is on disk can no longer be read.
        StegoError
            If it cannot be written; the old state stays.
        """
        self.check_writable()
        state = read_state(self.folder).state.model_copy(update=changes)
        write_state(self.folder, state)
        self.state = state

    def reread(self) -> None:
        """Take in what other projects of this folder have changed on disk.

        Raises
        ------
        ProjectError
            If what is on disk can no longer be read; the old state stays.
        """
        self.state = read_state(self.folder).state

    def set_corpus(self, corpus: Corpus) -> None:
        """Make a corpus the project's.

        What was made from images that are no longer in it is kept. Nothing
        is written if a project that can only be read has the same images.

        Parameters
        ----------
        corpus : Corpus
            The images.

        Raises
        ------
        ReadOnlyError
            If the project can only be read, and has other images.
        ProjectError
            If the project folder is the folder of photographs itself: exports
            would be taken for photographs.
        StegoError
            If the project cannot be written.
        """
        if corpus.root == self.folder.resolve():
            raise ProjectError(
                f"{self.folder} holds the photographs. Choose another folder for the project, "
                "such as one beside it."
            )
        if self.read_only and self.state.images and corpus.images == self.corpus.images:
            return
        images, skipped = records_of(corpus)
        # Images whose pixels turned out to be unreadable still are, if they are the same.
        same = {image.name: image.content_hash for image in images}
        before = {image.name: image.content_hash for image in self.state.images}
        skipped += tuple(
            file
            for file in self.state.skipped
            if file.name in same and same[file.name] == before.get(file.name)
        )
        self.update(**root_fields(self.folder, corpus.root), images=images, skipped=skipped)

    @property
    def corpus(self) -> Corpus:
        """The project's images.

        Raises
        ------
        ProjectError
            If the project has none yet.
        """
        if not self.state.images:
            raise ProjectError(
                f"The project {self.folder} has no images yet. Choose a folder of photographs, "
                f"or run `napari-stego features IMAGES --project {self.folder}`."
            )
        state, root = self.state, root_of(self.folder, self.state)
        if self._corpus is None or self._corpus[0] is not state or self._corpus[1].root != root:
            self._corpus = state, state.corpus(root)
        return self._corpus[1]

    @property
    def store(self) -> FeatureStore:
        """The features extracted last.

        Raises
        ------
        ProjectError
            If none were extracted.
        """
        if self.state.features is None:
            raise ProjectError(
                f"The project {self.folder} has no features yet. Extract them first: "
                f"`napari-stego features IMAGES --project {self.folder}`."
            )
        return self.store_of(self.state.features)

    def store_of(self, features: FeaturesRecord) -> FeatureStore:
        """Open the features of some settings.

        Parameters
        ----------
        features : FeaturesRecord
            Which; there or not.

        Returns
        -------
        FeatureStore
            The store, the same at each call: opening it reads its index.
        """
        if features.key not in self._stores:
            self._stores[features.key] = FeatureStore(self.inside("features", features.key))
        return self._stores[features.key]

    @property
    def run_path(self) -> Path:
        """File of the STEGO run trained last.

        Raises
        ------
        ProjectError
            If none was trained.
        """
        if self.state.run is None:
            raise ProjectError(
                f"The project {self.folder} has no trained head yet. Train one first: "
                f"`napari-stego train --project {self.folder}`."
            )
        return self.run_file(self.state.run)

    @property
    def result(self) -> ResultRecord:
        """The clusters in use, with what they were made from.

        Raises
        ------
        ProjectError
            If nothing was clustered.
        """
        if self.state.result is None:
            raise ProjectError(
                f"The project {self.folder} has no clusters yet. Make them first: "
                f"`napari-stego cluster --project {self.folder}`."
            )
        return self.state.result

    def tokens(self) -> TokenSet:
        """Tokens of all images of the corpus that have some.

        Returns
        -------
        TokenSet
            In corpus order, images of equal content once.

        Raises
        ------
        ProjectError
            If the features of some image are missing: extraction was cut
            short, or a damaged segment was set aside.
        """
        return self._tokens(lambda content_hash: (content_hash,))

    def training_tokens(self) -> TokenSet:
        """Tokens that a head is trained on: of the images, or of crops of them.

        Returns
        -------
        TokenSet
            In corpus order, crops side by side.

        Raises
        ------
        ProjectError
            If some are missing, as for `tokens`.
        """
        features = self.state.features
        if features is None or features.settings.crops == "none":
            return self.tokens()
        return self._tokens(features.settings.training_keys)

    def _tokens(self, parts: Callable[[str], tuple[str, ...]]) -> TokenSet:
        store = self.store
        unreadable = {skipped.name for skipped in self.state.skipped}
        images = dict.fromkeys(
            image.content_hash for image in self.state.images if image.name not in unreadable
        )
        wanted = {image: parts(image) for image in images}
        missing = [image for image, keys in wanted.items() if any(k not in store for k in keys)]
        if missing:
            raise ProjectError(
                f"Features of {len(missing)} of {len(wanted)} images are missing. Extract features "
                "again: only the missing ones are made."
            )
        return TokenSet(store, [key for keys in wanted.values() for key in keys])
