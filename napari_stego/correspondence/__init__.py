"""Correspondence between positions: point at something, and see where else."""

from napari_stego.correspondence.heatmap import heatmap, reduced
from napari_stego.correspondence.index import Found, SearchIndex
from napari_stego.correspondence.index_segment import DamagedIndexError
from napari_stego.correspondence.prompts import (
    Prompt,
    PromptError,
    Queries,
    code_at,
    combined,
    corners,
)

__all__ = [
    "DamagedIndexError",
    "Found",
    "Prompt",
    "PromptError",
    "Queries",
    "SearchIndex",
    "code_at",
    "combined",
    "corners",
    "heatmap",
    "reduced",
]
