from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_stego.correction import (
    Click,
    CutProblem,
    RegionTree,
    Superpixels,
    superpixel_features,
)
from napari_stego.errors import StegoError

HEIGHT, WIDTH = 60, 80
BLUE, ORANGE = (20, 60, 120), (220, 120, 40)


def scene():
    """An orange square on blue, with noise, and features that say the same more coarsely."""
    rng = np.random.default_rng(0)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[20:44, 24:56] = True
    image = np.where(inside[:, :, None], ORANGE, BLUE) + rng.normal(0, 8, (HEIGHT, WIDTH, 3))
    grid = rng.normal(0, 0.1, (6, 8, 12)).astype(np.float32)
    grid[2:4, 3:5] += np.arange(12, dtype=np.float32)
    return np.clip(image, 0, 255).astype(np.uint8), grid, inside


def problem_of(image, grid):
    superpixels = Superpixels.of(image)
    features = superpixel_features(superpixels, grid)
    tree = RegionTree.of(superpixels, features)
    return CutProblem(superpixels, features, tree)


@pytest.fixture(scope="module")
def problem():
    image, grid, _ = scene()
    return problem_of(image, grid)


PIXELS = st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1))
CLICKS = st.builds(Click, st.lists(PIXELS, min_size=1, max_size=5).map(tuple), st.booleans())


@given(first=PIXELS, clicks=st.lists(CLICKS, max_size=5), data=st.data())
@settings(max_examples=25, deadline=None)
def test_every_click_obeys_its_sign_however_many_follow(problem, first, clicks, data):
    clicks = data.draw(st.permutations([Click((first,)), *clicks]))
    begin = next(i for i, click in enumerate(clicks) if click.positive)
    for count in range(begin + 1, len(clicks) + 1):
        mask = problem.propose(clicks[:count])
        assert mask.dtype == bool
        assert mask.shape == (HEIGHT, WIDTH)
        wanted = {pixel: c.positive for c in clicks[:count] for pixel in c.pixels}
        assert {pixel: bool(mask[pixel]) for pixel in wanted} == wanted


@given(clicks=st.lists(CLICKS, max_size=5), other=st.lists(CLICKS, max_size=3), first=PIXELS)
@settings(max_examples=6, deadline=None)
def test_a_region_does_not_hang_on_what_was_asked_before(problem, clicks, other, first):
    clicks = [Click((first,)), *clicks]
    wanted = problem.propose(clicks)
    problem.propose([Click((first,)), *other])
    np.testing.assert_array_equal(problem.propose(clicks), wanted)
    image, grid, _ = scene()
    np.testing.assert_array_equal(problem_of(image, grid).propose(clicks), wanted)


def test_few_clicks_find_an_object():
    image, grid, inside = scene()
    problem = problem_of(image, grid)
    clicks = [Click.at(32, 40), Click.at(5, 5, False)]
    mask = problem.propose(clicks)
    assert (mask & inside).sum() / (mask | inside).sum() > 0.9
    # Much of it given at once, as a scribble, finds it as well.
    scribble = Click(tuple((32, column) for column in range(28, 52)))
    mask = problem.propose([scribble, Click(tuple((8, column) for column in range(10, 70)), False)])
    assert (mask & inside).sum() / (mask | inside).sum() > 0.9


def test_a_negative_click_takes_away_what_is_around_it_and_nothing_far_off():
    image, grid, _ = scene()
    problem = problem_of(image, grid)
    clicks = [Click.at(32, 40)]
    before = problem.propose(clicks)
    after = problem.propose([*clicks, Click.at(32, 52, False)])
    assert before[32, 52]
    assert not after[30:35, 50:54].any()
    assert after[32, 26:40].all()


def test_signs_within_one_superpixel_part_it(problem):
    labels = problem.superpixels.labels
    places = np.argwhere(labels == labels[32, 40])
    one, other = map(tuple, places[[0, -1]].tolist())
    mask = problem.propose([Click((one,)), Click((other,), False)])
    nearer = ((places - one) ** 2).sum(axis=1) < ((places - other) ** 2).sum(axis=1)
    assert mask[tuple(places[nearer].T)].all()
    assert not mask[other]


def test_photographs_of_any_size_and_of_one_colour_can_be_clicked():
    for height, width in ((1, 1), (1, 9), (40, 3), (17, 30)):
        image = np.full((height, width, 3), 90, np.uint8)
        problem = problem_of(image, np.ones((2, 3, 4), np.float32))
        mask = problem.propose([Click.at(0, 0), Click.at(height - 1, width - 1, False)])
        assert not mask[-1, -1]
        assert mask[0, 0] == (height * width > 1)


def test_what_cannot_be_clicked_is_refused_with_what_to_do(problem):
    for clicks, words in (
        ([], "Click at least one inside"),
        ([Click.at(3, 3, False)], "Click at least one inside"),
        ([Click(())], "Click at least one inside"),
        ([Click.at(3, WIDTH)], "Rows come first"),
        ([Click.at(3, 3), Click.at(-1, 3, False)], "outside the photograph of 60 rows"),
    ):
        with pytest.raises(StegoError, match=words):
            problem.propose(clicks)


def test_features_of_other_superpixels_are_refused(problem):
    tree = problem.tree
    with pytest.raises(ValueError, match="features for"):
        CutProblem(tree.superpixels, np.zeros((3, 4), np.float32), tree)
