"""Edits of the class table."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, StrictBool, StrictInt
from typing_extensions import override

from napari_stego.classes.edit import Edit
from napari_stego.classes.rows import MAX_ID, UNLABELLED, ClusterSplit
from napari_stego.classes.state import Change, ClassState
from napari_stego.classes.table import ClassTable

_Ids = Annotated[tuple[StrictInt, ...], FailFast(), Field(max_length=MAX_ID)]

_NAMES_SHOWN = 4


class TableEdit(Edit):
    """An edit of the class table, which leaves strokes as they are."""

    _change: ClassVar[Change]

    @override
    def apply(self, state: ClassState) -> ClassState:
        return replace(state, table=self._edited(state.table))

    @property
    @override
    def change(self) -> Change:
        return self._change

    @abstractmethod
    def _edited(self, table: ClassTable) -> ClassTable: ...


class MergeClasses(TableEdit):
    """Merge classes into one of them, with all that was painted and their children.

    Attributes
    ----------
    ids : tuple of int
        The classes.
    into : int
        The one that stays.
    """

    _change = Change(labels=True, colours=True, rows=True)

    kind: Literal["merge"] = "merge"
    ids: _Ids
    into: StrictInt

    def _edited(self, table: ClassTable) -> ClassTable:
        return table.merge(self.ids, self.into)

    @override
    def describe(self, table: ClassTable) -> str:
        ids = dict.fromkeys((self.into, *self.ids))
        return f"Merge {_names(table, ids)} into {_names(table, [self.into])}"


class NewClass(BaseModel):
    """A class that an edit makes.

    Attributes
    ----------
    id : int
        The table's `next_id`.
    name : str
        Its name.
    colour : str
        ``#rrggbb``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: StrictInt
    name: str
    colour: str


class SplitClass(TableEdit):
    """Put new clusters in the place of clusters of a class, each in a class of its own.

    The first of them stays in the class; each of the others gets a new one.
    What was painted stays in the class.

    Attributes
    ----------
    id : int
        The class.
    clusters : tuple of int
        Its clusters whose pixels are clustered again; they are no more.
    new_clusters : tuple of int
        At least two ids from the table's `next_cluster` on.
    new_classes : tuple of NewClass
        One less than new clusters.
    split_id : str
        Names the new centroids, kept elsewhere; 8 to 64 hexadecimal digits.
    """

    _change = Change(labels=True, colours=True, rows=True)

    kind: Literal["split"] = "split"
    id: StrictInt
    clusters: _Ids
    new_clusters: _Ids
    new_classes: Annotated[tuple[NewClass, ...], FailFast(), Field(max_length=MAX_ID)]
    split_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]

    def _edited(self, table: ClassTable) -> ClassTable:
        for new in self.new_classes:
            table = table.add(new.id, new.name, new.colour)
        split = ClusterSplit(self.split_id, self.clusters, self.new_clusters)
        return table.split(self.id, split, (self.id, *(new.id for new in self.new_classes)))

    @override
    def describe(self, table: ClassTable) -> str:
        return f"Split {_names(table, [self.id])} into {len(self.new_clusters)}"


class MoveClusters(TableEdit):
    """Give clusters to a class.

    Attributes
    ----------
    clusters : tuple of int
        The clusters.
    into : int
        The class; 0 leaves them unlabelled.
    """

    _change = Change(labels=True, rows=True)

    kind: Literal["move"] = "move"
    clusters: _Ids
    into: StrictInt

    def _edited(self, table: ClassTable) -> ClassTable:
        return table.move(self.clusters, self.into)

    @override
    def describe(self, table: ClassTable) -> str:
        shown = ", ".join(map(str, self.clusters[:_NAMES_SHOWN]))
        plural, many = "s" * (len(self.clusters) > 1), len(self.clusters) > _NAMES_SHOWN
        what = f"{len(self.clusters)} clusters" if many else f"cluster{plural} {shown}"
        return f"Move {what} to {_names(table, [self.into])}"


