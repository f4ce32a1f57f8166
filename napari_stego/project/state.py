"""What a project folder remembers between sessions."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from napari_stego.features import FeatureSettings


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
    """

    model_config = ConfigDict(frozen=True)

    name: str
    height: int
    width: int
    content_hash: str


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
    weights_sha256: str

    @property
    def key(self) -> str:
        """Name of the folder that holds the tokens."""
        return self.settings.key(self.weights_sha256)


class ProjectState(BaseModel):
    """The content of ``project.json``.

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
        The features in use.
    run : str, optional
        Key of the STEGO run in use.
    clusters : str, optional
        Key of the clusters in use.
    """

    model_config = ConfigDict(frozen=True)

    format: int = 1
    root: str = ""
    images: tuple[ImageRecord, ...] = ()
    skipped: tuple[SkippedRecord, ...] = ()
    features: FeaturesRecord | None = None
    run: str | None = None
    clusters: str | None = None
