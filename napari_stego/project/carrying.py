"""What becomes of edited classes when other clusters take their place."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_stego.classes import (
    Action,
    Batch,
    ClassHistory,
    ClassRow,
    ClassTable,
    Do,
    PixelEdit,
    carry_over,
    class_colour,
    count_overlap,
    create_log,
)
from napari_stego.clustering import ClusterModel, Encode
from napari_stego.errors import StegoError
from napari_stego.files import replacing
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.edits_file import look_at_edits
from napari_stego.project.project import Project
from napari_stego.project.segmentation import Segmentation
from napari_stego.project.state import ResultRecord

_IMAGES = 200
_LABEL = "Carry classes over from the clusters before"


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

    Each new cluster goes to the class that has most of its positions, on at
    most 200 photographs at even distances; of classes that nobody has worked on
    each keeps one cluster at most. Strokes go on as they are, and ids keep
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
    plain = partial(_write, edits, ClassTable.from_clusters(len(model)))
    if project.state.result is None:
        plain()
        return ""
    try:
        if not _is_edited(_history(project, project.state.result)):
            plain()
            return ""
        before = Segmentation(project)
    except StegoError as error:
        plain()
        return f"The classes before were not carried over: they cannot be read. {error}"
    old, strokes = before.table, before.history.state.strokes
    painted = [s for image in before.history.state.painted_images for s in strokes(image)]
    overlap = _overlap(project, before, model, encode, progress, cancel)
    carried = carry_over(old, overlap, plain=_untouched(old, painted))
    actions = [Do(edit=Batch(edits=carried.edits, label=_LABEL))] if carried.edits else []
    _write(edits, carried.start, painted, actions)
    return carried.report.text(old)


def is_untouched(project: Project, clusters: Path) -> bool:
    """Tell whether classes there are may give way to those in use.

    Parameters
    ----------
    project : Project
        The project.
    clusters : Path
        File of clusters that were made before, and are not in use.

    Returns
    -------
    bool
        True if nothing in them was edited, and something in those in use was.
    """
    result = project.state.result
    if result is None or project.clusters_file(result.clusters) == clusters:
        return False
    try:
        theirs = look_at_edits(clusters).history
        return len(theirs) == 0 and _is_edited(_history(project, result))
    except StegoError:
        return False


def _write(
    edits: Path,
    start: ClassTable,
    strokes: Iterable[PixelEdit] = (),
    actions: Iterable[Action] = (),
) -> None:
    """Write a log in the place of what may be there, in a single move."""
    with replacing(edits) as temporary:
        create_log(temporary, start, strokes, actions)


def _overlap(
    project: Project,
    before: Segmentation,
    model: ClusterModel,
    encode: Encode,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> npt.NDArray[np.int64]:
    """Count the positions that classes and new clusters share; strokes count where there are."""
    overlap = np.zeros((before.table.next_id, len(model)), np.int64)
    store, lut = project.store, before.table.lut()
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
        clusters = model.scores(encode(store.tokens(image.content_hash))).argmax(axis=-1)
        if before.history.strokes(image.content_hash):
            labels = before.label_image(image)
        else:
            labels = lut[before.patch_clusters(image)]
        # Grids of other features are finer or coarser: each position asks at its middle.
        rows, columns = (
            ((np.arange(n) + 0.5) * size / n).astype(int)
            for n, size in zip(clusters.shape, labels.shape, strict=True)
        )
        overlap += count_overlap(
            labels[rows][:, columns], clusters.astype(np.uint16), *overlap.shape
        )
    progress(len(places), len(places), "carrying classes over")
    return overlap


def _untouched(table: ClassTable, strokes: Iterable[PixelEdit]) -> list[int]:
    """Find the classes that are as clustering made them."""
    used = {table.now(getattr(stroke, "class_id", 0)) for stroke in strokes}
    used |= {row.parent for row in table.rows if row.parent is not None}
    return [
        row.id
        for row in table.rows
        if row == ClassRow(row.id, f"class {row.id}", class_colour(row.id - 1), row.clusters)
        and len(row.clusters) < 2
        and row.id not in used
    ]


def _history(project: Project, result: ResultRecord) -> ClassHistory:
    return look_at_edits(project.clusters_file(result.clusters)).history


def _is_edited(history: ClassHistory) -> bool:
    start = history.start
    # Classes that wait for a cluster were carried over, even where that was undone since.
    waiting = any(not row.clusters for row in start.table.rows)
    return bool(history.edits or start.painted_images or waiting)


def next_id_beyond(project: Project, result: ResultRecord | None) -> int:
    """Find an id that no class of the project has had, so that none gets a second meaning.

    Parameters
    ----------
    project : Project
        The project.
    result : ResultRecord, optional
        The clusters in use until now.

    Returns
    -------
    int
        Beyond all ids of their classes, and of classes of clusters before them.
    """
    known = project.state.next_id
    try:
        return known if result is None else max(known, _history(project, result).table.next_id)
    except StegoError:
        return known


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
    try:
        edits = _history(project, before).edits
    except StegoError:
        return ""
    made = sum(not (isinstance(edit, Batch) and edit.label == _LABEL) for edit in edits)
    if not made:
        return ""
    return (
        "These clusters were made before and come back with their classes of then. The classes "
        f"that you edited since ({made} edit{'s' * (made > 1)}) belong to the others: they come "
        f"back with the settings of {before.settings.clusters} clusters of "
        f"{before.settings.source}, on the same photographs."
    )
