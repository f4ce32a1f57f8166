"""The class table as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter

from napari_stego.classes.ownership import Ownership
from napari_stego.classes.rows import (
    MAX_ID,
    UNLABELLED,
    ClassEditError,
    ClassId,
    ClassRow,
    ClusterSplit,
)
from napari_stego.classes.table import ClassTable

_Count = Annotated[int, Field(strict=True, ge=1, le=MAX_ID)]
_NextId = Annotated[int, Field(strict=True, ge=1, le=MAX_ID + 1)]
_Fate = Annotated[int, Field(strict=True, ge=UNLABELLED, le=MAX_ID)]


class TableRecord(BaseModel):
    """A class table in a file.

    Attributes
    ----------
    rows : tuple of ClassRow
        The classes, by id.
    n_clusters : int
        Clusters of the cluster maps, before any split.
    next_id : int
        The id that the next new class gets.
    next_cluster : int, optional
        The id that the next new cluster gets, if splits that were undone used some.
    splits : tuple of ClusterSplit
        The splits in force, oldest first.
    gone : tuple of (int, int)
        Each retired class and what has become of it, 0 for deleted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: Annotated[tuple[ClassRow, ...], FailFast(), Field(max_length=MAX_ID)]
    n_clusters: _Count
    next_id: _NextId
    next_cluster: _Count | None = None
    splits: Annotated[tuple[ClusterSplit, ...], FailFast(), Field(max_length=MAX_ID)] = ()
    gone: Annotated[tuple[tuple[ClassId, _Fate], ...], FailFast(), Field(max_length=MAX_ID)] = ()

    @classmethod
    def of(cls, table: ClassTable) -> TableRecord:
        """Record a table.

        Parameters
        ----------
        table : ClassTable
            The table.

        Returns
        -------
        TableRecord
            The record; `table` makes the same table of it.
        """
        return cls.model_construct(
            rows=table.rows,
            n_clusters=table.n_clusters,
            next_id=table.next_id,
            next_cluster=table.next_cluster,
            splits=table.splits,
            gone=tuple(table.gone.items()),
        )

    def table(self) -> ClassTable:
        """Make the table.

        Returns
        -------
        ClassTable
            The table.

        Raises
        ------
        ValueError
            If the values make no sense together.
        """
        self._check_rows()
        try:
            ownership = self._ownership()
            for row in self.rows:
                for cluster in row.clusters:
                    ownership.owner(cluster)
        except ClassEditError as error:
            raise ValueError(str(error)) from error
        return ClassTable.from_rows(self.rows, ownership, self.next_id)

    def _check_rows(self) -> None:
        ids = [row.id for row in self.rows]
        if ids != sorted(set(ids)):
            raise ValueError("the ids of the classes are not ascending")
        if max([*ids, *dict(self.gone)], default=0) >= self.next_id:
            raise ValueError(f"the next id is {self.next_id}, and a class has or had it already")
        names = [row.name for row in self.rows]
        if len(set(names)) != len(names) or not all(name.strip() for name in names):
            raise ValueError("the names of the classes are not all different, or some are empty")
        clusters = [cluster for row in self.rows for cluster in row.clusters]
        if len(set(clusters)) != len(clusters):
            raise ValueError("a cluster is in more than one class")
        here = set(ids)
        for class_id, fate in self.gone:
            if class_id in here or (fate != UNLABELLED and fate not in here):
                raise ValueError(f"class {class_id} is both gone and there, or gone to nowhere")
        above = {row.id: (row.parent,) for row in self.rows if row.parent is not None}
        if not here.issuperset(parent for (parent,) in above.values()):
            raise ValueError("a class is under one that is not there")
        TopologicalSorter(above).prepare()  # a CycleError is a ValueError

    def _ownership(self) -> Ownership:
        ownership = Ownership(self.n_clusters, self.n_clusters)
        for split in self.splits:
            ownership = ownership.split(split, (UNLABELLED,) * len(split.new_clusters))
        after = max(ownership.next_cluster, self.next_cluster or 0)
        return replace(ownership, next_cluster=after).retire(dict(self.gone))


_RECORD = TypeAdapter(TableRecord)


def table_to_dict(table: ClassTable) -> dict[str, Any]:
    """Turn a table into JSON values.

    Parameters
    ----------
    table : ClassTable
        The table.

    Returns
    -------
    dict
        For `table_from_dict`.
    """
    values: dict[str, Any] = _RECORD.dump_python(TableRecord.of(table), mode="json")
    return values


def table_from_dict(values: Mapping[str, Any]) -> ClassTable:
    """Read a table from JSON values.

    Parameters
    ----------
    values : mapping
        As `table_to_dict` makes them, in this version or an older one.

    Returns
    -------
    ClassTable
        The table.

    Raises
    ------
    ValueError
        If the values are no such table.
    """
    return _RECORD.validate_python(values).table()
