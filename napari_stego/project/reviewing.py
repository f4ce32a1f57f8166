"""The review queue: photographs one by one, the least certain first, and what that tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_stego.classes import label_image
from napari_stego.corpus import CorpusImage
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.project import Project
from napari_stego.project.review_file import (
    ReviewRecord,
    read_review,
    write_review,
)
from napari_stego.project.segmentation import Segmentation
from napari_stego.project.teaching import Teaching
from napari_stego.project.teaching_examples import is_automatic
from napari_stego.teaching import AccuracyEstimate, estimate_accuracy

DRAWN_EVERY = 4
"""Every so many photographs of the queue one is drawn at random."""


@dataclass(frozen=True)
class QueuedImage:
    """A photograph that waits for its review.

    Attributes
    ----------
    image : CorpusImage
        The photograph.
    certainty : float
        Of its labels, in ``[0, 1]``.
    drawn : bool
        Whether it is its turn by chance, and not as one of the least certain.
    """

    image: CorpusImage
    certainty: float
    drawn: bool


@dataclass(frozen=True)
class ReviewProgress:
    """How far a review has come.

    Attributes
    ----------
    accepted, fixed, skipped, left : int
        Photographs; those skipped are not among those left.
    estimate : AccuracyEstimate
        The accuracy of the labels as the machine made them, over all
        photographs but those skipped.
    """

    accepted: int
    fixed: int
    skipped: int
    left: int
    estimate: AccuracyEstimate


class Review:
    """The review of a project's photographs.

    Every fourth photograph of the queue is drawn at random, in an order of
    chance that the seed fixes: the least certain ones alone would say
    nothing of the others. What was decided is in ``review.json``.

    Parameters
    ----------
    project : Project
        A project that has been clustered.
    segmentation : Segmentation, optional
        Its result, if it is open already.
    seed : int
        Of the photographs that are drawn.

    Raises
    ------
    ProjectError
        If ``review.json`` is damaged.
    """

    def __init__(
        self, project: Project, segmentation: Segmentation | None = None, seed: int = 0
    ) -> None:
        self._project = project
        self._segmentation = segmentation or Segmentation(project)
        images = {
            image.content_hash: image
            for image in project.corpus.images
            if self._segmentation.encodings.has(image)
        }
        self._images = images
        order = np.random.default_rng(seed).permutation(len(images))
        self._chance = [list(images)[index] for index in order.tolist()]
        self._records = read_review(project)

    @property
    def records(self) -> dict[str, ReviewRecord]:
        """What was decided, by content hash, in the order of the review."""
        return dict(self._records)

    def queue(
        self,
        teaching: Teaching,
        progress: ProgressCallback = no_progress,
        cancel: CancelToken | None = None,
    ) -> list[QueuedImage]:
        """Order the photographs that were not reviewed, the least certain first.

        Parameters
        ----------
        teaching : Teaching
            Tells how certain their labels are.
        progress : ProgressCallback
            Called once a photograph.
        cancel : CancelToken, optional
            Obeyed between photographs.

        Returns
        -------
        list of QueuedImage
            Every fourth, counted from the first of the review, is drawn at random.

        Raises
        ------
        TeachingError
            If there are no examples of two classes.
        Cancelled
            If `cancel` is set.
        """
        waiting = [h for h in self._chance if h not in self._records]
        certainty = {}
        for done, content_hash in enumerate(waiting):
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(done, len(waiting), "finding what is certain")
            certainty[content_hash] = teaching.certainty(self._images[content_hash])
        progress(len(waiting), len(waiting), "finding what is certain")
        # From the end, so that the next of each is taken off in no time.
        by_chance = waiting[::-1]
        by_certainty = sorted(waiting, key=lambda h: (-certainty[h], h))
        queue: list[QueuedImage] = []
        taken: set[str] = set()
        # Photographs that are no more in the project have had their turn, too.
        first = sum(record.state != "skipped" for record in self._records.values())
        while len(queue) < len(waiting):
            drawn = (first + len(queue)) % DRAWN_EVERY == DRAWN_EVERY - 1
            source = by_chance if drawn else by_certainty
            content_hash = source.pop()
            if content_hash not in taken:
                taken.add(content_hash)
                queue.append(
                    QueuedImage(self._images[content_hash], certainty[content_hash], drawn)
                )
        return queue

    def accept(self, image: CorpusImage, drawn: bool | None = None) -> ReviewRecord:
        """Keep that the labels of a photograph are right as they are now.

        It counts as fixed if the user's strokes changed the class of a pixel.

        Parameters
        ----------
        image : CorpusImage
            A photograph with features.
        drawn : bool, optional
            Whether it was drawn at random; by default whether it is the next
            in the order of chance.

        Returns
        -------
        ReviewRecord
            What was kept.

        Raises
        ------
        StegoError
            If the project can only be read, or cannot be written.
        """
        self._segmentation.encodings.check(image)
        state = self._segmentation.history.state
        clusters = self._segmentation.cluster_map(image)
        strokes = state.strokes(image.content_hash)
        labels = label_image(clusters, state.table, strokes)
        machine = label_image(clusters, state.table, [s for s in strokes if is_automatic(s)])
        right = float((labels == machine).mean())
        return self._keep(image, "accepted" if right == 1 else "fixed", right, drawn)

    def skip(self, image: CorpusImage) -> ReviewRecord:
        """Pass a photograph over; it does not come again, and does not count.

        Parameters
        ----------
        image : CorpusImage
            A photograph with features.

        Returns
        -------
        ReviewRecord
            What was kept.

        Raises
        ------
        StegoError
            If the project can only be read, or cannot be written.
        """
        self._segmentation.encodings.check(image)
        return self._keep(image, "skipped", 0.0, None)

    def forget(self, image: CorpusImage) -> None:
        """Put a photograph back into the queue.

        Parameters
        ----------
        image : CorpusImage
            A photograph.

        Raises
        ------
        StegoError
            If the project can only be read, or cannot be written.
        """
        records = dict(self._records)
        if records.pop(image.content_hash, None) is not None:
            write_review(self._project, records)
            self._records = records

    def _keep(
        self,
        image: CorpusImage,
        state: Literal["accepted", "fixed", "skipped"],
        right: float,
        drawn: bool | None,
    ) -> ReviewRecord:
        known = self._records.get(image.content_hash)
        if drawn is None:
            # A second look does not make a choice out of chance.
            drawn = known.drawn if known is not None else self._is_next_by_chance(image)
        record = ReviewRecord(image=image.content_hash, state=state, right=right, drawn=drawn)
        records = {h: r for h, r in self._records.items() if h != image.content_hash}
        records[image.content_hash] = record
        write_review(self._project, records)
        self._records = records
        return record

    def _is_next_by_chance(self, image: CorpusImage) -> bool:
        waiting = (h for h in self._chance if h not in self._records)
        return next(waiting, None) == image.content_hash

    def progress(self) -> ReviewProgress:
        """Count, and estimate the accuracy of the labels.

        Returns
        -------
        ReviewProgress
            As of now.
        """
        here = [r for h, r in self._records.items() if h in self._images]
        states = [record.state for record in here]
        reviewed = [record for record in here if record.state != "skipped"]
        left = len(self._images) - len(here)
        estimate = estimate_accuracy(
            [record.right for record in reviewed if not record.drawn],
            [record.right for record in reviewed if record.drawn],
            left,
        )
        return ReviewProgress(
            states.count("accepted"),
            states.count("fixed"),
            states.count("skipped"),
            left,
            estimate,
        )
