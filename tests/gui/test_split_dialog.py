"""Splitting a class in a real viewer: preview, names, one edit, and bad moments."""

from __future__ import annotations

import numpy as np
import pytest
from panel_user import threads
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialogButtonBox

from napari_stego.classes import LockClass, MergeClasses, MoveClusters
from napari_stego.errors import StegoError


@pytest.fixture
def opened(opened, until):
    until(lambda: not opened[1].class_panel.counter.busy)
    return opened


@pytest.fixture
def split(opened, until):
    """Open the dialog for a class, or the largest on show."""

    def ask(class_id=None):
        _, widget = opened
        panel = widget.class_panel
        largest = int(np.bincount(widget.layers.label_image.ravel()).argmax())
        panel.select(largest if class_id is None else class_id)
        panel.split.trigger()
        dialog = panel._split_dialog
        until(lambda: not dialog.busy)
        return dialog

    return ask


def test_parts_are_previewed_named_and_made_in_one_step(opened, split, settled, until, tmp_path):
    viewer, widget = opened
    session, layer = widget.session, viewer.layers["classes"]
    before = layer.data.copy()
    target = int(np.bincount(before.ravel()).argmax())
    edits = len(session.segmentation.history)
    dialog = split()
    dialog.parts.setValue(3)
    until(lambda: not dialog.busy)
    preview = layer.data.copy()
    assert set(np.unique(preview)) <= {0, 1, 2, 3}
    assert len(np.unique(preview)) > 2
    np.testing.assert_array_equal(preview > 0, before == target)
    seen = {tuple(layer.get_color(part)) for part in (1, 2, 3)}
    assert len(seen) == 3
    assert [field.isVisible() for field in dialog.names[:4]] == [True, True, True, False]
    assert len(session.segmentation.history) == edits
    np.testing.assert_array_equal(widget.layers.label_image, before)

    with pytest.raises(StegoError, match="a split or a correction that is not made yet"):
        layer.save(str(tmp_path / "parts.png"), plugin="napari-stego")
    session.select(1)  # another photograph, with its own preview
    settled(widget)
    until(lambda: not dialog.busy)
    np.testing.assert_array_equal(layer.data > 0, widget.layers.label_image == target)
    session.select(0)
    settled(widget)
    until(lambda: not dialog.busy)
    np.testing.assert_array_equal(layer.data, preview)

    dialog.names[1].setText("kelp")
    QTest.mouseClick(dialog.split, Qt.MouseButton.LeftButton)
    settled(widget)
    assert len(session.segmentation.history) == edits + 1
    names = [row.name for row in session.table.rows[-2:]]
    assert names == ["kelp", f"class {session.table.rows[-1].id}"]
    ids = np.array([0, target, *(row.id for row in session.table.rows[-2:])])
    np.testing.assert_array_equal(layer.data, np.where(before == target, ids[preview], before))
    assert widget.class_panel.view.index_of(int(ids[3])).data() == names[1]
    session.undo()
    settled(widget)
    np.testing.assert_array_equal(layer.data, before)
    session.redo()
    settled(widget)
    np.testing.assert_array_equal(layer.data, np.where(before == target, ids[preview], before))


def test_cancel_shows_the_classes_again(opened, split):
    viewer, widget = opened
    layer = viewer.layers["classes"]
    before, edits = layer.data.copy(), len(widget.session.segmentation.history)
    dialog = split()
    assert (layer.data != before).any()
    cancel = dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel)
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    np.testing.assert_array_equal(layer.data, before)
    assert len(widget.session.segmentation.history) == edits
    dialog = split()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    np.testing.assert_array_equal(layer.data, before)
    assert threads() == []


def test_what_cannot_be_split_is_told_in_the_dialog(opened, split, until):
    _, widget = opened
    session = widget.session
    session.edit(LockClass(id=1))
    dialog = split(1)
    assert "Unlock" in dialog.line.text()
    assert not dialog.split.isEnabled()
    session.edit(LockClass(id=1, locked=False))
    until(lambda: not dialog.busy)
    assert dialog.split.isEnabled()
    dialog.names[1].setText("class 2")
    QTest.mouseClick(dialog.split, Qt.MouseButton.LeftButton)
    assert dialog.isVisible()
    assert "class 2" in dialog.line.text()
    clusters = session.table.row(1).clusters
    session.edit(MoveClusters(clusters=clusters, into=2))
    until(lambda: not dialog.busy)
    assert "no clusters" in dialog.line.text()
    session.edit(MergeClasses(ids=(1, 2), into=2))
    assert widget.class_panel._split_dialog is None


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["at once", "later"])
@pytest.mark.parametrize("end", ["dock", "viewer", "project", "layer", "widget"])
def test_an_end_amid_a_preview_leaves_nothing(
    opened, split, settled, until, end, moment, prepared, tmp_path
):
    viewer, widget = opened
    project = widget.session.project
    if moment == "later":
        split()
    else:
        widget.class_panel.select(1)
        widget.class_panel.split.trigger()
    if end == "dock":
        viewer.window.remove_dock_widget(widget.parent())
    elif end == "viewer":
        viewer.close()
    elif end == "widget":
        widget.shut_down()
    elif end == "layer":
        viewer.layers.remove("classes")
        dialog = widget.class_panel._split_dialog
        until(lambda: not dialog.busy)
        dialog.parts.setValue(4)
        until(lambda: not dialog.busy)
        dialog.reject()
    else:
        widget.open(prepared / "dive", tmp_path / "other.stego")
        settled(widget)
    assert widget.class_panel._split_dialog is None
    QApplication.processEvents()
    until(lambda: threads() == [])
    assert bool(project.read_only) == (end != "layer")  # closed, so that others can change it
