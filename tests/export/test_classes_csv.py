from __future__ import annotations

import csv

from napari_stego.classes import ClassTable
from napari_stego.export import write_classes_csv


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_classes_are_listed_with_clusters_pixels_and_cover(tmp_path):
    path = tmp_path / "classes.csv"
    name = 'Tang, "großer"\n鱼'
    table = ClassTable.from_clusters(4).merge((2, 4), 2).rename(2, name)
    write_classes_csv(path, table, {1: 10, 2: 25, 0: 5})
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = {int(row["id"]): row for row in read(path)}
    assert list(rows) == [0, 1, 2, 3]
    assert rows[2] == {
        "id": "2",
        "name": name,
        "colour": table.row(2).colour,
        "clusters": "1;3",
        "pixels": "25",
        "cover_percent": "62.5000",
    }
    assert [row["pixels"] for row in rows.values()] == ["5", "10", "25", "0"]
    assert sum(float(row["cover_percent"]) for row in rows.values()) == 100
    assert rows[0]["name"] == "unlabelled"


def test_the_unlabelled_are_a_row_only_if_there_are_any(tmp_path):
    path = tmp_path / "classes.csv"
    write_classes_csv(path, ClassTable.from_clusters(2), {1: 1, 2: 1})
    assert [row["id"] for row in read(path)] == ["1", "2"]
