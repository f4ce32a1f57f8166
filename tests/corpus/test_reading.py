from __future__ import annotations

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from napari_stego.corpus import ImageReadError, read_image, read_image_size

RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_rgb_is_read_exactly(tmp_path, suffix):
    path = tmp_path / f"frame.{suffix}"
    Image.fromarray(PIXELS).save(path)
    np.testing.assert_array_equal(read_image(path), PIXELS)
    assert read_image_size(path) == (40, 60)


def test_jpeg_is_close(tmp_path):
    path = tmp_path / "frame.jpg"
    smooth = np.broadcast_to(np.arange(60, dtype=np.uint8)[None, :, None], (40, 60, 3))
    Image.fromarray(smooth.copy()).save(path, quality=95)
    assert np.abs(read_image(path).astype(int) - smooth).max() <= 3


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_grey_is_repeated_over_the_channels(tmp_path, suffix):
    path = tmp_path / f"grey.{suffix}"
    Image.fromarray(PIXELS[:, :, 0]).save(path)
    np.testing.assert_array_equal(read_image(path), np.repeat(PIXELS[:, :, :1], 3, axis=2))


def test_alpha_is_dropped_and_its_colours_kept(tmp_path):
    path = tmp_path / "alpha.png"
    rgba = np.dstack([PIXELS, np.zeros((40, 60), np.uint8)])
    Image.fromarray(rgba).save(path)
    np.testing.assert_array_equal(read_image(path), PIXELS)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_by_their_range(tmp_path, suffix):
    path = tmp_path / f"deep.{suffix}"
    # A 12-bit camera in a 16-bit file.
    deep = np.linspace(100, 4095, 40 * 60).reshape(40, 60).astype(np.uint16)
    Image.fromarray(deep).save(path)
    read = read_image(path)
    assert read.dtype == np.uint8
    assert (read.min(), read.max()) == (0, 255)
    assert (np.diff(read[:, :, 0].ravel().astype(int)) >= 0).all()


def test_sixteen_bit_rgb_tiff(tmp_path):
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, PIXELS.astype(np.uint16) * 257, photometric="rgb", compression="zlib")
    low, high = int(PIXELS.min()), int(PIXELS.max())
    expected = np.rint((PIXELS.astype(float) - low) * 255 / (high - low))
    assert np.abs(read_image(path) - expected).max() <= 1


def test_planar_and_palette_tiff(tmp_path):
    planar = tmp_path / "planar.tif"
    tifffile.imwrite(planar, np.moveaxis(PIXELS, -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_image(planar), PIXELS)
    palette = tmp_path / "palette.tif"
    Image.fromarray(PIXELS).quantize(16).save(palette)
    with Image.open(palette) as image:
        np.testing.assert_array_equal(read_image(palette), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, suffix, orientation):
    """A red corner ends where a viewer that obeys EXIF shows it."""
    upright = np.zeros((48, 80, 3), np.uint8)
    upright[:16, :16] = (255, 0, 0)
    upright[:16, -16:] = (0, 255, 0)
    turn_back = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.swapaxes(a[::-1, ::-1], 0, 1),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    path = tmp_path / f"turned.{suffix}"
    stored = np.ascontiguousarray(turn_back(upright))
    if suffix == "tif":
        extra = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(path, stored, photometric="rgb", extratags=extra)
    else:
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(stored).save(
            path, exif=exif, **({"quality": 95} if suffix == "jpg" else {})
        )
    read = read_image(path)
    assert read.shape == upright.shape
    assert read_image_size(path) == upright.shape[:2]
    assert np.abs(read[8, 8].astype(int) - (255, 0, 0)).max() < 30
    assert np.abs(read[8, -8].astype(int) - (0, 255, 0)).max() < 30


def test_size_from_the_header_is_the_size_read(tmp_path):
    sizes = st.integers(1, 40)

    @given(height=sizes, width=sizes, orientation=st.integers(1, 8))
    def check(height, width, orientation):
        exif = Image.Exif()
        exif[274] = orientation
        path = tmp_path / "any.png"
        Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path, exif=exif)
        assert read_image(path).shape[:2] == read_image_size(path)

    check()


def test_truncated_and_foreign_files_say_why(tmp_path):
    whole = tmp_path / "whole.jpg"
    Image.fromarray(PIXELS).save(whole)
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[:-400])
    with pytest.raises(ImageReadError, match="truncated"):
        read_image(cut)
    text = tmp_path / "text.png"
    text.write_text("not an image")
    with pytest.raises(ImageReadError, match="not an image"):
        read_image(text)
    with pytest.raises(ImageReadError, match="gone"):
        read_image(tmp_path / "nothing.jpg")
    bands = tmp_path / "bands.tif"
    many = np.zeros((20, 20, 5), np.uint8)
    tifffile.imwrite(bands, many, photometric="minisblack", planarconfig="contig")
    with pytest.raises(ImageReadError, match="5 channels"):
        read_image(bands)
