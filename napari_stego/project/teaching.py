"""Teaching by example: a classifier learns from what was named, clicked and painted."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from napari_stego.classes import ClassEdit, ClassState, PixelEdit
from napari_stego.corpus import CorpusImage
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.project import Project
from napari_stego.project.segmentation import Segmentation
from napari_stego.project.teaching_examples import (
    TaughtClick,
    click_edit,
    said_map,
    said_positions,
)
from napari_stego.project.teaching_sample import TeachingSample
from napari_stego.teaching import (
    ExampleSet,
    PatchClassifier,
    TeachingError,
    TeachingSettings,
    fit_classifier,
    most_useful,
    of_clusters,
    said_of,
)

_REMEMBERED = 4096

# What had become of classes, the strokes of an image, and what they say.
_Said = tuple[Mapping[int, int], tuple[PixelEdit, ...], ExampleSet | None]


@dataclass(frozen=True)
class NextClick:
    """A place where a click would teach much.

    Attributes
    ----------
    image : CorpusImage
        The photograph.
    row, column : int
        The pixel, the middle of a patch.
    why : str
        Why there, in words.
    gain : float
        What is expected of it, relative to the best: 1 and less.
    guesses : tuple of (int, float)
        Class ids with their probabilities, the most probable first; empty
        before there are examples of two classes.
    """

    image: CorpusImage
    row: int
    column: int
    why: str
    gain: float
    guesses: tuple[tuple[int, float], ...] = ()


class Teaching:
    """A classifier of patches that learns from a project's classes, and asks for more.

    Nothing is changed but by `click`, one step of the history. What is read
    of the corpus is read at the first use, and kept. Several threads may ask.

    Parameters
    ----------
    project : Project
        A project that has been clustered.
    segmentation : Segmentation, optional
        Its result, if it is open already.
    settings : TeachingSettings, optional
        How examples are weighed.

    Attributes
    ----------
    project : Project
        As given.
    segmentation : Segmentation
        The classes; edits go to its history.
    settings : TeachingSettings
        As given.
    """

    def __init__(
        self,
        project: Project,
        segmentation: Segmentation | None = None,
        settings: TeachingSettings | None = None,
    ) -> None:
        self.project = project
        self.segmentation = segmentation or Segmentation(project)
        self.settings = settings or TeachingSettings()
        self._sample: TeachingSample | None = None
        self._fitted: tuple[ClassState, PatchClassifier] | None = None
        self._said: OrderedDict[str, _Said] = OrderedDict()
        self._lock = threading.RLock()

    def sample(
        self, progress: ProgressCallback = no_progress, cancel: CancelToken | None = None
    ) -> TeachingSample:
        """Read a sample of the corpus; at once from the second call on.

        Parameters
        ----------
        progress : ProgressCallback
            Called once an image.
        cancel : CancelToken, optional
            Obeyed between images.

        Returns
        -------
        TeachingSample
            The sample.

        Raises
        ------
        ProjectError
            If no photograph has features.
        Cancelled
            If `cancel` is set.
        """
        with self._lock:
            if self._sample is None:
                images = self.project.corpus.images
                self._sample = TeachingSample.draw(
                    self.segmentation, images, self.settings.seed, progress, cancel
                )
            return self._sample

    def examples(self) -> ExampleSet:
        """Collect all examples: of named clusters, clicks, strokes and regions.

        Returns
        -------
        ExampleSet
            Those of clusters first.
        """
        with self._lock:
            return self._examples(self.segmentation.history.state)

    def _examples(self, state: ClassState) -> ExampleSet:
        table, sample = state.table, self.sample()
        named = [row.id for row in table.rows if row.named]
        lut = table.lut().astype(np.int64)
        clusters, margins = sample.clusters(self.segmentation)
        pool = sample.pool
        said = list(self._said_examples(state))
        clicks = np.zeros(len(lut))
        for each in said:
            np.add.at(clicks, clusters[sample.nearest(each.vectors)], each.weights)
        of_names = of_clusters(
            pool.vectors,
            clusters,
            margins,
            pool.images,
            np.where(np.isin(lut, named), lut, 0),
            clicks=clicks,
            halved_at=self.settings.names_halved_at,
            weight=self.settings.cluster_weight,
            each=self.settings.cluster_positions,
            seed=self.settings.seed,
        )
        return ExampleSet.join([of_names, *said])

    def _said_examples(self, state: ClassState) -> Iterator[ExampleSet]:
        images = {image.content_hash: image for image in self.project.corpus.images}
        for content_hash in state.painted_images:
            image = images.get(content_hash)
            if image is None or not self.segmentation.encodings.has(image):
                continue
            strokes = state.strokes(content_hash)
            known = self._said.get(content_hash)
            # A merge changes what was said, too.
            if known is None or not _same(known[1], strokes) or known[0] != state.table.gone:
                found = self._said_in(image)
                self._said[content_hash] = known = (state.table.gone, strokes, found)
                if len(self._said) > _REMEMBERED:
                    self._said.popitem(last=False)
            if known[2] is not None:
                yield known[2]

    def _said_in(self, image: CorpusImage) -> ExampleSet | None:
        said = said_map(self.segmentation, image)
        if said is None:
            return None
        store = self.segmentation.encodings.store
        places, classes = said_positions(said, store.grid_shape(image.content_hash))
        if not len(places):
            return None
        seen, _ = self.sample().view.vectors(store.tokens(image.content_hash))
        vectors = seen.reshape(-1, seen.shape[-1])[places]
        # An image beyond the sample gets a number that no other is likely to have.
        number = self.sample().number_of.get(image.content_hash, int(image.content_hash[:15], 16))
        return said_of(vectors, classes, np.full(len(places), number, np.int64), classes)

    def classifier(self) -> PatchClassifier:
        """Fit the classifier to the examples as they are now, unless it is.

        Returns
        -------
        PatchClassifier
            The classifier.

        Raises
        ------
        TeachingError
            If the examples are not of two classes at least.
        """
        with self._lock:
            state = self.segmentation.history.state
            if self._fitted is None or self._fitted[0] is not state:
                self._fitted = (state, fit_classifier(self._examples(state), self.settings))
            return self._fitted[1]

    def click(self, clicks: list[TaughtClick]) -> ClassEdit:
        """Keep clicks as strokes over their patches, in one step of the history.

        Parameters
        ----------
        clicks : list of TaughtClick
            At least one.

        Returns
        -------
        ClassEdit
            The edit, which is done.

        Raises
        ------
        StegoError
            If a pixel or class cannot be taken, or the edit not be written.
        """
        edit = click_edit(self.segmentation, clicks)
        self.segmentation.history.do(edit)
        return edit

    def certainty(self, image: CorpusImage) -> float:
        """Tell how certain it is that the classes of a photograph are right.

        That is the mean probability of its classes as they are, over the
        middles of its patches; a class without examples is never right.

        Parameters
        ----------
        image : CorpusImage
            A photograph with features.

        Returns
        -------
        float
            In ``[0, 1]``: the share of the photograph that is probably right.

        Raises
        ------
        TeachingError
            If the examples are not of two classes at least.
        """
        tokens = self.segmentation.encodings.store.tokens(image.content_hash)
        model = self.classifier()
        found = model.probabilities(self.sample().view.vectors(tokens)[0])
        labels = self.segmentation.label_image(image)
        rows, columns = (
            (np.arange(count) + 0.5) * size // count
            for count, size in zip(found.shape[:2], labels.shape, strict=True)
        )
        here = labels[np.ix_(rows.astype(np.intp), columns.astype(np.intp))]
        of_class = here[..., None] == np.array(model.classes)
        return float((found * of_class).sum(axis=-1).mean())

    def next_clicks(self, count: int = 1) -> list[NextClick]:
        """Find where clicks would teach the most.

        Before there are examples of two classes, these are the most typical
        places of the largest groups of like patches.

        Parameters
        ----------
        count : int
            How many.

        Returns
        -------
        list of NextClick
            The most useful first, none like another; fewer if there are no more.
        """
        with self._lock:
            return self._next_clicks(count)

    def _next_clicks(self, count: int) -> list[NextClick]:
        sample = self.sample()
        said = list(self._said_examples(self.segmentation.history.state))
        answered = sample.nearest(ExampleSet.join(said).vectors).tolist() if said else []
        table = self.segmentation.table
        try:
            model = self.classifier()
            probabilities = model.probabilities(sample.pool.vectors)
        except TeachingError:
            model = None
            probabilities = np.full((len(sample.pool), 2), 0.5, np.float32)
        clicks = []
        for found in most_useful(sample.pool, probabilities, answered, count):
            image = sample.images[int(sample.pool.images[found.row])]
            height, width = self.segmentation.encodings.store.grid_shape(image.content_hash)
            row, column = divmod(int(sample.places[found.row]), width)
            why = f"{found.share:.1%} of all patches are like it"
            guesses: tuple[tuple[int, float], ...] = ()
            if model is not None:
                of_row = probabilities[found.row].tolist()
                named = zip(model.classes, of_row, strict=True)
                guesses = tuple(sorted(named, key=lambda each: -each[1]))
                first, second = (table.name(model.classes[each]) for each in found.guesses)
                why = f"“{first}” or “{second}”? {why}"
            clicks.append(
                NextClick(
                    image,
                    int((row + 0.5) * image.height / height),
                    int((column + 0.5) * image.width / width),
                    why,
                    found.gain,
                    guesses,
                )
            )
        return clicks


def _same(before: tuple[PixelEdit, ...], now: tuple[PixelEdit, ...]) -> bool:
    return len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True))
