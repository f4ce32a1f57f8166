"""STEGO: a light head distilled from feature correspondences, trained on cached tokens."""

from napari_stego.stego.collapse import COLLAPSE_MARGIN, collapse_warning
from napari_stego.stego.histograms import HISTOGRAM_EDGES, CorrespondenceHistograms
from napari_stego.stego.official import OfficialStego, load_official
from napari_stego.stego.probes import ClusterProbe, LinearProbe, TokenLabels
from napari_stego.stego.run import CheckpointError, StegoRun, StepRecord
from napari_stego.stego.run_file import load_run, save_run
from napari_stego.stego.settings import PresetName, RoleValues, StegoSettings, Targets
from napari_stego.stego.trainer import HistogramObserver, RunObserver, StepObserver, train_stego

__all__ = [
    "COLLAPSE_MARGIN",
    "HISTOGRAM_EDGES",
    "CheckpointError",
    "ClusterProbe",
    "CorrespondenceHistograms",
    "HistogramObserver",
    "LinearProbe",
    "OfficialStego",
    "PresetName",
    "RoleValues",
    "RunObserver",
    "StegoRun",
    "StegoSettings",
    "StepObserver",
    "StepRecord",
    "Targets",
    "TokenLabels",
    "collapse_warning",
    "load_official",
    "load_run",
    "save_run",
    "train_stego",
]
