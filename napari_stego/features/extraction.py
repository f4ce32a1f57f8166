"""Passing every image of a corpus once through the frozen backbone."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_stego.backbones import DEFAULT_BACKBONE, Backbone, Layer, get_backbone_spec
from napari_stego.corpus import Corpus, CorpusImage, ImageReadError, SkippedFile
from napari_stego.features.store import FeatureStore
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

SEGMENT_IMAGES = 48
_FORMAT = 1


class FeatureSettings(BaseModel):
    """What tokens to extract.

    Attributes
    ----------
    backbone : str
        Name of the backbone in timm.
    layer : int or "final"
        Block whose patch tokens are taken, counted from 0, before the final
        norm; or ``"final"``, the last block after the final norm (as in the
        STEGO paper). By default the backbone's own choice.
    long_side : int
        Pixels of an image's longer side as it enters the backbone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = DEFAULT_BACKBONE
    layer: Layer
    long_side: int = Field(default=448, ge=32, le=4096)

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
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


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
    grids share a batch. After a cancel or a crash, another call goes on where
    the last finished segment ends.

    Parameters
    ----------
    corpus : Corpus
        The images.
    store : FeatureStore
        The store that belongs to these settings and weights.
    backbone : Backbone
        The frozen backbone.
    settings : FeatureSettings
        Layer and size.
    batch_size : int
        Images in one pass through the backbone.
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
    pending = [image for key, image in unique.items() if key not in store]
    skipped: list[SkippedFile] = []
    done = reused = len(unique) - len(pending)
    progress(done, len(unique), "extracting features")
    finished: list[tuple[str, npt.NDArray[np.float16]]] = []
    try:
        for batch in _read_ahead(_batches(pending, backbone, settings, batch_size), backbone):
            if cancel is not None:
                cancel.raise_if_cancelled()
            skipped.extend(batch.skipped)
            if batch.images:
                tokens = backbone.encode(batch.pixels, (settings.layer,))[0]
                finished.extend(
                    (image.content_hash, array)
                    for image, array in zip(batch.images, tokens, strict=True)
                )
            done += len(batch.images) + len(batch.skipped)
            progress(done, len(unique), "extracting features")
            if len(finished) >= SEGMENT_IMAGES:
                store.write(finished)
                finished = []
    finally:
        store.write(finished)
    return ExtractionReport(len(pending) - len(skipped), reused, _with_copies(corpus, skipped))


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
    images: list[CorpusImage]
    pixels: npt.NDArray[np.uint8]
    skipped: list[SkippedFile]


def _batches(
    pending: Sequence[CorpusImage], backbone: Backbone, settings: FeatureSettings, batch_size: int
) -> Iterator[tuple[tuple[int, int], list[CorpusImage]]]:
    """Yield a grid shape and the images that share it, near one another in the corpus."""
    for start in range(0, len(pending), SEGMENT_IMAGES):
        by_grid: dict[tuple[int, int], list[CorpusImage]] = {}
        for image in pending[start : start + SEGMENT_IMAGES]:
            grid = backbone.grid_shape(image.height, image.width, settings.long_side)
            by_grid.setdefault(grid, []).append(image)
        for grid, images in by_grid.items():
            for first in range(0, len(images), batch_size):
                yield grid, images[first : first + batch_size]


def _read_ahead(
    batches: Iterator[tuple[tuple[int, int], list[CorpusImage]]], backbone: Backbone
) -> Iterator[_Batch]:
    """Decode the next batches while the backbone works on this one."""

    def read(grid: tuple[int, int], images: list[CorpusImage]) -> _Batch:
        readable: list[CorpusImage] = []
        pixels: list[npt.NDArray[np.uint8]] = []
        skipped: list[SkippedFile] = []
        for image in images:
            try:
                pixels.append(backbone.resize(image.read(), grid))
                readable.append(image)
            except ImageReadError as error:
                skipped.append(SkippedFile(image.name, error.reason))
        stacked = np.stack(pixels) if pixels else np.empty((0, 0, 0, 3), np.uint8)
        return _Batch(readable, stacked, skipped)

    waiting: deque[Future[_Batch]] = deque()
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="decode") as pool:
        try:
            for grid, images in batches:
                waiting.append(pool.submit(read, grid, images))
                if len(waiting) > 2:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
