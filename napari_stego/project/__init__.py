"""The project folder and the verbs on it."""

from napari_stego.project.choosing import judge_run, score_layers, train_best
from napari_stego.project.encodings import Encodings, Source
from napari_stego.project.evaluating import Evaluation, EvaluationRow, evaluate
from napari_stego.project.exporting import ExportReport, ExportSettings, export
from napari_stego.project.project import Project, ProjectError
from napari_stego.project.segmentation import Segmentation, edits_put_away
from napari_stego.project.stages import adopt, cluster, extract, open_photographs, train

__all__ = [
    "Encodings",
    "Evaluation",
    "EvaluationRow",
    "ExportReport",
    "ExportSettings",
    "Project",
    "ProjectError",
    "Segmentation",
    "Source",
    "adopt",
    "cluster",
    "edits_put_away",
    "evaluate",
    "export",
    "extract",
    "judge_run",
    "open_photographs",
    "score_layers",
    "train",
    "train_best",
]
