"""The class table: names, colours and hierarchy over clusters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rpds import HashTrieMap

from napari_stego.classes.hierarchy import Hierarchy
from napari_stego.classes.ownership import Ownership, check_fresh
from napari_stego.classes.palette import class_colour
from napari_stego.classes.rows import (
    CODE_LENGTH,
    MAX_ID,
    NAME_LENGTH,
    UNLABELLED,
    ClassEditError,
    ClassRow,
    ClusterSplit,
    clean_colour,
    clean_text,
)
from napari_stego.classes.table_view import TableView


@dataclass(frozen=True, eq=False)
class ClassTable(TableView):
    """Classes over the clusters ``0..n_clusters-1`` and those split from them.

    Each cluster belongs to at most one class; pixels of the others are
    unlabelled (class id 0). Tables are values: an edit returns another,
    which shares nearly all of the old one. Two tables are equal if their
    classes, splits and retired classes are; the counters of new ids, which
    no undo takes back, do not matter.

    Attributes
    ----------
    next_id : int
        The id that the next new class gets.
    """

    @classmethod
    def from_clusters(cls, n_clusters: int) -> ClassTable:
        """Give each cluster a class of its own.

        Parameters
        ----------
        n_clusters : int
            Number of clusters, in ``[1, 65535]``.

        Returns
        -------
        ClassTable
            Class ``i + 1`` is made of cluster ``i``.
        """
        rows = [ClassRow(i + 1, f"class {i + 1}", class_colour(i), (i,)) for i in range(n_clusters)]
        return cls.from_rows(rows, Ownership(n_clusters, n_clusters), n_clusters + 1)

    @classmethod
    def from_rows(cls, rows: Iterable[ClassRow], ownership: Ownership, next_id: int) -> ClassTable:
        """Put a table together, unchecked.

        Parameters
        ----------
        rows : iterable of ClassRow
            The classes.
        ownership : Ownership
            Clusters, splits and retired classes; which class owns a cluster
            is taken from the rows.
        next_id : int
            The id that the next new class gets.

        Returns
        -------
        ClassTable
            The table.
        """
        rows = list(rows)
        given = {cluster: row.id for row in rows for cluster in row.clusters}
        return cls(
            next_id,
            ownership.give(given),
            HashTrieMap({row.id: replace(row, clusters=(), parent=None) for row in rows}),
            HashTrieMap({row.name: row.id for row in rows}),
            Hierarchy(HashTrieMap({row.id: row.parent for row in rows if row.parent is not None})),
        )

    def add(
        self, class_id: int, name: str, colour: str, code: str = "", parent: int | None = None
    ) -> ClassTable:
        """Add a class without pixels; `class_id` must not be below `next_id`.

        Raises
        ------
        ClassEditError
            If the id may have been used, or name, colour, code or parent will not do.
        """
        check_fresh("class", (class_id,), self.next_id, MAX_ID)
        row = ClassRow(class_id, "", clean_colour(colour), ())
        table = replace(self, next_id=class_id + 1, _rows=self._rows.insert(class_id, row))
        return table.rename(class_id, name).set_code(class_id, code).set_parent(class_id, parent)

    def merge(self, ids: Iterable[int], into: int) -> ClassTable:
        """Give all that some classes have, children included, to one of them.

        `into` stays, with its id, name, colour and code, and may be among
        `ids`; the ids of the others stay retired.

        Raises
        ------
        ClassEditError
            If an id is unknown, a class is locked, or no other class than
            `into` is named.
        """
        gone = {class_id for class_id in ids if class_id != into}
        for class_id in (into, *sorted(gone)):
            self.check_unlocked(class_id)
        if into == UNLABELLED or UNLABELLED in gone:
            raise ClassEditError("What is unlabelled is no class; move clusters instead.")
        if not gone:
            raise ClassEditError("Choose at least two classes to merge.")
        return self._retire(gone, into)

    def delete(self, class_id: int) -> ClassTable:
        """Take a class out: its pixels become unlabelled, its children go one up.

        Raises
        ------
        ClassEditError
            If there is no such class, or it is locked.
        """
        self._row(class_id)
        self.check_unlocked(class_id)
        return self._retire({class_id}, UNLABELLED)

    def move(self, clusters: Iterable[int], into: int) -> ClassTable:
        """Give clusters to a class, or to none if `into` is 0.

        Raises
        ------
        ClassEditError
            If a cluster or the class is not there, one of the classes is
            locked, or the clusters are there already.
        """
        clusters = list(clusters)
        if not clusters:
            raise ClassEditError("Choose clusters to move.")
        self.check_unlocked(into)
        owners = {self.owner(cluster) for cluster in clusters}
        for owner in owners:
            self.check_unlocked(owner)
        if owners <= {into}:
            raise ClassEditError(f"“{self.name(into)}” has these clusters already.")
        return replace(self, _ownership=self._ownership.give(dict.fromkeys(clusters, into)))

    def split(self, class_id: int, split: ClusterSplit, owners: Iterable[int]) -> ClassTable:
        """Put new clusters in the place of clusters of a class.

        `owners` are the classes of the new clusters, one for each.

        Raises
        ------
        ClassEditError
            If the class is locked, the clusters are not its, an owner is
            not there or locked, or the ids of the new clusters were used.
        """
        owners = tuple(owners)
        for each in (self._row(class_id).id, *owners):
            self.check_unlocked(each)
        if len(owners) != len(split.new_clusters):
            raise ClassEditError("A split needs one class for each new cluster.")
        for cluster in split.clusters:
            if self.owner(cluster) != class_id:
                raise ClassEditError(f"Cluster {cluster} is not in “{self.name(class_id)}”.")
        return replace(self, _ownership=self._ownership.split(split, owners))

    def rename(self, class_id: int, name: str) -> ClassTable:
        """Name a class; spaces around the name are dropped.

        Raises
        ------
        ClassEditError
            If the name is empty or too long, or another class has it.
        """
        row, name = self._row(class_id), clean_text("name", name, NAME_LENGTH)
        if not name:
            raise ClassEditError("A class needs a name.")
        other = self._names.get(name, class_id)
        if other != class_id:
            raise ClassEditError(
                f"Class {other} is named “{name}” already. If both are the same thing, merge "
                "them; otherwise choose another name."
            )
        names = self._names.discard(row.name).insert(name, class_id)
        return replace(self, _names=names)._with(replace(row, name=name))

    def recolour(self, class_id: int, colour: str) -> ClassTable:
        """Colour a class, as ``#rrggbb``.

        Raises
        ------
        ClassEditError
            If the colour is not of this form.
        """
        return self._with(replace(self._row(class_id), colour=clean_colour(colour)))

    def set_code(self, class_id: int, code: str) -> ClassTable:
        """Give a class a code; an empty one takes it away.

        Raises
        ------
        ClassEditError
            If the code is too long.
        """
        code = clean_text("code", code, CODE_LENGTH)
        return self._with(replace(self._row(class_id), code=code))

    def set_parent(self, class_id: int, parent: int | None) -> ClassTable:
        """Put a class under another, or at the top if `parent` is None.

        Raises
        ------
        ClassEditError
            If one is not there, or the class would come to be under itself.
        """
        self._row(class_id)
        if parent is not None and class_id in (
            self._row(parent).id,
            *self._hierarchy.above(parent),
        ):
            raise ClassEditError(
                f"“{self.name(class_id)}” cannot be under “{self.name(parent)}”, which is "
                + ("itself." if parent == class_id else "under it.")
            )
        return replace(self, _hierarchy=self._hierarchy.place(class_id, parent))

    def lock(self, class_id: int, locked: bool) -> ClassTable:
        """Keep the pixels of a class from being changed, or let them be changed again."""
        return self._with(replace(self._row(class_id), locked=locked))

    def reserve(self, next_id: int, next_cluster: int) -> ClassTable:
        """Return the same table whose new ids start at these or, if it is beyond, its own."""
        ownership = self._ownership
        return replace(
            self,
            next_id=max(self.next_id, next_id),
            _ownership=replace(ownership, next_cluster=max(ownership.next_cluster, next_cluster)),
        )

    def over(self, n_clusters: int) -> ClassTable:
        """Return the same classes over other clusters, none of which has a class yet."""
        ownership = Ownership(n_clusters, n_clusters).retire(self._ownership.gone())
        return replace(self, _ownership=ownership)

    def _with(self, row: ClassRow) -> ClassTable:
        return replace(self, _rows=self._rows.insert(row.id, row))

    def _retire(self, gone: set[int], heir: int) -> ClassTable:
        rows, names = self._rows, self._names
        for class_id in gone:
            names = names.discard(rows[class_id].name)
            rows = rows.remove(class_id)
        return replace(
            self,
            _rows=rows,
            _names=names,
            _hierarchy=self._hierarchy.retire(gone, heir or None),
            _ownership=self._ownership.retire(dict.fromkeys(gone, heir)),
        )
