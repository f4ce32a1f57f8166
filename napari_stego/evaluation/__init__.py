"""Scoring against masks."""

from napari_stego.evaluation.masks import VOID, MaskError, class_ids, find_masks, read_mask
from napari_stego.evaluation.matching import (
    Scores,
    confusion_matrix,
    hungarian_scores,
    majority_names,
    named_scores,
)
from napari_stego.evaluation.scoring import MaskedImages, confusion_with_masks

__all__ = [
    "VOID",
    "MaskError",
    "MaskedImages",
    "Scores",
    "class_ids",
    "confusion_matrix",
    "confusion_with_masks",
    "find_masks",
    "hungarian_scores",
    "majority_names",
    "named_scores",
    "read_mask",
]
