from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_stego.classes import (
    ClassEditError,
    ClassHistory,
    ClassTable,
    MergeClasses,
    RecolourClass,
    RenameClass,
)

ids = st.integers(0, 9)
colours = st.sampled_from(["#000000", "#ff8800", "#FF8800", "#12345", "red"])
names = st.sampled_from(["", "  ", "sand", " sand ", "kelp", "class 1", "class 3", "Qualle"])
edits = st.one_of(
    st.builds(MergeClasses, ids=st.lists(ids, max_size=3).map(tuple), into=ids),
    st.builds(RenameClass, id=ids, name=names),
    st.builds(RecolourClass, id=ids, colour=colours),
)
actions = st.lists(st.one_of(edits, st.sampled_from(["undo", "redo"])), max_size=30)


class Model:
    """The classes as dictionaries, with a stack of copies for undo."""

    def __init__(self, n_clusters):
        start = ClassTable.from_clusters(n_clusters)
        now = {row.id: (row.name, row.colour, set(row.clusters)) for row in start.rows}
        self.now, self.past, self.future = now, [], []

    def do(self, edit):
        after = dict(self.now)
        if isinstance(edit, MergeClasses):
            others = set(edit.ids) - {edit.into}
            if edit.into not in after or not others or not others <= after.keys():
                return False
            name, colour, clusters = after[edit.into]
            for other in others:
                clusters = clusters | after.pop(other)[2]
            after[edit.into] = (name, colour, clusters)
        elif isinstance(edit, RenameClass):
            name = edit.name.strip()
            taken = {row[0] for key, row in after.items() if key != edit.id}
            if edit.id not in after or not name or name in taken:
                return False
            after[edit.id] = (name, *after[edit.id][1:])
        else:
            if edit.id not in after or len(edit.colour) != 7:
                return False
            name, _, clusters = after[edit.id]
            after[edit.id] = (name, edit.colour.lower(), clusters)
        self.past, self.future = [*self.past, self.now], []
        self.now = after
        return True

    def undo(self):
        if self.past:
            self.future.append(self.now)
            self.now = self.past.pop()

    def redo(self):
        if self.future:
            self.past.append(self.now)
            self.now = self.future.pop()


def as_dict(table):
    return {row.id: (row.name, row.colour, set(row.clusters)) for row in table.rows}


def perform(history, action):
    """Act on a history; tell whether it took the edit."""
    if action in ("undo", "redo"):
        getattr(history, action)()
        return True
    try:
        history.do(action)
    except ClassEditError:
        return False
    return True


@given(n_clusters=st.integers(1, 7), actions=actions)
def test_any_edits_undone_and_redone_equal_a_simple_model(n_clusters, actions):
    history, model = ClassHistory(ClassTable.from_clusters(n_clusters)), Model(n_clusters)
    for action in actions:
        taken = perform(history, action)
        if action in ("undo", "redo"):
            getattr(model, action)()
        else:
            assert taken == model.do(action)
        assert as_dict(history.table) == model.now
        assert history.can_undo == bool(model.past)
        assert history.can_redo == bool(model.future)
        assert bool(history.undo_text) == history.can_undo
        assert bool(history.redo_text) == history.can_redo


@given(n_clusters=st.integers(1, 7), actions=actions)
def test_every_cluster_keeps_a_class_and_no_id_comes_back(n_clusters, actions):
    history = ClassHistory(ClassTable.from_clusters(n_clusters))
    for action in actions:
        before = {row.id for row in history.table.rows}
        perform(history, action)
        table = history.table
        found = [row.id for row in table.rows]
        assert found == sorted(set(found))
        if action not in ("undo", "redo"):
            assert set(found) <= before
        assert table.next_id == n_clusters + 1
        lut = table.lut()
        assert lut.dtype == np.uint16
        for row in table.rows:
            assert set(np.flatnonzero(lut == row.id)) == set(row.clusters)
        assert (lut > 0).all()


@given(n_clusters=st.integers(1, 7), actions=actions)
def test_json_keeps_the_table_with_all_of_undo_and_redo(n_clusters, actions):
    history = ClassHistory(ClassTable.from_clusters(n_clusters))
    for action in actions:
        perform(history, action)
    again = ClassHistory.from_dict(json.loads(json.dumps(history.to_dict())))
    assert again.table == history.table
    while history.can_undo:
        assert again.undo_text == history.undo_text
        history.undo(), again.undo()
        assert again.table == history.table
    assert not again.can_undo
    while history.can_redo:
        assert again.redo_text == history.redo_text
        history.redo(), again.redo()
        assert again.table == history.table
    assert not again.can_redo


def test_another_format_is_refused():
    values = ClassHistory(ClassTable.from_clusters(2)).to_dict()
    with pytest.raises(ValueError, match="format 2"):
        ClassHistory.from_dict({**values, "format": 2})


