from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_stego.classes import (
    AddClass,
    Change,
    ClassEditError,
    ClassHistory,
    ClassTable,
    MergeClasses,
    PaintStroke,
    RecolourClass,
    RenameClass,
    encode_runs,
)
from napari_stego.classes.table_json import table_from_dict, table_to_dict
from napari_stego.errors import StegoError

ids = st.integers(0, 9)
edits = st.one_of(
    st.builds(MergeClasses, ids=st.lists(ids, max_size=3).map(tuple), into=ids),
    st.builds(RenameClass, id=ids, name=st.sampled_from(["", "sand", " kelp ", "class 3"])),
    st.builds(RecolourClass, id=ids, colour=st.sampled_from(["#000000", "#FF8800", "red"])),
    st.sampled_from(["undo", "redo", "add"]),
)


def history_of(n_clusters, *edits):
    history = ClassHistory(ClassTable.from_clusters(n_clusters))
    for edit in edits:
        history.do(edit)
    return history


@given(n_clusters=st.integers(1, 7), actions=st.lists(edits, max_size=20))
def test_json_keeps_the_table_with_all_of_undo_and_redo(n_clusters, actions):
    history = history_of(n_clusters)
    for action in actions:
        if action == "add":
            new = history.table.next_id
            history.do(AddClass(id=new, name=f"new {new}", colour="#112233"))
        elif action in ("undo", "redo"):
            getattr(history, action)()
        else:
            try:
                history.do(action)
            except ClassEditError:
                continue
    again = ClassHistory.from_dict(json.loads(json.dumps(history.to_dict())))
    assert table_to_dict(again.table) == table_to_dict(history.table)
    assert (again.position, len(again)) == (history.position, len(history))
    for position in range(len(history) + 1):
        history.jump(position)
        again.jump(position)
        assert table_to_dict(again.table) == table_to_dict(history.table)
        assert (again.undo_text, again.redo_text) == (history.undo_text, history.redo_text)


ROW = {"id": 1, "name": "sand", "colour": "#112233", "clusters": [0, 2]}
TABLE = {"rows": [ROW], "n_clusters": 3, "next_id": 4}
SPLIT = {"split_id": "0123abcd", "clusters": [1], "new_clusters": [3, 4]}


def rows(*changes):
    return {"rows": [{**ROW, **change} for change in changes]}


def test_a_table_may_leave_clusters_and_ids_out():
    table = table_from_dict(TABLE)
    assert table.lut().tolist() == [1, 0, 1]
    assert (table.next_id, table.next_cluster) == (4, 3)
    values = table_to_dict(table)
    assert values == {
        **TABLE,
        **rows({"code": "", "parent": None, "locked": False}),
        "next_cluster": 3,
        "splits": [],
        "gone": [],
    }
    assert table_from_dict(json.loads(json.dumps(values))) == table
    assert len(table_from_dict({**TABLE, "n_clusters": 65_535}).lut()) == 65_535


def test_a_table_keeps_splits_and_what_became_of_classes():
    values = {
        **TABLE,
        **rows({"clusters": [0, 4]}, {"id": 3, "name": "kelp", "clusters": [2], "parent": 1}),
        "next_id": 9,
        "next_cluster": 11,
        "splits": [SPLIT, {**SPLIT, "clusters": [3], "new_clusters": [7, 8, 9]}],
        "gone": [[2, 3], [4, 0]],
    }
    table = table_from_dict(values)
    assert table.lut().tolist() == [1, 0, 3, 0, 1, 0, 0, 0, 0, 0]
    assert [table.now(class_id) for class_id in (1, 2, 3, 4)] == [1, 3, 3, 0]
    again = table_from_dict(json.loads(json.dumps(table_to_dict(table))))
    assert again == table
    assert table_to_dict(again) == table_to_dict(table)


