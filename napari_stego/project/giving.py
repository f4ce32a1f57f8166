"""Giving what corresponds with prompts to a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_stego.classes import Batch, ClassEdit, Painted, ReassignRegion, give_region
from napari_stego.classes.rows import NAME_LENGTH
from napari_stego.corpus import CorpusImage
from napari_stego.correspondence import Queries
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.encodings import Source
from napari_stego.project.inspecting import Inspector
from napari_stego.project.segmentation import Segmentation

_FOUND_BY = "correspondence with prompts"


class Place(Protocol):
    """A pixel of an image, such as a `Hit` of a search or a `GalleryItem`."""

    @property
    def image(self) -> CorpusImage:
        """The image."""

    @property
    def row(self) -> int:
        """Its row."""

    @property
    def column(self) -> int:
        """Its column."""


@dataclass(frozen=True)
class Assignment:
    """Regions in several images that are given to a class.

    Attributes
    ----------
    edit : ClassEdit, optional
        All of it in one step, for `ClassHistory.do`; None if nothing changes.
    images : int
        Images that change.
    pixels : int
        Pixels of the regions that are not of the class already.
    kept : int
        Of those, pixels of locked classes, which stay as they are.
    """

    edit: ClassEdit | None
    images: int
    pixels: int
    kept: int


def give_mask(
    segmentation: Segmentation,
    image: CorpusImage,
    mask: npt.NDArray[np.bool_],
    class_id: int,
    *,
    before: npt.NDArray[np.uint16] | None = None,
    source: str = _FOUND_BY,
) -> Painted:
    """Make the edit that gives a part of an image to a class, but for pixels of locked classes.

    Parameters
    ----------
    segmentation : Segmentation
        The classes.
    image : CorpusImage
        An image with features.
    mask : numpy.ndarray
        ``(H, W) bool``, such as a heatmap at or above a threshold.
    class_id : int
        The class; 0 for none.
    before : numpy.ndarray, optional
        ``(H, W) uint16`` class ids on show; by default those without a CRF.
    source : str
        What found the mask, for the history.

    Returns
    -------
    Painted
        The edit, for `ClassHistory.do` or a `Batch`; None in it if there is
        nothing to do.

    Raises
    ------
    ClassEditError
        If the class is not there or locked, or the mask is in too many pieces.
    """
    labels, wanted = shown_and_wanted(segmentation, image, mask, class_id, before)
    return give_region(
        ReassignRegion,
        segmentation.table,
        image.content_hash,
        labels,
        wanted,
        class_id,
        source,
    )


def shown_and_wanted(
    segmentation: Segmentation,
    image: CorpusImage,
    mask: npt.NDArray[np.bool_],
    class_id: int,
    before: npt.NDArray[np.uint16] | None,
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """Leave out of a mask what is of a class already, in the project and on show.

    Parameters
    ----------
    segmentation : Segmentation
        The classes.
    image : CorpusImage
        An image with features.
    mask : numpy.ndarray
        ``(H, W) bool``, what is to be of the class.
    class_id : int
        The class.
    before : numpy.ndarray, optional
        ``(H, W) uint16`` class ids on show, which with a CRF are not those of
        the project; by default they are.

    Returns
    -------
    shown : numpy.ndarray
        ``(H, W) uint16`` class ids on show.
    wanted : numpy.ndarray
        ``(H, W) bool``, the pixels of the mask that are of another class.
    """
    stored = segmentation.label_image(image)
    shown = stored if before is None else before
    return shown, mask & ((stored != class_id) | (shown != class_id))


def give_regions(
    segmentation: Segmentation,
    inspector: Inspector,
    places: Sequence[Place],
    queries: Queries,
    source: Source,
    class_id: int,
    *,
    threshold: float,
    centred: bool = False,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Assignment:
    """Make the edit that gives what was found around some places to a class.

    Of each image it is the parts of the heatmap at or above a threshold that
    hold one of its places; the rest of the image is left alone.

    Parameters
    ----------
    segmentation : Segmentation
        The classes.
    inspector : Inspector
        Makes the heatmaps.
    places : sequence of Place
        Such as hits of a search.
    queries : Queries
        What was looked for, of the same source.
    source : "codes" or "features"
        What is compared.
    class_id : int
        The class; 0 for none.
    threshold : float
        In ``[-1, 1]``. A place whose own pixel is below has no region.
    centred : bool
        As for `Inspector.scores`.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    Assignment
        The edit; nothing is changed yet.

    Raises
    ------
    ClassEditError
        If the class is not there or locked, or a region is in too many pieces.
    StegoError
        If features are damaged.
    Cancelled
        If `cancel` is set.
    """
    segmentation.table.check_unlocked(class_id)
    of_image: dict[str, list[Place]] = {}
    for place in places:
        of_image.setdefault(place.image.content_hash, []).append(place)
    edits: list[ReassignRegion] = []
    pixels = kept = 0
    for done, here in enumerate(of_image.values()):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(of_image), "finding the regions")
        image = here[0].image
        heat = inspector.heatmap(image, queries, source, centred=centred)
        parts = ndimage.label(heat >= threshold)[0]
        wanted = {int(parts[place.row, place.column]) for place in here} - {0}
        mask = np.isin(parts, list(wanted))
        labels, changing = shown_and_wanted(segmentation, image, mask, class_id, None)
        painted = give_region(
            ReassignRegion,
            segmentation.table,
            image.content_hash,
            labels,
            changing,
            class_id,
            _FOUND_BY,
        )
        pixels += int(changing.sum())
        kept += len(painted.kept)
        if isinstance(painted.edit, ReassignRegion):
            edits.append(painted.edit)
    progress(len(of_image), len(of_image), "finding the regions")
    if len(edits) < 2:
        return Assignment(edits[0] if edits else None, len(edits), pixels, kept)
    label = f"Give {len(edits)} regions to “{segmentation.table.name(class_id)}”"
    return Assignment(
        Batch(edits=tuple(edits), label=label[:NAME_LENGTH]), len(edits), pixels, kept
    )
