"""Photographs read small look like those read whole; dates are those of the camera."""

from __future__ import annotations

import os
from datetime import datetime

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from napari_stego.corpus import ImageReadError, discover, read_image
from napari_stego.corpus.dates import file_date, read_date
from napari_stego.corpus.thumbnails import read_thumbnail

ORIENTATION, EXIF_IFD, TAKEN = 0x0112, 0x8769, 0x9003


def smooth(height, width):
    """A picture without detail, red in the upper left corner."""
    rows, columns = np.mgrid[:height, :width]
    channels = (255 - rows * 200 // height, columns * 200 // width, rows * 0 + 60)
    return np.stack(channels, axis=-1).astype(np.uint8)


def shrunk(path, side):
    """The thumbnail by another way: read whole, and averaged."""
    whole = read_image(path)
    height, width = whole.shape[:2]
    scale = min(side / height, side / width, 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(Image.fromarray(whole).resize(size, Image.Resampling.BOX), np.int16)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned_as_its_exif_data_says(tmp_path, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / "turned.jpg"
    Image.fromarray(smooth(600, 800)).save(path, quality=95, exif=exif)
    small = read_thumbnail(path, 160)
    assert small.shape == ((160, 120, 3) if orientation > 4 else (120, 160, 3))
    assert np.abs(small - shrunk(path, 160)).max() <= 12


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpegs_of_other_colours(tmp_path, mode):
    path = tmp_path / "other.jpeg"
    Image.fromarray(smooth(600, 800)).convert(mode).save(path, quality=95)
    small = read_thumbnail(path, 160)
    assert small.shape == (120, 160, 3)
    assert np.abs(small - shrunk(path, 160)).max() <= 12


def test_a_deep_tiff_is_stretched_as_when_it_is_read_whole(tmp_path):
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, smooth(400, 300).astype(np.uint16) * 10 + 1000, photometric="rgb")
    small = read_thumbnail(path, 100)
    assert small.shape == (100, 75, 3)
    assert np.abs(small - shrunk(path, 100)).max() <= 12
    assert small.max() > 245


def test_a_png_called_jpg_is_read_all_the_same(tmp_path):
    path = tmp_path / "other.jpg"
    Image.fromarray(smooth(64, 96)).save(path, "PNG")
    np.testing.assert_array_equal(read_thumbnail(path, 200), smooth(64, 96))


def test_what_cannot_be_read_says_why(tmp_path, cut_jpg):
    with pytest.raises(ImageReadError, match="cannot be decoded"):
        read_thumbnail(cut_jpg(tmp_path / "cut.jpg"), 100)
    with pytest.raises(ImageReadError, match="gone"):
        read_thumbnail(tmp_path / "gone.jpg", 100)


def taken(path, text):
    exif = Image.Exif()
    exif[ORIENTATION] = 1  # Pillow writes no EXIF data into a PNG that have none of their own
    exif.get_ifd(EXIF_IFD)[TAKEN] = text
    nested = ImageFileDirectory_v2()
    nested[EXIF_IFD] = {TAKEN: text}
    as_tiff = path.suffix == ".tif"
    options = {"tiffinfo": nested} if as_tiff else {"exif": exif}
    Image.fromarray(smooth(32, 48)).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_the_date_is_when_the_photograph_was_taken(tmp_path, name):
    path = taken(tmp_path / name, "2023:05:12 10:20:30")
    assert read_date(path) == datetime(2023, 5, 12, 10, 20, 30)


@pytest.mark.parametrize("text", ["0000:00:00 00:00:00", "yesterday", "", "    :  :     :  :  "])
def test_a_camera_without_a_clock_has_no_date(tmp_path, text):
    assert read_date(taken(tmp_path / "a.jpg", text)) is None


def test_a_file_without_a_date_has_the_time_of_its_change(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth(32, 48)).save(path)
    moment = datetime(2021, 3, 4, 5, 6, 7)
    os.utime(path, (moment.timestamp(), moment.timestamp()))
    (image,) = discover(tmp_path).images
    assert read_date(path) is None
    assert file_date(image) == moment
    path.unlink()
    assert file_date(image) == moment  # as it was listed
    with pytest.raises(OSError, match=r"a\.jpg"):
        read_date(path)
