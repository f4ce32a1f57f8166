"""A sample of a project's positions, as a classifier sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from napari_stego.classes import ClusterSplit
from napari_stego.clustering import unit
from napari_stego.corpus import CorpusImage
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.encodings import Encodings
from napari_stego.project.project import ProjectError
from napari_stego.project.segmentation import Segmentation
from napari_stego.teaching import Pool

_POSITIONS = 16_000
_MOST_IMAGES = 2000
_FEWEST_EACH = 8
_MEAN_IMAGES = 100
_AROUND = 5
_WHOLE = np.float32(0.3)


class TokenView:
    """What a classifier sees of a patch: its token, its code, and what is around it.

    Side by side: the unit vector of the token, the mean of the corpus taken
    from it first, since all tokens have much in common; that of the code; that
    of the mean code of the 5 x 5 patches around; and, at less than a third,
    that of the mean token of the photograph. Without a head, tokens stand for
    codes.

    Parameters
    ----------
    encodings : Encodings
        A project's tokens and codes.
    mean : numpy.ndarray
        ``(C,) float32``, the mean of tokens.
    """

    def __init__(self, encodings: Encodings, mean: npt.NDArray[np.float32]) -> None:
        self._mean = mean
        self._encode = encodings.encode("codes") if "codes" in encodings.sources else None

    def vectors(
        self, tokens: npt.NDArray[np.float16]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Turn the tokens of a photograph into what the classifier sees.

        Parameters
        ----------
        tokens : numpy.ndarray
            ``(h, w, C) float16``, as stored.

        Returns
        -------
        vectors : numpy.ndarray
            ``(h, w, D) float32``.
        kinship : numpy.ndarray
            ``(h, w, d) float32`` unit vectors whose cosines tell what is
            alike: codes, if there are some.
        """
        centred = tokens.astype(np.float32) - self._mean
        token = unit(centred)
        kinship = token if self._encode is None else unit(self._encode(tokens))
        around = unit(uniform_filter(kinship, (_AROUND, _AROUND, 1), mode="nearest"))
        whole = _WHOLE * unit(centred.mean(axis=(0, 1), keepdims=True))
        own = [token] if self._encode is None else [token, kinship]
        parts = [*own, around, np.broadcast_to(whole, token.shape)]
        return np.concatenate(parts, axis=-1) * np.float32(0.5**0.5), kinship


