"""The file of the centroids of a project's clusters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from napari_stego.clustering import ClusterModel
from napari_stego.project.project import ProjectError
from napari_stego.untrusted import check_file

MAX_CLUSTERS_BYTES = 2**27
"""The most bytes of a file of centroids: 1000 clusters of 32,768 numbers."""


def load_clusters(path: Path) -> ClusterModel:
    """Read clusters.

    Parameters
    ----------
    path : Path
        The file of the centroids.

    Returns
    -------
    ClusterModel
        The centroids.

    Raises
    ------
    ProjectError
        If the file is missing or damaged.
    """
    try:
        check_file(path, MAX_CLUSTERS_BYTES)
        model = ClusterModel.from_tensors(load_file(path))
        if model.centroids.dtype != np.float32 or not np.isfinite(model.centroids).all():
            raise ValueError("centroids that are no finite float32")
        return model
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ProjectError(
            f"{path} is missing or damaged ({error}). Delete this file only, and cluster again "
            "with the same settings: the classes and their edits, which are in other files of its "
            "folder, are there again then."
        ) from error
