from __future__ import annotations

import base64
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_stego.classes import PaintStroke, decode_runs, encode_runs
from napari_stego.classes.runs import MAX_RUNS


def text_of(gaps, lengths, *, after=b"", cut=0):
    """Runs as they are written, made by hand."""
    words = np.array([*gaps, *lengths], "<u4")
    planes = words.view(np.uint8).reshape(-1, 4).T.tobytes()
    packed = zlib.compress(planes) + after
    return base64.b64encode(packed[: len(packed) - cut]).decode()


@given(pixels=st.sets(st.integers(0, 999), min_size=1))
def test_any_pixels_come_back(pixels):
    pixels = np.array(sorted(pixels), np.int64)
    starts, ends = decode_runs(encode_runs(pixels), 1000)
    found = np.concatenate([np.arange(*run) for run in zip(starts, ends, strict=True)])
    np.testing.assert_array_equal(found, pixels)
    assert (starts[1:] > ends[:-1]).all()


def test_pixels_far_into_a_large_image_come_back():
    n_pixels = 2**32 - 1
    pixels = np.array([0, 2**31, 2**31 + 1, n_pixels - 1])
    starts, ends = decode_runs(encode_runs(pixels), n_pixels)
    assert starts.tolist() == [0, 2**31, n_pixels - 1]
    assert ends.tolist() == [1, 2**31 + 2, n_pixels]
    with pytest.raises(ValueError, match="beyond the image"):
        decode_runs(encode_runs(pixels), n_pixels - 1)


def test_a_brush_stroke_on_a_large_image_is_short():
    rows, columns = np.ogrid[:3000, :4000]
    mask = (rows - 1000) ** 2 + (columns - 700) ** 2 < 40**2
    assert len(encode_runs(np.flatnonzero(mask))) < 400


def test_too_many_pieces_are_refused():
    with pytest.raises(ValueError, match="pieces"):
        encode_runs(np.arange(0, 2 * MAX_RUNS + 2, 2))
    with pytest.raises(ValueError, match="no pixels"):
        encode_runs(np.zeros(0, np.int64))


def test_what_is_decompressed_is_bounded_by_the_image():
    bomb = base64.b64encode(zlib.compress(bytes(2**26), 9)).decode()
    assert len(bomb) < 100_000
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than the image can hold"):
        decode_runs(bomb, 1000)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()
    with pytest.raises(ValueError, match="more than the image can hold"):
        decode_runs(bomb, 2**32 - 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cut off"),
        ("!", "damaged"),
        ("AAAA\n", "damaged"),
        ("ÄÖ", "damaged"),
        (base64.b64encode(b"noise").decode(), "damaged"),
        (base64.b64encode(zlib.compress(b"")).decode(), "cut off"),
        (base64.b64encode(zlib.compress(bytes(12))).decode(), "cut off"),
        (text_of([0], [4], after=b"x"), "something after"),
        (text_of([0], [4], cut=1), "cut off"),
        (text_of([0], [0]), "touch"),
        (text_of([0, 0], [2, 2]), "touch"),
        (text_of([0], [13]), "beyond"),
        (text_of([11, 1], [1, 1]), "beyond"),
        (text_of([0, 2**32 - 1], [1, 2**32 - 1]), "beyond"),
    ],
)
def test_text_that_is_none_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        decode_runs(text, 12)
    with pytest.raises(ValueError, match=message):
        PaintStroke(image="0" * 64, shape=(3, 4), runs=text, class_id=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"image": "0" * 63},
        {"image": "../" + "0" * 61},
        {"image": "0" * 64 + "\n"},
        {"image": "A" * 64},
        {"shape": (0, 4)},
        {"shape": (12,)},
        {"shape": (2**17, 2**17)},
        {"shape": (3.0, 4)},
        {"class_id": 1.0},
        {"class_id": "1"},
        {"extra": 1},
    ],
    ids=repr,
)
def test_a_stroke_that_makes_no_sense_is_refused(changes):
    values = {"image": "0" * 64, "shape": (3, 4), "runs": text_of([0], [4]), "class_id": 1}
    PaintStroke(**values)
    with pytest.raises(ValueError, match=r"."):
        PaintStroke(**{**values, **changes})
