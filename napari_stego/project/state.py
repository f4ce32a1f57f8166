"""What a project folder remembers between sessions."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
    model_validator,
)

from napari_stego.classes.rows import MAX_ID
from napari_stego.clustering import ClusterSettings
from napari_stego.corpus import Corpus, CorpusImage, SkippedFile
from napari_stego.features import FeatureSettings

FORMAT: Final = 2
"""Version of ``project.json``: 1 kept the folder of photographs as an absolute path only."""

MAX_PIXELS = 2**30
"""The most pixels of an image: its label image takes 2 bytes of memory each."""

MAX_IMAGES = 250_000
"""The most images of a corpus."""

_MAX_SIDE = 1_000_000
_MAX_PATH = 4096
_ODD = frozenset("\\:\0")


def _path(text: str) -> str:
    if "\0" in text:
        raise ValueError("a path with a zero byte in it")
    return text


def _inside(name: str) -> str:
    """Refuse names that would lead out of a folder, on any system: a project may come from one."""
    # Most names are plain, and paths are slow to make for a large corpus.
    if name and not name.startswith("/") and not _ODD.intersection(name):
        if ".." in name.split("/"):
            raise ValueError(f"{name[:100]!r} is no path below the folder of photographs")
        return name
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if not name or path.is_absolute() or path.drive or path.root or ".." in path.parts:
            raise ValueError(f"{name[:100]!r} is no path below the folder of photographs")
    return _path(name)


Name = Annotated[str, AfterValidator(_inside), Field(max_length=_MAX_PATH)]
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Side = Annotated[int, Field(ge=1, le=_MAX_SIDE)]
_Root = Annotated[str, AfterValidator(_path), Field(max_length=_MAX_PATH)]
_Whole = Annotated[int, Field(ge=0, lt=2**63)]


class ImageRecord(BaseModel):
    """An image of the project's corpus.

    Attributes
    ----------
    name : str
        Path relative to the corpus root.
    height, width : int
        Size in pixels.
    content_hash : str
        SHA-256 of the file.
    size, modified_ns : int
        Bytes of the file and time of its last change, to tell without reading
        that it is the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    height: Side
    width: Side
    content_hash: Sha256
    size: _Whole = 0
    modified_ns: _Whole = 0

    @model_validator(mode="after")
    def _check_pixels(self) -> Self:
        if self.height * self.width > MAX_PIXELS:
            raise ValueError(f"an image of {self.height} x {self.width} pixels is too large")
        return self

    @classmethod
    def of(cls, image: CorpusImage) -> Self:
        """Record an image.

        Parameters
        ----------
        image : CorpusImage
            The image.

        Returns
        -------
        ImageRecord
            The record.
        """
        return cls(
            name=image.name,
            height=image.height,
            width=image.width,
            content_hash=image.content_hash,
            size=image.size,
            modified_ns=image.modified_ns,
        )

    def image(self, root: Path) -> CorpusImage:
        """Make the image.

        Parameters
        ----------
        root : Path
            The corpus root.

        Returns
        -------
        CorpusImage
            The image.
        """
        return CorpusImage(
            root / self.name,
            self.name,
            self.height,
            self.width,
            self.content_hash,
            self.size,
            self.modified_ns,
        )


class SkippedRecord(BaseModel):
    """A file that could not be read.

    Attributes
    ----------
    name : str
        Path relative to the corpus root.
    reason : str
        Why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    reason: str


class FeaturesRecord(BaseModel):
    """Which features the project works on.

    Attributes
    ----------
    settings : FeatureSettings
        Backbone, layer and size.
    weights_sha256 : str
        Identity of the backbone's weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: FeatureSettings
    weights_sha256: Sha256

    @property
    def key(self) -> str:
        """Name of the folder that holds the tokens."""
        return self.settings.key(self.weights_sha256)


class ResultRecord(BaseModel):
    """Clusters, and all that is needed to label an image with them.

    Attributes
    ----------
    clusters : str
        Key of the clusters.
    features : FeaturesRecord
        The features they were made from.
    run : str, optional
        Key of the STEGO run whose codes were clustered; None for features.
    settings : ClusterSettings
        How they were made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    clusters: Key
    features: FeaturesRecord
    run: Key | None
    settings: ClusterSettings


class ProjectState(BaseModel):
    """The content of ``project.json``.

    `features` and `run` are the latest; `result` is the latest that went all
    the way to clusters, and stays until another one does.

    Attributes
    ----------
    format : int
        Version of the layout, `FORMAT`.
    root : str
        The corpus root: relative to the project folder, with forward slashes,
        where it is in the project folder or in the folder around that; else
        absolute. Empty while there is none.
    root_absolute : str
        The corpus root as it was when the project was written; tried if there
        is no folder at the relative one.
    images : tuple of ImageRecord
        The corpus.
    skipped : tuple of SkippedRecord
        Files that could not be read.
    features : FeaturesRecord, optional
        The features extracted last.
    run : str, optional
        Key of the STEGO run trained last, on features of these settings.
    result : ResultRecord, optional
        The clusters in use.
    next_id : int
        No class of clusters that were in use before has this id or one beyond.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[2] = FORMAT
    root: _Root = ""
    root_absolute: _Root = ""
    # Reading stops at the first bad element, so that a file cannot make a million errors.
    images: Annotated[tuple[ImageRecord, ...], FailFast(), Field(max_length=MAX_IMAGES)] = ()
    skipped: Annotated[tuple[SkippedRecord, ...], FailFast(), Field(max_length=MAX_IMAGES)] = ()
    features: FeaturesRecord | None = None
    run: Key | None = None
    result: ResultRecord | None = None
    next_id: Annotated[int, Field(ge=1, le=MAX_ID + 1)] = 1

    def corpus(self, root: Path) -> Corpus:
        """Make the corpus.

        Parameters
        ----------
        root : Path
            Where it is.

        Returns
        -------
        Corpus
            The images.
        """
        return Corpus(
            root,
            tuple(image.image(root) for image in self.images),
            tuple(SkippedFile(file.name, file.reason) for file in self.skipped),
        )

    @property
    def result_is_latest(self) -> bool:
        """Whether the clusters in use were made from the features and run made last."""
        result = self.result
        return result is not None and (
            result.features == self.features and result.run in (None, self.run)
        )


def records_of(
    corpus: Corpus,
) -> tuple[tuple[ImageRecord, ...], tuple[SkippedRecord, ...]]:
    """Record a corpus.

    Parameters
    ----------
    corpus : Corpus
        The images.

    Returns
    -------
    images : tuple of ImageRecord
        Those that a project can hold.
    skipped : tuple of SkippedRecord
        Files that cannot be read, and images that are too large or of a name
        that another system would take for a path out of the folder.
    """
    images = []
    skipped = [SkippedRecord(name=file.name, reason=file.reason) for file in corpus.skipped]
    for image in corpus.images:
        try:
            images.append(ImageRecord.of(image))
        except ValidationError as error:
            reason = str(error.errors(include_input=False)[0]["msg"]).removeprefix("Value error, ")
            skipped.append(SkippedRecord(name=image.name, reason=reason))
    return tuple(images), tuple(skipped)
