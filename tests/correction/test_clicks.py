"""Scribbles."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from napari_stego.correction import Click

PIXELS = st.tuples(st.integers(0, 40), st.integers(0, 40))


@given(st.lists(PIXELS, min_size=1, max_size=8), st.booleans())
def test_a_scribble_has_each_pixel_on_its_way_once(points, positive):
    scribble = Click.along(points, positive)
    pixels = scribble.pixels
    assert scribble.positive == positive
    assert set(points) <= set(pixels)
    assert pixels[0] == points[0]
    assert len(set(pixels)) == len(pixels)
    if len(set(points)) == 1:
        assert scribble == Click.at(*points[0], positive)
    if len(points) == 2:
        for one, two in pairwise(pixels):
            assert max(abs(one[0] - two[0]), abs(one[1] - two[1])) == 1
    low, high = min(points), max(points)
    assert low[0] <= min(row for row, _ in pixels) and max(row for row, _ in pixels) <= high[0]
