"""The class table: names and colours over clusters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, TypeAdapter

from napari_stego.classes.palette import class_colour
from napari_stego.errors import StegoError

UNLABELLED = 0

_COLOUR = re.compile(r"#[0-9a-f]{6}")
# Cluster maps and label images are uint16.
_MAX_ID = 65_535

_ClassId = Annotated[int, Field(strict=True, ge=1, le=_MAX_ID)]
_Cluster = Annotated[int, Field(strict=True, ge=0)]
_ClusterCount = Annotated[int, Field(strict=True, ge=1, le=_MAX_ID)]
_NextId = Annotated[int, Field(strict=True, ge=1, le=_MAX_ID + 1)]
_Colour = Annotated[str, Field(pattern=f"^{_COLOUR.pattern}$")]


class ClassEditError(StegoError):
    """An edit that the class table cannot take."""


@dataclass(frozen=True)
class ClassRow:
    """A class.

    Attributes
    ----------
    id : int
        From 1; never reused or renumbered.
    name : str
        Not empty, unique in the table.
    colour : str
        ``#rrggbb``, lower case.
    clusters : tuple of int
        The source clusters, ascending.
    """

    id: _ClassId
    name: str
    colour: _Colour
    clusters: tuple[_Cluster, ...]


@dataclass(frozen=True)
class ClassTable:
    """Classes over the clusters ``0..n_clusters-1``.

    Each cluster belongs to at most one class; pixels of the others are
    unlabelled (class id 0). Tables are values: an edit returns another.

    Attributes
    ----------
    rows : tuple of ClassRow
        The classes, by id.
    n_clusters : int
        Number of clusters.
    next_id : int
        The id that the next new class gets.
    """

    rows: tuple[ClassRow, ...]
    n_clusters: _ClusterCount
    next_id: _NextId

    @classmethod
    def from_clusters(cls, n_clusters: int) -> ClassTable:
        """Give each cluster a class of its own.

        Parameters
        ----------
        n_clusters : int
            Number of clusters.

        Returns
        -------
        ClassTable
            Class ``i + 1`` is made of cluster ``i``.
        """
        rows = tuple(
            ClassRow(i + 1, f"class {i + 1}", class_colour(i), (i,)) for i in range(n_clusters)
        )
        return cls(rows, n_clusters, n_clusters + 1)

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
        for row in self.rows:
            if row.id == class_id:
                return row
        raise ClassEditError(f"There is no class with the id {class_id}.")

    def merge(self, ids: Iterable[int], into: int) -> ClassTable:
        """Move the clusters of some classes into one of them.

        Parameters
        ----------
        ids : iterable of int
            Classes to merge; `into` may be among them.
        into : int
            The class that stays, with its id, name and colour.

        Returns
        -------
        ClassTable
            Without the other classes; their ids stay retired.

        Raises
        ------
        ClassEditError
            If an id is unknown, or no other class than `into` is named.
        """
        target = self.row(into)
        gone = {class_id: self.row(class_id) for class_id in ids if class_id != into}
        if not gone:
            raise ClassEditError("Choose at least two classes to merge.")
        clusters = sorted(target.clusters + sum((row.clusters for row in gone.values()), ()))
        kept = tuple(row for row in self.rows if row.id not in gone)
        merged = replace(target, clusters=tuple(clusters))
        return replace(self, rows=kept)._with(merged)

    def rename(self, class_id: int, name: str) -> ClassTable:
        """Name a class.

        Parameters
        ----------
        class_id : int
            The class.
        name : str
            Its name; spaces around it are dropped.

        Returns
        -------
        ClassTable
            With the name.

        Raises
        ------
        ClassEditError
            If the name is empty or another class has it.
        """
        name = name.strip()
        if not name:
            raise ClassEditError("A class needs a name.")
        for row in self.rows:
            if row.name == name and row.id != class_id:
                raise ClassEditError(
                    f"Class {row.id} is named “{name}” already. If both are the same thing, merge "
                    "them; otherwise choose another name."
                )
        return self._with(replace(self.row(class_id), name=name))

    def recolour(self, class_id: int, colour: str) -> ClassTable:
        """Colour a class.

        Parameters
        ----------
        class_id : int
            The class.
        colour : str
            ``#rrggbb``.

        Returns
        -------
        ClassTable
            With the colour.

        Raises
        ------
        ClassEditError
            If the colour is not of this form.
        """
        colour = colour.lower()
        if not _COLOUR.fullmatch(colour):
            raise ClassEditError(f"A colour is written #rrggbb, not {colour!r}.")
        return self._with(replace(self.row(class_id), colour=colour))

    def _with(self, changed: ClassRow) -> ClassTable:
        rows = tuple(changed if row.id == changed.id else row for row in self.rows)
        return replace(self, rows=rows)

    def lut(self) -> npt.NDArray[np.uint16]:
        """Make the lookup table from clusters to class ids.

        Returns
        -------
        numpy.ndarray
            ``(n_clusters,) uint16``; 0 where a cluster has no class.
        """
        table = np.full(self.n_clusters, UNLABELLED, np.uint16)
        for row in self.rows:
            table[list(row.clusters)] = row.id
        return table

    def to_dict(self) -> dict[str, Any]:
        """Turn the table into JSON values.

        Returns
        -------
        dict
            For `from_dict`.
        """
        rows = [{**vars(row), "clusters": list(row.clusters)} for row in self.rows]
        return {"rows": rows, "n_clusters": self.n_clusters, "next_id": self.next_id}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassTable:
        """Read a table from JSON values.

        Parameters
        ----------
        values : mapping
            As `to_dict` makes them.

        Returns
        -------
        ClassTable
            The table.

        Raises
        ------
        ValueError
            If the values are no such table.
        """
        table = _TABLE.validate_python(values)
        table._check()
        return table

    def _check(self) -> None:
        ids = [row.id for row in self.rows]
        if ids != sorted(set(ids)):
            raise ValueError("the ids of the classes are not ascending")
        if ids and ids[-1] >= self.next_id:
            raise ValueError(f"the next id is {self.next_id}, and class {ids[-1]} is there already")
        names = [row.name for row in self.rows]
        if len(set(names)) != len(names) or not all(name.strip() for name in names):
            raise ValueError("the names of the classes are not all different, or some are empty")
        clusters = [cluster for row in self.rows for cluster in row.clusters]
        if len(set(clusters)) != len(clusters):
            raise ValueError("a cluster is in more than one class")
        if clusters and max(clusters) >= self.n_clusters:
            raise ValueError(f"there is a cluster {max(clusters)} among {self.n_clusters} clusters")


_TABLE = TypeAdapter(ClassTable)
