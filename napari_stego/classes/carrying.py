"""Carrying classes over to other clusters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.classes.edits import SingleEdit
from napari_stego.classes.palette import class_colour
from napari_stego.classes.rows import UNLABELLED
from napari_stego.classes.state import ClassState
from napari_stego.classes.table import ClassTable
from napari_stego.classes.table_edits import AddClass, LockClass, MoveClusters


@dataclass(frozen=True)
class CarryReport:
    """What became of classes when other clusters came.

    Attributes
    ----------
    carried : dict of int to tuple of int
        The new clusters of each class that got any.
    empty : tuple of int
        Classes that got none; they are kept, without clusters.
    new : dict of int to int
        The class made for each new cluster that no class covers.
    unlabelled : tuple of int
        New clusters that lie where nothing was labelled; they have no class.
    """

    carried: dict[int, tuple[int, ...]]
    empty: tuple[int, ...]
    new: dict[int, int]
    unlabelled: tuple[int, ...]

    def text(self, table: ClassTable) -> str:
        """Say it in words.

        Parameters
        ----------
        table : ClassTable
            The classes that were carried over.

        Returns
        -------
        str
            A few sentences.
        """
        clusters = sum(map(len, self.carried.values()))
        sentences = [f"{len(self.carried)} classes were carried over to {clusters} clusters."]
        if self.empty:
            names = ", ".join(f"“{table.name(class_id)}”" for class_id in self.empty)
            sentences.append(f"No cluster is mostly in {names}: kept without clusters.")
        if self.new:
            sentences.append(f"{len(self.new)} clusters have new classes.")
        if self.unlabelled:
            sentences.append(f"{len(self.unlabelled)} clusters were unlabelled and stay so.")
        return " ".join(sentences)


@dataclass(frozen=True)
class CarryOver:
    """How to go on with classes over other clusters.

    Attributes
    ----------
    start : ClassTable
        The classes over the new clusters, of which none has a class yet.
        Retired ids stay retired, so that strokes keep their meaning.
    edits : tuple of SingleEdit
        Edits of `start` that carry the classes over, for one `Batch`; none if all is unlabelled.
    report : CarryReport
        What could be carried and what not.
    """

    start: ClassTable
    edits: tuple[SingleEdit, ...]
    report: CarryReport


def count_overlap(
    labels: npt.NDArray[np.uint16],
    cluster_map: npt.NDArray[np.uint16],
    n_ids: int,
    n_clusters: int,
) -> npt.NDArray[np.int64]:
    """Count the pixels that classes and new clusters share in an image.

    Parameters
    ----------
    labels : numpy.ndarray
        ``(H, W) uint16`` class ids, below `n_ids`.
    cluster_map : numpy.ndarray
        ``(H, W) uint16`` new clusters, below `n_clusters`.
    n_ids : int
        The `next_id` of the old table.
    n_clusters : int
        Number of new clusters.

    Returns
    -------
    numpy.ndarray
        ``(n_ids, n_clusters) int64`` pixels; those of several images can be added.
    """
    pairs = labels.astype(np.int64) * n_clusters + cluster_map
    counts = np.bincount(pairs.reshape(-1), minlength=n_ids * n_clusters)
    return counts.reshape(n_ids, n_clusters)


def carry_over(
    old: ClassTable,
    overlap: npt.NDArray[np.integer],
    threshold: float = 0.5,
    plain: Collection[int] = (),
) -> CarryOver:
    """Carry classes over to new clusters by the pixels they share.

    A new cluster goes to the class that has more than `threshold` of its
    pixels. Classes keep their ids, names, codes, colours, parents and locks,
    those that get no cluster too. A cluster in no class for the most part
    gets a new class; one that was unlabelled for the most part stays so.

    Classes that nobody has worked on are no reason to join what the new
    clusters tell apart: such a class keeps the one cluster that it shares
    most with, and is gone if there is none.

    Parameters
    ----------
    old : ClassTable
        The classes, as the history shows them: its counters of ids matter.
    overlap : numpy.ndarray
        ``(old.next_id, K)`` pixel counts of old class ids, 0 for unlabelled,
        and new clusters, as `count_overlap` makes them.
    threshold : float
        In ``[0.5, 1)``.
    plain : collection of int
        Classes that nobody has worked on.

    Returns
    -------
    CarryOver
        The table to start from, edits, and what could not be carried.

    Raises
    ------
    ValueError
        If `overlap` is not of this shape, or `threshold` not in its range.
    """
    if overlap.ndim != 2 or len(overlap) != old.next_id or not overlap.shape[1]:
        raise ValueError(f"an overlap of shape {overlap.shape} does not fit {old.next_id} ids")
    if not 0.5 <= threshold < 1:
        raise ValueError(f"a threshold of {threshold} is not in [0.5, 1)")
    start = old.over(overlap.shape[1])
    for class_id in old.locked:
        start = start.lock(class_id, False)
    sizes, winners = overlap.sum(axis=0), overlap.argmax(axis=0)
    covered = overlap.max(axis=0) > threshold * sizes
    for class_id in plain:
        mine = np.flatnonzero(covered & (winners == class_id))
        covered[mine] = False
        if len(mine):
            covered[mine[overlap[class_id, mine].argmax()]] = True
        else:
            start = start.delete(class_id)
    carried: dict[int, list[int]] = {}
    edits: list[SingleEdit] = []
    new = {}
    state = ClassState(start)
    for cluster, (winner, sure) in enumerate(zip(winners.tolist(), covered.tolist(), strict=True)):
        if sure:
            carried.setdefault(winner, []).append(cluster)
            continue
        class_id = state.table.next_id
        name = state.table.free_name(f"class {class_id}")
        add = AddClass(id=class_id, name=name, colour=class_colour(class_id - 1))
        state = add.apply(state)
        edits += [add, MoveClusters(clusters=(cluster,), into=class_id)]
        new[cluster] = class_id
    unlabelled = tuple(carried.pop(UNLABELLED, ()))
    edits += [MoveClusters(clusters=tuple(c), into=i) for i, c in sorted(carried.items())]
    edits += [LockClass(id=class_id) for class_id in old.locked]
    empty = tuple(row.id for row in old.rows if row.id not in carried and row.id in start)
    found = {class_id: tuple(clusters) for class_id, clusters in sorted(carried.items())}
    return CarryOver(start, tuple(edits), CarryReport(found, empty, new, unlabelled))
