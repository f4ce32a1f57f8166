"""Edits of the class table, as values that can be kept and replayed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, TypeAdapter

from napari_stego.classes.table import ClassTable


class MergeClasses(BaseModel):
    """Merge classes into one of them.

    Attributes
    ----------
    ids : tuple of int
        The classes.
    into : int
        The one that stays.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["merge"] = "merge"
    ids: tuple[StrictInt, ...]
    into: StrictInt

    def apply(self, table: ClassTable) -> ClassTable:
        """Return the edited table.

        Parameters
        ----------
        table : ClassTable
            Before.

        Returns
        -------
        ClassTable
            After.

        Raises
        ------
        ClassEditError
            If the table cannot take the edit.
        """
        return table.merge(self.ids, self.into)

    def describe(self, table: ClassTable) -> str:
        """Put the edit in words.

        Parameters
        ----------
        table : ClassTable
            Before.

        Returns
        -------
        str
            A few words.

        Raises
        ------
        ClassEditError
            If the table has no such class.
        """
        names = ", ".join(table.row(i).name for i in self.ids if i != self.into)
        return f"merge {names} into {table.row(self.into).name}"


class RenameClass(BaseModel):
    """Name a class.

    Attributes
    ----------
    id : int
        The class.
    name : str
        Its new name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["rename"] = "rename"
    id: StrictInt
    name: str

    def apply(self, table: ClassTable) -> ClassTable:
        """Return the edited table.

        Parameters
        ----------
        table : ClassTable
            Before.

        Returns
        -------
        ClassTable
            After.

        Raises
        ------
        ClassEditError
            If the table cannot take the edit.
        """
        return table.rename(self.id, self.name)

    def describe(self, table: ClassTable) -> str:
        """Put the edit in words.

        Parameters
        ----------
        table : ClassTable
            Before.

        Returns
        -------
        str
            A few words.

        Raises
        ------
        ClassEditError
            If the table has no such class.
        """
        return f"rename {table.row(self.id).name} to {self.name.strip()}"


class RecolourClass(BaseModel):
    """Colour a class.

    Attributes
    ----------
    id : int
        The class.
    colour : str
        Its new colour, ``#rrggbb``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["recolour"] = "recolour"
    id: StrictInt
    colour: str

    def apply(self, table: ClassTable) -> ClassTable:
        """Return the edited table.

        Parameters
        ----------
        table : ClassTable
            Before.

        Returns
        -------
        ClassTable
            After.

        Raises
        ------
        ClassEditError
            If the table cannot take the edit.
        """
        return table.recolour(self.id, self.colour)

    def describe(self, table: ClassTable) -> str:
        """Put the edit in words.

        Parameters
        ----------
        table : ClassTable
            Before.

        Returns
        -------
        str
            A few words.

        Raises
        ------
        ClassEditError
            If the table has no such class.
        """
        return f"recolour {table.row(self.id).name}"


ClassEdit = Annotated[MergeClasses | RenameClass | RecolourClass, Field(discriminator="kind")]
"""Any edit."""

EDITS: TypeAdapter[tuple[ClassEdit, ...]] = TypeAdapter(tuple[ClassEdit, ...])
"""Reads and writes edits as JSON values."""
