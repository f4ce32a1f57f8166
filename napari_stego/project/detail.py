"""The backbone of a project's features, for what was not extracted."""

from __future__ import annotations

from pathlib import Path

from napari_stego.backbones import Backbone, load_backbone
from napari_stego.errors import StegoError
from napari_stego.inference import DenseEncoder, Detail, detail_settings
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.state import FeaturesRecord


def backbone_of(
    features: FeaturesRecord,
    *,
    device: str = "auto",
    weights_file: Path | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Backbone:
    """Load the very backbone that features were made with.

    Parameters
    ----------
    features : FeaturesRecord
        The features.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    weights_file : Path, optional
        Its weights, if the features were made with such a file.
    progress : ProgressCallback
        Told of a download.
    cancel : CancelToken, optional
        Ends a download.

    Returns
    -------
    Backbone
        The backbone.

    Raises
    ------
    StegoError
        If there are no weights, or they are others.
    Cancelled
        If `cancel` is set.
    """
    backbone = load_backbone(
        features.settings.backbone,
        weights_file=weights_file,
        device=device,
        progress=progress,
        cancel=cancel,
    )
    if backbone.weights_sha256 != features.weights_sha256:
        raise StegoError(
            "The backbone's weights are not those that the project's features were made with. "
            "Name the same file with --weights."
        )
    return backbone


def dense_encoder(
    features: FeaturesRecord,
    detail: Detail,
    *,
    device: str = "auto",
    weights_file: Path | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> DenseEncoder | None:
    """Make what encodes photographs at a detail.

    Parameters
    ----------
    features : FeaturesRecord
        The features that head and clusters were made from.
    detail : str
        One of `napari_stego.inference.DETAILS`.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    weights_file : Path, optional
        Weights of the backbone, if the features were made with such a file.
    progress : ProgressCallback
        Told of a download.
    cancel : CancelToken, optional
        Ends a download.

    Returns
    -------
    DenseEncoder or None
        None if the features do as they were extracted.

    Raises
    ------
    StegoError
        If there are no weights, or they are not those of the features.
    Cancelled
        If `cancel` is set.
    """
    settings = detail_settings(detail, features.settings)
    if settings is None:
        return None
    backbone = backbone_of(
        features, device=device, weights_file=weights_file, progress=progress, cancel=cancel
    )
    return DenseEncoder(backbone, features.settings, settings)
