from __future__ import annotations

import json

import pytest

from napari_stego.classes import (
    EditLog,
    EditLogError,
    migrate_classes,
)


@pytest.fixture
def classes_json(tmp_path):
    """A file of the version before, with an undone edit, and its history."""
    values = {
        "format": 1,
        "start": {
            "rows": [
                {"id": i + 1, "name": f"class {i + 1}", "colour": "#102030", "clusters": [i]}
                for i in range(4)
            ],
            "n_clusters": 4,
            "next_id": 5,
        },
        "edits": [
            {"kind": "rename", "id": 1, "name": "Größe 鱼"},
            {"kind": "merge", "ids": [1, 2], "into": 1},
            {"kind": "recolour", "id": 3, "colour": "#FF0000"},
        ],
        "done": 2,
    }
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def test_classes_of_the_version_before_become_a_log(tmp_path, classes_json):
    content, path = classes_json.read_bytes(), tmp_path / "edits.jsonl"
    migrate_classes(classes_json, path)
    assert classes_json.read_bytes() == content
    history = EditLog(path).history
    assert [row.name for row in history.table.rows] == ["Größe 鱼", "class 3", "class 4"]
    assert (history.position, history.redo_text) == (2, "Recolour “class 3”")
    history.redo()
    assert history.table.row(3).colour == "#ff0000"
    history.jump(0)
    assert len(history.table.rows) == 4
    with pytest.raises(EditLogError, match="is there already"):
        migrate_classes(classes_json, path)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "[" * 100_000, '{"format": 1}', '{"format": 2}', " " * (2**26 + 1)]
)
def test_damaged_classes_of_the_version_before_are_reported(tmp_path, content):
    old, new = tmp_path / "classes.json", tmp_path / "edits.jsonl"
    for _ in range(2):
        with pytest.raises(EditLogError, match=r"classes\.json are missing or damaged"):
            migrate_classes(old, new)
        old.write_text(content, encoding="utf-8")
    assert not new.exists()
