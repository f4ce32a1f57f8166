"""Codes and features of a project's images."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import Encode
from napari_stego.corpus import CorpusImage
from napari_stego.correspondence import correspondence_heatmap
from napari_stego.features import Preparation
from napari_stego.project.project import Project
from napari_stego.stego import StegoRun, load_run

Source = Literal["codes", "features"]


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

    Raises
    ------
    ProjectError
        If nothing was extracted.
    CheckpointError
        If the run's file is damaged.
    """

    def __init__(self, project: Project) -> None:
        result = project.state.result
        self._store = project.store_of(result.features) if result else project.store
        key = result.run if result else project.state.run
        self.run: StegoRun | None = None
        self._encoders: dict[Source, Encode] = {"features": Preparation().apply}
        if key is not None:
            self.run = load_run(project.run_file(key))[0]
            self._encoders["codes"] = self.run.encode
        self._latest: tuple[tuple[str, Source], npt.NDArray[np.float32]] | None = None

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
        return image.content_hash in self._store

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
        """Encode an image; that of the latest call is remembered.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        source : "codes" or "features"
            One of `sources`.

        Returns
        -------
        numpy.ndarray
            ``(h, w, D) float32``.
        """
        key = (image.content_hash, source)
        latest = self._latest
        if latest is not None and latest[0] == key:
            return latest[1]
        grid = self._encoders[source](self._store.tokens(image.content_hash))
        self._latest = (key, grid)
        return grid

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
        return correspondence_heatmap(self.grid(image, source), pixel, (image.height, image.width))
