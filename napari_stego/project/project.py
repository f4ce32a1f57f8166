"""The project folder: where a corpus's features, runs, clusters and classes are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from napari_stego.corpus import Corpus, CorpusImage, SkippedFile
from napari_stego.errors import StegoError
from napari_stego.features import FeatureStore, TokenSet
from napari_stego.files import write_json
from napari_stego.project.state import (
    FeaturesRecord,
    ImageRecord,
    ProjectState,
    ResultRecord,
    SkippedRecord,
)

_STATE_FILE = "project.json"
_FORMAT = 1


class ProjectError(StegoError):
    """A project folder that is missing, damaged, or not far enough for what was asked."""


class Project:
    """A project folder.

    Results are kept under keys made from their inputs and settings: changing
    a setting and changing it back finds the earlier result again, and a
    result is never shown for settings it was not made with.

    Parameters
    ----------
    folder : Path
        The project folder.
    state : ProjectState
        What ``project.json`` says.
    """

    def __init__(self, folder: Path, state: ProjectState) -> None:
        self.folder = folder
        self.state = state
        self._stores: dict[str, FeatureStore] = {}

    @classmethod
    def open(cls, folder: Path) -> Project:
        """Open a project folder.

        Parameters
        ----------
        folder : Path
            A folder that `create` made.

        Returns
        -------
        Project
            The project.

        Raises
        ------
        ProjectError
            If there is no project, or ``project.json`` cannot be understood.
        """
        folder = folder.expanduser().absolute()
        path = folder / _STATE_FILE
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            found = raw.get("format") if isinstance(raw, dict) else None
            if found != _FORMAT:
                raise ProjectError(
                    f"{path} has the format {found}, and this version of napari-stego reads "
                    f"format {_FORMAT}. Update napari-stego."
                )
            return cls(folder, ProjectState.model_validate(raw))
        except FileNotFoundError as error:
            raise ProjectError(
                f"There is no project in {folder}. Make one with "
                f"`napari-stego run IMAGES --project {folder}`."
            ) from error
        except (OSError, ValueError, ValidationError) as error:
            raise ProjectError(
                f"{path} is damaged or cannot be read: {error}. Move it away and run the same "
                "commands again: features, heads and clusters in the folder are found again."
            ) from error

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
            If the folder cannot be written.
        """
        folder = folder.expanduser().absolute()
        if cls.exists(folder):
            return cls.open(folder)
        project = cls(folder, ProjectState())
        project._write(project.state)
        return project

    @staticmethod
    def exists(folder: Path) -> bool:
        """Tell whether a folder is a project.

        Parameters
        ----------
        folder : Path
            The folder, there or not.

        Returns
        -------
        bool
            Whether there is a project, readable or not.
        """
        return (folder.expanduser() / _STATE_FILE).exists()

    def update(self, **changes: Any) -> None:
        """Change the state, on disk first.

        Fields that are not named keep what is on disk, where another window
        or process may have changed them.

        Parameters
        ----------
        **changes : Any
            Fields of `ProjectState`.

        Raises
        ------
        ProjectError
            If what is on disk can no longer be read.
        StegoError
            If it cannot be written; the old state stays.
        """
        latest = self.open(self.folder).state
        self._write(latest.model_copy(update=changes))

    def _write(self, state: ProjectState) -> None:
        write_json(self.folder / _STATE_FILE, state.model_dump(mode="json", by_alias=True))
        self.state = state

    def set_corpus(self, corpus: Corpus) -> None:
        """Make a corpus the project's.

        What was made from images that are no longer in it is kept.

        Parameters
        ----------
        corpus : Corpus
            The images.

        Raises
        ------
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
        images = tuple(
            ImageRecord(
                name=image.name,
                height=image.height,
                width=image.width,
                content_hash=image.content_hash,
                size=image.size,
                modified_ns=image.modified_ns,
            )
            for image in corpus.images
        )
        skipped = tuple(SkippedRecord(name=s.name, reason=s.reason) for s in corpus.skipped)
        # Images whose pixels turned out to be unreadable still are, if they are the same.
        same = {image.name: image.content_hash for image in images}
        before = {image.name: image.content_hash for image in self.state.images}
        skipped += tuple(
            file
            for file in self.state.skipped
            if file.name in same and same[file.name] == before.get(file.name)
        )
        self.update(root=str(corpus.root), images=images, skipped=skipped)

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
        root = Path(self.state.root)
        return Corpus(
            root,
            tuple(
                CorpusImage(
                    root / image.name,
                    image.name,
                    image.height,
                    image.width,
                    image.content_hash,
                    image.size,
                    image.modified_ns,
                )
                for image in self.state.images
            ),
            tuple(SkippedFile(s.name, s.reason) for s in self.state.skipped),
        )

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
            self._stores[features.key] = FeatureStore(self.folder / "features" / features.key)
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

    def run_file(self, key: str) -> Path:
        """Name the file of a run.

        Parameters
        ----------
        key : str
            Key of the run.

        Returns
        -------
        Path
            The file, there or not.
        """
        return self.folder / "runs" / f"{key}.safetensors"

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

    def clusters_file(self, key: str) -> Path:
        """Name the file of some clusters' centroids.

        Parameters
        ----------
        key : str
            Key of the clusters.

        Returns
        -------
        Path
            The file, there or not.
        """
        return self.folder / "clusters" / key / "clusters.safetensors"

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


def result_key(*inputs: Any) -> str:
    """Name a result by what it was made from.

    Parameters
    ----------
    *inputs : Any
        Values that `json` can write.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    text = json.dumps(inputs, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
