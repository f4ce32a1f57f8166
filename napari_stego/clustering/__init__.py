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
    unit,
)
from napari_stego.clustering.pixels import cluster_map, upsample

__all__ = [
    "ClusterModel",
    "ClusterSettings",
    "CrfSettings",
    "Encode",
    "cluster_map",
    "crf_available",
    "dense_crf",
    "fit_clusters",
    "refined_cluster_map",
    "unit",
    "upsample",
]
