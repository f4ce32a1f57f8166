from __future__ import annotations

from pathlib import Path

import pytest

from napari_stego.classes import ClassTable
from napari_stego.cli.class_labels import find_label
from napari_stego.labelsets import LabelSetError, assign, read_label_set

CATAMI_LAYOUT = Path(__file__).parents[1] / "labelsets" / "data" / "catami_layout.csv"


@pytest.fixture
def label_set(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("Label ID,Short Code\nSand,S\nHard coral,HC\nSoft coral,SC\n")
    return read_label_set(path)


def test_a_label_is_found_by_its_code_its_name_or_words_that_only_it_has(label_set):
    sand, hard, _ = label_set.labels
    for text in (sand.code, sand.name, f" {sand.name} "):
        assert find_label(label_set, text) == sand
    assert find_label(label_set, hard.code) == hard
    table = assign(ClassTable.from_clusters(2), [1], sand)
    assert sand.name in table.describe(ClassTable.from_clusters(2))


def test_words_of_several_labels_or_of_none_are_refused(label_set):
    with pytest.raises(LabelSetError, match="No label in"):
        find_label(label_set, "zzzzzz")
    with pytest.raises(LabelSetError, match="Say which label"):
        find_label(label_set, "  ")
    with pytest.raises(LabelSetError, match="can be several labels") as error:
        find_label(label_set, "C")
    assert all(
        each.name in str(error.value) or each.code in str(error.value)
        for each in label_set.search("C")
    )


def test_labels_of_a_tree_are_told_apart_by_those_above_them():
    tree = read_label_set(CATAMI_LAYOUT)
    with pytest.raises(LabelSetError, match="can be several labels") as error:
        find_label(tree, "Encrusting")
    lines = [line.strip() for line in str(error.value).splitlines()[1:]]
    assert lines == [
        "00000005  Cnidaria > Corals > Stony corals > Encrusting",
        "00000008  Sponges > Crusts > Encrusting",
    ]
    for line in lines:
        code, full_name = line.split("  ")
        assert find_label(tree, code) == find_label(tree, full_name)
        assert find_label(tree, full_name).code == code
    assert find_label(tree, "encrusting sponges").code == "00000008"
    # Other labels have codes that begin like this one.
    assert find_label(tree, "CNCS").name == "Stony corals"
