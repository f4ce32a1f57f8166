"""What each edit does, what it refuses, what it says and what has to be drawn again."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter

from napari_stego.classes import (
    AcceptProposal,
    AddClass,
    Batch,
    Change,
    ClassEdit,
    ClassEditError,
    ClassHistory,
    ClassTable,
    ClusterSplit,
    DeleteClass,
    LockClass,
    MergeClasses,
    MoveClusters,
    NewClass,
    PaintStroke,
    ReassignRegion,
    RecolourClass,
    RemoveStrokes,
    RenameClass,
    ResetStrokes,
    SetCode,
    SetParent,
    SplitClass,
    encode_runs,
)

IMAGE = "ab" * 32
PIXELS = {"image": IMAGE, "shape": (2, 4), "runs": encode_runs(np.array([0, 1, 6]))}
CLUSTERS = np.array([[0, 0, 1, 1], [2, 2, 3, 3]], np.uint16)
SPLIT = SplitClass(
    id=2,
    clusters=(1,),
    new_clusters=(4, 5),
    new_classes=(NewClass(id=5, name="kelp", colour="#112233"),),
    split_id="0123456789abcdef",
)

EVERY_EDIT = [
    MergeClasses(ids=(1, 2), into=2),
    SPLIT,
    MoveClusters(clusters=(0, 1), into=3),
    AddClass(id=5, name="kelp", colour="#112233", code="CAAB 54", parent=1),
    DeleteClass(id=3),
    RenameClass(id=1, name="sand"),
    RecolourClass(id=1, colour="#ABCDEF"),
    SetCode(id=1, code="24 000001"),
    SetParent(id=1, parent=2),
    LockClass(id=1),
    PaintStroke(**PIXELS, class_id=4),
    RemoveStrokes(**PIXELS),
    AcceptProposal(**PIXELS, class_id=4, source="SAM 2"),
    ReassignRegion(**PIXELS, class_id=0),
    Batch(edits=(RenameClass(id=1, name="sand"), DeleteClass(id=2)), label="tidy up"),
]


def started(*edits):
    history = ClassHistory(ClassTable.from_clusters(4))
    for edit in edits:
        history.do(edit)
    return history


def labels(history, clusters=CLUSTERS):
    return history.label_image(IMAGE, clusters).tolist()


@pytest.mark.parametrize("edit", EVERY_EDIT, ids=lambda edit: edit.kind)
def test_every_edit_is_undone_redone_and_read_back(edit):
    history = started()
    before = history.state
    history.do(edit)
    after = history.state
    assert after != before
    assert history.undo_text == history.text(0) != ""
    history.undo()
    assert history.state == before
    history.redo()
    assert history.state == after
    adapter = TypeAdapter(ClassEdit)
    assert adapter.validate_json(adapter.dump_json(edit)) == edit


@pytest.mark.parametrize("edit", EVERY_EDIT, ids=lambda edit: edit.kind)
def test_what_an_edit_says_it_changes_is_all_that_changes(edit):
    history = started(PaintStroke(**PIXELS, class_id=3))
    before = history.state
    table, pixels = before.table, labels(history)
    history.do(edit)
    change, after = edit.change, history.table
    beneath = np.array_equal(table.lut(), after.lut())
    assert change.labels or beneath
    assert change.labels or IMAGE in change.images or labels(history) == pixels
    assert change.colours or {r.id: r.colour for r in table.rows} == {
        r.id: r.colour for r in after.rows
    }
    assert change.rows or table.rows == after.rows


def test_merging_moves_clusters_strokes_and_children():
    history = started(
        SetParent(id=4, parent=1),
        PaintStroke(**PIXELS, class_id=1),
        MergeClasses(ids=(1, 3), into=3),
    )
    row = history.table.row(3)
    assert (row.clusters, row.name) == ((0, 2), "class 3")
    assert history.table.row(4).parent == 3
    assert labels(history) == [[3, 3, 2, 2], [3, 3, 3, 4]]
    assert history.table.gone == {1: 3}
    history.do(DeleteClass(id=3))
    assert labels(history) == [[0, 0, 2, 2], [0, 0, 0, 4]]
    assert history.table.row(4).parent is None
    assert history.table.gone == {1: 0, 3: 0}


def test_the_names_of_classes_that_are_gone_are_free_again():
    history = started(MergeClasses(ids=(1, 2), into=2), DeleteClass(id=3))
    history.do(RenameClass(id=2, name="class 1"))
    history.do(RenameClass(id=4, name="class 3"))
    history.do(AddClass(id=5, name="class 2", colour="#112233"))
    assert [row.name for row in history.table.rows] == ["class 1", "class 3", "class 2"]


def test_merging_into_a_child_makes_no_circle():
    history = started(
        SetParent(id=2, parent=1), SetParent(id=3, parent=2), SetParent(id=4, parent=1)
    )
    history.do(MergeClasses(ids=(1,), into=3))
    assert {row.id: row.parent for row in history.table.rows} == {2: None, 3: 2, 4: 3}


def test_a_split_puts_new_clusters_in_the_place_of_old_ones():
    history = started(PaintStroke(**PIXELS, class_id=2), SPLIT)
    table = history.table
    assert table.splits == (ClusterSplit("0123456789abcdef", (1,), (4, 5)),)
    assert table.lut().tolist() == [1, 0, 3, 4, 2, 5]
    assert (table.row(2).clusters, table.row(5).clusters) == ((4,), (5,))
    refined = np.where(CLUSTERS == 1, [[0, 0, 4, 5]] * 2, CLUSTERS).astype(np.uint16)
    assert labels(history, refined) == [[2, 2, 2, 5], [3, 3, 2, 4]]
    history.undo()
    assert history.table.splits == ()
    assert history.table.lut().tolist() == [1, 2, 3, 4]


def test_no_id_comes_back_after_undo():
    history = started(SPLIT)
    history.undo()
    assert (history.table.next_id, history.table.next_cluster) == (6, 6)
    with pytest.raises(ClassEditError, match=r"New cluster ids follow 5, unlike \(4, 5\)"):
        history.do(SPLIT.model_copy(update={"new_classes": (_new(6),)}))
    with pytest.raises(ClassEditError, match=r"New class ids follow 5, unlike \(5,\)"):
        history.do(AddClass(id=5, name="kelp", colour="#112233"))
    history.do(
        SPLIT.model_copy(update={"new_clusters": (6, 7), "new_classes": (_new(6),)}),
    )
    assert history.table.row(6).clusters == (7,)
    history.undo()
    history.redo()
    assert history.table.row(6).clusters == (7,)


def _new(class_id):
    return NewClass(id=class_id, name=f"new {class_id}", colour="#112233")


def test_ids_end():
    history = started(AddClass(id=65_535, name="last", colour="#112233"))
    with pytest.raises(ClassEditError, match="no class ids left"):
        history.do(AddClass(id=65_536, name="one more", colour="#112233"))
    with pytest.raises(ClassEditError, match="no cluster ids left"):
        started().do(SPLIT.model_copy(update={"new_clusters": (65_534, 65_535)}))


def test_a_batch_is_one_step_and_all_or_nothing():
    history = started()
    history.do(Batch(edits=(AddClass(id=5, name="kelp", colour="#112233"), _move((0, 1), 5))))
    assert history.table.row(5).clusters == (0, 1)
    assert history.undo_text == "Add “kelp”, and 1 more edit"
    with pytest.raises(ClassEditError, match="no class with the id 99"):
        history.do(Batch(edits=(_move((0,), 0), RenameClass(id=99, name="x"))))
    assert history.table.row(5).clusters == (0, 1)
    history.undo()
    assert not history.can_undo
    with pytest.raises(ValueError, match="at least 1"):
        Batch(edits=())
    with pytest.raises(ValueError, match="batch"):
        Batch(edits=(Batch(edits=(LockClass(id=1),)),))


def _move(clusters, into):
    return MoveClusters(clusters=clusters, into=into)


@pytest.mark.parametrize(
    "edit",
    [
        MergeClasses(ids=(1, 2), into=2),
        MergeClasses(ids=(1, 2), into=1),
        DeleteClass(id=2),
        _move((1,), 3),
        _move((1,), 0),
        _move((0,), 2),
        SPLIT,
        PaintStroke(**PIXELS, class_id=2),
        AcceptProposal(**PIXELS, class_id=2),
        ReassignRegion(**PIXELS, class_id=2),
        ResetStrokes(image=IMAGE),
        Batch(edits=(RenameClass(id=1, name="sand"), DeleteClass(id=2))),
    ],
    ids=lambda edit: edit.kind,
)
def test_a_locked_class_refuses_what_changes_its_pixels(edit):
    history = started(PaintStroke(**PIXELS, class_id=2), LockClass(id=2))
    before = history.state
    with pytest.raises(ClassEditError, match=r"“class 2” is locked.*Unlock it"):
        history.do(edit)
    assert history.state == before
    history.do(LockClass(id=2, locked=False))
    history.do(edit)


def test_a_locked_class_takes_names_colours_codes_and_parents():
    history = started(LockClass(id=2))
    for edit in (
        RenameClass(id=2, name="sand"),
        RecolourClass(id=2, colour="#010203"),
        SetCode(id=2, code=" S "),
        SetParent(id=2, parent=1),
    ):
        history.do(edit)
    row = history.table.row(2)
    assert (row.name, row.colour, row.code, row.parent) == ("sand", "#010203", "S", 1)
    history.do(MergeClasses(ids=(1, 3), into=3))  # of its parent, which is not its pixels
    assert history.table.row(2).parent == 3


def test_undo_passes_over_locks():
    history = started(_move((0,), 2), LockClass(id=2))
    history.undo()
    history.undo()
    assert history.table == ClassTable.from_clusters(4)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (MergeClasses(ids=(1,), into=1), "at least two classes"),
        (MergeClasses(ids=(), into=1), "at least two classes"),
        (MergeClasses(ids=(1, 9), into=1), "no class with the id 9"),
        (MergeClasses(ids=(1, 2), into=9), "no class with the id 9"),
        (MergeClasses(ids=(0, 1), into=1), "unlabelled is no class"),
        (MergeClasses(ids=(1,), into=0), "unlabelled is no class"),
        (DeleteClass(id=0), "no class with the id 0"),
        (DeleteClass(id=-1), "no class with the id -1"),
        (_move((), 1), "Choose clusters"),
        (_move((0,), 1), "“class 1” has these clusters already"),
        (_move((4,), 1), "no cluster 4"),
        (_move((-1,), 1), "no cluster -1"),
        (_move((0,), 9), "no class with the id 9"),
        (AddClass(id=4, name="kelp", colour="#112233"), "New class ids follow 4"),
        (AddClass(id=5, name="class 1", colour="#112233"), "Class 1 is named"),
        (AddClass(id=5, name="kelp", colour="112233"), "#rrggbb"),
        (AddClass(id=5, name="kelp", colour="#112233", parent=9), "no class with the id 9"),
        (AddClass(id=5, name="kelp", colour="#112233", parent=5), "cannot be under"),
        (RenameClass(id=1, name=" \t"), "needs a name"),
        (RenameClass(id=1, name="class 2"), r"Class 2 is named “class 2” already.*merge"),
        (RenameClass(id=9, name="sand"), "no class with the id 9"),
        (RenameClass(id=1, name="x" * 1001), "at most 1000 characters"),
        (RenameClass(id=1, name="\ud800"), "half of a character"),
        (RecolourClass(id=1, colour="red"), "#rrggbb, not 'red'"),
        (RecolourClass(id=1, colour="#12345g"), "#rrggbb"),
        (RecolourClass(id=9, colour="#123456"), "no class with the id 9"),
        (SetCode(id=1, code="x" * 101), "at most 100 characters"),
        (SetCode(id=9, code="x"), "no class with the id 9"),
        (SetParent(id=1, parent=1), "under “class 1”, which is itself"),
        (SetParent(id=1, parent=9), "no class with the id 9"),
        (LockClass(id=9), "no class with the id 9"),
        (PaintStroke(**PIXELS, class_id=9), "no class with the id 9"),
        (PaintStroke(**PIXELS, class_id=70_000), "no class with the id 70000"),
        (AcceptProposal(**PIXELS, class_id=1, source="x" * 1001), "source has at most"),
        (ResetStrokes(image=IMAGE), "no strokes"),
        (Batch(edits=(LockClass(id=1),), label="\ud800"), "half of a character"),
        (SPLIT.model_copy(update={"id": 9}), "no class with the id 9"),
        (SPLIT.model_copy(update={"id": 1}), "Cluster 1 is not in “class 1”"),
        (SPLIT.model_copy(update={"clusters": ()}), "needs clusters"),
        (SPLIT.model_copy(update={"clusters": (1, 1)}), "each of them once"),
        (SPLIT.model_copy(update={"new_clusters": (4,), "new_classes": ()}), "at least two"),
        (SPLIT.model_copy(update={"new_classes": ()}), "one class for each"),
        (SPLIT.model_copy(update={"new_clusters": (4, 6)}), "New cluster ids follow 3"),
        (SPLIT.model_copy(update={"new_clusters": (3, 4)}), "New cluster ids follow 3"),
    ],
)
def test_an_edit_that_makes_no_sense_says_why_and_changes_nothing(edit, message):
    history = started()
    before = history.state
    with pytest.raises(ClassEditError, match=message):
        history.do(edit)
    assert history.state == before
    assert not history.can_undo


def test_a_class_cannot_be_under_one_that_is_under_it():
    history = started(SetParent(id=2, parent=1), SetParent(id=3, parent=2))
    with pytest.raises(ClassEditError, match="“class 1” cannot be under “class 3”"):
        history.do(SetParent(id=1, parent=3))
    history.do(SetParent(id=2, parent=None))
    history.do(SetParent(id=1, parent=3))


def test_a_split_cluster_is_no_more():
    history = started(SPLIT)
    with pytest.raises(ClassEditError, match="Cluster 1 was split"):
        history.do(_move((1,), 3))
    history.do(_move((4,), 0))
    history.do(_move((4, 5), 3))
    assert history.table.row(3).clusters == (2, 4, 5)


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (MergeClasses(ids=(1, 3), into=1), "Merge “class 1” and “class 3” into “class 1”"),
        (
            MergeClasses(ids=(3, 2, 1), into=1),
            "Merge “class 1”, “class 3” and “class 2” into “class 1”",
        ),
        (SPLIT, "Split “class 2” into 2"),
        (_move((0,), 2), "Move cluster 0 to “class 2”"),
        (_move((0, 1), 0), "Move clusters 0, 1 to unlabelled"),
        (EVERY_EDIT[3], "Add “kelp”"),
        (DeleteClass(id=1), "Delete “class 1”"),
        (RenameClass(id=1, name=" sand "), "Rename “class 1” to “sand”"),
        (RecolourClass(id=1, colour="#010203"), "Recolour “class 1”"),
        (SetCode(id=1, code="S"), "Set the code of “class 1” to “S”"),
        (SetParent(id=1, parent=2), "Put “class 1” under “class 2”"),
        (SetParent(id=1, parent=None), "Put “class 1” to the top"),
        (LockClass(id=1), "Lock “class 1”"),
        (LockClass(id=1, locked=False), "Unlock “class 1”"),
        (PaintStroke(**PIXELS, class_id=1), "Paint “class 1”"),
        (PaintStroke(**PIXELS, class_id=0), "Erase"),
        (RemoveStrokes(**PIXELS), "Remove strokes"),
        (EVERY_EDIT[12], "Accept a proposal for “class 4” (SAM 2)"),
        (ReassignRegion(**PIXELS, class_id=1), "Reassign a region to “class 1”"),
        (EVERY_EDIT[-1], "tidy up"),
    ],
)
def test_an_edit_says_what_it_does(edit, text):
    history = started()
    history.do(edit)
    assert history.undo_text == text


def test_an_edit_of_many_classes_is_told_in_few_words():
    history = ClassHistory(ClassTable.from_clusters(9))
    history.do(MergeClasses(ids=tuple(range(1, 10)), into=2))
    names = "“class 2”, “class 1”, “class 3” and 6 more"
    assert history.undo_text == f"Merge {names} into “class 2”"
    history.undo()
    history.do(_move(tuple(range(8)), 9))
    assert history.undo_text == "Move 8 clusters to “class 9”"


def test_changes_add_up():
    one, other = (
        Change(labels=True, images=frozenset("a")),
        Change(rows=True, images=frozenset("b")),
    )
    assert one | other == Change(labels=True, rows=True, images=frozenset("ab"))
