"""What photographs are sorted by: when they were taken, how sure the clusters are, likeness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import ClusterModel
from napari_stego.corpus import CorpusImage
from napari_stego.corpus.dates import file_date, read_date
from napari_stego.features import FeatureStore
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.image_values import ImageValues, find_values
from napari_stego.project.project import Project
from napari_stego.project.segmentation import Segmentation
from napari_stego.project.thumbnails import FOLDER

_NONE = np.iinfo(np.int64).min


def find_dates(
    project: Project,
    images: Sequence[CorpusImage],
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.datetime64]:
    """Find when each photograph of a project was taken.

    Dates that cameras wrote are remembered in the project folder.

    Parameters
    ----------
    project : Project
        The project.
    images : sequence of CorpusImage
        Its n photographs.
    progress : ProgressCallback
        Called once a photograph.
    cancel : CancelToken, optional
        Obeyed between photographs.

    Returns
    -------
    numpy.ndarray
        ``(n,) datetime64[s]``: EXIF's ``DateTimeOriginal``; else when the file
        was last changed; not a time for files that are gone.

    Raises
    ------
    StegoError
        If the dates cannot be written.
    Cancelled
        If `cancel` is set.
    """
    taken = ImageValues.unknown(len(images), 1, np.int64)

    def find(image: CorpusImage) -> int | None:
        try:
            date = read_date(image.path)
        except OSError:
            return None  # the file is gone, for now perhaps
        return _NONE if date is None else int(np.datetime64(date, "s").astype(np.int64))

    find_values(
        images,
        taken,
        find,
        project.inside(FOLDER, "dates.safetensors"),
        message="reading dates",
        keep=not project.read_only,
        progress=progress,
        cancel=cancel,
    )
    written = taken.known & (taken.values[:, 0] != _NONE)
    dates = np.full(len(images), np.datetime64("NaT"), "datetime64[s]")
    dates[written] = taken.values[written, 0].astype("datetime64[s]")
    for row in np.flatnonzero(~written).tolist():
        changed = file_date(images[row])
        if changed is not None:
            dates[row] = np.datetime64(changed, "s")
    return dates


def find_margins(
    project: Project,
    segmentation: Segmentation,
    images: Sequence[CorpusImage],
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> ImageValues:
    """Find how sure the clusters of each photograph are.

    The margin of a position is the cosine with its cluster's centroid less
    that with the next best one: near 0, it could as well be the other cluster.
    Clusters as they were made count, whatever was merged, split or painted
    since.

    Parameters
    ----------
    project : Project
        The project, in whose folder the margins are kept beside the clusters.
    segmentation : Segmentation
        Its clusters.
    images : sequence of CorpusImage
        Its n photographs.
    progress : ProgressCallback
        Called once a photograph.
    cancel : CancelToken, optional
        Obeyed between photographs.

    Returns
    -------
    ImageValues
        ``(n, 1) float32``, the mean margin over the positions, in ``[0, 2]``;
        photographs without features are not known.

    Raises
    ------
    StegoError
        If features are damaged or the margins cannot be written.
    Cancelled
        If `cancel` is set.
    """
    margins = ImageValues.unknown(len(images), 1, np.float32)
    clusters = ClusterModel(segmentation.clusters.centroids[: segmentation.table.n_clusters])
    encodings, source = segmentation.encodings, segmentation.result.settings.source

    def find(image: CorpusImage) -> float | None:
        if not encodings.has(image):
            return None
        scores = clusters.scores(encodings.grid(image, source))
        return mean_margin(scores)

    find_values(
        images,
        margins,
        find,
        project.clusters_file(segmentation.result.clusters).with_name("margins.safetensors"),
        message="finding uncertain photographs",
        keep=not project.read_only,
        progress=progress,
        cancel=cancel,
    )
    return margins


def mean_margin(scores: npt.NDArray[np.float32]) -> float:
    """Average how far the best score of each position is above the second best.

    Parameters
    ----------
    scores : numpy.ndarray
        ``(h, w, K) float32``.

    Returns
    -------
    float
        At least 0; 0 for a single cluster.
    """
    if scores.shape[-1] < 2:
        return 0.0
    best = np.partition(scores, -2, axis=-1)[..., -2:]
    return float((best[..., 1] - best[..., 0]).mean())


def find_mean_tokens(
    project: Project,
    images: Sequence[CorpusImage],
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> ImageValues:
    """Average the tokens of each photograph; they are kept beside the features.

    Parameters
    ----------
    project : Project
        A project with features; those that the clusters in use were made from
        count, or else the latest.
    images : sequence of CorpusImage
        Its n photographs.
    progress : ProgressCallback
        Called once a photograph.
    cancel : CancelToken, optional
        Obeyed between photographs.

    Returns
    -------
    ImageValues
        ``(n, C) float16``; photographs without features are not known.

    Raises
    ------
    StegoError
        If there are no features, they are damaged, or the means cannot be
        written.
    Cancelled
        If `cancel` is set.
    """
    result = project.state.result
    store: FeatureStore = project.store_of(result.features) if result else project.store
    having = next((image for image in images if image.content_hash in store), None)
    width = 1 if having is None else store.n_channels(having.content_hash)
    means = ImageValues.unknown(len(images), width, np.float16)

    def find(image: CorpusImage) -> Any:
        if image.content_hash not in store:
            return None
        return store.tokens(image.content_hash).mean(axis=(0, 1), dtype=np.float32)

    find_values(
        images,
        means,
        find,
        project.inside("features", store.folder.name, "means.safetensors"),
        message="comparing photographs",
        keep=not project.read_only,
        progress=progress,
        cancel=cancel,
    )
    return means


def likeness(means: ImageValues, row: int) -> npt.NDArray[np.float32]:
    """Compare a photograph with all others, by their mean tokens.

    Parameters
    ----------
    means : ImageValues
        From `find_mean_tokens`.
    row : int
        The photograph.

    Returns
    -------
    numpy.ndarray
        ``(n,) float32`` cosines, 1 with itself; NaN where one of the two is
        not known.

    References
    ----------
    Hamilton et al., "Unsupervised Semantic Segmentation by Distilling Feature
    Correspondences", ICLR 2022, Sec. 3.2 (neighbours by pooled features).
    """
    cosines = np.full(len(means.known), np.nan, np.float32)
    if not means.known[row]:
        return cosines
    own = means.values[row].astype(np.float32)
    rows = np.flatnonzero(means.known)
    for part in np.array_split(rows, max(1, len(rows) // 4096)):
        others = means.values[part].astype(np.float32)
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(own)
        cosines[part] = others @ own / np.maximum(lengths, 1e-10)
    cosines[row] = 1.0
    return cosines
