"""What is open: the project, its classes and the photograph being looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from napari_stego.classes import ClassEdit, ClassTable
from napari_stego.corpus import Corpus, CorpusImage
from napari_stego.gui.opened import Opened
from napari_stego.project import (
    Encodings,
    KeptRun,
    Project,
    Segmentation,
    Source,
    SplitProposal,
)
from napari_stego.project.class_cover import ImageCounts
from napari_stego.project.statistics import ClassStatistics
from napari_stego.selection import Verdict
from napari_stego.stego import StegoRun


class Session:
    """The state behind the panels; no widgets.

    Signals, all without values: ``leaving``, before another project or result
    takes the place of what is open; ``corpus_changed``, ``segmentation_changed``
    (also when it is gone), ``image_changed``, ``classes_changed``,
    ``verdict_changed``, ``statistics_changed``.
    """

    leaving = Signal()
    corpus_changed = Signal()
    segmentation_changed = Signal()
    image_changed = Signal()
    classes_changed = Signal()
    verdict_changed = Signal()
    statistics_changed = Signal()

    def __init__(self) -> None:
        self._opened: Opened | None = None
        self._statistics: dict[int, ClassStatistics] = {}
        self._image_counts: ImageCounts | None = None
        self._index = -1

    @property
    def project(self) -> Project | None:
        """The project."""
        return self._opened.project if self._opened else None

    @property
    def corpus(self) -> Corpus | None:
        """Its images."""
        return self._opened.corpus if self._opened else None

    @property
    def encodings(self) -> Encodings | None:
        """Codes and features."""
        return self._opened.encodings if self._opened else None

    @property
    def segmentation(self) -> Segmentation | None:
        """Clusters and classes."""
        return self._opened.segmentation if self._opened else None

    @property
    def run(self) -> StegoRun | None:
        """The run behind the clusters, or the one trained last."""
        return self._opened.run if self._opened else None

    @property
    def verdict(self) -> Verdict | None:
        """Whether that run helps, if that is known."""
        return self._opened.verdict if self._opened else None

    @property
    def runs(self) -> tuple[KeptRun, ...]:
        """All runs on the project's features, the newest first."""
        return self._opened.runs if self._opened else ()

    @property
    def source(self) -> Source | None:
        """What the clusters were made of."""
        segmentation = self.segmentation
        return segmentation.result.settings.source if segmentation else None

    @property
    def table(self) -> ClassTable | None:
        """The classes as they are now."""
        segmentation = self.segmentation
        return segmentation.table if segmentation else None

    @property
    def folder(self) -> Path | None:
        """The project folder."""
        return self._opened.project.folder if self._opened else None

    @property
    def read_only(self) -> str:
        """Why the project cannot be changed, and what to do, in a line; empty if it can be."""
        return self._opened.project.read_only if self._opened else ""

    @property
    def index(self) -> int:
        """Place of the current image in the corpus; -1 for none."""
        return self._index

    @property
    def image(self) -> CorpusImage | None:
        """The current image."""
        corpus = self.corpus
        return corpus.images[self._index] if corpus is not None and self._index >= 0 else None

    def adopt(self, opened: Opened) -> None:
        """Make a project the open one, staying at the current image if it has it.

        Parameters
        ----------
        opened : Opened
            The project.
        """
        self.leaving.emit()
        before, image = self._opened, self.image
        if before is not None and before.project.folder != opened.project.folder:
            before.project.close()
        self._opened = opened = _with_edits(opened, before)
        names = [each.name for each in opened.corpus.images]
        self._index = names.index(image.name) if image and image.name in names else 0
        if (
            before is None
            or before.corpus != opened.corpus
            or before.project.folder != opened.project.folder
        ):
            self.corpus_changed.emit()
        self.segmentation_changed.emit()
        if self.image != image:
            self.image_changed.emit()

    def judge(self, verdict: Verdict | None) -> None:
        """Take the verdict on the run.

        Parameters
        ----------
        verdict : Verdict or None
            The verdict; None if nothing can be told.
        """
        if self._opened is not None:
            runs = self._opened.runs
            judged = tuple(replace(r, verdict=verdict) if r.latest else r for r in runs)
            self._opened = replace(self._opened, verdict=verdict, runs=judged)
            self.verdict_changed.emit()

    @property
    def statistics(self) -> dict[int, ClassStatistics]:
        """What is known of each class in the corpus, by id; while it is counted, of a part."""
        return self._statistics

    @property
    def image_counts(self) -> ImageCounts | None:
        """What is known of each image; while it is counted, of a part of them."""
        return self._image_counts

    def take_statistics(
        self, statistics: dict[int, ClassStatistics], image_counts: ImageCounts | None = None
    ) -> None:
        """Take what was counted.

        Parameters
        ----------
        statistics : dict of int to ClassStatistics
            By class id.
        image_counts : ImageCounts, optional
            Of each image.
        """
        self._image_counts = image_counts
        if statistics != self._statistics:
            self._statistics = statistics
            self.statistics_changed.emit()

    def select(self, index: int) -> None:
        """Go to an image.

        Parameters
        ----------
        index : int
            Its place in the corpus; one outside changes nothing.
        """
        corpus = self.corpus
        if corpus is not None and 0 <= index < len(corpus) and index != self._index:
            self._index = index
            self.image_changed.emit()

    def edit(self, edit: ClassEdit) -> None:
        """Edit the classes.

        Parameters
        ----------
        edit : ClassEdit
            The edit.

        Raises
        ------
        StegoError
            If the classes cannot take it, or cannot be saved; then
            nothing changes.
        """
        if self.segmentation is not None:
            history = self.segmentation.history
            self._saving(lambda: history.do(edit))

    def split(self, proposal: SplitProposal, names: Sequence[str] = ()) -> tuple[int, ...]:
        """Split a class; one step of the history.

        Parameters
        ----------
        proposal : SplitProposal
            The split, of the session's segmentation.
        names : sequence of str
            Names of the parts from the second on; see `SplitProposal.edit`.

        Returns
        -------
        tuple of int
            The classes of the parts, the class itself first; empty without
            classes.

        Raises
        ------
        StegoError
            If the classes cannot take it, or it cannot be saved.
        """
        ids: list[int] = []
        segmentation = self.segmentation
        if segmentation is not None:
            self._saving(lambda: ids.extend(segmentation.split(proposal, names)))
        return tuple(ids)

    def undo(self) -> None:
        """Take the last edit of the classes back.

        Raises
        ------
        StegoError
            If the classes cannot be saved.
        """
        if self.segmentation is not None:
            self._saving(self.segmentation.history.undo)

    def redo(self) -> None:
        """Do the edit undone last again.

        Raises
        ------
        StegoError
            If the classes cannot be saved.
        """
        if self.segmentation is not None:
            self._saving(self.segmentation.history.redo)

    def jump(self, position: int) -> None:
        """Undo or redo until a number of edits are in force.

        Parameters
        ----------
        position : int
            The number of edits.

        Raises
        ------
        StegoError
            If there are not so many, or the classes cannot be saved.
        """
        if self.segmentation is not None:
            history = self.segmentation.history
            self._saving(lambda: history.jump(position))

    def _saving(self, change: Callable[[], None]) -> None:
        """Change the classes; the panels hear of it even if they cannot be saved."""
        try:
            change()
        finally:
            self.classes_changed.emit()


def _with_edits(opened: Opened, before: Opened | None) -> Opened:
    """Keep the classes that are open if they are of the same clusters.

    They may have been edited since the project was read again.
    """
    old, new = before and before.segmentation, opened.segmentation
    same = (
        before is not None
        and old is not None
        and new is not None
        and before.project.folder == opened.project.folder
        and not before.project.read_only
        and old.result == new.result
    )
    return replace(opened, segmentation=old, encodings=old.encodings) if same and old else opened
