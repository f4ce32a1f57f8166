"""Cleaning up the classes of photographs: edges, small regions, holes."""

from __future__ import annotations

from collections.abc import Container, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from napari_stego.classes import UNLABELLED, AcceptProposal, ClassEdit
from napari_stego.clustering import CrfSettings
from napari_stego.corpus import CorpusImage
from napari_stego.correction import clean_labels
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.ahead import ahead, processors
from napari_stego.project.edges import along_edges
from napari_stego.project.edit_steps import in_steps, machine_edits
from napari_stego.project.segmentation import Segmentation
from napari_stego.project.teaching_examples import CLEANED, said_map


class RefineSettings(BaseModel):
    """What is cleaned up.

    Attributes
    ----------
    smallest : int
        Pixels of the smallest region of a class that stays; smaller ones go to
        the class with the longest border around them, unless the user painted
        or cut out some of their pixels.
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
    steps : tuple of ClassEdit
        The edits, for `ClassHistory.do`: one but for thousands of
        photographs, whose edit would be more than a line of the log can hold;
        none if nothing changes.
    images : int
        Photographs that change.
    pixels : int
        Pixels that get another class.
    left_out : int
        Photographs that were left out, as was asked for.
    """

    steps: tuple[ClassEdit, ...]
    images: int
    pixels: int
    left_out: int = 0


def refine(
    segmentation: Segmentation,
    images: Sequence[CorpusImage],
    settings: RefineSettings,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
    *,
    leave_out: Container[str] = (),
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
    leave_out : container of str
        Content hashes of photographs that stay as they are, such as those of
        `reviewed_as_right`.

    Returns
    -------
    Refinement
        The edit, which is not done yet. Locked classes neither lose nor get a
        pixel. It is not what the user says of pixels: it teaches nothing.

    Raises
    ------
    StegoError
        If a photograph cannot be read for the CRF, or has a stroke that was
        made on an image of another size.
    Cancelled
        If `cancel` is set.
    """
    unique = {i.content_hash: i for i in images if segmentation.encodings.has(i)}
    wanted = [i for h, i in unique.items() if h not in leave_out]
    table = segmentation.table
    edits: list[AcceptProposal] = []
    changed = pixels = 0
    calls = (partial(refined_labels, segmentation, each, settings, cancel) for each in wanted)
    with closing(ahead(calls, processors() if settings.crf is not None else 1)) as found:
        for done, image in enumerate(wanted):
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(done, len(wanted), "cleaning up")
            before, after = next(found)
            changing = before != after
            changed += bool(changing.any())
            pixels += int(changing.sum())
            edits += machine_edits(table, image.content_hash, before, after, changing, CLEANED)
    progress(len(wanted), len(wanted), "cleaning up")
    steps = in_steps(edits, f"clean up {changed} photograph{'s' * (changed != 1)}")
    return Refinement(steps, changed, pixels, len(unique) - len(wanted))


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
        If the photograph cannot be read for the CRF, or has a stroke that was
        made on an image of another size.
    Cancelled
        If `cancel` is set.
    """
    locked = segmentation.table.locked
    before = after = segmentation.label_image(image)
    if settings.crf is not None:
        moved = along_edges(segmentation, image, settings.crf, cancel)
        kept = np.isin(before, list(locked)) | np.isin(moved, list(locked))
        after = np.where(kept, before, moved)
    said = said_map(segmentation, image, by_hand=True)
    # What the user gave and nobody took away since stays; a hole is filled even so.
    own = None if said is None else (said == after) & (said != UNLABELLED)
    return before, clean_labels(after, settings.smallest, settings.largest_hole, locked, own)