ROW = {"id": 1, "name": "sand", "colour": "#112233", "clusters": [0, 2]}
TABLE = {"rows": [ROW], "n_clusters": 3, "next_id": 4}


def rows(*changes):
    return {"rows": [{**ROW, **change} for change in changes]}


def test_a_table_may_leave_clusters_and_ids_out():
    assert ClassTable.from_dict(TABLE).to_dict() == TABLE
    largest = ClassTable.from_clusters(65_535)
    assert ClassTable.from_dict(largest.to_dict()) == largest


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
        {"rows": None},
        {"rows": [1]},
        {"rows": [{}]},
        rows({"id": 0}),
        rows({"id": 4}),
        rows({"id": "1"}),
        rows({"name": ""}),
        rows({"name": "  "}),
        rows({"name": 7}),
        rows({"colour": "red"}),
        rows({"colour": "#1122334"}),
        rows({"colour": "#112233\n"}),
        rows({"colour": "#AABBCC"}),
        rows({"clusters": [3]}),
        rows({"clusters": [-1]}),
        rows({"clusters": [0, 0]}),
        rows({"clusters": [0.5]}),
        rows({"clusters": None}),
        rows({}, {"name": "kelp", "clusters": [1]}),
        rows({"id": 2}, {"name": "kelp", "clusters": [1]}),
        rows({}, {"id": 2, "clusters": [1]}),
        rows({}, {"id": 2, "name": "kelp"}),
        {"next_id": 65_536, **rows({"id": 65_536})},
    ],
    ids=repr,
)
def test_a_table_that_makes_no_sense_is_refused(changes):
    with pytest.raises(ValueError, match=r"."):
        ClassTable.from_dict({**TABLE, **changes})
    history = ClassHistory(ClassTable.from_dict(TABLE)).to_dict()
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
        {"edits": [{"kind": "delete", "id": 1}]},
        {"done": 2},
        {"done": -1},
        {"done": "1"},
        {"done": True},
        {"done": None},
        {"format": None},
    ],
    ids=repr,
)
def test_a_history_that_makes_no_sense_is_refused(changes):
    history = ClassHistory(ClassTable.from_dict(TABLE))
    history.do(RenameClass(id=1, name="mud"))
    with pytest.raises(ValueError, match=r"."):
        ClassHistory.from_dict({**history.to_dict(), **changes})
    for values in ({}, [], None):
        with pytest.raises(ValueError, match="format None instead of 1"):
            ClassHistory.from_dict(values)


def test_listeners_hear_of_every_change_and_of_nothing_else():
    history = ClassHistory(ClassTable.from_clusters(3))
    heard = []
    history.changed.connect(heard.append)
    history.undo()
    history.redo()
    with pytest.raises(ClassEditError):
        history.do(RenameClass(id=1, name=""))
    assert heard == []
    history.do(MergeClasses(ids=(1, 2), into=2))
    history.undo()
    history.redo()
    assert [[row.id for row in table.rows] for table in heard] == [[2, 3], [1, 2, 3], [2, 3]]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (MergeClasses(ids=(1,), into=1), "at least two classes"),
        (MergeClasses(ids=(1, 9), into=1), "no class with the id 9"),
        (MergeClasses(ids=(1, 2), into=9), "no class with the id 9"),
        (RenameClass(id=1, name=" \t"), "needs a name"),
        (RenameClass(id=1, name="class 2"), r"Class 2 is named “class 2” already.*merge"),
        (RenameClass(id=9, name="sand"), "no class with the id 9"),
        (RecolourClass(id=1, colour="red"), "#rrggbb, not 'red'"),
        (RecolourClass(id=1, colour="#12345g"), "#rrggbb"),
        (RecolourClass(id=9, colour="#123456"), "no class with the id 9"),
    ],
)
def test_an_edit_that_makes_no_sense_says_why_and_changes_nothing(edit, message):
    history = ClassHistory(ClassTable.from_clusters(3))
    before = history.table
    with pytest.raises(ClassEditError, match=message):
        history.do(edit)
    assert history.table == before
    assert not history.can_undo


def test_undo_says_what_it_takes_back():
    history = ClassHistory(ClassTable.from_clusters(3))
    history.do(RenameClass(id=1, name="sand"))
    history.do(MergeClasses(ids=(1, 2, 3), into=1))
    assert history.undo_text == "merge class 2, class 3 into sand"
    history.undo()
    assert history.redo_text == "merge class 2, class 3 into sand"
    assert history.undo_text == "rename class 1 to sand"


def test_the_first_thousand_classes_have_different_colours():
    colours = [row.colour for row in ClassTable.from_clusters(1000).rows]
    assert len(set(colours)) == 1000
