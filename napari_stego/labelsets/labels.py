"""Labels, the sets they come in, and what was wrong in a list of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from pydantic import FailFast, Field

from napari_stego.classes.rows import CODE_LENGTH, Colour
from napari_stego.errors import StegoError
from napari_stego.labelsets.search import SearchIndex

MAX_LABELS = 20_000
MAX_DEPTH = 20
MAX_ALIASES = 20
# Below the limit of a class, so that a parent's name fits before it.
LABEL_LENGTH = 200

_Name = Annotated[str, Field(min_length=1, max_length=LABEL_LENGTH)]
_Code = Annotated[str, Field(max_length=CODE_LENGTH)]


class LabelSetError(StegoError):
    """A list of labels that cannot be read or kept."""


@dataclass(frozen=True)
class Ancestor:
    """A label above another.

    Attributes
    ----------
    name : str
        Its name.
    code : str
        Its code; may be empty.
    """

    name: _Name
    code: _Code = ""


@dataclass(frozen=True)
class Label:
    """A label that classes can be given.

    Attributes
    ----------
    name : str
        Its own name, 1 to 200 characters, without those above it.
    code : str
        Its code, unique in the set; may be empty.
    colour : str, optional
        ``#rrggbb``, lower case.
    path : tuple of Ancestor
        The labels above it, the topmost first; at most 20.
    aliases : tuple of str
        Other names and codes that it is found by; at most 20.
    """

    name: _Name
    code: _Code = ""
    colour: Colour | None = None
    path: Annotated[tuple[Ancestor, ...], FailFast(), Field(max_length=MAX_DEPTH)] = ()
    aliases: Annotated[tuple[_Name, ...], FailFast(), Field(max_length=MAX_ALIASES)] = ()


@dataclass(frozen=True)
class Problem:
    """Something in a list of labels that was not taken as it stands.

    Attributes
    ----------
    line : int
        The line in a table, from 1; in a JSON file, the number of the label.
    text : str
        What is wrong, and what was done.
    """

    line: Annotated[int, Field(ge=0)]
    text: Annotated[str, Field(max_length=2000)]

    def __str__(self) -> str:
        return f"Line {self.line}: {self.text}"


@dataclass(frozen=True)
class LabelSet:
    """Labels that were read from one list.

    Attributes
    ----------
    source : str
        The kind of list and the name of its file.
    labels : tuple of Label
        In the order of the list; at most 20,000.
    problems : tuple of Problem
        What was not taken as it stands, by line.
    """

    source: Annotated[str, Field(max_length=1000)]
    labels: Annotated[tuple[Label, ...], FailFast(), Field(max_length=MAX_LABELS)]
    problems: Annotated[tuple[Problem, ...], FailFast(), Field(max_length=MAX_LABELS)] = ()

    def search(self, text: str, limit: int = 50) -> tuple[Label, ...]:
        """Find labels as someone types.

        Parameters
        ----------
        text : str
            Beginnings of words, in any order, of the name, the code, the
            labels above or the aliases. Case and accents do not matter, and
            longer words may have a typing error.
        limit : int
            The most labels, at least 0.

        Returns
        -------
        tuple of Label
            Those in which every word is found, the best first; for an empty
            text the first labels of the set.
        """
        return tuple(self.labels[i] for i in self._index.search(text, limit))

    @cached_property
    def _index(self) -> SearchIndex:
        return SearchIndex(
            (
                label.name,
                label.code,
                " ".join(label.aliases),
                " ".join(f"{each.name} {each.code}" for each in label.path),
            )
            for label in self.labels
        )
