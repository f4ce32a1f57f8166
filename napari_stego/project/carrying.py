"""What becomes of edited classes when other clusters take their place."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_stego.classes import (
    Batch,
    ClassHistory,
    ClassTable,
    Do,
    carry_over,
    count_overlap,
    create_log,
)
from napari_stego.clustering import ClusterModel, Encode, cluster_map
from napari_stego.errors import StegoError
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.edits_file import look_at_edits
from napari_stego.project.project import Project
from napari_stego.project.segmentation import Segmentation
from napari_stego.project.state import ResultRecord

_IMAGES = 200


def start_classes(
    project: Project,
    edits: Path,
    model: ClusterModel,
    encode: Encode,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> str:
    """Begin the edit log of new clusters: with the classes there are, if they were edited.

    Each new cluster goes to the class that has most of its pixels, on at most
    200 photographs at even distances. Strokes go on as they are, and ids keep
    their meaning. Carrying over is the first step of the new history; what
    was edited stays with the earlier clusters too.

    Parameters
    ----------
    project : Project
        The project; its result is still the one before.
    edits : Path
        The log to write.
    model : ClusterModel
        The new clusters.
    encode : callable
        Makes what they are clusters of, from the features extracted last.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    str
        What was carried over and what not, for the user; empty if there was
        nothing to carry.

    Raises
    ------
    StegoError
        If the log cannot be written.
    Cancelled
        If `cancel` is set; nothing is written.
    """
    before = _edited(project)
    if before is None:
        create_log(edits, ClassTable.from_clusters(len(model)))
        return ""
    old = before.table
    overlap = np.zeros((old.next_id, len(model)), np.int64)
    store = project.store
    images = [
        image
        for image in project.corpus.images
        if before.encodings.has(image) and image.content_hash in store
    ]
    places = np.linspace(0, len(images) - 1, min(_IMAGES, len(images))).round().astype(int)
    for done, place in enumerate(places.tolist()):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(places), "carrying classes over")
        image = images[place]
        scores = model.scores(encode(store.tokens(image.content_hash)))
        clusters = cluster_map(scores, (image.height, image.width))
        overlap += count_overlap(before.label_image(image), clusters, *overlap.shape)
    carried = carry_over(old, overlap)
    strokes = [
        stroke
        for image in before.history.state.painted_images
        for stroke in before.history.strokes(image)
    ]
    label = "Carry classes over from the clusters before"
    actions = [Do(edit=Batch(edits=carried.edits, label=label))] if carried.edits else []
    create_log(edits, carried.start, strokes, actions)
    return carried.report.text(old)


def _edited(project: Project) -> Segmentation | None:
    """Open the result in use, if its classes were edited."""
    if project.state.result is None or not _edits(project, project.state.result):
        return None
    return Segmentation(project)


def _edits(project: Project, result: ResultRecord) -> ClassHistory | None:
    """Read the history of a result; None if nothing in it was edited, or it cannot be read."""
    try:
        history = look_at_edits(project.clusters_file(result.clusters)).history
    except StegoError:
        return None
    return history if history.edits or history.start.painted_images else None


def edits_put_away(project: Project, before: ResultRecord | None) -> str:
    """Tell of edited classes that earlier clusters have taken the place of, with their own.

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
    history = _edits(project, before)
    if history is None:
        return ""
    return (
        "These clusters were made before and come back with their classes of then. The classes "
        f"that you edited since ({len(history.edits)} edits) belong to the others: they come back "
        f"with the settings of {before.settings.clusters} clusters of {before.settings.source}, "
        "on the same photographs."
    )
