"""How many pixels each cluster has in each image: counted once, kept in the project folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from napari_stego.classes import ClusterSplit
from napari_stego.corpus import CorpusImage
from napari_stego.errors import StegoError
from napari_stego.files import replacing
from napari_stego.progress import Cancelled, CancelToken, ProgressCallback, no_progress
from napari_stego.project.project import Project, result_key
from napari_stego.project.segmentation import Segmentation
from napari_stego.untrusted import check_file

_VERSION = 1
_SAVE_SECONDS = 30.0
_HEADER_BYTES = 2**16
_HASH_BYTES = 32
# Each set of splits has a file of its own, so that an undone one need not be counted again.
_FILES_KEPT = 8


@dataclass(frozen=True, eq=False)
class PixelCounts:
    """Pixels of each cluster in each image, strokes and classes apart.

    Attributes
    ----------
    images : tuple of str
        Content hashes of the images that have features, n of them, in corpus
        order; images of equal content each have a row.
    splits : tuple of ClusterSplit
        The splits that the clusters are refined by.
    table : numpy.ndarray
        ``(n, K) uint32`` pixels; zeros in rows that are not counted yet.
    counted : numpy.ndarray
        ``(n,) bool``, the rows that are.
    """

    images: tuple[str, ...]
    splits: tuple[ClusterSplit, ...]
    table: npt.NDArray[np.uint32]
    counted: npt.NDArray[np.bool_]

    @property
    def complete(self) -> bool:
        """Whether all images are counted."""
        return bool(self.counted.all())


def count_pixels(
    project: Project,
    segmentation: Segmentation,
    *,
    on_counts: Callable[[PixelCounts], None] | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> PixelCounts:
    """Count the pixels of each cluster in each image of a project.

    What was counted before is read from the project folder. What is counted
    is kept there, also when the call is cancelled, unless the project can only
    be read.

    Parameters
    ----------
    project : Project
        The project.
    segmentation : Segmentation
        Its clusters; the splits in force at the start count.
    on_counts : callable, optional
        Is given the counts once, at the start; their rows come in while this
        call goes on.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    PixelCounts
        Complete.

    Raises
    ------
    StegoError
        If features are damaged or the counts cannot be written.
    Cancelled
        If `cancel` is set, or the splits have changed meanwhile.
    """
    images = [image for image in project.corpus.images if segmentation.encodings.has(image)]
    table = segmentation.table
    splits, n_clusters = table.splits, len(table.lut())
    file = _CountsFile(project, segmentation.result.clusters)
    counts = PixelCounts(
        tuple(image.content_hash for image in images),
        splits,
        np.zeros((len(images), n_clusters), np.uint32),
        np.zeros(len(images), bool),
    )
    file.fill(counts, images)
    if on_counts is not None:
        on_counts(counts)
    places: dict[str, list[int]] = {}
    for place, content_hash in enumerate(counts.images):
        places.setdefault(content_hash, []).append(place)
    saved, unsaved = time.monotonic(), False
    try:
        for done, image in enumerate(images):
            if counts.counted[done]:
                continue
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(done, len(images), "counting pixels")
            found = np.bincount(
                segmentation.cluster_map(image, cancel=cancel).ravel(), minlength=n_clusters
            )
            # A split or its undoing may have come while the image was labelled.
            if segmentation.table.splits != splits or len(found) != n_clusters:
                raise Cancelled
            rows = places[image.content_hash]
            counts.table[rows] = found
            counts.counted[rows] = unsaved = True
            if time.monotonic() - saved > _SAVE_SECONDS:
                file.save(counts)
                saved, unsaved = time.monotonic(), False
    finally:
        if unsaved:
            file.save(counts)
    progress(len(images), len(images), "counting pixels")
    return counts


class _CountsFile:
    """Counts in the project folder, one file for each set of splits; a cache, and not trusted."""

    def __init__(self, project: Project, clusters: str) -> None:
        self._project = project
        self._clusters = clusters

    def fill(self, counts: PixelCounts, images: Sequence[CorpusImage]) -> None:
        """Take over what is known; without the last split, of images that it does not touch."""
        self._take(counts, images, counts.splits, ())
        if counts.splits and not counts.complete:
            self._take(counts, images, counts.splits[:-1], counts.splits[-1].clusters)

    def _take(
        self,
        counts: PixelCounts,
        images: Sequence[CorpusImage],
        splits: tuple[ClusterSplit, ...],
        absent: Sequence[int],
    ) -> None:
        try:
            hashes, table = self._read(self._path(splits), *counts.table.shape)
        except (OSError, ValueError, SafetensorError, StegoError):
            return
        width = table.shape[1]
        if max(absent, default=-1) >= width:
            return
        known = {key: place for place, key in enumerate(hashes)}
        for place, image in enumerate(images):
            row = known.get(image.content_hash)
            if counts.counted[place] or row is None or table[row, list(absent)].any():
                continue
            if int(table[row].sum(dtype=np.uint64)) == image.height * image.width:
                counts.table[place, :width] = table[row]
                counts.counted[place] = True

    def _read(
        self, path: Path, n_images: int, n_clusters: int
    ) -> tuple[list[str], npt.NDArray[np.uint32]]:
        # Images may have been taken out of the corpus since, though hardly most of them.
        check_file(path, 2 * n_images * (4 * n_clusters + _HASH_BYTES) + _HEADER_BYTES)
        tensors = load_file(path)
        hashes, table = tensors.get("images"), tensors.get("pixels")
        if hashes is None or hashes.dtype != np.uint8 or hashes.shape[1:] != (_HASH_BYTES,):
            raise ValueError("no hashes")
        if table is None or table.dtype != np.uint32 or table.ndim != 2:
            raise ValueError("no pixels")
        if len(table) != len(hashes) or not 0 < table.shape[1] <= n_clusters:
            raise ValueError("other images or clusters")
        return [row.tobytes().hex() for row in hashes], table

    def save(self, counts: PixelCounts) -> None:
        """Write what is counted, if the project may be written."""
        if self._project.read_only:
            return
        rows = np.flatnonzero(counts.counted)
        hashes = b"".join(bytes.fromhex(counts.images[row]) for row in rows)
        tensors: dict[str, npt.NDArray[Any]] = {
            "images": np.frombuffer(hashes, np.uint8).reshape(-1, _HASH_BYTES),
            "pixels": counts.table[rows],
        }
        path = self._path(counts.splits)
        with replacing(path) as temporary:
            save_file(tensors, temporary)
        self._tidy(path.parent.glob("pixels-*.safetensors"))

    def _tidy(self, files: Iterable[Path]) -> None:
        with suppress(OSError):
            newest = sorted(files, key=lambda file: file.lstat().st_mtime_ns, reverse=True)
            for file in newest[_FILES_KEPT:]:
                file.unlink()

    def _path(self, splits: tuple[ClusterSplit, ...]) -> Path:
        named = [[split.split_id, split.clusters, split.new_clusters] for split in splits]
        name = f"pixels-{result_key('pixels', _VERSION, named)}.safetensors"
        return self._project.inside("clusters", self._clusters, name)
