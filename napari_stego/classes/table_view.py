"""What a class table tells, apart from how another is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from rpds import HashTrieMap

from napari_stego.classes.hierarchy import Hierarchy
from napari_stego.classes.ownership import Ownership
from napari_stego.classes.rows import UNLABELLED, ClassEditError, ClassRow, ClusterSplit


@dataclass(frozen=True, eq=False)
class TableView:
    """Classes over clusters, to be read; see `ClassTable`.

    Attributes
    ----------
    next_id : int
        The id that the next new class gets.
    """

    next_id: int
    _ownership: Ownership
    # Without clusters and parents, which are looked up.
    _rows: HashTrieMap[int, ClassRow] = field(default_factory=HashTrieMap)
    _names: HashTrieMap[str, int] = field(default_factory=HashTrieMap)
    _hierarchy: Hierarchy = field(default_factory=Hierarchy)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TableView):
            return NotImplemented
        return self._content() == other._content()

    __hash__ = None  # type: ignore[assignment]

    def _content(self) -> tuple[Any, ...]:
        return self.n_clusters, self.rows, self.splits, self.gone

    @property
    def rows(self) -> tuple[ClassRow, ...]:
        """The classes, by id."""
        clusters = self._ownership.by_class()
        return tuple(
            replace(row, clusters=tuple(clusters.get(i, ())), parent=self._hierarchy.parent(i))
            for i, row in sorted(self._rows.items())
        )

    @property
    def n_clusters(self) -> int:
        """Clusters of the cluster maps, before any split."""
        return self._ownership.n_clusters

    @property
    def next_cluster(self) -> int:
        """The id that the next new cluster gets."""
        return self._ownership.next_cluster

    @property
    def splits(self) -> tuple[ClusterSplit, ...]:
        """The splits in force, oldest first: the order to refine a cluster map in."""
        return self._ownership.splits

    @property
    def gone(self) -> Mapping[int, int]:
        """What has become of each class that is no more, by id; 0 for deleted."""
        return self._ownership.gone()

    @property
    def locked(self) -> tuple[int, ...]:
        """The ids of the locked classes."""
        return tuple(sorted(row.id for row in self._rows.values() if row.locked))

    def __contains__(self, class_id: object) -> bool:
        return class_id in self._rows

    def row(self, class_id: int) -> ClassRow:
        """Find a class.

        Parameters
        ----------
        class_id : int
            Its id.

        Returns
        -------
        ClassRow
            The class.

        Raises
        ------
        ClassEditError
            If there is none with this id.
        """
        clusters = self._ownership.by_class().get(class_id, ())
        parent = self._hierarchy.parent(class_id)
        return replace(self._row(class_id), clusters=tuple(clusters), parent=parent)

    def name(self, class_id: int) -> str:
        """Return the name of a class; "unlabelled" for 0.

        Raises
        ------
        ClassEditError
            If there is no class with this id.
        """
        return "unlabelled" if class_id == UNLABELLED else self._row(class_id).name

    def free_name(self, name: str) -> str:
        """Return a name that no class has: `name`, or with the first free number after it."""
        free, number = name, 1
        while free in self._names:
            number += 1
            free = f"{name} {number}"
        return free

    def owner(self, cluster: int) -> int:
        """Return the class of a cluster, 0 if it has none.

        Raises
        ------
        ClassEditError
            If there is no such cluster, or it was split.
        """
        return self._ownership.owner(cluster)

    def now(self, class_id: int) -> int:
        """Return what has become of a class: itself, what it was merged into, or 0."""
        return self._ownership.now(class_id)

    def lut(self) -> npt.NDArray[np.uint16]:
        """Make the lookup table from clusters to class ids.

        Returns
        -------
        numpy.ndarray
            ``(n,) uint16``, with n the clusters of a cluster map that is
            refined by `splits`; 0 where a cluster has no class.
        """
        return self._ownership.lut()

    def check_unlocked(self, class_id: int) -> None:
        """Check that the pixels of a class may change.

        Parameters
        ----------
        class_id : int
            The class; 0, which is never locked, stands for unlabelled.

        Raises
        ------
        ClassEditError
            If there is no such class, or it is locked.
        """
        if class_id != UNLABELLED and self._row(class_id).locked:
            raise ClassEditError(
                f"“{self.name(class_id)}” is locked, which keeps its pixels as they are. Unlock it "
                "first."
            )

    def _row(self, class_id: int) -> ClassRow:
        row = self._rows.get(class_id)
        if row is None:
            raise ClassEditError(f"There is no class with the id {class_id}.")
        return row
