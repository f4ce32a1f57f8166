"""The result of a project: everything that is needed to label and inspect its images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from napari_stego.classes import ClassEditError, ClassHistory, ClassTable
from napari_stego.clustering import (
    ClusterModel,
    CrfSettings,
    cluster_map,
    refined_cluster_map,
)
from napari_stego.corpus import CorpusImage
from napari_stego.files import write_json
from napari_stego.progress import CancelToken
from napari_stego.project.encodings import Encodings, Source
from napari_stego.project.project import Project, ProjectError


def load_clusters(path: Path) -> tuple[ClusterModel, Source]:
    """Read clusters.

    Parameters
    ----------
    path : Path
        The file of the centroids.

    Returns
    -------
    model : ClusterModel
        The centroids.
    source : "codes" or "features"
        What was clustered.

    Raises
    ------
    ProjectError
        If the file is missing or damaged.
    """
    try:
        tensors = load_file(path)
        centroids = tensors["centroids"]
        source: Source = "codes" if bool(tensors["of_codes"]) else "features"
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ProjectError(
            f"{path} is missing or damaged ({error}). Delete the folder {path.parent} and cluster "
            "again."
        ) from error
    return ClusterModel(centroids), source


class Segmentation:
    """A project's clusters with their classes, ready to label images.

    Parameters
    ----------
    project : Project
        A project that has been clustered.

    Attributes
    ----------
    encodings : Encodings
        Codes and features of the images.
    history : ClassHistory
        The classes; every edit is saved as it is made.

    Raises
    ------
    ProjectError
        If the project is not far enough, or a file of it is damaged.
    """

    def __init__(self, project: Project) -> None:
        self.encodings = Encodings(project)
        self._folder = project.clusters_folder
        self._model, self._source = load_clusters(self._folder / "clusters.safetensors")
        self.history = _load_classes(self._folder / "classes.json")
        history, path = self.history, self._folder / "classes.json"

        def save(_: ClassTable) -> None:
            write_json(path, history.to_dict())

        # Not a method: the signal would forget it with this object, and the history may live on.
        history.changed.connect(save)

    @property
    def table(self) -> ClassTable:
        """The classes as they are now."""
        return self.history.table

    def cluster_map(
        self,
        image: CorpusImage,
        crf: CrfSettings | None = None,
        cancel: CancelToken | None = None,
    ) -> npt.NDArray[np.uint16]:
        """Cluster of each pixel.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        crf : CrfSettings, optional
            Refine along the edges of the photograph.
        cancel : CancelToken, optional
            Ends a refinement.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint16``, clusters ``0..K-1``.

        Raises
        ------
        Cancelled
            If `cancel` is set during a refinement.
        """
        scores = self._model.scores(self.encodings.grid(image, self._source))
        if crf is None:
            return cluster_map(scores, (image.height, image.width))
        return refined_cluster_map(image.read(), scores, crf, cancel)

    def label_image(
        self,
        image: CorpusImage,
        crf: CrfSettings | None = None,
        cancel: CancelToken | None = None,
    ) -> npt.NDArray[np.uint16]:
        """Class of each pixel.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        crf : CrfSettings, optional
            Refine along the edges of the photograph.
        cancel : CancelToken, optional
            Ends a refinement.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint16`` class ids, 0 for unlabelled.

        Raises
        ------
        Cancelled
            If `cancel` is set during a refinement.
        """
        return self.table.lut()[self.cluster_map(image, crf, cancel)]


def _load_classes(path: Path) -> ClassHistory:
    try:
        return ClassHistory.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, ClassEditError) as error:
        raise ProjectError(
            f"The classes in {path} are missing or damaged: {error}. Delete the folder "
            f"{path.parent} and cluster again."
        ) from error
