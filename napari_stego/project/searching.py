"""Searching a whole corpus for places that are like what was pointed at."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import unit
from napari_stego.corpus import CorpusImage
from napari_stego.correspondence import Found, PromptError, Queries, SearchIndex
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.encodings import Encodings, Source
from napari_stego.project.examples import Patch, patch_of
from napari_stego.project.project import Project, ProjectError
from napari_stego.untrusted import is_link

_INDEXES_KEPT = 4
_AT_LEAST_COMPARED = 32


@dataclass(frozen=True)
class Hit(Patch):
    """A place that is like what was pointed at; as a `Patch`, a square of an image.

    Attributes
    ----------
    score : float
        The score of the patch, in ``[-1, 1]``: the value of the heatmap there.
    position : tuple of int
        Row and column of the patch in the image's grid.
    copies : tuple of str
        Names of other images of the same content.
    """

    score: float
    position: tuple[int, int]
    copies: tuple[str, ...] = ()


class CorpusSearch:
    """The search index of a project's codes, or features.

    It is in the project folder under a key of what makes the codes: other
    features or another head have another index. Building needs no lock;
    several processes may search and build at once.

    Parameters
    ----------
    project : Project
        The project.
    encodings : Encodings
        Codes and features of its images.
    source : "codes" or "features"
        What is compared; one of ``encodings.sources``.

    Raises
    ------
    ProjectError
        If no image has features.
    StegoError
        If the index cannot be read.
    """

    def __init__(self, project: Project, encodings: Encodings, source: Source) -> None:
        self._images: dict[str, list[CorpusImage]] = {}
        for image in project.corpus.images:
            if encodings.has(image):
                self._images.setdefault(image.content_hash, []).append(image)
        if not self._images:
            raise ProjectError(
                f"No image of {project.folder} has features, so nothing can be searched. Extract "
                "features first."
            )
        self._codes = _Codes(encodings, source, next(iter(self._images)))
        folder = project.inside("index", encodings.digest(source))
        self._index = SearchIndex(folder, self._codes, list(self._images))

    @property
    def missing(self) -> int:
        """Images with features that are not in the index yet; copies count once."""
        return len(self._index.missing)

    @property
    def images(self) -> int:
        """Images with features; copies count once."""
        return len(self._images)

    def build(
        self, *, progress: ProgressCallback = no_progress, cancel: CancelToken | None = None
    ) -> None:
        """Bring the index up to date; only images that are missing are added.

        Parameters
        ----------
        progress : ProgressCallback
            Called once an image.
        cancel : CancelToken, optional
            Obeyed between images; what is done is kept.

        Raises
        ------
        StegoError
            If features are damaged, or the index cannot be written.
        Cancelled
            If `cancel` is set.
        """
        self._index.build(progress=progress, cancel=cancel)
        self._tidy()

    def _tidy(self) -> None:
        """Delete the indexes of earlier features and heads, but for the newest."""
        own = self._index.folder
        with suppress(OSError):
            own.touch()
            others = [path for path in own.parent.iterdir() if path != own and not is_link(path)]
            others.sort(key=lambda path: path.lstat().st_mtime_ns, reverse=True)
            for path in others[_INDEXES_KEPT - 1 :]:
                shutil.rmtree(path, ignore_errors=True)

    def search(
        self,
        queries: Queries,
        top: int = 50,
        *,
        per_image: int = 1,
        exact: bool | None = None,
        probes: int | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Hit]:
        """Find the best places of the corpus.

        Parameters
        ----------
        queries : Queries
            What `Inspector.queries` gives for the same source.
        top : int
            How many places.
        per_image : int
            The most places of one image; they are some patches apart.
        exact : bool, optional
            Look at all patches; by default where there are not too many. Else
            only at those that are likely, which finds nearly all.
        probes : int, optional
            Cells of the index looked into for each positive prompt where the
            search is not exact; by default as many as `SearchIndex` says.
        cancel : CancelToken, optional
            Obeyed now and then.

        Returns
        -------
        list of Hit
            The best first; only images that are in the index.

        Raises
        ------
        PromptError
            If there are only negative prompts.
        StegoError
            If the index or features are damaged.
        Cancelled
            If `cancel` is set.
        """
        if not len(queries.positives):
            raise PromptError("Point at something to look for: there are only negative prompts.")
        # The index is right to a thousandth; the first of those that it finds are compared again.
        count = top + max(top // 2, _AT_LEAST_COMPARED)
        found = self._index.search(
            queries, count, per_image=per_image, exact=exact, probes=probes, cancel=cancel
        )
        found = [each for each in found if self._codes.has(each.image)]
        scores = self._codes.scores(found, queries)
        order = np.argsort(-scores, kind="stable")[:top]
        return [self._hit(found[place], float(scores[place])) for place in order.tolist()]

    def _hit(self, found: Found, score: float) -> Hit:
        image, *copies = self._images[found.image]
        position = (found.row, found.column)
        patch = patch_of(image, self._codes.grid_shape(found.image), *position)
        names = tuple(copy.name for copy in copies)
        return Hit(image, patch.row, patch.column, patch.size, score, position, names)


class _Codes:
    """Makes codes for the index, without remembering them."""

    def __init__(self, encodings: Encodings, source: Source, image: str) -> None:
        self._store = encodings.store
        self._encode = encodings.encode(source)
        self.length = self._store.n_channels(image)
        if source == "codes" and encodings.run is not None:
            self.length = encodings.run.settings.dim

    def has(self, content_hash: str) -> bool:
        """Tell whether its features are still there: damaged ones are set aside."""
        return content_hash in self._store

    def grid_shape(self, content_hash: str) -> tuple[int, int]:
        return self._store.grid_shape(content_hash)

    def codes(self, content_hash: str) -> npt.NDArray[np.float32]:
        return self._encode(self._store.tokens(content_hash))

    def scores(self, found: Sequence[Found], queries: Queries) -> npt.NDArray[np.float32]:
        """Compare the codes at some places themselves."""
        if not found:
            return np.empty(0, np.float32)
        tokens = [
            self._store.rows(
                each.image, np.array([each.row * self.grid_shape(each.image)[1] + each.column])
            )
            for each in found
        ]
        return queries.scores(unit(self._encode(np.concatenate(tokens))))
