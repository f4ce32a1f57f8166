from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_stego.correction import Click, RegionTree, Superpixels

LEVELS = st.floats(0, 1)


def tree_of(image, features=None, count=60):
    superpixels = Superpixels.of(image, count)
    if features is None:
        features = superpixels.colours.astype(np.float32)
    return RegionTree.of(superpixels, features)


@st.composite
def trees(draw):
    shape = draw(st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3)))
    image = draw(arrays(np.uint8, shape, elements=st.sampled_from([0, 60, 200, 255])))
    return tree_of(image, count=draw(st.integers(1, 50)))


@given(trees(), LEVELS, LEVELS)
@settings(max_examples=40, deadline=None)
def test_levels_are_nested_and_have_as_many_regions_as_they_say(tree, one, other):
    fine, coarse = tree.labels_at(min(one, other)), tree.labels_at(max(one, other))
    for labels, level in ((fine, min(one, other)), (coarse, max(one, other))):
        found = np.unique(labels)
        np.testing.assert_array_equal(found, np.arange(tree.count_at(level)))
    pairs = np.unique(np.stack([fine.ravel(), coarse.ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]  # each fine region is in one coarse region


@given(trees(), LEVELS, LEVELS, st.data())
@settings(max_examples=40, deadline=None)
def test_the_region_of_a_pixel_is_that_of_the_labels_and_grows_with_the_level(
    tree, one, other, data
):
    height, width = tree.superpixels.shape
    pixel = data.draw(st.tuples(st.integers(0, height - 1), st.integers(0, width - 1)))
    regions = [tree.region_at(pixel, level) for level in sorted((one, other))]
    assert regions[0][pixel]
    assert not (regions[0] & ~regions[1]).any()
    for region, level in zip(regions, sorted((one, other)), strict=True):
        labels = tree.labels_at(level)
        np.testing.assert_array_equal(region, labels == labels[pixel])
    assert tree.region_at(pixel, 1.0).all()


@given(trees(), LEVELS, st.data())
@settings(max_examples=60, deadline=None)
def test_each_of_many_clicks_keeps_its_sign_whatever_is_clicked_later(tree, level, data):
    height, width = tree.superpixels.shape
    pixel = st.tuples(st.integers(0, height - 1), st.integers(0, width - 1))
    click = st.builds(Click, st.lists(pixel, min_size=1, max_size=3).map(tuple), st.booleans())
    clicks = data.draw(st.lists(click, min_size=1, max_size=20))
    mask = tree.clicked(clicks, level)
    signs = {pixel: each.positive for each in clicks for pixel in each.pixels}
    assert {pixel: bool(mask[pixel]) for pixel in signs} == signs
    if all(each.positive for each in clicks):
        regions = [tree.region_at(pixel, level) for pixel in signs]
        np.testing.assert_array_equal(mask, np.any(regions, axis=0))


@given(trees(), st.data())
@settings(max_examples=30, deadline=None)
def test_heights_are_an_ultrametric(tree, data):
    number = st.integers(0, tree.superpixels.count - 1)
    one, two, three = data.draw(st.tuples(number, number, number))
    from_one, from_two = (tree.heights[tree.joined(np.array([n]))] for n in (one, two))
    assert from_one[one] == 0
    either = tree.heights[tree.joined(np.array([one, two]))]
    np.testing.assert_array_equal(either, np.minimum(from_one, from_two))
    assert from_one[two] == from_two[one]
    assert from_one[three] <= max(from_one[two], from_two[three])


def test_one_region_is_the_object_where_features_and_colours_tell_it_apart():
    image = np.full((60, 80, 3), (20, 60, 120), np.uint8)
    image[20:40, 20:50] = (220, 120, 40)
    tree = tree_of(image, count=150)
    level = 1 - np.log(2) / np.log(tree.superpixels.count)
    assert tree.count_at(level) == 2
    region = tree.region_at((30, 30), level)
    wanted = (image == (220, 120, 40)).all(axis=2)
    assert (region & wanted).sum() / (region | wanted).sum() > 0.9


def test_what_is_no_level_and_no_pixel_is_refused():
    tree = tree_of(np.zeros((10, 10, 3), np.uint8))
    for level in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="levels are from 0 to 1"):
            tree.labels_at(level)
    for pixel in ((-1, 0), (0, 10)):
        with pytest.raises(IndexError, match="outside"):
            tree.region_at(pixel, 0.5)
