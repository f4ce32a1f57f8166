"""Brush strokes over locked classes, and what napari's own Labels layer leaves behind."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stego.classes import (
    AcceptProposal,
    Batch,
    ClassEditError,
    ClassHistory,
    ClassTable,
    DeleteClass,
    LockClass,
    MergeClasses,
    MoveClusters,
    PaintStroke,
    RemoveStrokes,
    ResetStrokes,
    give_region,
    paint,
    paint_difference,
    remove_strokes,
    reset_strokes,
)

IMAGE = "ef" * 32
CLUSTERS = np.repeat(np.arange(3, dtype=np.uint16), 4).reshape(3, 4)
COLUMN = np.zeros((3, 4), bool)
COLUMN[:, 1] = True


@pytest.fixture
def history():
    return ClassHistory(ClassTable.from_clusters(3))


def labels(history):
    return history.label_image(IMAGE, CLUSTERS)


def beneath(history):
    return history.table.lut()[CLUSTERS]


def test_a_stroke_leaves_pixels_of_locked_classes_as_they_are(history):
    history.do(LockClass(id=2))
    painted = paint(history.table, IMAGE, labels(history), COLUMN, 3)
    history.do(painted.edit)
    assert labels(history).tolist() == [[1, 3, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3]]
    assert painted.kept.tolist() == [5]
    history.do(LockClass(id=2, locked=False))
    history.do(MoveClusters(clusters=(1,), into=1))
    assert labels(history)[1].tolist() == [1, 1, 1, 1]


def test_a_locked_class_takes_no_paint_and_all_locked_leaves_nothing_to_do(history):
    history.do(LockClass(id=2))
    with pytest.raises(ClassEditError, match="“class 2” is locked"):
        paint(history.table, IMAGE, labels(history), COLUMN, 2)
    inside = np.zeros((3, 4), bool)
    inside[1] = True
    painted = paint(history.table, IMAGE, labels(history), inside, 0)
    assert painted.edit is None
    assert painted.kept.tolist() == [4, 5, 6, 7]


def test_strokes_follow_merges_and_survive_the_loss_of_their_class(history):
    history.do(paint(history.table, IMAGE, labels(history), COLUMN, 3).edit)
    history.do(MergeClasses(ids=(3,), into=1))
    assert labels(history)[:, 1].tolist() == [1, 1, 1]
    history.do(DeleteClass(id=1))
    assert labels(history).tolist() == [[0, 0, 0, 0], [2, 0, 2, 2], [0, 0, 0, 0]]
    history.jump(1)
    assert labels(history)[:, 1].tolist() == [3, 3, 3]


def test_erased_pixels_are_unlabelled_and_removed_strokes_go_back_to_the_clusters(history):
    history.do(paint(history.table, IMAGE, labels(history), COLUMN, 0).edit)
    assert labels(history)[:, 1].tolist() == [0, 0, 0]
    top = COLUMN.copy()
    top[1:] = False
    edit = remove_strokes(history.table, IMAGE, labels(history), beneath(history), top).edit
    assert isinstance(edit, RemoveStrokes)
    history.do(edit)
    assert labels(history)[:, 1].tolist() == [1, 0, 0]
    history.do(MoveClusters(clusters=(0,), into=2))
    assert labels(history)[:, 1].tolist() == [2, 0, 0]


def test_removing_strokes_neither_takes_from_nor_gives_to_a_locked_class(history):
    history.do(paint(history.table, IMAGE, labels(history), COLUMN, 3).edit)
    history.do(LockClass(id=1))
    painted = remove_strokes(history.table, IMAGE, labels(history), beneath(history), COLUMN)
    history.do(painted.edit)
    assert labels(history)[:, 1].tolist() == [3, 2, 3]
    assert painted.kept.tolist() == [1]
    history.do(LockClass(id=3))
    everywhere = np.ones((3, 4), bool)
    painted = remove_strokes(history.table, IMAGE, labels(history), beneath(history), everywhere)
    assert painted.kept.tolist() == [1]


def test_a_region_keeps_where_it_comes_from(history):
    def give(class_id):
        args = IMAGE, labels(history), COLUMN, class_id, "SAM 2, 3 clicks"
        return give_region(AcceptProposal, history.table, *args).edit

    edit = give(2)
    assert isinstance(edit, AcceptProposal)
    history.do(edit)
    assert history.strokes(IMAGE)[0].source == "SAM 2, 3 clicks"
    assert history.undo_text == "Accept a proposal for “class 2” (SAM 2, 3 clicks)"
    history.do(LockClass(id=2))
    history.do(LockClass(id=1))
    history.do(LockClass(id=3))
    with pytest.raises(ClassEditError, match="locked"):
        give(2)
    assert give(0) is None


def test_a_painted_label_image_becomes_one_stroke_for_each_class(history):
    history.do(LockClass(id=2))
    before = labels(history)
    after = before.astype(np.int32)
    after[0, :2], after[1, 2], after[2, 3] = 3, 1, 0
    painted = paint_difference(history.table, IMAGE, before, after)
    assert painted.kept.tolist() == [6]
    assert isinstance(painted.edit, Batch)
    history.do(painted.edit)
    after[1, 2] = 2
    np.testing.assert_array_equal(labels(history), after)
    assert paint_difference(history.table, IMAGE, after, after).edit is None
    one = paint_difference(history.table, IMAGE, before, np.where(COLUMN, 3, before)).edit
    assert isinstance(one, PaintStroke)
    with pytest.raises(ClassEditError, match="no class with the id 77"):
        paint_difference(history.table, IMAGE, before, np.where(COLUMN, 77, before))


def test_an_image_is_reset(history):
    assert reset_strokes(history.state, IMAGE, labels(history), beneath(history)).edit is None
    history.do(paint(history.table, IMAGE, labels(history), COLUMN, 3).edit)
    edit = reset_strokes(history.state, IMAGE, labels(history), beneath(history)).edit
    assert isinstance(edit, ResetStrokes)
    history.do(edit)
    np.testing.assert_array_equal(labels(history), beneath(history))
    assert history.state.painted_images == ()
    history.undo()
    assert history.state.painted_images == (IMAGE,)


def test_an_image_is_reset_around_a_locked_class(history):
    history.do(paint(history.table, IMAGE, labels(history), COLUMN, 3).edit)
    history.do(LockClass(id=1))
    painted = reset_strokes(history.state, IMAGE, labels(history), beneath(history))
    assert painted.kept.tolist() == [1]
    history.do(painted.edit)
    assert labels(history)[:, 1].tolist() == [3, 2, 3]
    again = reset_strokes(history.state, IMAGE, labels(history), beneath(history))
    assert again.edit is None


def test_a_locked_class_keeps_strokes_where_its_clusters_are_too(history):
    top = np.zeros((3, 4), bool)
    top[0, 0] = True
    history.do(paint(history.table, IMAGE, labels(history), top, 1).edit)
    history.do(paint(history.table, IMAGE, labels(history), np.roll(top, 1, 0), 3).edit)
    history.do(LockClass(id=1))
    edit = reset_strokes(history.state, IMAGE, labels(history), beneath(history)).edit
    history.do(edit)
    np.testing.assert_array_equal(labels(history), beneath(history))
    history.do(LockClass(id=1, locked=False))
    history.do(MoveClusters(clusters=(0, 1), into=3))
    assert labels(history)[:, 0].tolist() == [1, 3, 3]


def test_painting_in_too_many_pieces_says_what_to_do(history, monkeypatch):
    monkeypatch.setattr("napari_stego.classes.runs.MAX_RUNS", 2)
    with pytest.raises(ClassEditError, match=r"3 pieces.*smaller region"):
        paint(history.table, IMAGE, labels(history), COLUMN, 3)
