"""The committed sample corpus is what its script makes, and the script is deterministic."""

import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image

FOLDER = Path(__file__).parents[2] / "sample_data"
# Pillow draws the polygons of blades and branches; other versions round a few edges otherwise.
SAME_RASTER = PIL.__version__.startswith("13.")
STEMS = [f"reef_{i:02d}" for i in range(1, 17)]
SMALL = (160, 120)


@pytest.fixture(scope="module")
def make_reef():
    """The script, imported by path: the folder is no package, and its modules are siblings."""
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location("make_reef", FOLDER / "make_reef.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(FOLDER))
        for name in set(sys.modules) - before:
            if name.startswith("reef_"):
                del sys.modules[name]


@pytest.fixture(scope="module")
def textures(make_reef):
    return make_reef.textures_for(7)


@pytest.fixture(scope="module")
def remade(make_reef, tmp_path_factory):
    out = tmp_path_factory.mktemp("reef")
    make_reef.write_corpus(out, count=2, seed=7, size=(640, 480))
    return out


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def class_ids():
    with (FOLDER / "classes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["id", "name", "colour"]
    return [int(row[0]) for row in rows[1:]]


@pytest.mark.slow
@pytest.mark.parametrize("stem", STEMS[:2])
def test_committed_files_are_what_the_script_makes(remade, stem):
    mask = f"masks/{stem}.png"
    changed = np.count_nonzero(read(remade / mask) != read(FOLDER / mask))
    assert changed <= (0 if SAME_RASTER else 10)
    image = f"images/{stem}.jpg"
    difference = np.abs(read(remade / image).astype(int) - read(FOLDER / image).astype(int))
    assert difference.mean() < 1
    assert np.quantile(difference, 0.999) <= 12


def test_class_table_is_what_the_script_writes(remade):
    table = "classes.csv"
    assert (remade / table).read_text("utf-8") == (FOLDER / table).read_text("utf-8")


def test_folder_holds_sixteen_pairs():
    assert sorted(p.name for p in (FOLDER / "images").iterdir()) == [f"{s}.jpg" for s in STEMS]
    assert sorted(p.name for p in (FOLDER / "masks").iterdir()) == [f"{s}.png" for s in STEMS]


@pytest.mark.parametrize("stem", STEMS)
def test_sizes_match_and_ids_are_in_the_class_table(stem):
    image, mask = read(FOLDER / f"images/{stem}.jpg"), read(FOLDER / f"masks/{stem}.png")
    assert image.shape == (480, 640, 3)
    assert mask.shape == (480, 640)
    assert set(np.unique(mask)) <= set(class_ids())


def test_masks_are_indexed_with_the_colours_of_the_class_table(make_reef):
    with Image.open(FOLDER / "masks/reef_01.png") as mask:
        assert mask.mode == "P"
        palette = mask.getpalette()
    for class_id, _, colour in make_reef.CLASSES:
        assert bytes(palette[3 * class_id : 3 * class_id + 3]).hex() == colour[1:]


def test_every_class_occurs_and_fish_only_in_some_images():
    present = [set(np.unique(read(FOLDER / f"masks/{stem}.png"))) for stem in STEMS]
    assert set().union(*present) == set(class_ids())
    assert 5 <= sum(6 in ids for ids in present) <= 11


def test_same_seed_gives_the_same_arrays(make_reef, textures):
    first = make_reef.compose(7, 7, SMALL, textures)
    again = make_reef.compose(7, 7, SMALL, make_reef.textures_for(7))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_another_seed_gives_another_scene(make_reef, textures):
    _, ours = make_reef.compose(7, 0, SMALL, textures)
    _, other = make_reef.compose(8, 0, SMALL, make_reef.textures_for(8))
    assert np.mean(ours != other) > 0.05


def test_water_hides_what_is_far_and_masks_hold_no_unlabelled_pixel(make_reef, textures):
    image, mask = make_reef.compose(7, 3, SMALL, textures)
    water = image[mask == 5].astype(float)
    assert mask.min() >= 1
    assert water.std(0).max() < image[mask == 1].astype(float).std(0).max()


@pytest.mark.parametrize("text, size", [("640x480", (640, 480)), ("32X16", (32, 16))])
def test_size_option(make_reef, text, size):
    assert make_reef.parse_size(text) == size
