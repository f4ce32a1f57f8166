"""STEGO: a light head distilled from feature correspondences, trained on cached tokens."""

from napari_stego.stego.collapse import COLLAPSE_MARGIN, collapse_warning
from napari_stego.stego.run import CheckpointError, StegoRun, StepRecord, load_run
from napari_stego.stego.settings import RoleValues, StegoSettings
from napari_stego.stego.trainer import StepObserver, train_stego

__all__ = [
    "COLLAPSE_MARGIN",
    "CheckpointError",
    "RoleValues",
    "StegoRun",
    "StegoSettings",
    "StepObserver",
    "StepRecord",
    "collapse_warning",
    "load_run",
    "train_stego",
]
