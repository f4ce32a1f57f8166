"""What a classifier proposes for photographs, and taking it over."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.classes import AcceptProposal, ClassEdit
from napari_stego.clustering import probable_map
from napari_stego.corpus import CorpusImage
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.edit_steps import in_steps, machine_edits
from napari_stego.project.segmentation import Segmentation
from napari_stego.project.teaching import Teaching
from napari_stego.project.teaching_examples import NOT_SAID, TAUGHT, said_map


@dataclass(frozen=True, eq=False)
class Proposal:
    """The classes that a classifier proposes for a photograph.

    Attributes
    ----------
    labels : numpy.ndarray
        ``(H, W) uint16`` class ids; what the user said of pixels is kept.
    confidence : numpy.ndarray
        ``(H, W) float32`` in ``[0, 1]``, how probably each is right; 1 for
        what the user said.
    before : numpy.ndarray
        ``(H, W) uint16`` class ids as they are.
    changing : numpy.ndarray
        ``(H, W) bool``, where accepting it changes the class.
    changes : dict
        Pixels by class now and class proposed, as pairs of ids; without
        those of locked classes, which cannot change.
    """

    labels: npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.float32]
    before: npt.NDArray[np.uint16]
    changing: npt.NDArray[np.bool_]
    changes: dict[tuple[int, int], int]


@dataclass(frozen=True)
class Acceptance:
    """What accepting proposals does.

    Attributes
    ----------
    steps : tuple of ClassEdit
        The edits, for `ClassHistory.do`: one but for thousands of
        photographs, whose edit would be more than a line of the log can hold.
    images : int
        Photographs that change.
    pixels : int
        Pixels that get another class.
    changes : dict
        These pixels by class before and after, as pairs of ids.
    left_out : int
        Photographs that were left out, as was asked for.
    """

    steps: tuple[ClassEdit, ...]
    images: int
    pixels: int
    changes: dict[tuple[int, int], int]
    left_out: int = 0


def propose(teaching: Teaching, image: CorpusImage) -> Proposal:
    """Propose classes for a photograph.

    Parameters
    ----------
    teaching : Teaching
        The classifier.
    image : CorpusImage
        A photograph with features.

    Returns
    -------
    Proposal
        Beside the classes, which stay as they are.

    Raises
    ------
    TeachingError
        If the examples are not of two classes at least.
    ProjectError
        If the photograph has no features.
    """
    segmentation, model = teaching.segmentation, teaching.classifier()
    segmentation.encodings.check(image)
    tokens = segmentation.encodings.store.tokens(image.content_hash)
    scores = model.scores(teaching.sample().view.vectors(tokens)[0]) / np.float32(model.temperature)
    best, confidence = probable_map(scores, (image.height, image.width))
    labels = np.array(model.classes, np.uint16)[best]
    said = said_map(segmentation, image)
    if said is not None:
        labels = np.where(said == NOT_SAID, labels, said)
        confidence = np.where(said == NOT_SAID, confidence, np.float32(1))
    before = segmentation.label_image(image)
    changing = _changing(segmentation, before, labels)
    pairs = before[changing].astype(np.int64) << 16 | labels[changing]
    found, counts = np.unique(pairs, return_counts=True)
    changes = {
        (int(pair) >> 16, int(pair) & 0xFFFF): int(count)
        for pair, count in zip(found, counts, strict=True)
    }
    return Proposal(labels, confidence, before, changing, changes)


def accept(
    teaching: Teaching,
    images: Sequence[CorpusImage],
    only: int | None = None,
    *,
    leave_out: Container[str] = (),
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Acceptance:
    """Make the edit that takes proposals over; nothing is changed yet.

    Parameters
    ----------
    teaching : Teaching
        The classifier.
    images : sequence of CorpusImage
        Photographs; those without features are passed over.
    only : int, optional
        Take over only what is proposed to become this class.
    leave_out : container of str
        Content hashes of photographs that stay as they are, such as those of
        `reviewed_as_right`.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    Acceptance
        For `take_over`. Pixels of locked classes stay, and so does all that the
        user painted.

    Raises
    ------
    TeachingError
        If the examples are not of two classes at least.
    ClassEditError
        If `only` is not there or locked, or a region in too many pieces.
    Cancelled
        If `cancel` is set.
    """
    segmentation = teaching.segmentation
    if only is not None:
        segmentation.table.check_unlocked(only)
    unique = {i.content_hash: i for i in images if segmentation.encodings.has(i)}
    wanted_images = [i for h, i in unique.items() if h not in leave_out]
    edits: list[AcceptProposal] = []
    changes: dict[tuple[int, int], int] = {}
    changed = 0
    for done, image in enumerate(wanted_images):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(wanted_images), "proposing")
        found = propose(teaching, image)
        wanted = {p: n for p, n in found.changes.items() if only in (None, p[1])}
        for pair, count in wanted.items():
            changes[pair] = changes.get(pair, 0) + count
        changed += bool(wanted)
        changing = found.changing if only is None else found.changing & (found.labels == only)
        edits += machine_edits(
            segmentation.table, image.content_hash, found.before, found.labels, changing, TAUGHT
        )
    progress(len(wanted_images), len(wanted_images), "proposing")
    label = f"Accept what was taught on {changed} photograph{'s' * (changed != 1)}"
    left_out = len(unique) - len(wanted_images)
    steps = in_steps(edits, label)
    return Acceptance(steps, changed, sum(changes.values()), changes, left_out)


def take_over(teaching: Teaching, acceptance: Acceptance) -> None:
    """Take proposals over.

    Parameters
    ----------
    teaching : Teaching
        The classifier.
    acceptance : Acceptance
        Of `accept`.

    Raises
    ------
    StegoError
        If an edit cannot be written.
    """
    for step in acceptance.steps:
        teaching.segmentation.history.do(step)


def _changing(
    segmentation: Segmentation,
    before: npt.NDArray[np.uint16],
    labels: npt.NDArray[np.uint16],
) -> npt.NDArray[np.bool_]:
    locked = segmentation.table.locked
    changing: npt.NDArray[np.bool_] = before != labels
    if locked:
        changing &= ~(np.isin(before, locked) | np.isin(labels, locked))
    return changing
