from __future__ import annotations

import numpy as np
import pytest

from napari_stego.clustering import StabilityCurve, StabilitySettings, stability_curve, unit
from napari_stego.clustering.stability import without_clusters
from napari_stego.errors import StegoError
from napari_stego.features import FeatureStore, Preparation, TokenSet
from napari_stego.progress import Cancelled, CancelToken

encode = Preparation().apply
CENTRES = unit(np.random.default_rng(5).normal(size=(6, 12)).astype(np.float32))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Store images, each given as its tokens ``(n, C)``."""

    def make(images):
        store = FeatureStore(tmp_path_factory.mktemp("store"))
        keys = [f"{index:064x}" for index in range(len(images))]
        arrays = [np.asarray(image, np.float16)[None] for image in images]
        store.write(list(zip(keys, arrays, strict=True)))
        return TokenSet(store, keys)

    return make


@pytest.fixture(scope="module")
def planted(corpus):
    """Images of three of six clusters each."""
    rng = np.random.default_rng(0)
    images = []
    for _ in range(20):
        labels = rng.choice(rng.choice(6, 3, replace=False), 60)
        images.append(CENTRES[labels] + 0.1 * rng.normal(size=(60, 12)))
    return corpus(images)


SETTINGS = StabilitySettings(ks=(3, 6, 12), repeats=2)


@pytest.fixture(scope="module")
def curve(planted):
    return stability_curve(planted, encode, SETTINGS)


def test_the_planted_number_of_clusters_is_suggested(curve):
    assert curve.agreement.shape == curve.baseline.shape == (3, 2)
    assert curve.suggest() == 6
    assert curve.mean[1] > 0.99
    assert curve.spread[1] < 0.01
    # Splitting clusters at random is not stable, and random positions agree less anyway.
    assert curve.mean[2] < curve.mean[1] - 0.05
    assert (curve.baseline.mean(axis=1) < curve.mean).all()


def test_the_same_seed_gives_the_same_curve(planted, curve):
    again = stability_curve(planted, encode, SETTINGS)
    np.testing.assert_array_equal(again.agreement, curve.agreement)
    np.testing.assert_array_equal(again.baseline, curve.baseline)
    other = stability_curve(planted, encode, SETTINGS.model_copy(update={"seed": 1}))
    assert not np.array_equal(other.baseline, curve.baseline)


def test_positions_without_clusters_make_no_suggestion(corpus):
    rng = np.random.default_rng(0)
    stretch = np.array([1, 0.8, 0.6, 0.4, 0.4, 0.2])
    images = [
        0.5 * stretch * rng.normal(size=6) + stretch * rng.normal(size=(60, 6)) for _ in range(20)
    ]
    assert stability_curve(corpus(images), encode, SETTINGS).suggest() is None


def test_images_are_held_out_whole(corpus):
    # Each image is a cluster of its own: halves that shared images would agree on all of them.
    rng = np.random.default_rng(0)
    images = [rng.normal(size=12) + 0.02 * rng.normal(size=(40, 12)) for _ in range(20)]
    settings = StabilitySettings(ks=(20,), repeats=3)
    assert stability_curve(corpus(images), encode, settings).mean[0] < 0.95


def curve_of(means, noise=0.0):
    agreement = np.array(means)[:, None] + noise * np.array([-1, 0, 1])
    baseline = np.full_like(agreement, 0.3)
    return StabilityCurve(np.array([4, 8, 16, 32])[: len(means)], agreement, baseline)


def test_of_numbers_that_cannot_be_told_apart_the_largest_is_suggested():
    assert curve_of([0.6, 0.8, 0.79, 0.7], noise=0.05).suggest() == 16
    assert curve_of([0.6, 0.8, 0.79, 0.7], noise=0.005).suggest() == 8
    assert curve_of([0.30, 0.31, 0.29], noise=0.05).suggest() is None


def test_random_positions_vary_like_the_given_ones_between_and_within_images():
    rng = np.random.default_rng(0)
    images = np.repeat(np.arange(200), 50)
    stretch = np.array([0.1, 0.3, 0.05])
    means = np.array([2, 0, 0]) + stretch * rng.normal(size=(200, 3))
    points = unit((means[images] + stretch[::-1] * rng.normal(size=(10_000, 3))).astype(np.float32))
    drawn = without_clusters(points, images, rng)

    def spreads(values):
        centres = np.stack([values[images == image].mean(axis=0) for image in range(200)])
        return centres.std(axis=0), (values - centres[images]).std(axis=0)

    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(drawn.mean(axis=0), points.mean(axis=0), atol=0.06)
    for found, expected in zip(spreads(drawn), spreads(points), strict=True):
        np.testing.assert_allclose(found[1:], expected[1:], rtol=0.2)


def test_few_images_or_positions_say_what_to_do(corpus):
    rng = np.random.default_rng(0)
    few = corpus([rng.normal(size=(9, 4)) for _ in range(4)])
    with pytest.raises(StegoError, match=r"there are 4; 5 are the least\. Add photographs"):
        stability_curve(few, encode)
    small = corpus([rng.normal(size=(3, 4)) for _ in range(6)])
    with pytest.raises(StegoError, match="64 clusters need at least as many positions"):
        stability_curve(small, encode)


def test_progress_never_goes_back_and_a_cancel_ends_it(planted):
    told = []
    token = CancelToken()

    def progress(done, total, message):
        told.append((message, done, total))
        if message == "comparing clusterings" and done == 4:
            token.cancel()

    with pytest.raises(Cancelled):
        stability_curve(planted, encode, SETTINGS, progress, token)
    assert told[-1] == ("comparing clusterings", 4, 6)
    assert told[20] == ("reading features", 20, 20)
    assert told == sorted(told, key=lambda step: (step[0] != "reading features", step[1]))
