from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import label

from napari_stego.correction import clean_labels

LABELS = arrays(
    np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 4)
)


def small_regions(labels, class_id, smallest):
    regions, _ = label(labels == class_id)
    return (np.bincount(regions.ravel())[1:] < smallest).sum()


def test_a_small_region_goes_to_the_class_with_the_longest_border_around_it():
    labels = np.full((10, 12), 1, np.uint16)
    labels[:, 6:] = 2
    labels[4:6, 5:7] = 3  # as long a border with each; one more pixel on the left decides
    labels[4, 4] = 3
    cleaned = clean_labels(labels, smallest=6)
    assert (cleaned[4:6, 4:7] == 1).all()
    assert (clean_labels(labels, smallest=5) == labels).all()


def test_a_hole_is_filled_and_a_large_one_stays():
    labels = np.full((10, 12), 7, np.uint16)
    labels[2:4, 2:4] = 0
    labels[6:9, 6:10] = 0
    cleaned = clean_labels(labels, smallest=0, largest_hole=4)
    assert (cleaned[2:4, 2:4] == 7).all()
    assert (cleaned[6:9, 6:10] == 0).all()


def test_a_region_with_a_pixel_to_keep_stays():
    labels = np.full((10, 12), 1, np.uint16)
    labels[2:4, 2:4] = labels[7:9, 2:4] = 2
    kept = np.zeros(labels.shape, bool)
    kept[2, 2] = True
    cleaned = clean_labels(labels, smallest=6, kept=kept)
    assert (cleaned[2:4, 2:4] == 2).all()
    assert (cleaned[7:9, 2:4] == 1).all()


@given(LABELS, st.integers(0, 12), st.integers(0, 12), st.sets(st.integers(1, 4)))
@settings(max_examples=80, deadline=None)
def test_locked_classes_keep_their_pixels_and_what_stays_small_has_nowhere_to_go(
    labels, smallest, largest_hole, locked
):
    cleaned = clean_labels(labels, smallest, largest_hole, locked)
    assert set(np.unique(cleaned)) <= set(np.unique(labels))
    for class_id in locked:
        np.testing.assert_array_equal(cleaned == class_id, labels == class_id)
    np.testing.assert_array_equal(clean_labels(cleaned, smallest, largest_hole, locked), cleaned)
    stays = [c for c in range(1, 5) if c in labels and not small_regions(labels, c, smallest)]
    if stays and not locked:
        assert [small_regions(cleaned, c, smallest) for c in range(1, 5)] == [0] * 4
