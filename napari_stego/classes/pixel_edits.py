"""Edits of pixels of one image, over its clusters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, StrictInt, model_validator
from typing_extensions import override

from napari_stego.classes.edit import Edit
from napari_stego.classes.rows import UNLABELLED, ClassEditError, clean_text
from napari_stego.classes.runs import MAX_PIXELS, decode_runs
from napari_stego.classes.state import Change, ClassState
from napari_stego.classes.table import ClassTable
from napari_stego.errors import StegoError

ImageHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Side = Annotated[int, Field(strict=True, ge=1, le=MAX_PIXELS)]

_SOURCE_LENGTH = 1000


class ImageEdit(Edit):
    """An edit of one image.

    Attributes
    ----------
    image : str
        Its content hash, 64 hexadecimal digits.
    """

    image: ImageHash

    @property
    @override
    def change(self) -> Change:
        return Change(images=frozenset((self.image,)))


class PixelEdit(ImageEdit):
    """An edit of a set of pixels; these are its strokes, of whatever kind.

    The pixels are fixed when the edit is made, by `paint` and its kin, which
    leave out those of classes that are locked then.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the image.
    runs : str
        The pixels, as `encode_runs` writes them.
    """

    shape: tuple[_Side, _Side]
    runs: str

    @model_validator(mode="after")
    def _check_runs(self) -> Self:
        height, width = self.shape
        if height * width > MAX_PIXELS:
            raise ValueError(f"an image of {height} x {width} pixels is too large")
        decode_runs(self.runs, height * width)
        return self

    @abstractmethod
    def draw(
        self,
        labels: npt.NDArray[np.uint16],
        beneath: npt.NDArray[np.uint16],
        table: ClassTable,
    ) -> None:
        """Change the pixels in a label image.

        Parameters
        ----------
        labels : numpy.ndarray
            ``(H, W) uint16`` class ids, C-contiguous; changed in place.
        beneath : numpy.ndarray
            ``(H, W) uint16`` class ids without any stroke.
        table : ClassTable
            The classes.
        """

    @override
    def apply(self, state: ClassState) -> ClassState:
        return state.with_strokes([self])

    def _runs(self) -> Iterator[tuple[int, int]]:
        starts, ends = decode_runs(self.runs, self.shape[0] * self.shape[1])
        return zip(starts.tolist(), ends.tolist(), strict=True)


class Painting(PixelEdit):
    """An edit that gives its pixels to a class.

    Attributes
    ----------
    class_id : int
        The class of the pixels; 0 leaves them unlabelled.
    """

    class_id: StrictInt

    @override
    def draw(
        self,
        labels: npt.NDArray[np.uint16],
        beneath: npt.NDArray[np.uint16],
        table: ClassTable,
    ) -> None:
        flat, class_id = labels.reshape(-1), table.now(self.class_id)
        for start, end in self._runs():
            flat[start:end] = class_id

    @override
    def apply(self, state: ClassState) -> ClassState:
        state.table.check_unlocked(self.class_id)
        return super().apply(state)


class PaintStroke(Painting):
    """What a brush, a fill or an eraser did.

    Attributes
    ----------
    class_id : int
        The class of the pixels; 0 leaves them unlabelled.
    """

    kind: Literal["stroke"] = "stroke"

    @override
    def describe(self, table: ClassTable) -> str:
        if self.class_id == UNLABELLED:
            return "Erase"
        return f"Paint “{table.name(self.class_id)}”"


class _Sourced(Painting):
    source: str = ""

    @override
    def apply(self, state: ClassState) -> ClassState:
        clean_text("source", self.source, _SOURCE_LENGTH)
        return super().apply(state)

    def _words(self, words: str, table: ClassTable) -> str:
        source = f" ({self.source.strip()})" if self.source.strip() else ""
        return f"{words} “{table.name(self.class_id)}”{source}"


class AcceptProposal(_Sourced):
    """Take over a region that was proposed for a class.

    Attributes
    ----------
    class_id : int
        The class of the pixels.
    source : str
        Where the proposal comes from; may be empty.
    """

    kind: Literal["accept_proposal"] = "accept_proposal"

    @override
    def describe(self, table: ClassTable) -> str:
        return self._words("Accept a proposal for", table)


class ReassignRegion(_Sourced):
    """Give a region to another class.

    Attributes
    ----------
    class_id : int
        The class of the pixels; 0 leaves them unlabelled.
    source : str
        What found the region; may be empty.
    """

    kind: Literal["reassign_region"] = "reassign_region"

    @override
    def describe(self, table: ClassTable) -> str:
        return self._words("Reassign a region to", table)


class RemoveStrokes(PixelEdit):
    """Take all strokes from pixels, back to their clusters."""

    kind: Literal["remove_strokes"] = "remove_strokes"

    @override
    def draw(
        self,
        labels: npt.NDArray[np.uint16],
        beneath: npt.NDArray[np.uint16],
        table: ClassTable,
    ) -> None:
        flat, source = labels.reshape(-1), beneath.reshape(-1)
        for start, end in self._runs():
            flat[start:end] = source[start:end]

    @override
    def describe(self, table: ClassTable) -> str:
        return "Remove strokes"


class ResetStrokes(ImageEdit):
    """Take all strokes from an image, back to its clusters."""

    kind: Literal["reset_strokes"] = "reset_strokes"

    @override
    def apply(self, state: ClassState) -> ClassState:
        strokes = state.strokes(self.image)
        if not strokes:
            raise ClassEditError("This image has no strokes.")
        for class_id in {s.class_id for s in strokes if isinstance(s, Painting)}:
            state.table.check_unlocked(state.table.now(class_id))
        return state.without_strokes(self.image)

    @override
    def describe(self, table: ClassTable) -> str:
        return "Remove all strokes of an image"


def label_image(
    cluster_map: npt.NDArray[np.uint16], table: ClassTable, strokes: Iterable[PixelEdit] = ()
) -> npt.NDArray[np.uint16]:
    """Label an image: the table's classes of its clusters, then its strokes in order.

    Parameters
    ----------
    cluster_map : numpy.ndarray
        ``(H, W) uint16`` clusters, refined by the table's splits.
    table : ClassTable
        The classes.
    strokes : iterable of PixelEdit
        The strokes of the image, oldest first.

    Returns
    -------
    numpy.ndarray
        ``(H, W) uint16`` class ids, 0 for unlabelled.

    Raises
    ------
    StegoError
        If a stroke was made on an image of another size.
    """
    beneath: npt.NDArray[np.uint16] = table.lut()[cluster_map]
    labels = beneath.copy()
    for stroke in strokes:
        if stroke.shape != labels.shape:
            raise StegoError(
                f"A stroke of the image {stroke.image[:12]} was made on {stroke.shape[0]} x "
                f"{stroke.shape[1]} pixels, and the image has {labels.shape[0]} x "
                f"{labels.shape[1]}. Restore the image, or reset its strokes."
            )
        stroke.draw(labels, beneath, table)
    return labels
