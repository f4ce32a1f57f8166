"""The result of a project: everything that is needed to label and inspect its images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from napari_stego.classes import (
    ClassHistory,
    ClassTable,
    EditLogError,
)
from napari_stego.clustering import (
    ClusterModel,
    CrfSettings,
    cluster_map,
    refined_cluster_map,
)
from napari_stego.corpus import CorpusImage
from napari_stego.errors import StegoError
from napari_stego.inference import DenseEncoder
from napari_stego.progress import CancelToken
from napari_stego.project.edits_file import look_at_edits, open_edits
from napari_stego.project.encodings import Encodings
from napari_stego.project.project import Project, ProjectError
from napari_stego.project.state import ResultRecord
from napari_stego.untrusted import check_file

# 1000 clusters of 32,768 numbers.
_MAX_BYTES = 2**27


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
        check_file(path, _MAX_BYTES)
        model = ClusterModel.from_tensors(load_file(path))
        if model.centroids.dtype != np.float32 or not np.isfinite(model.centroids).all():
            raise ValueError("centroids that are no finite float32")
        return model
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ProjectError(
            f"{path} is missing or damaged ({error}). Delete the folder {path.parent} and cluster "
            "again."
        ) from error


class Segmentation:
    """A project's clusters with their classes, ready to label images.

    Parameters
    ----------
    project : Project
        A project that has been clustered.

    Attributes
    ----------
    result : ResultRecord
        What the clusters were made from.
    encodings : Encodings
        Codes and features of the images.
    history : ClassHistory
        The classes; every edit is on the disk before it is in force.
    note : str
        What the user should know of the edits, such as that one was not
        written to its end; empty if nothing.

    Raises
    ------
    ProjectError
        If the project is not far enough, or a file of it is damaged.
    """

    def __init__(self, project: Project) -> None:
        self._project = project  # which stays open for edits
        self.result = project.result
        self.encodings = Encodings(project)
        clusters = project.clusters_file(self.result.clusters)
        self._model = load_clusters(clusters)
        try:
            edits = open_edits(project, clusters)
            self.history, self.note = edits.history, edits.note
            _check(self.history, len(self._model))
        except (EditLogError, ValueError) as error:
            raise _damaged(clusters, error) from error

    @property
    def table(self) -> ClassTable:
        """The classes as they are now."""
        return self.history.table

    def cluster_map(
        self,
        image: CorpusImage,
        crf: CrfSettings | None = None,
        cancel: CancelToken | None = None,
        dense: DenseEncoder | None = None,
    ) -> npt.NDArray[np.uint16]:
        """Cluster of each pixel.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        crf : CrfSettings, optional
            Refine along the edges of the photograph.
        cancel : CancelToken, optional
            Ends a refinement, and the making of codes.
        dense : DenseEncoder, optional
            Makes the codes afresh, instead of from the features as extracted.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint16``, clusters ``0..K-1``.

        Raises
        ------
        Cancelled
            If `cancel` is set meanwhile.
        """
        codes, length = self._codes(image, dense, cancel), self._model.centroids.shape[1]
        if codes.shape[-1] != length:
            raise _damaged(
                self._project.clusters_file(self.result.clusters),
                ValueError(f"centroids of {length} numbers for codes of {codes.shape[-1]}."),
            )
        scores = self._model.scores(codes)
        if crf is None:
            return cluster_map(scores, (image.height, image.width))
        return refined_cluster_map(image.read(), scores, crf, cancel)

    def _codes(
        self, image: CorpusImage, dense: DenseEncoder | None, cancel: CancelToken | None
    ) -> npt.NDArray[np.float32]:
        source = self.result.settings.source
        if dense is None:
            return self.encodings.grid(image, source)
        return dense.codes(image, self.encodings.encode(source), cancel)

    def label_image(
        self,
        image: CorpusImage,
        crf: CrfSettings | None = None,
        cancel: CancelToken | None = None,
        dense: DenseEncoder | None = None,
    ) -> npt.NDArray[np.uint16]:
        """Class of each pixel.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        crf : CrfSettings, optional
            Refine along the edges of the photograph.
        cancel : CancelToken, optional
            Ends a refinement, and the making of codes.
        dense : DenseEncoder, optional
            Makes the codes afresh, instead of from the features as extracted.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint16`` class ids, 0 for unlabelled.

        Raises
        ------
        Cancelled
            If `cancel` is set meanwhile.
        """
        return self.history.label_image(
            image.content_hash, self.cluster_map(image, crf, cancel, dense)
        )


def _check(history: ClassHistory, n_clusters: int) -> None:
    if history.table.n_clusters != n_clusters:
        raise ValueError(f"{history.table.n_clusters} clusters instead of {n_clusters}")


def _damaged(clusters: Path, error: Exception) -> ProjectError:
    return ProjectError(
        f"The classes in {clusters.parent} are missing or damaged: {error} Delete the folder "
        f"{clusters.parent}, with all edits of its classes, and cluster again."
    )


def edits_put_away(project: Project, before: ResultRecord | None) -> str:
    """Tell of edited classes that other clusters have taken the place of.

    Parameters
    ----------
    project : Project
        A project that has been clustered.
    before : ResultRecord, optional
        The clusters in use before.

    Returns
    -------
    str
        A sentence for the user; empty if no edit is out of sight.
    """
    if before is None or before == project.state.result:
        return ""
    clusters = project.clusters_file(before.clusters)
    try:
        history = look_at_edits(clusters).history
    except StegoError:
        return ""
    if not history.edits:
        return ""
    return (
        f"The classes that you edited ({len(history.edits)} edits) belong to the clusters before: "
        f"they come back with the settings of then ({before.settings.clusters} clusters of "
        f"{before.settings.source}, on the same photographs)."
    )
