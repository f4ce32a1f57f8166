"""Codes and features of a project's images."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import Encode
from napari_stego.corpus import CorpusImage
from napari_stego.features import Preparation
from napari_stego.project.project import Project, ProjectError, result_key
from napari_stego.stego import StegoRun, load_run

Source = Literal["codes", "features"]

_REMEMBERED_BYTES = 2**27
"""Codes of 300 images of 34 x 46 patches, or features of 50."""


def encoder(project: Project, source: Source) -> Encode:
    """Give the function that turns the project's tokens into codes, or features.

    Parameters
    ----------
    project : Project
        A project with features and, for codes, a run.
    source : "codes" or "features"
        Codes of the run trained last; or the features as they are stored.

    Returns
    -------
    callable
        From ``(h, w, C) float16`` to ``(h, w, D) float32``.

    Raises
    ------
    StegoError
        If there is no run to make codes.
    """
    return load_run(project.run_path)[0].encode if source == "codes" else Preparation().apply


class Encodings:
    """Codes and features of a project's images, each as a grid over its image.

    Those that the clusters in use were made from; while there are none, those
    made last.

    Parameters
    ----------
    project : Project
        A project with features.

    Attributes
    ----------
    run : StegoRun or None
        The run that makes the codes, if one was trained.
    store : FeatureStore
        The features.

    Raises
    ------
    ProjectError
        If nothing was extracted.
    CheckpointError
        If the run's file is damaged.
    """

    def __init__(self, project: Project) -> None:
        result = project.state.result
        self.store = project.store_of(result.features) if result else project.store
        key = result.run if result else project.state.run
        self.run: StegoRun | None = None
        self._encoders: dict[Source, Encode] = {"features": Preparation().apply}
        if key is not None:
            self.run = load_run(project.run_file(key))[0]
            self._encoders["codes"] = self.run.encode
        self._grids: OrderedDict[tuple[str, Source], npt.NDArray[np.float32]] = OrderedDict()
        self._room = _REMEMBERED_BYTES
        self._lock = threading.Lock()  # several threads look at images

    @property
    def sources(self) -> tuple[Source, ...]:
        """What there is: features and, with a trained head, codes."""
        return tuple(self._encoders)

    def has(self, image: CorpusImage) -> bool:
        """Tell whether an image has features.

        Parameters
        ----------
        image : CorpusImage
            An image.

        Returns
        -------
        bool
            False if its pixels could not be read, or were not yet.
        """
        return image.content_hash in self.store

    def check(self, image: CorpusImage) -> None:
        """Make sure that an image has features.

        Parameters
        ----------
        image : CorpusImage
            An image.

        Raises
        ------
        ProjectError
            If it has none.
        """
        if not self.has(image):
            raise ProjectError(
                f"The photograph {image.name} has no features: they were not extracted yet, or it "
                "could not be read. Extract features again."
            )

    def holds(self, content_hash: str, source: Source) -> bool:
        """Tell whether an image is remembered, so that `grid` takes no time.

        Parameters
        ----------
        content_hash : str
            Of the image.
        source : "codes" or "features"
            One of `sources`.

        Returns
        -------
        bool
            Whether it was encoded not long ago.
        """
        with self._lock:
            return (content_hash, source) in self._grids

    def digest(self, source: Source) -> str:
        """Name what codes, or features, are made by.

        Parameters
        ----------
        source : "codes" or "features"
            One of `sources`.

        Returns
        -------
        str
            16 hexadecimal digits: another backbone, layer, size or head has others.
        """
        head = self.run.digest if source == "codes" and self.run is not None else None
        return result_key("encodings", self.store.folder.name, source, head)

    def encode(self, source: Source) -> Encode:
        """Give the function that makes codes, or features, from tokens.

        Parameters
        ----------
        source : "codes" or "features"
            One of `sources`.

        Returns
        -------
        callable
            From ``(h, w, C) float16`` to ``(h, w, D) float32``.
        """
        return self._encoders[source]

    def grid(self, image: CorpusImage, source: Source) -> npt.NDArray[np.float32]:
        """Encode an image; those of the latest calls are remembered.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        source : "codes" or "features"
            One of `sources`.

        Returns
        -------
        numpy.ndarray
            ``(h, w, D) float32``, not to be changed.
        """
        key = (image.content_hash, source)
        with self._lock:
            if key in self._grids:
                self._grids.move_to_end(key)
                return self._grids[key]
        grid = self._encoders[source](self.store.tokens(image.content_hash))
        with self._lock:
            if key not in self._grids:
                self._grids[key] = grid
                self._room -= grid.nbytes
            while self._room < 0 and len(self._grids) > 1:
                self._room += self._grids.popitem(last=False)[1].nbytes
        return grid
