"""Clusters of codes and the maps they make."""

from napari_stego.clustering.crf import (
    CrfSettings,
    crf_available,
    dense_crf,
    refined_cluster_map,
)
from napari_stego.clustering.kmeans import (
    ClusterModel,
    ClusterSettings,
    Encode,
    fit_clusters,
)
from napari_stego.clustering.pixels import cluster_map, probable_map, upsample
from napari_stego.clustering.spherical import directions, nearest, unit
from napari_stego.clustering.stability import StabilityCurve, StabilitySettings, stability_curve
from napari_stego.clustering.tree import MergeSuggestion, MergeTree, merge_tree

__all__ = [
    "ClusterModel",
    "ClusterSettings",
    "CrfSettings",
    "Encode",
    "MergeSuggestion",
    "MergeTree",
    "StabilityCurve",
    "StabilitySettings",
    "cluster_map",
    "crf_available",
    "dense_crf",
    "directions",
    "fit_clusters",
    "merge_tree",
    "nearest",
    "probable_map",
    "refined_cluster_map",
    "stability_curve",
    "unit",
    "upsample",
]
