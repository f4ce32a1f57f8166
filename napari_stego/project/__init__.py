"""The project folder and the verbs on it."""

from napari_stego.project.encodings import Encodings, Source
from napari_stego.project.evaluating import Evaluation, EvaluationRow, evaluate
from napari_stego.project.exporting import ExportSettings, export
from napari_stego.project.project import Project, ProjectError
from napari_stego.project.segmentation import Segmentation
from napari_stego.project.stages import cluster, extract, train

__all__ = [
    "Encodings",
    "Evaluation",
    "EvaluationRow",
    "ExportSettings",
    "Project",
    "ProjectError",
    "Segmentation",
    "Source",
    "cluster",
    "evaluate",
    "export",
    "extract",
    "train",
]
