from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from napari_stego.clustering import upsample
from napari_stego.corpus import CorpusImage
from napari_stego.evaluation import (
    MaskedImages,
    MaskError,
    ProbeSettings,
    confusion_with_masks,
    fit_linear_probe,
    patch_classes,
)
from napari_stego.features import FeatureStore, Preparation
from napari_stego.progress import Cancelled, CancelToken

encode = Preparation().apply
FAST = ProbeSettings(steps=300, batch=64, learning_rate=0.05)
CLASSES = np.array([3, 4, 7])


@pytest.fixture(scope="module")
def separable(tmp_path_factory):
    """Images in which a patch's class is a linear function of its token.

    Channels have very different means and spreads.
    """
    folder = tmp_path_factory.mktemp("separable")
    rng = np.random.default_rng(0)
    store = FeatureStore(folder / "store")
    images, paths = [], {}
    for index in range(4):
        rows = rng.integers(0, 3, (6, 8))
        tokens = rng.normal(0, 0.1, (6, 8, 5)) + np.eye(5)[rows]
        tokens = tokens * [1, 100, 0.01, 1, 0] + [0, 1000, 0, -5, 2]
        store.write([(str(index), tokens.astype(np.float16))])
        images.append(CorpusImage(Path(f"{index}.jpg"), f"{index}.jpg", 60, 80, str(index)))
        mask = CLASSES[rows].astype(np.uint8).repeat(10, axis=0).repeat(10, axis=1)
        mask[:2] = 255
        paths[f"{index}.jpg"] = folder / f"{index}.png"
        Image.fromarray(mask).save(paths[f"{index}.jpg"])
    return MaskedImages(store, tuple(images), paths)


def test_what_is_linear_in_the_tokens_is_found(separable):
    probe = fit_linear_probe(separable, CLASSES, encode, FAST)
    for image in separable.images:
        grid = (6, 8)
        found = probe.scores(encode(separable.store.tokens(image.content_hash))).argmax(axis=-1)
        rows = np.searchsorted(CLASSES, separable.mask(image))
        np.testing.assert_array_equal(found, patch_classes(rows, grid, 3))
    (confusion,) = confusion_with_masks(separable, CLASSES, [probe], encode)
    assert np.trace(confusion) / confusion.sum() > 0.8  # borders are interpolated


def test_the_same_seed_gives_the_same_probe(separable):
    first, second = (fit_linear_probe(separable, CLASSES, encode, FAST) for _ in range(2))
    np.testing.assert_array_equal(first.weight, second.weight)
    np.testing.assert_array_equal(first.bias, second.bias)
    other = fit_linear_probe(separable, CLASSES, encode, FAST.model_copy(update={"seed": 1}))
    assert not np.array_equal(first.weight, other.weight)


def test_of_many_patches_a_sample_is_used(separable, monkeypatch):
    monkeypatch.setattr("napari_stego.evaluation.probe._MAX_POSITIONS", 40)
    seen = []

    def counting(tokens):
        seen.append(len(tokens))
        return encode(tokens)

    fit_linear_probe(separable, CLASSES, counting, ProbeSettings(steps=1))
    assert sum(seen) == 40
    assert len(seen) == 4


def test_logits_can_be_interpolated_instead_of_codes(separable):
    probe = fit_linear_probe(separable, CLASSES, encode, ProbeSettings(steps=5))
    codes = encode(separable.store.tokens("0"))
    whole = upsample(codes, (24, 32)).transpose(1, 2, 0)
    expected = probe.scores(whole)
    found = upsample(probe.scores(codes), (24, 32)).transpose(1, 2, 0)
    np.testing.assert_allclose(found, expected, atol=1e-2, rtol=1e-3)


def test_masks_without_a_patch_of_a_class_are_an_error(separable):
    with pytest.raises(MaskError, match="no patch with a class"):
        fit_linear_probe(separable, np.array([100, 101]), encode)


def test_cancel_while_fitting(separable):
    token = CancelToken()

    def stop(done, total, message):
        if message == "fitting the linear probe" and done == 3:
            token.cancel()

    with pytest.raises(Cancelled):
        fit_linear_probe(separable, CLASSES, encode, progress=stop, cancel=token)


def test_a_patch_needs_a_majority_of_all_its_pixels():
    rows = np.array([[0, 0, 1, 1], [0, 1, 0, 1], [-1, -1, 2, 2], [2, 2, 2, -1]])
    np.testing.assert_array_equal(patch_classes(rows, (2, 2), 3), [[0, 1], [-1, 2]])
    # Halves are no majority, whoever the other half is.
    assert patch_classes(np.array([[0, 1]]), (1, 1), 2) == -1
    assert patch_classes(np.array([[0, -1]]), (1, 1), 2) == -1


@given(
    rows=arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.just(2)),
    grid=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_every_patch_that_holds_a_pixel_centre_gets_the_only_class(rows, grid):
    found = patch_classes(rows, grid, 3)
    assert found.shape == grid
    assert (found == 2).any()
    if grid[0] <= rows.shape[0] and grid[1] <= rows.shape[1]:
        assert (found == 2).all()
