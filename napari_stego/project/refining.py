"""Cleaning up the classes of photographs: edges, small regions, holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from napari_stego.classes import Batch, ClassEdit, SingleEdit, paint_difference
from napari_stego.clustering import CrfSettings
from napari_stego.corpus import CorpusImage
from napari_stego.correction import clean_labels
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.segmentation import Segmentation


class RefineSettings(BaseModel):
    """What is cleaned up.

    Attributes
    ----------
    smallest : int
        Pixels of the smallest region of a class that stays; smaller ones go to
        the class with the longest border around them.
    largest_hole : int
        Pixels of the largest unlabelled region that is filled.
    crf : CrfSettings, optional
        Let classes follow the edges of the photograph first; what was painted
        is not moved.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    smallest: int = Field(default=0, ge=0)
    largest_hole: int = Field(default=0, ge=0)
    crf: CrfSettings | None = None


@dataclass(frozen=True)
class Refinement:
    """What cleaning up comes to.

    Attributes
    ----------
    edit : ClassEdit, optional
        All of it in one step, for `ClassHistory.do`; None if nothing changes.
    images : int
        Photographs that change.
    pixels : int
        Pixels that get another class.
    """

    edit: ClassEdit | None
    images: int
    pixels: int


def refine(
    segmentation: Segmentation,
    images: Sequence[CorpusImage],
    settings: RefineSettings,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Refinement:
    """Make the edit that cleans the classes of photographs up.

    Parameters
    ----------
    segmentation : Segmentation
        The classes.
    images : sequence of CorpusImage
        Which photographs; those without features are left out.
    settings : RefineSettings
        What is cleaned up.
    progress : ProgressCallback
        Called once a photograph.
    cancel : CancelToken, optional
        Obeyed between photographs, and within a CRF.

    Returns
    -------
    Refinement
        The edit, which is not done yet. Locked classes neither lose nor get a
        pixel.

    Raises
    ------
    StegoError
        If a photograph cannot be read for the CRF.
    Cancelled
        If `cancel` is set.
    """
    table = segmentation.table
    edits: list[SingleEdit] = []
    changed = pixels = 0
    for done, image in enumerate(images):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(images), "cleaning up")
        if not segmentation.encodings.has(image):
            continue
        before, after = refined_labels(segmentation, image, settings, cancel)
        painted = paint_difference(table, image.content_hash, before, after)
        if painted.edit is not None:
            changed += 1
            pixels += int((before != after).sum())
            edits += painted.edit.edits if isinstance(painted.edit, Batch) else [painted.edit]
    progress(len(images), len(images), "cleaning up")
    if not edits:
        return Refinement(None, 0, 0)
    label = f"clean up {changed} photograph{'s' * (changed > 1)}"
    return Refinement(Batch(edits=tuple(edits), label=label), changed, pixels)


def refined_labels(
    segmentation: Segmentation,
    image: CorpusImage,
    settings: RefineSettings,
    cancel: CancelToken | None = None,
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """Label a photograph as it is, and as it would be cleaned up.

    Parameters
    ----------
    segmentation : Segmentation
        The classes.
    image : CorpusImage
        A photograph with features.
    settings : RefineSettings
        What is cleaned up.
    cancel : CancelToken, optional
        Obeyed within a CRF.

    Returns
    -------
    before, after : numpy.ndarray
        ``(H, W) uint16`` class ids.

    Raises
    ------
    StegoError
        If the photograph cannot be read for the CRF.
    Cancelled
        If `cancel` is set.
    """
    locked = segmentation.table.locked
    before = after = segmentation.label_image(image)
    if settings.crf is not None:
        moved = segmentation.label_image(image, settings.crf, cancel)
        kept = np.isin(before, list(locked)) | np.isin(moved, list(locked))
        after = np.where(kept, before, moved)
    return before, clean_labels(after, settings.smallest, settings.largest_hole, locked)
