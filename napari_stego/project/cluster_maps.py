"""Cluster maps in the project folder: made once, read from then on."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_stego.corpus import CorpusImage
from napari_stego.errors import StegoError
from napari_stego.files import replacing
from napari_stego.project.project import Project
from napari_stego.untrusted import read_bytes

_TILE = 512
_HEADER_BYTES = 2**16
_BYTE_VALUES = 256


class ClusterMaps:
    """Cluster maps of a project, each in a file of tiles, compressed without loss.

    They can be made anew, so they are neither synced one by one nor trusted,
    and a folder that cannot be written is worked without.

    Parameters
    ----------
    project : Project
        The project.
    clusters : str
        Key of the clusters.
    n_clusters : int
        K, before any split.
    """

    def __init__(self, project: Project, clusters: str, n_clusters: int) -> None:
        self._project = project
        self._clusters = clusters
        self._n_clusters = n_clusters
        self._dtype = np.dtype(np.uint8 if n_clusters <= _BYTE_VALUES else np.uint16)
        self._refused = bool(project.read_only)

    def read(self, image: CorpusImage) -> npt.NDArray[np.uint16] | None:
        """Read the clusters of an image.

        Parameters
        ----------
        image : CorpusImage
            The image.

        Returns
        -------
        numpy.ndarray or None
            ``(H, W) uint16``, clusters ``0..K-1``; None if they were not kept,
            or the file is damaged.
        """
        shape = (image.height, image.width)
        tiles = -(-image.height // _TILE) * -(-image.width // _TILE)
        limit = tiles * _TILE**2 * self._dtype.itemsize + _HEADER_BYTES
        try:
            with tifffile.TiffFile(BytesIO(read_bytes(self._path(image), limit))) as file:
                page: Any = file.pages[0]
                if not self._is_ours(page, shape):
                    return None
                clusters: npt.NDArray[Any] = page.asarray(maxworkers=1)
        except Exception:  # tifffile and codecs raise whatever they come across
            return None
        if clusters.shape != shape or int(clusters.max()) >= self._n_clusters:
            return None
        return clusters.astype(np.uint16)

    def keep(self, image: CorpusImage, clusters: npt.NDArray[np.uint16]) -> None:
        """Write the clusters of an image; nothing if the project can only be read.

        Parameters
        ----------
        image : CorpusImage
            The image.
        clusters : numpy.ndarray
            ``(H, W) uint16``, clusters ``0..K-1``.
        """
        if self._refused:
            return
        try:
            with replacing(self._path(image), sync=False) as temporary:
                tifffile.imwrite(
                    temporary,
                    clusters.astype(self._dtype),
                    tile=(_TILE, _TILE),
                    photometric="minisblack",
                    compression="zlib",
                    metadata=None,
                    maxworkers=1,
                )
        except StegoError:
            self._refused = True  # a full disk is not tried again for each image

    def _is_ours(self, page: Any, shape: tuple[int, int]) -> bool:
        return (
            page.shape == shape
            and page.dtype == self._dtype
            and page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
            and all(page.databytecounts)  # tifffile takes an empty tile for one of zeros
            and (page.tilelength, page.tilewidth) == (_TILE, _TILE)
        )

    def _path(self, image: CorpusImage) -> Path:
        name = f"{image.content_hash}.tif"
        return self._project.inside("clusters", self._clusters, "maps", name)
