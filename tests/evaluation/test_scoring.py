from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_stego.clustering import ClusterModel, cluster_map, unit
from napari_stego.corpus import CorpusImage
from napari_stego.evaluation import (
    MaskedImages,
    class_ids,
    confusion_by_patch,
    confusion_with_masks,
)
from napari_stego.features import FeatureStore, Preparation
from napari_stego.progress import Cancelled, CancelToken

SIDE = 1100
encode = Preparation().apply


@pytest.fixture
def masked(tmp_path):
    """Images, each larger than what is counted at once, with masks and tokens."""
    rng = np.random.default_rng(0)
    store = FeatureStore(tmp_path / "store")
    keys = [str(index) for index in range(6)]
    store.write([(key, rng.normal(size=(6, 6, 8)).astype(np.float16)) for key in keys])
    images, paths = [], {}
    for key in keys:
        images.append(CorpusImage(Path(f"{key}.jpg"), f"{key}.jpg", SIDE, SIDE, key))
        paths[f"{key}.jpg"] = tmp_path / f"{key}.png"
        ids = rng.choice(np.array([2, 5, 6, 255], np.uint8), (SIDE, SIDE))
        Image.fromarray(ids).save(paths[f"{key}.jpg"])
    return MaskedImages(store, tuple(images), paths)


@pytest.fixture
def model():
    return ClusterModel(unit(np.random.default_rng(1).normal(size=(4, 8)).astype(np.float32)))


def test_every_pixel_of_the_classes_asked_for_is_counted_once(masked, model):
    classes = np.array([2, 6])
    found, again = confusion_with_masks(masked, classes, [model, model], encode)
    np.testing.assert_array_equal(found, again)
    expected = np.zeros((2, 4), np.int64)
    for image in masked.images:
        scores = model.scores(encode(masked.store.tokens(image.content_hash)))
        clusters = cluster_map(scores, (SIDE, SIDE))
        for row, class_id in enumerate(classes):
            here = clusters[masked.mask(image) == class_id]
            expected[row] += np.bincount(here, minlength=4)
    np.testing.assert_array_equal(found, expected)


def test_by_patch_a_pixel_counts_for_the_cluster_of_its_patch(masked, model):
    classes = np.array([2, 6])
    found = confusion_by_patch(masked, classes, model, encode)
    patch_of = np.floor((np.arange(SIDE) + 0.5) * 6 / SIDE).astype(int)
    expected = np.zeros((2, 4), np.int64)
    for image in masked.images:
        scores = model.scores(encode(masked.store.tokens(image.content_hash)))
        clusters = scores.argmax(axis=-1)[patch_of][:, patch_of]
        for row, class_id in enumerate(classes):
            here = clusters[masked.mask(image) == class_id]
            expected[row] += np.bincount(here, minlength=4)
    np.testing.assert_array_equal(found, expected)


def test_memory_does_not_grow_with_the_number_of_masks(masked, model):
    def peak(images):
        data = MaskedImages(masked.store, images, masked.masks)
        tracemalloc.start()
        try:
            classes = class_ids(map(data.mask, data.images))
            confusion_with_masks(data, classes, [model], encode)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(masked.images[:1])  # fills caches of the libraries
    assert peak(masked.images) < peak(masked.images[:1]) + SIDE * SIDE


def test_cancel(masked, model):
    token = CancelToken()
    token.cancel()
    classes = np.array([2, 5])
    with pytest.raises(Cancelled):
        confusion_with_masks(masked, classes, [model], encode, cancel=token)
    with pytest.raises(Cancelled):
        confusion_by_patch(masked, classes, model, encode, cancel=token)
