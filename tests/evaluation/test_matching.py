from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_stego.evaluation import (
    confusion_matrix,
    hungarian_scores,
    majority_names,
    many_to_one_scores,
    named_scores,
)

GOLDEN = Path(__file__).parents[1] / "reference" / "stego_golden.npz"

confusions = st.tuples(st.integers(1, 4), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 50))
)


@pytest.mark.parametrize("extra", [0, 3])
def test_scores_equal_those_of_the_official_implementation(extra):
    with np.load(GOLDEN) as golden:
        true, predicted = golden[f"metric_true_extra{extra}"], golden[f"metric_pred_extra{extra}"]
        expected = golden[f"metric_out_extra{extra}_miou_acc"]
    scores = hungarian_scores(confusion_matrix(true, predicted, 5, 5 + extra))
    np.testing.assert_allclose((100 * scores.miou, 100 * scores.accuracy), expected, atol=1e-5)


@given(confusion=confusions.filter(lambda c: c.sum() > 0))
def test_no_other_matching_agrees_with_more_pixels(confusion):
    n_classes, n_clusters = confusion.shape
    size = max(n_classes, n_clusters)
    padded = np.zeros((size, size), np.int64)
    padded[:n_classes, :n_clusters] = confusion
    best = max(padded[range(size), order].sum() for order in permutations(range(size)))
    scores = hungarian_scores(confusion)
    assert scores.accuracy == pytest.approx(best / confusion.sum())
    named = scores.names[scores.names >= 0]
    assert len(set(named)) == len(named) == min(n_classes, n_clusters)


@given(confusion=confusions.filter(lambda c: c.sum() > 0), data=st.data())
def test_scores_do_not_depend_on_the_order_of_clusters(confusion, data):
    order = data.draw(st.permutations(range(confusion.shape[1])))
    first, second = hungarian_scores(confusion), hungarian_scores(confusion[:, order])
    assert first.accuracy == pytest.approx(second.accuracy)


def test_relabelled_truth_scores_full_marks_and_absent_classes_do_not_count():
    true = np.array([[0, 0, 1], [3, 3, -1]])
    predicted = np.array([[2, 2, 0], [1, 1, 3]])
    scores = hungarian_scores(confusion_matrix(true, predicted, 4, 4))
    assert (scores.accuracy, scores.miou) == (1.0, 1.0)
    np.testing.assert_array_equal(np.isnan(scores.per_class_iou), [False, False, True, False])
    np.testing.assert_array_equal(scores.names[:3], [1, 3, 0])


def test_clusters_beyond_the_classes_are_errors():
    scores = hungarian_scores(np.array([[6, 4, 0], [0, 0, 10]]))
    assert scores.accuracy == pytest.approx(16 / 20)
    np.testing.assert_allclose(scores.per_class_iou, [0.6, 1.0])
    np.testing.assert_array_equal(scores.names, [0, -1, 1])


def test_clusters_named_by_majority_may_share_a_name():
    confusion = np.array([[9, 5, 0, 0], [1, 4, 3, 0]])
    names = majority_names(confusion)
    np.testing.assert_array_equal(names, [0, 0, 1, 0])
    scores = named_scores(confusion, names)
    assert scores.accuracy == pytest.approx(17 / 22)
    np.testing.assert_allclose(scores.per_class_iou, [14 / 19, 3 / 8])
    assert scores.miou == pytest.approx((14 / 19 + 3 / 8) / 2)


def test_what_cannot_be_counted_is_an_error():
    with pytest.raises(ValueError, match="differ"):
        confusion_matrix(np.zeros(3, int), np.zeros(4, int), 2, 2)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        confusion_matrix(np.zeros(3, int), np.full(3, 2), 2, 2)
    with pytest.raises(ValueError, match="no pixels"):
        hungarian_scores(np.zeros((2, 2), np.int64))


@given(confusion=confusions.filter(lambda c: c.sum() > 0))
def test_many_to_one_counts_the_commonest_class_of_each_cluster(confusion):
    scores = many_to_one_scores(confusion)
    assert scores.accuracy == pytest.approx(confusion.max(axis=0).sum() / confusion.sum())
    assert scores.accuracy >= hungarian_scores(confusion).accuracy - 1e-12


@given(confusion=confusions.filter(lambda c: c.sum() > 0))
def test_every_pixel_is_in_the_confusion_of_classes_also_those_of_clusters_without_one(confusion):
    scores = hungarian_scores(confusion)
    n_classes = len(confusion)
    assert scores.confusion.shape == (n_classes, n_classes + 1)
    np.testing.assert_array_equal(scores.confusion.sum(axis=1), confusion.sum(axis=1))
    unnamed = confusion[:, scores.names < 0].sum()
    assert scores.confusion[:, -1].sum() == unnamed
    assert scores.accuracy == pytest.approx(np.trace(scores.confusion) / confusion.sum())
