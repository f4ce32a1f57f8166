"""What a class is made of, and what its texts may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import FailFast, Field

from napari_stego.errors import StegoError

UNLABELLED = 0

# Cluster maps and label images are uint16.
MAX_ID = 65_535

NAME_LENGTH = 1000
CODE_LENGTH = 100

_COLOUR = re.compile(r"#[0-9a-f]{6}")

ClassId = Annotated[int, Field(strict=True, ge=1, le=MAX_ID)]
Cluster = Annotated[int, Field(strict=True, ge=0, lt=MAX_ID)]
# Reading stops at the first bad element, so that a file cannot make a million errors.
Clusters = Annotated[tuple[Cluster, ...], FailFast(), Field(max_length=MAX_ID)]
Colour = Annotated[str, Field(pattern=f"^{_COLOUR.pattern}$")]


class ClassEditError(StegoError):
    """An edit that the classes cannot take."""


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
    code : str
        Short text from a label set, such as a CAAB code; may be empty.
    parent : int, optional
        The class above it in the hierarchy.
    locked : bool
        Whether its pixels are kept from being changed.
    """

    id: ClassId
    name: Annotated[str, Field(max_length=NAME_LENGTH)]
    colour: Colour
    clusters: Clusters
    code: Annotated[str, Field(max_length=CODE_LENGTH)] = ""
    parent: ClassId | None = None
    locked: Annotated[bool, Field(strict=True)] = False

    @property
    def named(self) -> bool:
        """Whether it was named, or given a code, since its clusters were made."""
        return bool(self.code) or self.name != f"class {self.id}"


@dataclass(frozen=True)
class ClusterSplit:
    """Clusters whose pixels were clustered again, apart from the others.

    Attributes
    ----------
    split_id : str
        Names the new centroids, which are kept elsewhere.
    clusters : tuple of int
        The clusters that are no more; all of their pixels go to the new ones.
    new_clusters : tuple of int
        The clusters in their place, in the order of the new centroids.
    """

    split_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    clusters: Clusters
    new_clusters: Clusters


def clean_text(what: str, text: str, limit: int) -> str:
    """Drop the spaces around a text and check it.

    Parameters
    ----------
    what : str
        What the text is, for the message: "name" or "code".
    text : str
        The text.
    limit : int
        The most characters.

    Returns
    -------
    str
        The text without spaces around it.

    Raises
    ------
    ClassEditError
        If it is too long or cannot be written as UTF-8.
    """
    text = text.strip()
    if len(text) > limit:
        raise ClassEditError(f"A {what} has at most {limit} characters, not {len(text)}.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ClassEditError(f"A {what} cannot hold half of a character ({text!r}).") from error
    return text


def clean_colour(colour: str) -> str:
    """Check a colour.

    Parameters
    ----------
    colour : str
        ``#rrggbb``, upper or lower case.

    Returns
    -------
    str
        In lower case.

    Raises
    ------
    ClassEditError
        If the colour is not of this form.
    """
    if not _COLOUR.fullmatch(colour.lower()):
        raise ClassEditError(f"A colour is written #rrggbb, not {colour!r}.")
    return colour.lower()
