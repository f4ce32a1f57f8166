"""Which classes are alike: a tree over the classes as they are now, to be cut at any height."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.classes import Batch, ClassEdit, ClassEditError, ClassTable, MergeClasses
from napari_stego.clustering import ClusterModel, MergeTree, merge_tree, unit


@dataclass(frozen=True)
class ClassPair:
    """Groups of classes that the tree joins.

    Attributes
    ----------
    first, second : tuple of int
        The classes of each group.
    similarity : float
        Cosine at which they join, in ``[-1, 1]``.
    """

    first: tuple[int, ...]
    second: tuple[int, ...]
    similarity: float


@dataclass(frozen=True, eq=False)
class ClassTree:
    """A merge tree over classes.

    Two classes that were named are never joined: if both are the same thing,
    that is for their namer to say. Locked classes and those without clusters
    are not in the tree.

    Attributes
    ----------
    table : ClassTable
        The classes that it is of.
    ids : tuple of int
        The classes in the tree, as its nodes count them.
    named : tuple of bool
        Which of them were named, or were given a code.
    sizes : tuple of float
        How large each is; what is largest keeps its name.
    tree : MergeTree
        How they join.
    """

    table: ClassTable
    ids: tuple[int, ...]
    named: tuple[bool, ...]
    sizes: tuple[float, ...]
    tree: MergeTree

    @classmethod
    def of(cls, table: ClassTable, clusters: ClusterModel) -> ClassTree:
        """Join classes by the cosine of their mean codes.

        Parameters
        ----------
        table : ClassTable
            The classes.
        clusters : ClusterModel
            Centroids of all clusters that the table knows, by id.

        Returns
        -------
        ClassTree
            The tree.
        """
        rows = [row for row in table.rows if row.clusters and not row.locked]
        known = clusters.sizes
        weights = np.ones(len(clusters)) if known is None else np.maximum(known, 1e-3)
        means = [
            (weights[list(row.clusters), None] * clusters.centroids[list(row.clusters)]).sum(axis=0)
            for row in rows
        ]
        length = clusters.centroids.shape[1]
        centroids = unit(np.array(means, np.float32).reshape(len(rows), length))
        named = tuple(row.named for row in rows)
        sizes = tuple(float(weights[list(row.clusters)].sum()) for row in rows)
        tree = merge_tree(ClusterModel(centroids), sizes, np.array(named, dtype=bool))
        return cls(table, tuple(row.id for row in rows), named, sizes, tree)

    def __len__(self) -> int:
        """Return the number of classes in the tree."""
        return len(self.ids)

    @property
    def least(self) -> int:
        """How many classes are left at least: those that were named, or 1; 0 of an empty tree."""
        return max(sum(self.named), min(len(self), 1))

    @property
    def heights(self) -> npt.NDArray[np.float64]:
        """``(len - least,) float64`` cosine distances of the merges that can be made, rising."""
        return self.tree.heights[: len(self) - self.least] if self.ids else np.empty(0)

    def groups(
        self, parts: int | None = None, height: float | None = None
    ) -> dict[int, tuple[int, ...]]:
        """Cut the tree.

        Parameters
        ----------
        parts : int, optional
            How many classes of the tree are left.
        height : float, optional
            Instead: the largest cosine distance that is joined.

        Returns
        -------
        dict
            By the class that stays, named if one of them is and else the
            largest, all that are joined in it, itself included.

        Raises
        ------
        ClassEditError
            If there cannot be so few or so many.
        ValueError
            If not one of both is given.
        """
        if (parts is None) == (height is None):
            raise ValueError("a tree is cut into a number of parts, or at a height")
        if parts is None:
            assert height is not None  # one of both is given
            parts = len(self) - int(np.searchsorted(self.heights, height, side="right"))
        elif not self.least <= parts <= len(self):
            raise ClassEditError(
                f"{len(self)} classes can be joined into {self.least} to {len(self)}: classes "
                "that you named stay apart."
            )
        if not self.ids:
            return {}
        names = self.tree.cut_into(parts)
        groups = {}
        for name in np.unique(names).tolist():
            members = np.flatnonzero(names == name).tolist()
            kept = max(members, key=lambda i: (self.named[i], self.sizes[i]))
            groups[self.ids[kept]] = tuple(self.ids[i] for i in members)
        return groups

    def edit(self, parts: int | None = None, height: float | None = None) -> ClassEdit:
        """Make the edit that joins classes as a cut of the tree does.

        Parameters
        ----------
        parts : int, optional
            How many classes of the tree are left.
        height : float, optional
            Instead: the largest cosine distance that is joined.

        Returns
        -------
        ClassEdit
            One step of the history.

        Raises
        ------
        ClassEditError
            If there cannot be so many, or nothing is joined.
        """
        groups = self.groups(parts, height)
        merges = tuple(
            MergeClasses(ids=members, into=kept)
            for kept, members in groups.items()
            if len(members) > 1
        )
        if not merges:
            raise ClassEditError("The cut joins no classes. Cut into fewer.")
        left = len(self.table.rows) - sum(len(merge.ids) - 1 for merge in merges)
        return Batch(edits=merges, label=f"Merge alike classes, {left} are left")

    def lut(self, parts: int | None = None, height: float | None = None) -> npt.NDArray[np.uint16]:
        """Show a cut without making it.

        Parameters
        ----------
        parts : int, optional
            How many classes of the tree are left.
        height : float, optional
            Instead: the largest cosine distance that is joined.

        Returns
        -------
        numpy.ndarray
            ``(next_id,) uint16``, by class id the class that would take its place.

        Raises
        ------
        ClassEditError
            If there cannot be so many.
        """
        table = np.arange(self.table.next_id).astype(np.uint16)
        for kept, members in self.groups(parts, height).items():
            table[list(members)] = kept
        return table

    def suggestions(self, limit: int | None = None) -> list[ClassPair]:
        """List what may be joined, most alike first.

        A later one may join what earlier ones have made.

        Parameters
        ----------
        limit : int, optional
            How many at most; by default all.

        Returns
        -------
        list of ClassPair
            In the order of the tree.
        """
        possible = len(self) - self.least
        wanted = possible if limit is None else min(limit, possible)
        return [
            ClassPair(
                tuple(self.ids[i] for i in pair.first),
                tuple(self.ids[i] for i in pair.second),
                pair.similarity,
            )
            for pair in self.tree.suggestions(wanted)
        ]
