"""Which class each cluster and each painted pixel belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from rpds import HashTrieMap, List

from napari_stego.classes.rows import MAX_ID, UNLABELLED, ClassEditError, ClusterSplit

_SPLIT = -1


@dataclass(frozen=True, eq=False)
class Ownership:
    """Clusters and the classes that own them.

    A cluster keeps the class it was given, and a painted pixel the class it
    was painted with; that a class was merged or deleted is kept beside them
    and looked up. So a merge costs the same whatever was painted. The maps
    are persistent: a changed ownership shares nearly all of the old one.

    Attributes
    ----------
    n_clusters : int
        Clusters of the cluster maps, before any split.
    next_cluster : int
        The id that the next new cluster gets.
    """

    n_clusters: int
    next_cluster: int
    _given: HashTrieMap[int, int] = field(default_factory=HashTrieMap)
    _gone: HashTrieMap[int, int] = field(default_factory=HashTrieMap)
    _splits: List[ClusterSplit] = field(default_factory=List)

    @property
    def splits(self) -> tuple[ClusterSplit, ...]:
        """The splits in force, oldest first: the order to refine a cluster map in."""
        return tuple(self._splits)[::-1]

    def now(self, class_id: int) -> int:
        """Tell what has become of a class.

        Parameters
        ----------
        class_id : int
            A class, there or gone.

        Returns
        -------
        int
            The class it was merged into, however often; 0 if it was deleted;
            itself otherwise.
        """
        while class_id in self._gone:
            class_id = self._gone[class_id]
        return class_id

    def gone(self) -> dict[int, int]:
        """Return what has become of each class that is no more, by id; 0 for deleted."""
        return {class_id: self.now(class_id) for class_id in sorted(self._gone)}

    def owner(self, cluster: int) -> int:
        """Find the class of a cluster.

        Parameters
        ----------
        cluster : int
            The cluster.

        Returns
        -------
        int
            Its class; 0 if it has none.

        Raises
        ------
        ClassEditError
            If there is no such cluster, or it was split.
        """
        given = self._given.get(cluster)
        if given is None:
            if 0 <= cluster < self.n_clusters:
                return UNLABELLED
            raise ClassEditError(f"There is no cluster {cluster}.")
        if given == _SPLIT:
            raise ClassEditError(
                f"Cluster {cluster} was split; use the clusters it was split into."
            )
        return self.now(given)

    def by_class(self) -> dict[int, list[int]]:
        """Return the clusters of each class that has any, ascending."""
        found: dict[int, list[int]] = {}
        for cluster, given in sorted(self._given.items()):
            owner = UNLABELLED if given == _SPLIT else self.now(given)
            if owner != UNLABELLED:
                found.setdefault(owner, []).append(cluster)
        return found

    def lut(self) -> npt.NDArray[np.uint16]:
        """Make the lookup table from clusters to classes.

        Returns
        -------
        numpy.ndarray
            ``(n,) uint16``, with n the clusters of the cluster map once it is
            refined by `splits`; 0 where a cluster has no class or was split.
        """
        newest = (split.new_clusters[-1] + 1 for split in self._splits)
        table = np.full(next(newest, self.n_clusters), UNLABELLED, np.uint16)
        for class_id, clusters in self.by_class().items():
            table[clusters] = class_id
        return table

    def give(self, owners: Mapping[int, int]) -> Ownership:
        """Give clusters to classes.

        Parameters
        ----------
        owners : mapping of int to int
            The class of each cluster from now on, 0 for none; the clusters are there.

        Returns
        -------
        Ownership
            With the clusters given.
        """
        return replace(self, _given=self._given.update(owners))

    def retire(self, fates: Mapping[int, int]) -> Ownership:
        """Let classes go.

        Parameters
        ----------
        fates : mapping of int to int
            The class that takes each over, by id; 0 leaves its pixels unlabelled.

        Returns
        -------
        Ownership
            Without the classes.
        """
        return replace(self, _gone=self._gone.update(fates))

    def split(self, split: ClusterSplit, owners: Iterable[int]) -> Ownership:
        """Put new clusters in the place of some.

        Parameters
        ----------
        split : ClusterSplit
            Which are no more, and the ids of the new ones.
        owners : iterable of int
            The class of each new cluster.

        Returns
        -------
        Ownership
            With the new clusters.

        Raises
        ------
        ClassEditError
            If the old clusters are none, not there or named twice, or the
            new ones are fewer than two, or have ids that were used.
        """
        if not split.clusters or len(set(split.clusters)) < len(split.clusters):
            raise ClassEditError("A split needs clusters, each of them once.")
        for cluster in split.clusters:
            self.owner(cluster)
        if len(split.new_clusters) < 2:
            raise ClassEditError("Split into at least two clusters.")
        check_fresh("cluster", split.new_clusters, self.next_cluster, MAX_ID - 1)
        given = self._given.update((cluster, _SPLIT) for cluster in split.clusters)
        given = given.update(zip(split.new_clusters, owners, strict=True))
        return replace(
            self,
            next_cluster=split.new_clusters[-1] + 1,
            _given=given,
            _splits=self._splits.push_front(split),
        )


def check_fresh(what: str, ids: tuple[int, ...], first: int, last: int) -> None:
    """Check that new ids follow each other and were never used.

    Parameters
    ----------
    what : str
        What the ids are of: "class" or "cluster".
    ids : tuple of int
        The new ids.
    first : int
        The next id.
    last : int
        The largest id there can be.

    Raises
    ------
    ClassEditError
        If one was used, or there are not enough left.
    """
    if first + len(ids) - 1 > last or max(ids, default=0) > last:
        raise ClassEditError(f"There are no {what} ids left: they end at {last}.")
    start = ids[0] if ids else first
    if start < first or ids != tuple(range(start, start + len(ids))):
        raise ClassEditError(
            f"New {what} ids follow {first - 1}, unlike {ids[:10]}: the classes have changed since "
            "this edit was prepared. Try again."
        )
