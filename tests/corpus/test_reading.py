from __future__ import annotations

import itertools
import struct
import zlib

import imagecodecs
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


def twelve_bits(channels):
    deep = RNG.integers(50, 4096, (40, 60, channels), dtype=np.uint16)
    deep[0, :2] = [[50] * channels, [4095] * channels]
    return deep


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bit_png_is_read_as_the_same_tiff(tmp_path, channels):
    deep = twelve_bits(channels)
    if channels in (2, 4):
        deep[:, :, -1] = 65535  # what is opaque must not set the range of the colours
    png, tiff = tmp_path / "deep.png", tmp_path / "deep.tif"
    png.write_bytes(imagecodecs.png_encode(deep.squeeze()))
    colours = deep[:, :, : 1 if channels < 3 else 3]
    kind = "rgb" if channels > 2 else "minisblack"
    tifffile.imwrite(tiff, colours.squeeze(), photometric=kind)
    expected = np.rint((colours - 50.0) * 255 / 4045)
    expected = np.broadcast_to(expected, (40, 60, 3))
    assert np.abs(read_image(png) - expected).max() <= 1
    np.testing.assert_array_equal(read_image(png), read_image(tiff))


def chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I4s", len(content), kind) + content + struct.pack(">I", checksum)


def with_exif(png, orientation, *, first):
    """Insert EXIF data into a PNG before or after its pixels."""
    exif = Image.Exif()
    exif[274] = orientation
    where = 33 if first else len(png) - 12
    return png[:where] + chunk(b"eXIf", exif.tobytes()[6:]) + png[where:]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("first", [True, False])
def test_exif_is_obeyed_wherever_it_is_in_a_png(tmp_path, dtype, first):
    stored = np.zeros((20, 30, 3), dtype)
    stored[0, 0] = np.iinfo(dtype).max
    path = tmp_path / "turned.png"
    path.write_bytes(with_exif(imagecodecs.png_encode(stored), 6, first=first))
    assert read_image_size(path) == (30, 20)
    read = read_image(path)
    assert read.shape == (30, 20, 3)
    assert np.argwhere(read[:, :, 0] == 255).tolist() == [[0, 19]]


@pytest.mark.parametrize("first", [True, False])
def test_the_size_of_a_png_is_read_without_its_pixels(tmp_path, first):
    path = tmp_path / "damaged.png"
    start = imagecodecs.png_encode(PIXELS)[:33]
    pixels = chunk(b"IDAT", b"no pixels at all")
    path.write_bytes(with_exif(start + pixels + chunk(b"IEND", b""), 8, first=first))
    assert read_image_size(path) == (60, 40)
    with pytest.raises(ImageReadError):
        read_image(path)


SMOOTH = (
    np.linspace(60, 200, 60)[None, :, None]
    + np.linspace(0, 30, 40)[:, None, None]
    + np.array([0, 20, -40])
).astype(np.uint8)


@pytest.mark.parametrize(
    ("colours", "compression"),
    [
        *itertools.product(
            ["RGB", "L", "P", "CMYK", "YCbCr", "LAB"], [None, "tiff_lzw", "tiff_adobe_deflate"]
        ),
        *itertools.product(["RGB", "L", "CMYK", "YCbCr"], ["jpeg"]),
    ],
)
def test_tiff_of_all_common_colours_and_codecs(tmp_path, colours, compression):
    path = tmp_path / "frame.tif"
    picture = Image.fromarray(SMOOTH).convert(colours)
    picture.save(path, compression=compression)
    expected = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(read_image(path) - expected).max() <= (4 if compression == "jpeg" else 2)
    if colours != "P":
        grey = np.asarray(Image.fromarray(SMOOTH).convert("L").convert("RGB"))
        truth = grey if colours == "L" else SMOOTH
        assert np.abs(read_image(path) - truth.astype(int)).max() <= 4


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("planar", [False, True])
def test_turned_cmyk_tiff(tmp_path, planar, deep):
    path = tmp_path / "ink.tif"
    ink = np.asarray(Image.fromarray(SMOOTH).convert("CMYK"))
    ink = ink.astype(np.uint16) * 257 if deep else ink
    tifffile.imwrite(
        path,
        np.moveaxis(ink, -1, 0) if planar else ink,
        photometric="separated",
        planarconfig="separate" if planar else "contig",
        extratags=[(274, "H", 1, 6, True)],
    )
    np.testing.assert_array_equal(read_image(path), np.rot90(SMOOTH, -1))
    assert read_image_size(path) == (60, 40)


def test_colours_that_cannot_be_read_say_so(tmp_path):
    path = tmp_path / "frame.tif"
    for kind, pixels in (
        ("cielab", PIXELS.astype(np.uint16)),
        ("icclab", PIXELS),
        ("cfa", PIXELS[:, :, 0]),
    ):
        tifffile.imwrite(path, pixels, photometric=kind)
        with pytest.raises(ImageReadError, match=f"{kind.upper()} of .* save it as RGB"):
            read_image(path)
    Image.fromarray(SMOOTH).convert("LAB").save(path, compression="jpeg")
    with pytest.raises(ImageReadError, match=r"CIELAB of .*JPEG.* save it as RGB"):
        read_image(path)


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
