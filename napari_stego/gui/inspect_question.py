"""What is asked when something is pointed at, good for any thread and any photograph."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_stego.corpus import Corpus, CorpusImage
from napari_stego.correspondence import Prompt, Queries
from napari_stego.gui.session import Session
from napari_stego.project import Encodings, Project, Source
from napari_stego.project.inspecting import Inspector


class Inspectors:
    """Holds the inspector of what is open; made once, by whichever thread needs it first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: tuple[Corpus, Encodings] | None = None
        self._inspector: Inspector | None = None

    def of(self, project: Project, corpus: Corpus, encodings: Encodings) -> Inspector:
        """Return the inspector of a project.

        Parameters
        ----------
        project : Project
            The project.
        corpus : Corpus
            Its images.
        encodings : Encodings
            Their codes and features.

        Returns
        -------
        Inspector
            The inspector.
        """
        with self._lock:
            held = self._of
            if held is None or held[0] is not corpus or held[1] is not encodings:
                self._inspector = Inspector(project, encodings)
                self._of = (corpus, encodings)
            assert self._inspector is not None
            return self._inspector

    def has(self, corpus: Corpus, encodings: Encodings) -> bool:
        """Tell whether the inspector of these has been made.

        Parameters
        ----------
        corpus : Corpus
            The images.
        encodings : Encodings
            Their codes and features.

        Returns
        -------
        bool
            Whether `of` takes no time.
        """
        held = self._of
        return held is not None and held[0] is corpus and held[1] is encodings

    def forget(self) -> None:
        """Let go of what was open."""
        with self._lock:
            self._of = self._inspector = None


@dataclass(frozen=True, eq=False)
class Question:
    """Prompts, and how they are compared; what is open when it is asked.

    Attributes
    ----------
    project : Project
        The project.
    corpus : Corpus
        Its images.
    encodings : Encodings
        Their codes and features.
    inspectors : Inspectors
        Where the inspector is held.
    prompts : tuple of Prompt
        What is looked for.
    source : "codes" or "features"
        What is compared.
    centred : bool
        Whether the mean of each photograph is taken off.
    """

    project: Project
    corpus: Corpus
    encodings: Encodings
    inspectors: Inspectors
    prompts: tuple[Prompt, ...]
    source: Source
    centred: bool
    _queries: list[Queries] = field(default_factory=list, init=False)

    @classmethod
    def of(
        cls,
        session: Session,
        inspectors: Inspectors,
        prompts: tuple[Prompt, ...],
        source: Source | None,
        centred: bool,
    ) -> Question | None:
        """Ask about what is open.

        Parameters
        ----------
        session : Session
            What is open.
        inspectors, prompts, source, centred
            As for the class.

        Returns
        -------
        Question or None
            None if there is nothing to compare, or no prompt.
        """
        project, corpus, encodings = session.project, session.corpus, session.encodings
        if project is None or corpus is None or encodings is None or not prompts:
            return None
        if source is None or source not in encodings.sources:
            return None
        return cls(project, corpus, encodings, inspectors, prompts, source, centred)

    @property
    def inspector(self) -> Inspector:
        """What makes the heatmaps; not for the main thread."""
        return self.inspectors.of(self.project, self.corpus, self.encodings)

    @property
    def queried(self) -> tuple[Prompt, ...]:
        """The prompts on photographs that have features; not for the main thread."""
        known = self.inspector.images
        return tuple(prompt for prompt in self.prompts if prompt.image in known)

    @property
    def queries(self) -> Queries:
        """The directions of the prompts; not for the main thread."""
        if not self._queries:
            self._queries.append(self.inspector.queries(self.queried, self.source))
        return self._queries[0]

    def alike(self, other: Question | None) -> bool:
        """Tell whether a search would find the same.

        Parameters
        ----------
        other : Question, optional
            Another question.

        Returns
        -------
        bool
            Whether it would.
        """
        return other is not None and (self.prompts, self.source, self.encodings) == (
            other.prompts,
            other.source,
            other.encodings,
        )

    def quick(self, image: CorpusImage) -> bool:
        """Tell whether a small heatmap of an image takes a few milliseconds only.

        Parameters
        ----------
        image : CorpusImage
            An image with features.

        Returns
        -------
        bool
            Whether the main thread may make it.
        """
        needed = {image.content_hash, *(prompt.image for prompt in self.prompts)}
        return self.inspectors.has(self.corpus, self.encodings) and all(
            self.encodings.holds(each, self.source) for each in needed
        )

    def heatmap(self, image: CorpusImage, longest: int | None = None) -> npt.NDArray[np.float32]:
        """Score the pixels of an image; not for the main thread.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        longest : int, optional
            The most pixels of the longer side; by default those of the image.

        Returns
        -------
        numpy.ndarray
            ``(h, w) float32`` in ``[-1, 1]``.
        """
        return self.inspector.heatmap(
            image, self.queries, self.source, centred=self.centred, longest=longest
        )
