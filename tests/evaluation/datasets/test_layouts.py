"""Tiny data sets in their official layouts."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from napari_stego.corpus import read_image
from napari_stego.evaluation import DATASETS, VOID, DatasetError, MaskError

RNG = np.random.default_rng(0)
CURATED = {"train": ("train2017", "Coco164kFull_Stuff_Coarse.txt")}
CURATED["test"] = ("val2017", "Coco164kFull_Stuff_Coarse_7.txt")


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def photo(height=12, width=16):
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def cocostuff(tmp_path):
    """Two photographs of the curated split, one that is no part of it, and every value."""
    root = tmp_path / "cocostuff"
    for part, names in CURATED.values():
        for name in ("000000000139", "000000000285", "000000000632"):
            save(root / "images" / part / f"{name}.jpg", photo(16, 16))
            values = np.arange(256, dtype=np.uint8).reshape(16, 16)
            save(root / "annotations" / part / f"{name}.png", values)
        (root / "curated" / part).mkdir(parents=True)
        (root / "curated" / part / names).write_text("000000000632\n000000000139\n\n")
    return root


@pytest.fixture
def cityscapes(tmp_path):
    root = tmp_path / "cityscapes"
    for part, city in (("train", "aachen"), ("val", "lindau"), ("val", "munster")):
        frame = f"{city}_000000_000019"
        save(root / "leftImg8bit" / part / city / f"{frame}_leftImg8bit.png", photo(5, 8))
        labels = np.arange(40, dtype=np.uint8).reshape(5, 8)
        save(root / "gtFine" / part / city / f"{frame}_gtFine_labelIds.png", labels)
        save(root / "gtFine" / part / city / f"{frame}_gtFine_instanceIds.png", labels)
    return root


@pytest.fixture
def potsdam(tmp_path):
    root = tmp_path / "potsdam"
    for name in ("0_0_0", "0_0_1"):
        for folder in ("imgs", "gt"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        channels = RNG.integers(0, 256, (20, 20, 4), dtype=np.uint8)
        savemat(root / "imgs" / f"{name}.mat", {"img": channels})
        labels = np.resize(np.array([0, 1, 2, 3, 4, 5, 255], np.uint8), (20, 20))
        savemat(root / "gt" / f"{name}.mat", {"gt": labels})
    (root / "labelled_test.txt").write_text("0_0_1\n")
    (root / "labelled_train.txt").write_text("0_0_0\n")
    return root


CODES = np.array([[(i >> 2 & 1), (i >> 1 & 1), (i & 1)] for i in range(8)], np.uint8)


@pytest.fixture(params=["indexed", "distributed"])
def suim(request, tmp_path):
    """Eight classes in a row, and one photograph whose mask is too small."""
    root = tmp_path / "SUIM"
    indexed = request.param == "indexed"
    ids = np.resize(np.arange(8, dtype=np.uint8), (6, 8))
    for folder in ("train", "test") if indexed else ("train_val", "TEST"):
        for name, mask in (("d_r_1_", ids), ("w_r_2_", ids[:3]), ("n_l_3_", ids)):
            save(root / folder / "images" / f"{name}.jpg", photo(6, 8))
            if indexed:
                save(root / folder / "masks" / f"{name}.png", mask)
            else:
                # Resized masks are not quite black or white.
                colours = np.where(CODES[mask] == 1, 230, 20).astype(np.uint8)
                save(root / folder / "masks" / f"{name}.bmp", colours)
    return root


@pytest.fixture
def corpus_of(tmp_path):
    def corpus(dataset):
        return dataset.corpus(tmp_path / "written")

    return corpus


def masks(dataset, corpus_of):
    corpus, paths = corpus_of(dataset)
    assert [image.name for image in corpus.images] == list(paths)
    return {image.name: dataset.read_mask(paths[image.name], image) for image in corpus.images}


@pytest.mark.parametrize("split", ["train", "test"])
def test_cocostuff_has_the_curated_photographs_and_27_classes(cocostuff, corpus_of, split):
    dataset = DATASETS["cocostuff27"](cocostuff, split)
    found = masks(dataset, corpus_of)
    assert list(found) == ["000000000632.jpg", "000000000139.jpg"]
    classes = found["000000000139.jpg"].ravel()
    # Things are 0 to 90 and stuff 91 to 181: each has a class, and each class has some.
    assert set(classes[:182]) == set(range(27))
    assert set(classes[182:]) == {VOID}
    names = [dataset.class_names[index] for index in classes[:182]]
    # COCO-Stuff ids (less 1) of: person, cat, grass, sky-other, wall-brick, river, ceiling-tile.
    known = {0: "person", 16: "animal", 123: "plant", 156: "sky", 170: "wall", 147: "water"}
    known |= {102: "ceiling", 105: "sky", 2: "vehicle", 148: "ground", 179: "window"}
    assert {index: names[index] for index in known} == known
    assert names.index("food") == 51
    assert names.count("food") == 10
    assert names.count("wall") == 7


def test_cityscapes_has_the_27_labels_that_are_no_void(cityscapes, corpus_of):
    dataset = DATASETS["cityscapes27"](cityscapes, "test")
    found = masks(dataset, corpus_of)
    assert list(found) == [
        "lindau/lindau_000000_000019_leftImg8bit.png",
        "munster/munster_000000_000019_leftImg8bit.png",
    ]
    classes = next(iter(found.values())).ravel()
    np.testing.assert_array_equal(classes[7:34], range(27))
    assert set(classes[:7]) | set(classes[34:]) == {VOID}
    names = dataset.class_names
    assert (len(names), names[0], names[26 - 7], names[-1]) == (27, "road", "car", "bicycle")
    assert len(DATASETS["cityscapes27"](cityscapes, "train").photographs) == 1


def test_potsdam_has_three_classes_and_photographs_that_can_be_read(potsdam, corpus_of):
    dataset = DATASETS["potsdam3"](potsdam, "test")
    corpus, paths = corpus_of(dataset)
    (image,) = corpus.images
    assert image.name == "0_0_1.png"
    from scipy.io import loadmat

    channels = loadmat(potsdam / "imgs" / "0_0_1.mat")["img"]
    np.testing.assert_array_equal(read_image(image.path), channels[:, :, :3])
    classes = dataset.read_mask(paths[image.name], image)
    np.testing.assert_array_equal(classes.ravel()[:7], [0, 1, 2, 2, 0, 1, VOID])
    before = image.path.stat().st_mtime_ns
    assert corpus_of(dataset)[0].images[0].path.stat().st_mtime_ns == before


@pytest.mark.parametrize("split", ["train", "test"])
def test_both_layouts_of_suim_give_the_same_masks(suim, corpus_of, split):
    dataset = DATASETS["suim"](suim, split)
    found = masks(dataset, corpus_of)
    assert list(found) == ["d_r_1_.jpg", "n_l_3_.jpg"]
    assert dataset.left_out == ("w_r_2_",)
    np.testing.assert_array_equal(found["d_r_1_.jpg"][0], range(8))
    assert dataset.class_names[5] == "reefs and invertebrates"


@pytest.mark.parametrize("name", ["cocostuff", "cityscapes", "potsdam"])
def test_the_folder_above_serves_too(name, request):
    root = request.getfixturevalue(name)
    dataset = next(value for key, value in DATASETS.items() if key.startswith(name))
    assert dataset(root.parent, "test").photographs == dataset(root, "test").photographs


@pytest.mark.parametrize("name", list(DATASETS))
def test_a_folder_that_holds_no_data_set_says_what_is_expected(name, tmp_path):
    with pytest.raises(DatasetError, match="Check --root"):
        DATASETS[name](tmp_path / "nowhere", "test")
    with pytest.raises(DatasetError, match="has to hold"):
        DATASETS[name](tmp_path, "test")


def test_a_missing_file_is_found_before_anything_long_begins(cocostuff):
    (cocostuff / "annotations" / "val2017" / "000000000632.png").unlink()
    with pytest.raises(DatasetError, match=r"1 of 4 files are missing .*000000000632\.png"):
        DATASETS["cocostuff27"](cocostuff, "test")


def test_a_list_cannot_name_files_elsewhere(potsdam):
    (potsdam / "labelled_test.txt").write_text("../0_0_1\n")
    with pytest.raises(DatasetError, match="plain names"):
        DATASETS["potsdam3"](potsdam, "test")


def test_masks_of_another_kind_say_why(potsdam, cityscapes, corpus_of):
    (potsdam / "gt" / "0_0_1.mat").write_bytes(b"no MATLAB")
    dataset = DATASETS["potsdam3"](potsdam, "test")
    (image,) = corpus_of(dataset)[0].images
    with pytest.raises(DatasetError, match="can be read"):
        dataset.read_mask(dataset.photographs[0].mask, image)
    dataset = DATASETS["cityscapes27"](cityscapes, "train")
    (image,) = corpus_of(dataset)[0].images
    save(dataset.photographs[0].mask, photo(5, 8))
    with pytest.raises(DatasetError, match="one 8-bit value a pixel"):
        dataset.read_mask(dataset.photographs[0].mask, image)
    save(dataset.photographs[0].mask, np.zeros((8, 5), np.uint8))
    with pytest.raises(MaskError, match="5 x 8 pixels"):
        dataset.read_mask(dataset.photographs[0].mask, image)
