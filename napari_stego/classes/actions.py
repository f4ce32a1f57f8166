"""What can be done to a history, as values that can be written and replayed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from napari_stego.classes.edits import ClassEdit


class _Action(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Do(_Action):
    """Apply an edit.

    Attributes
    ----------
    edit : ClassEdit
        The edit.
    """

    kind: Literal["do"] = "do"
    edit: ClassEdit


class Undo(_Action):
    """Take the last edit back."""

    kind: Literal["undo"] = "undo"


class Redo(_Action):
    """Apply the edit undone last again."""

    kind: Literal["redo"] = "redo"


class Jump(_Action):
    """Undo or redo until a number of edits are in force.

    Attributes
    ----------
    to : int
        The number of edits.
    """

    kind: Literal["jump"] = "jump"
    to: StrictInt


Action = Annotated[Do | Undo | Redo | Jump, Field(discriminator="kind")]
"""Anything that changes a history."""
