"""All edits, several as one, and how they are read."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Literal

from pydantic import FailFast, Field, TypeAdapter
from typing_extensions import override

from napari_stego.classes.edit import Edit
from napari_stego.classes.pixel_edits import (
    AcceptProposal,
    PaintStroke,
    ReassignRegion,
    RemoveStrokes,
    ResetStrokes,
)
from napari_stego.classes.rows import NAME_LENGTH, clean_text
from napari_stego.classes.state import Change, ClassState
from napari_stego.classes.table import ClassTable
from napari_stego.classes.table_edits import (
    AddClass,
    DeleteClass,
    LockClass,
    MergeClasses,
    MoveClusters,
    RecolourClass,
    RenameClass,
    SetCode,
    SetParent,
    SplitClass,
)

_BATCH_SIZE = 100_000

Stroke = Annotated[
    PaintStroke | RemoveStrokes | AcceptProposal | ReassignRegion, Field(discriminator="kind")
]
"""Any edit that stays with its image as a stroke."""

SingleEdit = Annotated[
    MergeClasses
    | SplitClass
    | MoveClusters
    | AddClass
    | DeleteClass
    | RenameClass
    | RecolourClass
    | SetCode
    | SetParent
    | LockClass
    | PaintStroke
    | RemoveStrokes
    | ResetStrokes
    | AcceptProposal
    | ReassignRegion,
    Field(discriminator="kind"),
]
"""Any edit that is not made of others."""


class Batch(Edit):
    """Several edits as one step: all of them or none.

    Attributes
    ----------
    edits : tuple of SingleEdit
        The edits, each of which finds what those before it have left.
    label : str
        What they do together, for the history; empty to describe the first.
    """

    kind: Literal["batch"] = "batch"
    edits: Annotated[
        tuple[SingleEdit, ...], FailFast(), Field(min_length=1, max_length=_BATCH_SIZE)
    ]
    label: str = ""

    @override
    def apply(self, state: ClassState) -> ClassState:
        clean_text("label", self.label, NAME_LENGTH)
        for edit in self.edits:
            state = edit.apply(state)
        return state

    @override
    def describe(self, table: ClassTable) -> str:
        if self.label.strip():
            return self.label.strip()
        first, others = self.edits[0].describe(table), len(self.edits) - 1
        return f"{first}, and {others} more edit{'s' * (others > 1)}" if others else first

    @property
    @override
    def change(self) -> Change:
        return reduce(or_, (edit.change for edit in self.edits))


ClassEdit = Annotated[SingleEdit | Batch, Field(discriminator="kind")]
"""Any edit."""

EDITS: TypeAdapter[tuple[ClassEdit, ...]] = TypeAdapter(tuple[ClassEdit, ...])
"""Reads and writes edits as JSON values."""
