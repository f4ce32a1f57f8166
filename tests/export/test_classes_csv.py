from __future__ import annotations

import csv

import numpy as np

from napari_stego.classes import (
    Batch,
    ClassHistory,
    ClassTable,
    LockClass,
    MergeClasses,
    PaintStroke,
    RenameClass,
    ResetStrokes,
    encode_runs,
)
from napari_stego.export import ClassTotals, Totals, write_classes_csv

IMAGE = "ab" * 32


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def paint(class_id, *positions):
    runs = encode_runs(np.array(positions, np.int64))
    return PaintStroke(image=IMAGE, shape=(20, 30), runs=runs, class_id=class_id)


def test_classes_are_listed_with_clusters_pixels_and_cover(tmp_path):
    path = tmp_path / "classes.csv"
    name = 'Tang, "großer"\n鱼'
    table = ClassTable.from_clusters(4).merge((2, 4), 2).rename(2, name)
    table = table.set_code(2, "007").set_parent(3, 2).lock(3, True)
    totals = {1: ClassTotals(10, 1), 2: ClassTotals(25, 2, edits=3, strokes=4), 0: ClassTotals(5)}
    write_classes_csv(path, table, totals)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = {int(row["id"]): row for row in read(path)}
    assert list(rows) == [0, 1, 2, 3]
    assert rows[2] == {
        "id": "2",
        "name": name,
        "code": "007",
        "colour": table.row(2).colour,
        "parent_id": "",
        "parent": "",
        "clusters": "1;3",
        "pixels": "25",
        "cover_percent": "62.5000",
        "images": "2",
        "locked": "",
        "edits": "3",
        "strokes": "4",
    }
    assert [row["pixels"] for row in rows.values()] == ["5", "10", "25", "0"]
    assert sum(float(row["cover_percent"]) for row in rows.values()) == 100
    assert rows[0]["name"] == "unlabelled"
    assert (rows[3]["parent_id"], rows[3]["parent"], rows[3]["locked"]) == ("2", name, "yes")


def test_the_unlabelled_are_a_row_only_if_there_are_any(tmp_path):
    path = tmp_path / "classes.csv"
    write_classes_csv(path, ClassTable.from_clusters(2), {1: ClassTotals(1), 2: ClassTotals(1)})
    assert [row["id"] for row in read(path)] == ["1", "2"]


def test_totals_count_pixels_and_the_images_that_have_a_class():
    totals = Totals(ClassHistory(ClassTable.from_clusters(3)))
    totals.add(np.array([[1, 1, 0], [1, 2, 0]], np.uint16))
    totals.add(np.array([[2, 2]], np.uint16))
    assert {i: (each.pixels, each.images) for i, each in totals.of.items()} == {
        0: (2, 1),
        1: (3, 1),
        2: (3, 2),
    }


def test_edits_and_strokes_in_force_count_for_what_became_of_their_class():
    history = ClassHistory(ClassTable.from_clusters(4))
    history.do(RenameClass(id=1, name="coral"))
    history.do(paint(1, 0))
    history.do(paint(3, 1))
    history.do(MergeClasses(ids=(1, 2), into=2))
    history.do(Batch(edits=(LockClass(id=3), RenameClass(id=3, name="sand"))))
    history.do(RenameClass(id=4, name="taken back"))
    history.undo()
    found = Totals(history).of
    assert {i: (each.edits, each.strokes) for i, each in found.items()} == {2: (2, 1), 3: (1, 1)}
    history.do(LockClass(id=3, locked=False))
    history.do(ResetStrokes(image=IMAGE))
    assert {each.strokes for each in Totals(history).of.values()} == {0}
