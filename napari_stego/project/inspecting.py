"""Looking at what was pointed at: heatmaps in one image and in many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import unit
from napari_stego.corpus import CorpusImage
from napari_stego.correspondence import Prompt, PromptError, Queries, heatmap, reduced
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.encodings import Encodings, Source
from napari_stego.project.image_facts import find_mean_tokens
from napari_stego.project.project import Project

_THUMBNAIL = 160


@dataclass(frozen=True, eq=False)
class GalleryItem:
    """The heatmap of one image among others, small.

    Attributes
    ----------
    image : CorpusImage
        The image.
    heat : numpy.ndarray
        ``(H', W') float32`` in ``[-1, 1]``, of the image's proportions.
    row, column : int
        The pixel at the middle of the best patch.
    score : float
        The score of that patch.
    """

    image: CorpusImage
    heat: npt.NDArray[np.float32]
    row: int
    column: int
    score: float


class Inspector:
    """Heatmaps of prompts over the images of a project.

    All scores are on one scale: 1 for what is the same as a positive prompt, 0
    for what has nothing in common with any, or as much with a negative one,
    -1 for the opposite. May be used from several threads.

    Parameters
    ----------
    project : Project
        The project.
    encodings : Encodings
        Codes and features of its images.
    """

    def __init__(self, project: Project, encodings: Encodings) -> None:
        self._project = project
        self._encodings = encodings
        self.images: dict[str, CorpusImage] = {}
        """The images that have features, by content hash; the first of equal ones."""
        for image in project.corpus.images:
            if encodings.has(image):
                self.images.setdefault(image.content_hash, image)
        self._means: npt.NDArray[np.float32] | None = None

    def queries(self, prompts: Iterable[Prompt], source: Source) -> Queries:
        """Turn prompts into the directions that are looked for.

        Parameters
        ----------
        prompts : iterable of Prompt
            At least one, on any images of the project.
        source : "codes" or "features"
            What is compared.

        Returns
        -------
        Queries
            For the other methods; good for all images.

        Raises
        ------
        PromptError
            If there are none, one lies outside of its image, or its image is
            not in the project or has no features.
        StegoError
            If features are damaged.
        """

        def grid_of(content_hash: str) -> tuple[npt.NDArray[np.float32], tuple[int, int]]:
            image = self.images.get(content_hash)
            if image is None:
                raise PromptError(
                    "A prompt is on a photograph that is not in this project, or has no features "
                    f"(content hash {content_hash[:12]}). Extract features, or remove the prompt."
                )
            return self._encodings.grid(image, source), (image.height, image.width)

        return Queries.of(prompts, grid_of)

    def scores(
        self, image: CorpusImage, queries: Queries, source: Source, *, centred: bool = False
    ) -> npt.NDArray[np.float32]:
        """Score the patches of an image.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        queries : Queries
            What is looked for, of the same source.
        source : "codes" or "features"
            What is compared.
        centred : bool
            Subtract from the correspondence with each prompt its mean over
            the image, as STEGO's loss does.

        Returns
        -------
        numpy.ndarray
            ``(h, w) float32`` in ``[-1, 1]``.
        """
        return queries.scores(unit(self._encodings.grid(image, source)), centred=centred)

    def heatmap(
        self,
        image: CorpusImage,
        queries: Queries,
        source: Source,
        *,
        centred: bool = False,
        longest: int | None = None,
    ) -> npt.NDArray[np.float32]:
        """Score the pixels of an image.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        queries : Queries
            What is looked for, of the same source.
        source : "codes" or "features"
            What is compared.
        centred : bool
            As for `scores`.
        longest : int, optional
            The most pixels of the longer side of the heatmap; by default it
            has the size of the image.

        Returns
        -------
        numpy.ndarray
            ``(H, W) float32`` in ``[-1, 1]``.
        """
        shape = (image.height, image.width)
        scores = self.scores(image, queries, source, centred=centred)
        return heatmap(scores, shape if longest is None else reduced(shape, longest))

    def gallery(
        self,
        images: Sequence[CorpusImage],
        queries: Queries,
        source: Source,
        *,
        centred: bool = False,
        longest: int = _THUMBNAIL,
        progress: ProgressCallback = no_progress,
        cancel: CancelToken | None = None,
    ) -> Iterator[GalleryItem]:
        """Score several images, one after another.

        Parameters
        ----------
        images : sequence of CorpusImage
            Which, in the order wanted; those without features are left out.
        queries : Queries
            What is looked for, of the same source.
        source : "codes" or "features"
            What is compared.
        centred : bool
            As for `scores`.
        longest : int
            The most pixels of the longer side of each heatmap.
        progress : ProgressCallback
            Called once an image.
        cancel : CancelToken, optional
            Obeyed between images.

        Yields
        ------
        GalleryItem
            As soon as it is made.

        Raises
        ------
        StegoError
            If features are damaged.
        Cancelled
            If `cancel` is set.
        """
        for done, image in enumerate(images):
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(done, len(images), "looking at the gallery")
            if self._encodings.has(image):
                shape = (image.height, image.width)
                scores = self.scores(image, queries, source, centred=centred)
                place = np.unravel_index(scores.argmax(), scores.shape)
                row, column = (
                    int((at + 0.5) * size / count)
                    for at, size, count in zip(place, shape, scores.shape, strict=True)
                )
                heat = heatmap(scores, reduced(shape, longest))
                yield GalleryItem(image, heat, row, column, float(scores[place]))
        progress(len(images), len(images), "looking at the gallery")

    def neighbours(
        self,
        image: CorpusImage,
        count: int,
        *,
        progress: ProgressCallback = no_progress,
        cancel: CancelToken | None = None,
    ) -> list[CorpusImage]:
        """Find the most similar other images, as the training does.

        By the cosine of mean tokens, the mean of the corpus subtracted. The
        first call in a project reads all tokens; the means are kept in it.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        count : int
            How many.
        progress : ProgressCallback
            Called once an image, the first time.
        cancel : CancelToken, optional
            Obeyed between images.

        Returns
        -------
        list of CorpusImage
            Nearest first, without the image itself and its copies.

        Raises
        ------
        StegoError
            If features are damaged.
        Cancelled
            If `cancel` is set.
        """
        images, store = list(self.images.values()), self._encodings.store
        if self._means is None:
            found = find_mean_tokens(self._project, images, progress=progress, cancel=cancel)
            means = found.values.astype(np.float32)
            areas = [math.prod(store.grid_shape(each)) for each in self.images]
            mean = np.average(means, axis=0, weights=areas).astype(np.float32)
            self._means = unit(means - mean)
        own = list(self.images).index(image.content_hash)
        closeness = self._means @ self._means[own]
        closeness[own] = -np.inf
        order = np.argsort(-closeness, kind="stable")[: min(count, len(images) - 1)]
        return [images[place] for place in order.tolist()]
