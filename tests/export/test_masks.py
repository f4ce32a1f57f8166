from __future__ import annotations

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from napari_stego.classes import ClassTable
from napari_stego.errors import StegoError
from napari_stego.export import write_png_mask, write_tiff_mask

WRITERS = {"png": write_png_mask, "tif": write_tiff_mask}


def read_ids(path):
    if path.suffix == ".tif":
        return tifffile.imread(path)
    with Image.open(path) as image:
        return np.asarray(image)


def rgb(colour):
    return tuple(bytes.fromhex(colour[1:]))


labels_and_clusters = st.integers(2, 300).flatmap(
    lambda n: st.tuples(
        arrays(
            np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, n)
        ),
        st.just(n),
    )
)


@pytest.mark.parametrize("suffix", WRITERS)
def test_ids_come_back_and_eight_bits_are_used_while_they_fit(tmp_path, suffix):
    path = tmp_path / f"mask.{suffix}"

    @given(labels_and_clusters)
    def check(drawn):
        labels, n_clusters = drawn
        WRITERS[suffix](path, labels, ClassTable.from_clusters(n_clusters))
        found = read_ids(path)
        np.testing.assert_array_equal(found, labels)
        assert found.dtype == (np.uint8 if n_clusters <= 255 else np.uint16)

    check()


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_palette_holds_the_colours_of_the_classes(tmp_path, suffix):
    table = ClassTable.from_clusters(20).merge((3, 4, 20), 4).recolour(2, "#123456")
    labels = table.lut()[np.arange(20).reshape(4, 5)]
    labels[0, 0] = 0
    path = tmp_path / "sub" / f"mask.{suffix}"
    WRITERS[suffix](path, labels, table)
    with Image.open(path) as image:
        assert image.mode == "P"
        shown = np.asarray(image.convert("RGB"))
    assert tuple(shown[0, 0]) == (0, 0, 0)
    for row in table.rows[1:]:
        assert {tuple(pixel) for pixel in shown[labels == row.id].tolist()} == {rgb(row.colour)}


@pytest.mark.parametrize("suffix", WRITERS)
def test_ids_beyond_a_palette_make_all_masks_of_the_table_sixteen_bits(tmp_path, suffix):
    table = ClassTable.from_clusters(300)
    for name, value in [("low", 3), ("high", 300)]:
        path = tmp_path / f"{name}.{suffix}"
        WRITERS[suffix](path, np.full((4, 6), value, np.uint16), table)
        found = read_ids(path)
        assert found.dtype == np.uint16
        assert (found == value).all()


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_in_the_way_of_the_folder_is_reported(tmp_path, suffix):
    (tmp_path / "masks").write_text("in the way")
    path = tmp_path / "masks" / f"a.{suffix}"
    with pytest.raises(StegoError, match="Cannot write"):
        WRITERS[suffix](path, np.ones((4, 6), np.uint16), ClassTable.from_clusters(2))
