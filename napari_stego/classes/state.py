"""Everything that edits change, as one value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rpds import HashTrieMap, List

from napari_stego.classes.table import ClassTable

if TYPE_CHECKING:
    from napari_stego.classes.pixel_edits import PixelEdit


@dataclass(frozen=True)
class Change:
    """What a change of the classes asks a front end to draw again.

    Attributes
    ----------
    labels : bool
        Any label image: clusters or painted pixels have other classes.
    colours : bool
        Colours; classes may have come or gone.
    rows : bool
        Anything in the table of classes.
    images : frozenset of str
        The label images of these images, by content hash: their strokes changed.
    """

    labels: bool = False
    colours: bool = False
    rows: bool = False
    images: frozenset[str] = frozenset()

    def __or__(self, other: Change) -> Change:
        return Change(
            self.labels or other.labels,
            self.colours or other.colours,
            self.rows or other.rows,
            self.images | other.images,
        )


@dataclass(frozen=True)
class ClassState:
    """A class table and the strokes of all images.

    A persistent value: a changed state shares nearly all of the old one.

    Attributes
    ----------
    table : ClassTable
        The classes.
    """

    table: ClassTable
    _strokes: HashTrieMap[str, List[PixelEdit]] = field(default_factory=HashTrieMap)

    @property
    def painted_images(self) -> tuple[str, ...]:
        """Content hashes of the images that have strokes, in their order."""
        return tuple(sorted(self._strokes))

    def strokes(self, image: str) -> tuple[PixelEdit, ...]:
        """Return the strokes of an image.

        Parameters
        ----------
        image : str
            Its content hash.

        Returns
        -------
        tuple of PixelEdit
            Oldest first.
        """
        return tuple(self._strokes.get(image, ()))[::-1]

    def with_strokes(self, strokes: Iterable[PixelEdit]) -> ClassState:
        """Return the state with more strokes, each on its image.

        Parameters
        ----------
        strokes : iterable of PixelEdit
            Oldest first.

        Returns
        -------
        ClassState
            With the strokes.
        """
        found = self._strokes
        for stroke in strokes:
            found = found.insert(stroke.image, found.get(stroke.image, List()).push_front(stroke))
        return replace(self, _strokes=found)

    def without_strokes(self, image: str) -> ClassState:
        """Return the state without the strokes of an image.

        Parameters
        ----------
        image : str
            Its content hash.

        Returns
        -------
        ClassState
            Without them.
        """
        return replace(self, _strokes=self._strokes.discard(image))