class AddClass(TableEdit):
    """Add a class without pixels.

    Attributes
    ----------
    id : int
        The table's `next_id`.
    name : str
        Its name.
    colour : str
        ``#rrggbb``.
    code : str
        Its code in a label set.
    parent : int, optional
        The class above it.
    """

    _change = Change(colours=True, rows=True)

    kind: Literal["add"] = "add"
    id: StrictInt
    name: str
    colour: str
    code: str = ""
    parent: StrictInt | None = None

    def _edited(self, table: ClassTable) -> ClassTable:
        return table.add(self.id, self.name, self.colour, self.code, self.parent)

    @override
    def describe(self, table: ClassTable) -> str:
        return f"Add “{self.name.strip()}”"


class DeleteClass(TableEdit):
    """Take a class out: its clusters and what was painted with it become unlabelled.

    Attributes
    ----------
    id : int
        The class.
    """

    _change = Change(labels=True, colours=True, rows=True)

    kind: Literal["delete"] = "delete"
    id: StrictInt

    def _edited(self, table: ClassTable) -> ClassTable:
        return table.delete(self.id)

    @override
    def describe(self, table: ClassTable) -> str:
        return f"Delete {_names(table, [self.id])}"


class RenameClass(TableEdit):
    """Name a class.

    Attributes
    ----------
    id : int
        The class.
    name : str
        Its new name.
    """

    _change = Change(rows=True)

    kind: Literal["rename"] = "rename"
    id: StrictInt
    name: str

    def _edited(self, table: ClassTable) -> ClassTable:
        return table.rename(self.id, self.name)

    @override
    def describe(self, table: ClassTable) -> str:
        return f"Rename {_names(table, [self.id])} to “{self.name.strip()}”"


class RecolourClass(TableEdit):
    """Colour a class.

    Attributes
    ----------
    id : int
        The class.
    colour : str
        Its new colour, ``#rrggbb``.
    """

    _change = Change(colours=True, rows=True)

    kind: Literal["recolour"] = "recolour"
    id: StrictInt
    colour: str

    def _edited(self, table: ClassTable) -> ClassTable:
        return table.recolour(self.id, self.colour)

    @override
    def describe(self, table: ClassTable) -> str:
        return f"Recolour {_names(table, [self.id])}"


class SetCode(TableEdit):
    """Give a class a code of a label set.

    Attributes
    ----------
    id : int
        The class.
    code : str
        Its new code; empty for none.
    """

    _change = Change(rows=True)

    kind: Literal["set_code"] = "set_code"
    id: StrictInt
    code: str

    def _edited(self, table: ClassTable) -> ClassTable:
        return table.set_code(self.id, self.code)

    @override
    def describe(self, table: ClassTable) -> str:
        return f"Set the code of {_names(table, [self.id])} to “{self.code.strip()}”"


class SetParent(TableEdit):
    """Put a class under another.

    Attributes
    ----------
    id : int
        The class.
    parent : int, optional
        The class above it; None puts it at the top.
    """

    _change = Change(rows=True)

    kind: Literal["set_parent"] = "set_parent"
    id: StrictInt
    parent: StrictInt | None

    def _edited(self, table: ClassTable) -> ClassTable:
        return table.set_parent(self.id, self.parent)

    @override
    def describe(self, table: ClassTable) -> str:
        place = "to the top" if self.parent is None else f"under {_names(table, [self.parent])}"
        return f"Put {_names(table, [self.id])} {place}"


class LockClass(TableEdit):
    """Keep the pixels of a class from being changed, or let them be changed again.

    Attributes
    ----------
    id : int
        The class.
    locked : bool
        Whether it is locked.
    """

    _change = Change(rows=True)

    kind: Literal["lock"] = "lock"
    id: StrictInt
    locked: StrictBool = True

    def _edited(self, table: ClassTable) -> ClassTable:
        return table.lock(self.id, self.locked)

    @override
    def describe(self, table: ClassTable) -> str:
        return f"{'Lock' if self.locked else 'Unlock'} {_names(table, [self.id])}"


def _names(table: ClassTable, ids: Iterable[int]) -> str:
    names = [f"“{table.name(i)}”" if i != UNLABELLED else "unlabelled" for i in ids]
    if len(names) > _NAMES_SHOWN:
        names[_NAMES_SHOWN - 1 :] = [f"{len(names) - _NAMES_SHOWN + 1} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
