from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_stego.progress import Cancelled, CancelToken
from napari_stego.selection import ClusterQuality, QualityPlan, compare, judge, measure_quality

GRIDS = [(12, 16)] * 12
PLAN = QualityPlan.draw(GRIDS, repeats=4, seed=3)


def regions(noise: float, *, coherent: bool = True, seed: int = 0) -> np.ndarray:
    """Codes of images with four areas each, of one of ten kinds, with noise."""
    rng = np.random.default_rng(seed)
    kinds = rng.normal(size=(10, 20))
    images = []
    for height, width in GRIDS:
        quarters = rng.choice(10, 4, replace=False).reshape(2, 2)
        areas = quarters.repeat(height // 2, axis=0).repeat(width // 2, axis=1).ravel()
        if not coherent:
            rng.shuffle(areas)
        images.append(kinds[areas] + rng.normal(0, noise, (height * width, 20)))
    return np.concatenate(images).astype(np.float32)


def test_clear_regions_are_better_than_noisy_ones_and_than_noise():
    values = [measure_quality(regions(noise), PLAN).value for noise in (0.2, 1.5, 50.0)]
    assert values[0] > values[1] + 0.05 > values[2] + 0.1
    assert values[2] < 0.1


def test_scattered_clusters_are_stable_and_yet_of_no_quality():
    scattered = measure_quality(regions(0.2, coherent=False), PLAN)
    assert scattered.stability.mean() > 0.5
    assert scattered.coherence.mean() < 0.1
    assert scattered.value < 0.3


def test_collapsed_codes_have_no_quality():
    codes = np.ones((PLAN.offsets[-1], 8), np.float32)
    codes += np.random.default_rng(0).normal(0, 1e-4, codes.shape).astype(np.float32)
    assert measure_quality(codes, PLAN).value < 0.1


def test_the_same_codes_and_plan_give_the_same_quality():
    first, second = (measure_quality(regions(1.0), PLAN) for _ in range(2))
    np.testing.assert_array_equal(first.repeats, second.repeats)


def test_halves_have_no_image_in_common_with_each_other_or_the_rest():
    for halves in PLAN.halves:
        images = [set(np.searchsorted(PLAN.offsets, rows, side="right")) for rows in halves]
        assert all(images)
        assert not images[0] & images[1]
        assert not (images[0] | images[1]) & images[2]


def test_neighbours_lie_side_by_side_in_one_image():
    first, second = PLAN.neighbours.T
    assert set(np.unique(second - first)) == {1, 16}
    image = np.searchsorted(PLAN.offsets, PLAN.neighbours, side="right")
    assert (image[:, 0] == image[:, 1]).all()


def test_few_positions_are_measured_with_fewer_clusters():
    plan = QualityPlan.draw([(2, 2)] * 3, repeats=2)
    codes = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    assert np.isfinite(measure_quality(codes, plan).repeats).all()


def test_two_images_cannot_be_halved():
    with pytest.raises(ValueError, match="3 images"):
        QualityPlan.draw([(4, 4)] * 2)


def test_a_cancel_ends_the_measurement():
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        measure_quality(regions(1.0), PLAN, lambda *_: cancel.cancel(), cancel)


@pytest.mark.parametrize(
    ("codes", "features", "better", "says"),
    [
        (0.3, 3.0, "codes", "STEGO may help"),
        (3.0, 0.3, "features", "does not help"),
        (0.3, 0.3, "neither", "no clear difference"),
    ],
)
def test_the_verdict_names_what_is_better(codes, features, better, says):
    verdict = judge(regions(codes), regions(features, seed=0), PLAN)
    assert verdict.better == better
    assert says in verdict.text
    assert verdict.difference == pytest.approx(verdict.codes - verdict.features)


def test_a_difference_within_its_error_is_none():
    plan = QualityPlan.draw(GRIDS, repeats=6, seed=1)
    first = measure_quality(regions(1.0, seed=1), plan)
    verdict = compare(first, first)
    assert (verdict.better, verdict.difference) == ("neither", 0.0)


def qualities(values):
    return ClusterQuality(np.array(values), np.array(values))


def test_repeats_that_share_images_are_not_taken_for_independent_ones():
    # Of 6 repeats the variance is 0.0006: 1 / 6 + 1 / 2 of it is the square of 0.02, and the
    # 97.5 % quantile of t is 2.571 with 5 degrees of freedom.
    spread = np.sqrt(0.0006 * 5 / 6) * np.array([1, -1, 1, -1, 1, -1])
    found = {}
    for difference in (0.05, 0.053):
        verdict = compare(qualities(0.5 + difference + spread), qualities([0.5] * 6))
        assert verdict.standard_error == pytest.approx(0.02)
        assert verdict.margin == pytest.approx(0.0514, abs=1e-4)
        found[difference] = verdict.better
        assert f"{difference:+.3f} ± 0.051" in verdict.text
    assert found == {0.05: "neither", 0.053: "codes"}


def test_one_repeat_makes_no_difference_sure():
    verdict = compare(qualities([0.9]), qualities([0.1]))
    assert (verdict.better, verdict.margin) == ("neither", float("inf"))


def test_collapsed_codes_are_never_the_better_ones():
    verdict = replace(judge(regions(0.3), regions(3.0), PLAN), collapsed=True)
    assert verdict.better == "features"
    assert "collapsed" in verdict.text
