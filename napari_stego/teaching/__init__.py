"""Teaching by example: examples, a light classifier, what to ask, and how accurate labels are."""

from napari_stego.teaching.accuracy import AccuracyEstimate, estimate_accuracy
from napari_stego.teaching.asking import Asked, Pool, most_useful
from napari_stego.teaching.classifier import (
    PatchClassifier,
    TeachingError,
    TeachingSettings,
    fit_classifier,
)
from napari_stego.teaching.confidence import calibration_error, fit_temperature, probabilities
from napari_stego.teaching.examples import ExampleSet, of_clusters, said_of

__all__ = [
    "AccuracyEstimate",
    "Asked",
    "ExampleSet",
    "PatchClassifier",
    "Pool",
    "TeachingError",
    "TeachingSettings",
    "calibration_error",
    "estimate_accuracy",
    "fit_classifier",
    "fit_temperature",
    "most_useful",
    "of_clusters",
    "probabilities",
    "said_of",
]
