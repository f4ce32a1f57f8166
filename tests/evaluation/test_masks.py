from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_stego.corpus import CorpusImage
from napari_stego.evaluation import MaskError, class_ids, find_masks, read_mask

IDS = np.random.default_rng(0).integers(0, 6, (20, 30)).astype(np.uint8)


def photo(name: str = "dive 1/frame.2.jpg") -> CorpusImage:
    return CorpusImage(Path("anywhere") / name, name, 20, 30, "0")


def test_masks_are_found_by_name_whatever_the_suffix(tmp_path):
    for name in ["dive 1/frame.2.png", "é.tif", "c.bmp", "D.PNG", "e.Tif", "unrelated.png"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = ["dive 1/frame.2.jpg", "é.png", "c.jpg", "D.JPG", "e.jpg", "without.jpg"]
    images = tuple(map(photo, names))
    assert find_masks(tmp_path, images) == {
        "dive 1/frame.2.jpg": tmp_path / "dive 1" / "frame.2.png",
        "é.png": tmp_path / "é.tif",
        "c.jpg": tmp_path / "c.bmp",
        "D.JPG": tmp_path / "D.PNG",
        "e.jpg": tmp_path / "e.Tif",
    }


def test_no_mask_at_all_says_how_masks_are_named(tmp_path):
    with pytest.raises(MaskError, match="must have the images' names"):
        find_masks(tmp_path, (photo(),))
    with pytest.raises(MaskError, match="no folder of masks"):
        find_masks(tmp_path / "nowhere", (photo(),))


@pytest.mark.parametrize(
    "kind", ["grey.PNG", "indexed.png", "grey.bmp", "grey.TIF", "deep.tif", "large.tif", "bits.png"]
)
def test_values_of_grey_and_indexed_masks_are_class_ids(tmp_path, kind):
    path, ids, dtype = tmp_path / kind, IDS.astype(np.int64), np.uint8
    if kind == "indexed.png":
        image = Image.fromarray(IDS)
        image.putpalette(np.random.default_rng(1).integers(0, 256, 768, dtype=np.uint8).tobytes())
        image.save(path)
    elif kind == "deep.tif":
        ids, dtype = ids + 1000, np.uint16
        tifffile.imwrite(path, ids.astype(np.uint16))
    elif kind == "large.tif":
        tifffile.imwrite(path, ids)
    elif kind == "bits.png":
        ids = ids % 2
        Image.fromarray(ids.astype(bool)).save(path)
    else:
        Image.fromarray(IDS).save(path)
    mask = read_mask(path, photo())
    assert mask.dtype == dtype
    np.testing.assert_array_equal(mask, ids)


def test_masks_that_do_not_serve_say_why(tmp_path):
    colour = tmp_path / "colour.png"
    Image.fromarray(np.dstack([IDS] * 3)).save(colour)
    with pytest.raises(MaskError, match="in colour"):
        read_mask(colour, photo())
    turned = tmp_path / "turned.png"
    Image.fromarray(IDS.T.copy()).save(turned)
    with pytest.raises(MaskError, match=r"20 x 30 pixels, and dive 1/frame\.2\.jpg is 30 x 20"):
        read_mask(turned, photo())
    text = tmp_path / "text.png"
    text.write_text("no mask")
    with pytest.raises(MaskError, match="cannot be read"):
        read_mask(text, photo())
    with pytest.raises(MaskError, match="cannot be read"):
        read_mask(tmp_path / "gone.tif", photo())


def test_the_void_value_is_no_class():
    masks = [np.array([[0, 3], [255, 3]], np.uint8), np.array([[7, 255], [1000, 0]], np.uint16)]
    np.testing.assert_array_equal(class_ids(iter(masks)), [0, 3, 7, 1000])
