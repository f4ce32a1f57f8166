from __future__ import annotations

import time

import numpy as np
import pytest

from napari_stego.teaching import (
    ExampleSet,
    TeachingError,
    TeachingSettings,
    calibration_error,
    fit_classifier,
    fit_temperature,
    of_clusters,
    probabilities,
    said_of,
)


def blobs(n, classes=3, length=24, spread=0.6, seed=0):
    """Points around a direction for each class, ten of them in each image."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(classes, length))
    column = rng.integers(classes, size=n)
    points = centres[column] + spread * rng.normal(size=(n, length)) * np.sqrt(length) / 2
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points.astype(np.float32), column + 5, np.arange(n) // 10


def test_learns_and_gives_ids_of_classes():
    vectors, classes, images = blobs(300)
    model = fit_classifier(said_of(vectors, classes, images))
    assert model.classes == (5, 6, 7)
    new, true, _ = blobs(500, seed=1)
    found = np.array(model.classes)[model.scores(new).argmax(axis=1)]
    assert (found == true).mean() > 0.9


def test_same_examples_same_classifier():
    vectors, classes, images = blobs(200)
    first, second = (fit_classifier(said_of(vectors, classes, images)) for _ in range(2))
    np.testing.assert_array_equal(first.weight, second.weight)
    assert first.temperature == second.temperature


def test_one_class_is_nothing_to_tell_apart():
    vectors, classes, images = blobs(20)
    one = classes == 5
    with pytest.raises(TeachingError, match="two classes"):
        fit_classifier(said_of(vectors[one], classes[one], images[one]))


def test_heavier_examples_win():
    vectors = np.ones((2, 4), np.float32)
    both = said_of(vectors, np.array([1, 2]), np.array([0, 1]))
    weighed = ExampleSet(
        both.vectors, both.classes, np.array([1, 9], np.float32), both.images, both.said
    )
    settings = TeachingSettings(balance=0)
    found = fit_classifier(weighed, settings).probabilities(vectors[:1])[0]
    assert found[1] == pytest.approx(0.9, abs=0.02)
    balanced = fit_classifier(weighed, TeachingSettings(balance=1)).probabilities(vectors[:1])[0]
    assert balanced[1] == pytest.approx(0.5, abs=0.02)


def test_confidence_of_held_out_examples_is_calibrated():
    vectors, classes, images = blobs(400, spread=1.1)
    examples = said_of(vectors, classes, images)
    new, true, _ = blobs(4000, spread=1.1, seed=3)

    def off(model):
        found = model.probabilities(new)
        right = np.array(model.classes)[found.argmax(axis=1)] == true
        return calibration_error(found.max(axis=1), right)

    model = fit_classifier(examples, TeachingSettings(penalty=0.001))
    assert model.calibrated
    raw = fit_classifier(examples, TeachingSettings(penalty=0.001, folds=0))
    assert not raw.calibrated
    assert off(model) < 0.05 < off(raw)


def test_the_names_of_clusters_do_not_test_confidence():
    """They are the clearest of their clusters, which makes a classifier too sure of itself."""
    vectors, classes, images = blobs(200, spread=0.2)
    said = said_of(vectors, classes, images)
    few = np.arange(200) < 15
    examples = ExampleSet(said.vectors, said.classes, said.weights, said.images, few)
    model = fit_classifier(examples)
    assert (model.calibrated, model.temperature) == (False, 1)


def test_images_are_held_out_whole():
    """One image teaches nothing of how sure to be of another."""
    vectors, classes, _ = blobs(60)
    model = fit_classifier(said_of(vectors, classes, np.zeros(60, np.int64)))
    assert not model.calibrated


@pytest.mark.parametrize("temperature", [0.5, 4.0])
def test_temperature_is_found_again(temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 4)).astype(np.float32) * 2
    cumulated = probabilities(logits, 1.0).cumsum(axis=1)
    true = (rng.random((len(logits), 1)) > cumulated).sum(axis=1).clip(max=3)
    found = fit_temperature(logits * temperature, true, np.ones(len(true), np.float32))
    assert found == pytest.approx(temperature, rel=0.05)


def test_a_region_weighs_as_the_root_of_its_patches():
    vectors = np.ones((10, 3), np.float32)
    regions = np.array([0] * 9 + [1])
    found = said_of(vectors, np.ones(10, np.int64), np.zeros(10, np.int64), regions)
    assert found.weights[:9].sum() == pytest.approx(3)
    assert found.weights[9] == 1


def test_named_clusters_give_their_clearest_positions():
    rng = np.random.default_rng(0)
    clusters = np.repeat([0, 1, 2], [400, 100, 100])
    margins = rng.random(600).astype(np.float32)
    found = of_clusters(
        np.arange(600, dtype=np.float32)[:, None],
        clusters,
        margins,
        np.arange(600),
        np.array([7, 0, 8]),
        halved_at=20,
        weight=0.5,
        each=10,
    )
    taken = found.vectors[:, 0].astype(int)
    assert len(found) == 20
    assert set(clusters[taken]) == {0, 2}
    assert (found.classes == np.where(clusters[taken] == 0, 7, 8)).all()
    assert not found.said.any()
    for cluster in (0, 2):
        inside = margins[clusters == cluster]
        assert margins[taken[clusters[taken] == cluster]].min() > np.quantile(inside, 0.8)
    weights = [found.weights[found.classes == each].sum() for each in (7, 8)]
    assert weights == pytest.approx([0.5 * 2**0.5, 0.5 * 0.5**0.5])
    # A click weighs more than any one position of a cluster.
    assert found.weights.max() < 1


def test_what_is_said_in_a_cluster_outweighs_its_name():
    given = (np.zeros((20, 2), np.float32), np.repeat([0, 1], 10), np.ones(20, np.float32))
    rest = (np.arange(20), np.array([7, 8]))
    found = of_clusters(
        *given, *rest, clicks=np.array([3.0, 0.0]), halved_at=3, weight=0.5, each=10
    )
    weights = [found.weights[found.classes == each].sum() for each in (7, 8)]
    # Half of it is left to all names, since as much was said as halves them.
    assert weights == pytest.approx([0.125 / 2, 0.5 / 2])


def test_refits_within_a_second():
    vectors, classes, images = blobs(5000, classes=8, length=384, spread=0.3)
    examples = said_of(vectors, classes, images)
    begin = time.process_time()
    fit_classifier(examples)
    assert time.process_time() - begin < 4  # all threads together, on a slow machine
