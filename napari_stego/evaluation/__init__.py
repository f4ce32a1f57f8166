"""Scoring against masks."""

from napari_stego.evaluation.datasets import (
    DATASETS,
    DatasetError,
    MaskedDataset,
    MaskedPhotograph,
    Split,
    gather,
)
from napari_stego.evaluation.masks import VOID, MaskError, class_ids, find_masks, read_mask
from napari_stego.evaluation.matching import (
    Scores,
    confusion_matrix,
    hungarian_scores,
    majority_names,
    many_to_one_scores,
    named_scores,
)
from napari_stego.evaluation.pairs import (
    PairKind,
    PairSample,
    PairSettings,
    PrecisionRecall,
    describe_encoded,
    describe_refined,
    precision_recall,
    sample_pairs,
)
from napari_stego.evaluation.patches import confusion_by_patch, patch_classes
from napari_stego.evaluation.plots import plots_available
from napari_stego.evaluation.probe import (
    LinearProbe,
    ProbeSettings,
    fit_linear_probe,
)
from napari_stego.evaluation.published import PUBLISHED, PublishedResult
from napari_stego.evaluation.report import write_report
from napari_stego.evaluation.results import Evaluation, EvaluationRow
from napari_stego.evaluation.scoring import MaskedImages, PatchScorer, confusion_with_masks
from napari_stego.evaluation.table import caption, json_values, table_lines

__all__ = [
    "DATASETS",
    "PUBLISHED",
    "VOID",
    "DatasetError",
    "Evaluation",
    "EvaluationRow",
    "LinearProbe",
    "MaskError",
    "MaskedDataset",
    "MaskedImages",
    "MaskedPhotograph",
    "PairKind",
    "PairSample",
    "PairSettings",
    "PatchScorer",
    "PrecisionRecall",
    "ProbeSettings",
    "PublishedResult",
    "Scores",
    "Split",
    "caption",
    "class_ids",
    "confusion_by_patch",
    "confusion_matrix",
    "confusion_with_masks",
    "describe_encoded",
    "describe_refined",
    "find_masks",
    "fit_linear_probe",
    "gather",
    "hungarian_scores",
    "json_values",
    "majority_names",
    "many_to_one_scores",
    "named_scores",
    "patch_classes",
    "plots_available",
    "precision_recall",
    "read_mask",
    "sample_pairs",
    "table_lines",
    "write_report",
]
