"""Patch tokens of a frozen backbone: extracted once, kept on disk, read by everything else."""

from napari_stego.features.crops import crop_keys
from napari_stego.features.extraction import (
    ExtractionReport,
    FeatureSettings,
    extract_features,
)
from napari_stego.features.segment import DamagedStoreError
from napari_stego.features.store import FeatureStore
from napari_stego.features.tokens import Preparation, TokenSet, corpus_mean

__all__ = [
    "DamagedStoreError",
    "ExtractionReport",
    "FeatureSettings",
    "FeatureStore",
    "Preparation",
    "TokenSet",
    "corpus_mean",
    "crop_keys",
    "extract_features",
]
