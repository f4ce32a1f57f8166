"""The project folder and the verbs on it."""

from napari_stego.project.choosing import (
    judge_run,
    remembered_verdict,
    score_layers,
    train_best,
)
from napari_stego.project.class_tree import ClassPair, ClassTree
from napari_stego.project.cluster_counts import measurable_source, measure_stability
from napari_stego.project.encodings import Encodings, Source
from napari_stego.project.evaluating import Evaluation, EvaluationRow, evaluate
from napari_stego.project.exporting import ExportReport, ExportSettings, export
from napari_stego.project.lock import ReadOnlyError
from napari_stego.project.project import Project, ProjectError
from napari_stego.project.relinking import RelinkReport, missing_photographs, relink
from napari_stego.project.runs import KeptRun, list_runs, use_run
from napari_stego.project.segmentation import Segmentation
from napari_stego.project.splitting import SplitProposal
from napari_stego.project.stages import adopt, cluster, extract, open_photographs, train

__all__ = [
    "ClassPair",
    "ClassTree",
    "Encodings",
    "Evaluation",
    "EvaluationRow",
    "ExportReport",
    "ExportSettings",
    "KeptRun",
    "Project",
    "ProjectError",
    "ReadOnlyError",
    "RelinkReport",
    "Segmentation",
    "Source",
    "SplitProposal",
    "adopt",
    "cluster",
    "evaluate",
    "export",
    "extract",
    "judge_run",
    "list_runs",
    "measurable_source",
    "measure_stability",
    "missing_photographs",
    "open_photographs",
    "relink",
    "remembered_verdict",
    "score_layers",
    "train",
    "train_best",
    "use_run",
]
