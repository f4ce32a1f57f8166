from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from napari_stego.clustering import unit
from napari_stego.correspondence import Prompt, PromptError, Queries, combined

IMAGE, OTHER = "a" * 64, "b" * 64
SHAPE = (40, 60)
points = st.tuples(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1))


def codes_of(grid=(4, 6), seed=0):
    return np.random.default_rng(seed).normal(size=(*grid, 5)).astype(np.float32)


def queries_of(*prompts, codes=None):
    codes = codes_of() if codes is None else codes
    return Queries.of(prompts, lambda _: (codes, SHAPE))


def prompts_at(places, positive=True):
    return [Prompt.point(IMAGE, *place, positive=positive) for place in places]


@given(place=points, seed=st.integers(0, 99))
def test_one_positive_prompt_is_plain_cosine(place, seed):
    codes = codes_of(seed=seed)
    prompt = Prompt.point(IMAGE, *place)
    vector = prompt.vector(codes, SHAPE)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    scores = queries_of(prompt, codes=codes).scores(unit(codes))
    np.testing.assert_allclose(scores, unit(codes) @ vector, atol=1e-5)


@given(positives=st.lists(points, min_size=1, max_size=4), negatives=st.lists(points, max_size=4))
def test_order_and_repetition_do_not_matter(positives, negatives):
    units = unit(codes_of())
    prompts = prompts_at(positives) + prompts_at(negatives, positive=False)
    scores = queries_of(*prompts).scores(units)
    assert scores.dtype == np.float32
    assert scores.min() >= -1
    assert scores.max() <= 1
    for other in (prompts[::-1], prompts + prompts):
        np.testing.assert_allclose(queries_of(*other).scores(units), scores, atol=1e-6)


@given(positives=st.lists(points, min_size=1, max_size=4), more=points)
def test_another_positive_never_lowers_and_another_negative_never_raises(positives, more):
    units = unit(codes_of())
    before = queries_of(*prompts_at(positives)).scores(units)
    wider = queries_of(*prompts_at(positives), Prompt.point(IMAGE, *more)).scores(units)
    narrower = queries_of(*prompts_at(positives), *prompts_at([more], positive=False))
    assert (wider >= before - 1e-6).all()
    assert (narrower.scores(units) <= before + 1e-6).all()


@given(positives=st.lists(points, min_size=1, max_size=4), place=points)
def test_a_negative_prompt_lowers_its_own_place_to_nothing_or_below(positives, place):
    codes = codes_of()
    own = unit(Prompt.point(IMAGE, *place).vector(codes, SHAPE))[None]
    before = queries_of(*prompts_at(positives)).scores(own)[0]
    after = queries_of(*prompts_at(positives), *prompts_at([place], positive=False)).scores(own)[0]
    assert after <= max(before - 1, -1) + 1e-4


@given(place=points)
def test_a_negative_that_nothing_corresponds_with_changes_nothing(place):
    codes = np.zeros((4, 6, 4), np.float32)
    codes[..., :2] = codes_of()[..., :2]
    away = np.zeros((4, 6, 4), np.float32)
    away[..., 3] = 1
    grids = {IMAGE: (codes, SHAPE), OTHER: (away, SHAPE)}
    only = Queries.of([Prompt.point(IMAGE, *place)], grids.get)
    both = Queries.of(
        [Prompt.point(IMAGE, *place), Prompt.point(OTHER, 3, 3, positive=False)], grids.get
    )
    np.testing.assert_allclose(both.scores(unit(codes)), only.scores(unit(codes)), atol=1e-6)


def test_only_negative_prompts_look_for_the_unlike():
    units = unit(codes_of())
    negative = queries_of(*prompts_at([(3, 4)], positive=False)).scores(units)
    np.testing.assert_allclose(negative, -queries_of(*prompts_at([(3, 4)])).scores(units))
    even = combined(np.full((2, 1), 0.6, np.float32), np.full((2, 1), 0.6, np.float32))
    np.testing.assert_allclose(even, 0, atol=1e-5)


@given(seed=st.integers(0, 99), place=points)
def test_centred_scores_have_no_mean_and_keep_the_order(seed, place):
    units = unit(codes_of(seed=seed))
    queries = queries_of(Prompt.point(IMAGE, *place))
    plain, centred = queries.scores(units), queries.scores(units, centred=True)
    expected = np.clip(plain - plain.mean(), -1, 1)
    np.testing.assert_allclose(centred, expected, atol=1e-5)


def test_a_region_over_whole_patches_is_their_mean():
    codes = codes_of()
    # Patches are 10 x 10 pixels; edges of pixels lie at halves.
    prompt = Prompt.rectangle(IMAGE, (9.5, 19.5), (29.5, 39.5))
    assert not prompt.is_point
    assert prompt.centre == (19.5, 29.5)
    expected = unit(unit(codes)[1:3, 2:4].mean(axis=(0, 1)))
    assert prompt.vector(codes, SHAPE) @ expected > 0.99
    lasso = Prompt(image=IMAGE, vertices=(*prompt.vertices, (19.5, 19.5)))
    np.testing.assert_allclose(lasso.vector(codes, SHAPE), prompt.vector(codes, SHAPE), atol=1e-5)
    thin = Prompt(image=IMAGE, vertices=((15, 25), (15, 26), (15, 27)))
    assert thin.vector(codes, SHAPE) @ unit(codes)[1, 2] > 0.99


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (40, 0), (0, 60), (1e6, 0)])
def test_a_point_outside_is_refused(place):
    with pytest.raises(PromptError, match="outside of an image of 40 x 60"):
        queries_of(Prompt.point(IMAGE, *place))


def test_a_region_outside_and_no_prompts_at_all_are_refused():
    far = Prompt.rectangle(IMAGE, (100, 100), (200, 200))
    with pytest.raises(PromptError, match="outside of its image"):
        queries_of(far)
    with pytest.raises(PromptError, match="Point at something"):
        queries_of()


@pytest.mark.parametrize(
    "fields",
    [
        {"vertices": ()},
        {"vertices": ((1, 2), (3, 4))},
        {"vertices": ((float("nan"), 2),)},
        {"vertices": ((float("inf"), 2),)},
        {"vertices": ((1, 2, 3),)},
        {"vertices": ((1, 2),) * 10_001},
        {"image": "../x"},
        {"positive": "yes"},
        {"more": 1},
    ],
)
def test_impossible_prompts_are_refused(fields):
    with pytest.raises(ValidationError):
        Prompt(**({"image": IMAGE, "vertices": ((1, 2),)} | fields))
