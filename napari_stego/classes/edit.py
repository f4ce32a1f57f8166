"""What all edits have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import BaseModel, ConfigDict

from napari_stego.classes.state import Change, ClassState
from napari_stego.classes.table import ClassTable


class Edit(BaseModel, ABC):
    """A change of the classes as a value that can be kept, written and replayed.

    An edit says all that is needed to replay it, new ids, names and colours
    included: what it does depends on the state alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def apply(self, state: ClassState) -> ClassState:
        """Return the edited state.

        Parameters
        ----------
        state : ClassState
            Before.

        Returns
        -------
        ClassState
            After.

        Raises
        ------
        ClassEditError
            If the classes cannot take the edit.
        """

    @abstractmethod
    def describe(self, table: ClassTable) -> str:
        """Put the edit in words.

        Parameters
        ----------
        table : ClassTable
            Before.

        Returns
        -------
        str
            A short sentence without a full stop.

        Raises
        ------
        ClassEditError
            If the table has no such class.
        """

    @property
    @abstractmethod
    def change(self) -> Change:
        """What has to be drawn again after the edit, and after its undoing."""
