"""Passing every image of a corpus once through the frozen backbone."""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_stego.backbones import DEFAULT_BACKBONE, Backbone, Layer, get_backbone_spec
from napari_stego.backbones.registry import Facet
from napari_stego.corpus import Corpus, CorpusImage, ImageReadError, SkippedFile
from napari_stego.features.crops import crop_keys, five_crops
from napari_stego.features.store import FeatureStore
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

SEGMENT_IMAGES = 48
_FORMAT = 1
_LATER_FIELDS = {"facet": "tokens", "crops": "none"}
"""Fields newer than the format, and the values that stand for what there was before them."""

_Pixels = npt.NDArray[np.uint8]
_Tokens = npt.NDArray[np.float16]


class FeatureSettings(BaseModel):
    """What tokens to extract.

    Attributes
    ----------
    backbone : str
        Name of the backbone in timm.
    layer : int, "final" or tuple
        Block whose patch tokens are taken, counted from 0, before the final
        norm; or ``"final"``, the last block after the final norm (as in the
        STEGO paper). By default the backbone's own choice. Several layers are
        scaled alike and concatenated, see `Backbone.encode`.
    long_side : int
        Pixels of an image's longer side as it enters the backbone.
    facet : "tokens" or "keys"
        What is taken of the layer: the tokens that leave the block, or the
        keys of its attention (``feat_type`` KK of STEGO's code).
    crops : "none" or "five"
        With ``"five"`` the store also holds five crops of each image, each
        scaled to the size of the whole (STEGO's five-crop corpora). They are
        for neighbours and training; whole images are what is shown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = DEFAULT_BACKBONE
    layer: Layer | Annotated[tuple[Layer, ...], Field(min_length=2)]
    long_side: int = Field(default=448, ge=32, le=4096)
    facet: Facet = "tokens"
    crops: Literal["none", "five"] = "none"

    @model_validator(mode="before")
    @classmethod
    def _default_layer(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("layer") is None:
            name = values.get("backbone", DEFAULT_BACKBONE)
            return {**values, "layer": get_backbone_spec(name).default_layer}
        return values

    def key(self, weights_sha256: str) -> str:
        """Name the tokens that these settings and these weights make.

        Parameters
        ----------
        weights_sha256 : str
            Identity of the backbone's weights.

        Returns
        -------
        str
            16 hexadecimal digits, equal only for equal tokens.
        """
        identity = {**self.model_dump(), "weights": weights_sha256, "format": _FORMAT}
        for name, value in _LATER_FIELDS.items():
            if identity[name] == value:
                del identity[name]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]

    def stored_keys(self, content_hash: str) -> tuple[str, ...]:
        """Name all that a store of these settings holds of an image.

        Parameters
        ----------
        content_hash : str
            Of the image.

        Returns
        -------
        tuple of str
            The whole image first, then its crops, if any.
        """
        return (content_hash, *(crop_keys(content_hash) if self.crops == "five" else ()))

    def training_keys(self, content_hash: str) -> tuple[str, ...]:
        """Name what neighbours and training read of an image.

        Parameters
        ----------
        content_hash : str
            Of the image.

        Returns
        -------
        tuple of str
            Its crops; where there are none, the whole image.
        """
        return crop_keys(content_hash) if self.crops == "five" else (content_hash,)


@dataclass(frozen=True)
class ExtractionReport:
    """What an extraction did.

    Attributes
    ----------
    extracted, reused : int
        Images passed through the backbone now, and found in the store.
    skipped : tuple of SkippedFile
        Images whose pixels could not be read, or whose files hold another
        picture than when they were listed.
    """

    extracted: int
    reused: int
    skipped: tuple[SkippedFile, ...]


def extract_features(
    corpus: Corpus,
    store: FeatureStore,
    backbone: Backbone,
    settings: FeatureSettings,
    *,
    batch_size: int = 8,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> ExtractionReport:
    """Fill the store with the tokens of all images that it does not hold yet.

    Each image keeps its aspect ratio and all of its pixels. Images of equal
    grids share a batch. Decoding and writing go on beside the backbone. After
    a cancel or a crash, another call goes on where the last finished segment
    ends.

    Parameters
    ----------
    corpus : Corpus
        The images.
    store : FeatureStore
        The store that belongs to these settings and weights.
    backbone : Backbone
        The frozen backbone.
    settings : FeatureSettings
        What to take of the backbone, size and crops.
    batch_size : int
        Images in one pass through the backbone, crops counted; all crops of
        an image pass together.
    progress : ProgressCallback
        Called after each batch.
    cancel : CancelToken, optional
        Obeyed between batches; finished images are kept.

    Returns
    -------
    ExtractionReport
        Counts and unreadable images.

    Raises
    ------
    StegoError
        If the store cannot be written.
    Cancelled
        If `cancel` is set.
    """
    store.sweep()
    unique = {image.content_hash: image for image in corpus.images}
    pending = [
        image
        for key, image in unique.items()
        if any(part not in store for part in settings.stored_keys(key))
    ]
    skipped: list[SkippedFile] = []
    done = reused = len(unique) - len(pending)
    progress(done, len(unique), "extracting features")
    reading = _read_ahead(pending, store, backbone, settings, batch_size)
    with _Writer(store) as writer, closing(reading) as batches:
        for batch in batches:
            if cancel is not None:
                cancel.raise_if_cancelled()
            skipped.extend(batch.skipped)
            if batch.keys:
                pixels = np.stack(batch.pixels)
                tokens = backbone.encode(pixels, (settings.layer,), settings.facet)[0]
                writer.add(zip(batch.keys, tokens, strict=True))
            done += batch.n_images
            progress(done, len(unique), "extracting features")
    return ExtractionReport(len(pending) - len(skipped), reused, _with_copies(corpus, skipped))


class _Writer:
    """Writes segments while the backbone goes on; one at a time, so that few are in memory.

    On leaving, whatever was added is written, after a cancel or an error too.
    """

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        self._finished: list[tuple[str, _Tokens]] = []
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="write")
        self._writing: Future[None] | None = None

    def __enter__(self) -> _Writer:
        return self

    def add(self, tokens: Iterable[tuple[str, _Tokens]]) -> None:
        self._finished.extend(tokens)
        if len(self._finished) >= SEGMENT_IMAGES:
            self._wait()
            self._writing = self._pool.submit(self._store.write, self._finished)
            self._finished = []

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def __exit__(self, *error: object) -> None:
        with self._pool:
            try:
                self._wait()
            finally:
                self._store.write(self._finished)


def _with_copies(corpus: Corpus, skipped: list[SkippedFile]) -> tuple[SkippedFile, ...]:
    """Add the copies of skipped files under other names: each content was read once."""
    hashes = {image.name: image.content_hash for image in corpus.images}
    reasons = {hashes[file.name]: file.reason for file in skipped}
    return tuple(
        SkippedFile(image.name, reasons[image.content_hash])
        for image in corpus.images
        if image.content_hash in reasons
    )


@dataclass(frozen=True)
class _Batch:
    """What is to pass through the backbone: keys and pixels, all of one size."""

    n_images: int
    keys: list[str]
    pixels: list[_Pixels]
    skipped: list[SkippedFile]


def _batches(
    pending: Sequence[CorpusImage], backbone: Backbone, settings: FeatureSettings, batch_size: int
) -> Iterator[tuple[tuple[int, int], list[CorpusImage]]]:
    """Yield a grid shape and the images that share it, near one another in the corpus."""
    n_images = max(1, batch_size // len(settings.stored_keys("")))
    for start in range(0, len(pending), SEGMENT_IMAGES):
        by_grid: dict[tuple[int, int], list[CorpusImage]] = {}
        for image in pending[start : start + SEGMENT_IMAGES]:
            grid = backbone.grid_shape(image.height, image.width, settings.long_side)
            by_grid.setdefault(grid, []).append(image)
        for grid, images in by_grid.items():
            for first in range(0, len(images), n_images):
                yield grid, images[first : first + n_images]


def _read_ahead(
    pending: Sequence[CorpusImage],
    store: FeatureStore,
    backbone: Backbone,
    settings: FeatureSettings,
    batch_size: int,
) -> Generator[_Batch]:
    """Decode the next images while the backbone works on these."""
    missing = {
        image.content_hash: [
            key for key in settings.stored_keys(image.content_hash) if key not in store
        ]
        for image in pending
    }

    def read(image: CorpusImage, grid: tuple[int, int]) -> list[_Pixels] | SkippedFile:
        try:
            pixels = image.read()
        except ImageReadError as error:
            return SkippedFile(image.name, error.reason)
        views = dict(
            zip(settings.stored_keys(image.content_hash), _views(pixels, settings), strict=True)
        )
        return [backbone.resize(views[key], grid) for key in missing[image.content_hash]]

    def collect(
        images: list[CorpusImage], read: list[Future[list[_Pixels] | SkippedFile]]
    ) -> _Batch:
        batch = _Batch(len(images), [], [], [])
        for image, future in zip(images, read, strict=True):
            result = future.result()
            if isinstance(result, SkippedFile):
                batch.skipped.append(result)
            else:
                batch.keys.extend(missing[image.content_hash])
                batch.pixels.extend(result)
        return batch

    # A backbone on the processor needs the cores itself, and waits for nothing with two threads.
    workers = 2 if backbone.device == "cpu" else min(16, max(2, os.cpu_count() or 2))
    waiting: deque[tuple[list[CorpusImage], list[Future[list[_Pixels] | SkippedFile]]]] = deque()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="decode") as pool:
        try:
            for grid, images in _batches(pending, backbone, settings, batch_size):
                waiting.append((images, [pool.submit(read, image, grid) for image in images]))
                if sum(len(images) for images, _ in waiting) > workers + batch_size:
                    yield collect(*waiting.popleft())
            while waiting:
                yield collect(*waiting.popleft())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _views(pixels: _Pixels, settings: FeatureSettings) -> tuple[_Pixels, ...]:
    return (pixels, *(five_crops(pixels) if settings.crops == "five" else ()))
