"""The result of a project: everything that is needed to label and inspect its images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from napari_stego.classes import ClassHistory, ClassTable
from napari_stego.clustering import (
    ClusterModel,
    CrfSettings,
    Encode,
    cluster_map,
    refined_cluster_map,
)
from napari_stego.corpus import CorpusImage, read_image
from napari_stego.correspondence import correspondence_heatmap
from napari_stego.features import Preparation
from napari_stego.files import write_json
from napari_stego.project.project import Project, ProjectError
from napari_stego.stego import load_run

Source = Literal["codes", "features"]


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


def encoder(project: Project, source: Source) -> Encode:
    """Give the function that turns the project's tokens into codes, or features.

    Parameters
    ----------
    project : Project
        A project with features and, for codes, a run.
    source : "codes" or "features"
        Codes of the run; or features prepared as the run prepares them, and
        as stored where there is no run.

    Returns
    -------
    callable
        From ``(h, w, C) float16`` to ``(h, w, D) float32``.

    Raises
    ------
    StegoError
        If there is no run to make codes.
    """
    if source == "codes":
        return load_run(project.run_path)[0].encode
    if project.state.run is None:
        return Preparation().apply
    return load_run(project.run_path)[0].preparation.apply


class Segmentation:
    """A project's clusters with their classes, ready to label images.

    Parameters
    ----------
    project : Project
        A project that has been clustered.

    Attributes
    ----------
    history : ClassHistory
        The classes; every edit is saved as it is made.

    Raises
    ------
    ProjectError
        If the project is not far enough, or a file of it is damaged.
    """

    def __init__(self, project: Project) -> None:
        self._store = project.store
        self._folder = project.clusters_folder
        self._model, source = load_clusters(self._folder / "clusters.safetensors")
        self._encoders: dict[Source, Encode] = {"features": encoder(project, "features")}
        if project.state.run is not None:
            self._encoders["codes"] = encoder(project, "codes")
        self._clustered = self._encoders[source]
        self.history = _load_classes(self._folder / "classes.json")
        self.history.changed.connect(self._save_classes)

    def _save_classes(self, _: ClassTable) -> None:
        write_json(self._folder / "classes.json", self.history.to_dict())

    @property
    def table(self) -> ClassTable:
        """The classes as they are now."""
        return self.history.table

    @property
    def sources(self) -> tuple[Source, ...]:
        """What a heatmap can be made of: features and, with a trained head, codes."""
        return tuple(self._encoders)

    def has(self, image: CorpusImage) -> bool:
        """Tell whether an image can be labelled.

        Parameters
        ----------
        image : CorpusImage
            An image.

        Returns
        -------
        bool
            False if its features are missing, as its pixels could not be read.
        """
        return image.content_hash in self._store

    def cluster_map(
        self, image: CorpusImage, crf: CrfSettings | None = None
    ) -> npt.NDArray[np.uint16]:
        """Cluster of each pixel.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        crf : CrfSettings, optional
            Refine along the edges of the photograph.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint16``, clusters ``0..K-1``.
        """
        scores = self._model.scores(self._clustered(self._store.tokens(image.content_hash)))
        if crf is None:
            return cluster_map(scores, (image.height, image.width))
        return refined_cluster_map(read_image(image.path), scores, crf)

    def label_image(
        self, image: CorpusImage, crf: CrfSettings | None = None
    ) -> npt.NDArray[np.uint16]:
        """Class of each pixel.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        crf : CrfSettings, optional
            Refine along the edges of the photograph.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint16`` class ids, 0 for unlabelled.
        """
        return self.table.lut()[self.cluster_map(image, crf)]

    def heatmap(
        self, image: CorpusImage, pixel: tuple[int, int], source: Source
    ) -> npt.NDArray[np.float32]:
        """Correspondence of one pixel with every pixel of its image.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        pixel : tuple of int
            Row and column.
        source : "codes" or "features"
            What to compare; one of `sources`.

        Returns
        -------
        numpy.ndarray
            ``(H, W) float32`` cosines.
        """
        encoded = self._encoders[source](self._store.tokens(image.content_hash))
        return correspondence_heatmap(encoded, pixel, (image.height, image.width))


def _load_classes(path: Path) -> ClassHistory:
    try:
        return ClassHistory.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(f"The classes in {path} are missing or damaged: {error}") from error
