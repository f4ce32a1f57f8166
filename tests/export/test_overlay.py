from __future__ import annotations

import numpy as np
from PIL import Image

from napari_stego.classes import ClassTable
from napari_stego.export import overlay, write_overlay

TABLE = ClassTable.from_clusters(2).recolour(1, "#ff0000").recolour(2, "#0000ff")
GREY = np.full((40, 60, 3), 100, np.uint8)


def halves():
    labels = np.ones((40, 60), np.uint16)
    labels[:, 30:] = 2
    return labels


def test_classes_tint_the_photograph_and_borders_are_drawn_in_full():
    picture = overlay(GREY, halves(), TABLE, opacity=0.5)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture[5, 5], (178, 50, 50))
    np.testing.assert_array_equal(picture[5, 55], (50, 50, 178))
    np.testing.assert_array_equal(picture[:, 30], np.broadcast_to((0, 0, 255), (40, 3)))


def test_unlabelled_pixels_and_no_opacity_leave_the_photograph():
    np.testing.assert_array_equal(overlay(GREY, np.zeros((40, 60), np.uint16), TABLE), GREY)
    one_class = np.ones((40, 60), np.uint16)
    np.testing.assert_array_equal(overlay(GREY, one_class, TABLE, opacity=0.0), GREY)


def test_the_picture_has_a_legend_below_the_photograph_in_the_colours_of_the_classes(tmp_path):
    path = tmp_path / "overlays" / "a.png"
    table = TABLE.rename(1, "Größe <b>[x]").rename(2, "鱼 " * 40)
    write_overlay(path, GREY, halves(), table)
    with Image.open(path) as image:
        page = np.asarray(image.convert("RGB"))
    assert page.shape[1] == 60
    np.testing.assert_array_equal(page[:40], overlay(GREY, halves(), table))
    legend = {tuple(pixel) for pixel in page[40:].reshape(-1, 3).tolist()}
    assert {(255, 0, 0), (0, 0, 255)} <= legend


def test_the_legend_names_only_classes_in_the_picture(tmp_path):
    path = tmp_path / "a.png"
    write_overlay(path, GREY, np.ones((40, 60), np.uint16), TABLE)
    with Image.open(path) as image:
        page = np.asarray(image.convert("RGB"))
    assert (0, 0, 255) not in {tuple(pixel) for pixel in page[40:].reshape(-1, 3).tolist()}
