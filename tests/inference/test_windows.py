from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_stego.inference.windows import windows_along


@given(length=st.integers(1, 300), size=st.integers(2, 60), data=st.data())
def test_windows_cover_a_side_evenly_and_their_weights_add_up_to_one(length, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    windows = windows_along(length, size, overlap)
    assert (windows[0].start, windows[-1].stop) == (0, length)
    total = np.zeros(length)
    for window in windows:
        assert window.stop - window.start == len(window.weights) == min(size, length)
        assert (window.weights > 0).all()
        total[window.start : window.stop] += window.weights
    np.testing.assert_allclose(total, 1, rtol=1e-6)
    shared = [one.stop - other.start for one, other in pairwise(windows)]
    assert all(overlap <= patches < size for patches in shared)
    # No window too many.
    assert len(windows) == 1 or (len(windows) - 2) * (size - overlap) + size < length


def test_weights_fall_towards_a_neighbour_and_not_towards_the_border():
    first, middle, last = windows_along(28, 12, 4)
    np.testing.assert_array_equal(first.weights[:8], 1)
    np.testing.assert_array_equal(last.weights[4:], 1)
    np.testing.assert_array_equal(middle.weights[4:8], 1)
    assert (np.diff(first.weights[7:]) < 0).all()
    np.testing.assert_allclose(first.weights[8:], middle.weights[:4][::-1])