@pytest.mark.parametrize(
    "changes",
    [
        {"n_clusters": 0},
        {"n_clusters": 65_536},
        {"n_clusters": "3"},
        {"n_clusters": 3.0},
        {"n_clusters": True},
        {"next_id": 1},
        {"next_id": 65_537},
        {"next_id": None},
        {"next_cluster": 0},
        {"next_cluster": "3"},
        {"rows": None},
        {"rows": [1]},
        {"rows": [{}]},
        {"rows": ["x"] * 100_000},
        {"more": 1},
        rows({"id": 0}),
        rows({"id": 4}),
        rows({"id": "1"}),
        rows({"name": ""}),
        rows({"name": "  "}),
        rows({"name": 7}),
        rows({"name": "x" * 1001}),
        rows({"colour": "red"}),
        rows({"colour": "#1122334"}),
        rows({"colour": "#112233\n"}),
        rows({"colour": "#AABBCC"}),
        rows({"clusters": [3]}),
        rows({"clusters": [-1]}),
        rows({"clusters": [0, 0]}),
        rows({"clusters": [0.5]}),
        rows({"clusters": None}),
        rows({"locked": 1}),
        rows({"code": "x" * 101}),
        rows({"parent": 1}),
        rows({"parent": 2}),
        rows({"parent": 2}, {"id": 2, "name": "kelp", "clusters": [1], "parent": 1}),
        rows({}, {"name": "kelp", "clusters": [1]}),
        rows({"id": 2}, {"name": "kelp", "clusters": [1]}),
        rows({}, {"id": 2, "clusters": [1]}),
        rows({}, {"id": 2, "name": "kelp"}),
        {"next_id": 65_536, **rows({"id": 65_536})},
        {"splits": [{**SPLIT, "split_id": "../x"}]},
        {"splits": [{**SPLIT, "clusters": [0]}]},
        {"splits": [{**SPLIT, "clusters": [7]}]},
        {"splits": [{**SPLIT, "new_clusters": [3]}]},
        {"splits": [{**SPLIT, "new_clusters": [2, 3]}]},
        {"splits": [{**SPLIT, "new_clusters": [4, 3]}]},
        {"splits": [SPLIT, {**SPLIT, "new_clusters": [5, 6]}]},
        {"gone": [[1, 0]]},
        {"gone": [[2, 3]]},
        {"gone": [[9, 1]]},
        {"gone": [[2]]},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_table_that_makes_no_sense_is_refused(changes):
    with pytest.raises(ValueError, match=r"."):
        table_from_dict({**TABLE, **changes})
    history = ClassHistory(table_from_dict(TABLE)).to_dict()
    with pytest.raises(ValueError, match=r"."):
        ClassHistory.from_dict({**history, "start": {**TABLE, **changes}})


@pytest.mark.parametrize(
    "changes",
    [
        {"start": None},
        {"edits": None},
        {"edits": {"kind": "rename", "id": 1, "name": "mud"}},
        {"edits": [{"kind": "rename", "id": "1", "name": "mud"}]},
        {"edits": [{"kind": "rename", "id": 9, "name": "mud"}]},
        {"edits": [{"kind": "merge", "ids": [1.5, 1], "into": 1}]},
        {"edits": [{"kind": "explode", "id": 1}]},
        {"edits": [{"kind": "delete", "id": 1, "x": 1}]},
        {"done": 2},
        {"done": -1},
        {"done": "1"},
        {"done": True},
        {"done": None},
        {"next_id": "7"},
        {"format": None},
        {"format": 2},
    ],
    ids=repr,
)
def test_a_history_that_makes_no_sense_is_refused(changes):
    history = ClassHistory(table_from_dict(TABLE))
    history.do(RenameClass(id=1, name="mud"))
    with pytest.raises(ValueError, match=r"."):
        ClassHistory.from_dict({**history.to_dict(), **changes})
    for values in ({}, [], None):
        with pytest.raises(ValueError, match="format None instead of 1"):
            ClassHistory.from_dict(values)


def test_listeners_hear_what_changed_and_of_nothing_else(strokes):
    history = history_of(3)
    heard = []
    history.changed.connect(lambda table, change: heard.append((table, change)))
    history.undo()
    history.redo()
    history.jump(0)
    with pytest.raises(ClassEditError):
        history.do(RenameClass(id=1, name=""))
    assert heard == []
    history.do(RecolourClass(id=1, colour="#010203"))
    history.do(strokes[0])
    history.do(strokes[1])
    history.undo()
    history.jump(0)
    history.redo()
    colours = Change(colours=True, rows=True)
    first, second = (Change(images=frozenset((stroke.image,))) for stroke in strokes)
    expected = [colours, first, second, second, colours | first, colours]
    assert [change for _, change in heard] == expected
    assert heard[-1][0] == history.table


def test_a_listener_may_take_the_table_alone():
    history, heard = history_of(3), []
    history.changed.connect(heard.append)
    history.do(MergeClasses(ids=(1, 2), into=2))
    history.undo()
    assert [[row.id for row in table.rows] for table in heard] == [[2, 3], [1, 2, 3]]


def test_what_a_listener_cannot_do_comes_out_of_the_call():
    history = history_of(3)

    def complain(_):
        raise StegoError("the window is gone")

    history.changed.connect(complain)
    with pytest.raises(StegoError, match="the window is gone"):
        history.do(RenameClass(id=1, name="sand"))
    assert history.table.row(1).name == "sand"


def test_nothing_is_done_that_the_journal_does_not_take():
    history = history_of(3, RenameClass(id=1, name="sand"), RenameClass(id=2, name="kelp"))
    history.undo()
    before, heard = history.state, []

    def refuse(action):
        raise StegoError("disk full")

    history.journal = refuse
    history.changed.connect(heard.append)
    for call in (
        lambda: history.do(RenameClass(id=1, name="mud")),
        history.undo,
        history.redo,
        lambda: history.jump(0),
    ):
        with pytest.raises(StegoError, match="disk full"):
            call()
        assert history.state == before
        assert (history.position, len(history)) == (1, 2)
    assert heard == []


def test_the_history_can_be_read_and_jumped_to():
    history = history_of(
        3,
        RenameClass(id=1, name="Coral"),
        RenameClass(id=2, name="Rock"),
        MergeClasses(ids=(1, 2), into=1),
    )
    texts = [history.text(index) for index in range(len(history))]
    assert texts == [
        "Rename “class 1” to “Coral”",
        "Rename “class 2” to “Rock”",
        "Merge “Coral” and “Rock” into “Coral”",
    ]
    history.jump(1)
    assert (history.position, history.undo_text, history.redo_text) == (1, *texts[:2])
    assert [row.name for row in history.table.rows] == ["Coral", "class 2", "class 3"]
    assert [history.text(index) for index in range(len(history))] == texts
    history.jump(3)
    assert [row.name for row in history.table.rows] == ["Coral", "class 3"]
    for position in (-1, 4):
        with pytest.raises(ClassEditError, match="3 edits"):
            history.jump(position)
        with pytest.raises(IndexError):
            history.text(position)


def test_an_edit_after_undo_takes_the_place_of_what_was_undone():
    history = history_of(3, RenameClass(id=1, name="sand"), RenameClass(id=2, name="kelp"))
    history.undo()
    history.do(RenameClass(id=3, name="mud"))
    assert [row.name for row in history.table.rows] == ["sand", "class 2", "mud"]
    assert not history.can_redo
    assert len(history.edits) == len(history) == 2


def test_undo_says_what_it_takes_back():
    history = history_of(3, RenameClass(id=1, name="sand"))
    assert (history.undo_text, history.redo_text) == ("Rename “class 1” to “sand”", "")
    history.undo()
    assert (history.undo_text, history.redo_text) == ("", "Rename “class 1” to “sand”")


def test_strokes_of_another_size_are_reported(strokes):
    history = history_of(3, strokes[0])
    clusters = ClassTable.from_clusters(3).lut().reshape(3, 1) - 1
    assert history.label_image("cd" * 32, clusters).tolist() == [[1], [2], [3]]
    with pytest.raises(StegoError, match="made on 3 x 4 pixels, and the image has 3 x 1"):
        history.label_image(strokes[0].image, clusters)


@pytest.fixture
def strokes():
    """A stroke on each of two images."""
    runs = encode_runs(np.array([0, 1, 6]))
    return [
        PaintStroke(image=key * 64, shape=(3, 4), runs=runs, class_id=class_id)
        for key, class_id in (("a", 1), ("b", 0))
    ]


def test_the_first_thousand_classes_have_different_colours():
    colours = [row.colour for row in ClassTable.from_clusters(1000).rows]
    assert len(set(colours)) == 1000