@dataclass(frozen=True, eq=False)
class TeachingSample:
    """Positions of the corpus that are kept at hand.

    Attributes
    ----------
    images : tuple of CorpusImage
        The photographs that the positions are in, of equal content once.
    view : TokenView
        Makes vectors of other positions too.
    places : numpy.ndarray
        ``(n,) int64``, places in the flattened grids of their photographs.
    pool : Pool
        The positions, with numbers of `images`.
    encoded : numpy.ndarray
        ``(n, D') float32``, what the clusters are of.
    """

    images: tuple[CorpusImage, ...]
    view: TokenView
    places: npt.NDArray[np.int64]
    pool: Pool
    encoded: npt.NDArray[np.float32]

    @classmethod
    def draw(
        cls,
        segmentation: Segmentation,
        images: Sequence[CorpusImage],
        seed: int = 0,
        progress: ProgressCallback = no_progress,
        cancel: CancelToken | None = None,
    ) -> TeachingSample:
        """Read a sample of at most about 16,000 positions of at most 2,000 photographs.

        Parameters
        ----------
        segmentation : Segmentation
            A project's result.
        images : sequence of CorpusImage
            The corpus.
        seed : int
            Of the sample.
        progress : ProgressCallback
            Called once an image.
        cancel : CancelToken, optional
            Obeyed between images.

        Returns
        -------
        TeachingSample
            The same for the same corpus and seed.

        Raises
        ------
        ProjectError
            If no photograph has features.
        Cancelled
            If `cancel` is set.
        """
        encodings = segmentation.encodings
        readable = list({i.content_hash: i for i in images if encodings.has(i)}.values())
        if not readable:
            raise ProjectError("No photograph has features. Extract features first.")
        step = max(len(readable) / _MOST_IMAGES, 1.0)
        chosen = tuple(readable[int(k * step)] for k in range(min(len(readable), _MOST_IMAGES)))
        each = max(_POSITIONS // len(chosen), _FEWEST_EACH)
        rng = np.random.default_rng([seed, 2])
        view = TokenView(encodings, mean_token(encodings, chosen))
        encode = encodings.encode(segmentation.result.settings.source)
        places, numbers, vectors, kinship, encoded = [], [], [], [], []
        for number, image in enumerate(chosen):
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(number, len(chosen), "reading a sample")
            tokens = encodings.store.tokens(image.content_hash)
            size = tokens.shape[0] * tokens.shape[1]
            place = np.sort(rng.choice(size, min(each, size), replace=False))
            rows = np.unravel_index(place, tokens.shape[:2])
            seen, alike = view.vectors(tokens)
            places.append(place)
            numbers.append(np.full(len(place), number, np.int64))
            vectors.append(seen[rows])
            kinship.append(alike[rows])
            encoded.append(encode(tokens[rows]))
        progress(len(chosen), len(chosen), "reading a sample")
        pool = Pool.of(
            np.concatenate(vectors), np.concatenate(numbers), np.concatenate(kinship), seed
        )
        return cls(chosen, view, np.concatenate(places), pool, np.concatenate(encoded))

    @cached_property
    def number_of(self) -> dict[str, int]:
        """The numbers of the photographs by content hash."""
        return {image.content_hash: number for number, image in enumerate(self.images)}

    def clusters(
        self, segmentation: Segmentation
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Find the clusters of the positions, refined by the splits in force.

        Parameters
        ----------
        segmentation : Segmentation
            The project's result.

        Returns
        -------
        clusters : numpy.ndarray
            ``(n,) int64``.
        margins : numpy.ndarray
            ``(n,) float32``, the cosine with the cluster less that with the
            best other one.
        """
        table = segmentation.table
        cosines = segmentation.clusters.scores(self.encoded)
        clusters = cosines[:, : table.n_clusters].argmax(axis=1)
        for split in table.splits:
            inside = np.flatnonzero(np.isin(clusters, split.clusters))
            parts = cosines[np.ix_(inside, np.array(split.new_clusters))].argmax(axis=1)
            clusters[inside] = np.array(split.new_clusters)[parts]
        others = cosines.copy()
        others[:, sorted(_replaced(table.splits))] = -1
        rows = np.arange(len(clusters))
        own = cosines[rows, clusters]
        others[rows, clusters] = -1
        return clusters.astype(np.int64), np.asarray(own - others.max(axis=1), np.float32)

    def nearest(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """Find the positions of the sample that are most like others.

        Parameters
        ----------
        vectors : numpy.ndarray
            ``(m, D) float32``, of `TokenView.vectors`.

        Returns
        -------
        numpy.ndarray
            ``(m,) int64``, rows of the sample.
        """
        found: npt.NDArray[np.int64] = (vectors @ self.pool.vectors.T).argmax(axis=1)
        return found


def mean_token(encodings: Encodings, images: Sequence[CorpusImage]) -> npt.NDArray[np.float32]:
    """Give the mean of the corpus: that of the head, or of about a hundred photographs.

    Parameters
    ----------
    encodings : Encodings
        The tokens.
    images : sequence of CorpusImage
        Photographs with features.

    Returns
    -------
    numpy.ndarray
        ``(C,) float32``.
    """
    run, store = encodings.run, encodings.store
    if run is not None and run.preparation.mean is not None:
        return run.preparation.mean
    means = [
        store.tokens(image.content_hash).astype(np.float32).mean(axis=(0, 1))
        for image in images[:: max(len(images) // _MEAN_IMAGES, 1)]
    ]
    return np.asarray(np.mean(means, axis=0), np.float32)


def _replaced(splits: Sequence[ClusterSplit]) -> set[int]:
    return {cluster for split in splits for cluster in split.clusters}
