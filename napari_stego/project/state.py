"""What a project folder remembers between sessions."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from napari_stego.clustering import ClusterSettings
from napari_stego.features import FeatureSettings

_MAX_SIDE = 1_000_000


def _inside(name: str) -> str:
    """Refuse names that would lead out of a folder, on any system: a project may come from one."""
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if not name or path.is_absolute() or path.drive or path.root or ".." in path.parts:
            raise ValueError(f"{name!r} is no path below the folder of photographs")
    return name


Name = Annotated[str, AfterValidator(_inside)]
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Side = Annotated[int, Field(ge=1, le=_MAX_SIDE)]


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

    model_config = ConfigDict(frozen=True)

    name: Name
    height: Side
    width: Side
    content_hash: Sha256
    size: int = 0
    modified_ns: int = 0


class SkippedRecord(BaseModel):
    """A file that could not be read.

    Attributes
    ----------
    name : str
        Path relative to the corpus root.
    reason : str
        Why.
    """

    model_config = ConfigDict(frozen=True)

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

    model_config = ConfigDict(frozen=True)

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

    model_config = ConfigDict(frozen=True)

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
        Version of the layout.
    root : str
        The corpus root.
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
    """

    model_config = ConfigDict(frozen=True)

    format: int = 1
    root: str = ""
    images: tuple[ImageRecord, ...] = ()
    skipped: tuple[SkippedRecord, ...] = ()
    features: FeaturesRecord | None = None
    run: Key | None = None
    result: ResultRecord | None = None

    @property
    def result_is_latest(self) -> bool:
        """Whether the clusters in use were made from the features and run made last."""
        result = self.result
        return result is not None and (
            result.features == self.features and result.run in (None, self.run)
        )
