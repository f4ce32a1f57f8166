"""Painting on the layer of classes with napari's own tools, in a real viewer."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_stego.classes import UNLABELLED, LockClass, MergeClasses
from napari_stego.project import Project, Segmentation

LEFT = Qt.MouseButton.LeftButton
NOTHING = Qt.KeyboardModifier.NoModifier
UNDO = (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
REDO = (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)


@pytest.fixture
def classes(opened):
    layer = opened[0].layers["classes"]
    layer.brush_size = 9
    return layer


class Mouse:
    """The left button over the canvas, at pixels of the photograph."""

    def __init__(self, viewer):
        self._viewer = viewer

    def _point(self, row, column):
        canvas = self._viewer.window._qt_viewer.canvas
        width, height = canvas.native.width(), canvas.native.height()
        centre, zoom = self._viewer.camera.center[-2:], self._viewer.camera.zoom
        x, y = width / 2 + (column - centre[1]) * zoom, height / 2 + (row - centre[0]) * zoom
        return canvas.native, QPoint(round(x), round(y))

    def press(self, row, column):
        native, point = self._point(row, column)
        QTest.mousePress(native, LEFT, pos=point)

    def move(self, row, column):
        native, point = self._point(row, column)
        QTest.mouseMove(native, point)
        QApplication.processEvents()

    def release(self, row, column):
        native, point = self._point(row, column)
        QTest.mouseRelease(native, LEFT, pos=point)

    def drag(self, *places):
        self.press(*places[0])
        for place in places[1:]:
            self.move(*place)
        self.release(*places[-1])

    def click(self, *place):
        self.drag(place)


@pytest.fixture
def mouse(opened, classes):
    return Mouse(opened[0])


def stored(widget):
    """The label image as the files of the project make it."""
    project = Project.open(widget.session.folder, writable=False)
    return Segmentation(project).label_image(widget.layers.image)


def check(widget, classes):
    """The layer shows the table, then the strokes; on the disk too."""
    segmentation, image = widget.session.segmentation, widget.layers.image
    np.testing.assert_array_equal(classes.data, segmentation.label_image(image))
    np.testing.assert_array_equal(classes.data, stored(widget))


def edits(widget):
    return widget.session.segmentation.history.position


def press(viewer, key, modifiers):
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, key, modifiers)


def test_a_drag_of_the_brush_is_one_edit_with_undo_and_redo(opened, classes, mouse):
    viewer, widget = opened
    before = classes.data.copy()
    widget.class_panel.select(2)
    assert classes.selected_label == 2
    classes.mode = "paint"
    mouse.drag((20, 20), (20, 40), (20, 60), (50, 60))
    assert edits(widget) == 1
    painted = classes.data.copy()
    assert (painted[20, 22:58] == 2).all()
    assert (painted[24:48, 60] == 2).all()
    assert (painted != before).any()
    check(widget, classes)
    assert classes.mode == "paint"
    assert len(viewer.layers) == 2

    press(viewer, *UNDO)
    np.testing.assert_array_equal(classes.data, before)
    check(widget, classes)
    press(viewer, *REDO)
    np.testing.assert_array_equal(classes.data, painted)
    classes.undo()
    np.testing.assert_array_equal(classes.data, before)
    assert edits(widget) == 0
    press(viewer, *UNDO)
    np.testing.assert_array_equal(classes.data, before)


def test_fill_erase_polygon_and_pipette(opened, classes, mouse, settled):
    viewer, widget = opened
    before = classes.data.copy()
    old = int(before[40, 40])
    new = next(row.id for row in widget.session.table.rows if row.id != old)
    widget.class_panel.select(new)
    classes.mode = "fill"
    classes.contiguous = False
    mouse.click(40, 40)
    np.testing.assert_array_equal(classes.data, np.where(before == old, new, before))
    classes.mode = "erase"
    mouse.drag((20, 20), (20, 60))
    assert (classes.data[20, 22:58] == UNLABELLED).all()
    classes.paint_polygon([(60, 60), (60, 90), (90, 90), (90, 60)], old)
    assert (classes.data[62:88, 62:88] == old).all()
    assert edits(widget) == 3
    check(widget, classes)
    undone = [widget.session.segmentation.history.undo_text]
    classes.undo()
    undone.append(widget.session.segmentation.history.undo_text)
    assert undone == [f"Paint “class {old}”", "Erase"]

    # A click of the pipette chooses the class in the table, and looks nothing up.
    classes.mode = "pick"
    label = int(classes.data[5, 5])
    classes.selected_label = next(i for i in np.unique(classes.data).tolist() if i != label)
    mouse.click(5, 5)
    settled(widget)
    assert classes.selected_label == widget.class_panel.current_id == label
    assert "correspondence" not in viewer.layers


def test_several_rows_stay_selected_while_the_label_follows_the_current_one(opened, classes):
    _, widget = opened
    view = widget.class_panel.view
    view.selectAll()
    view.setCurrentIndex(view.index_of(3))
    view.selectAll()
    assert classes.selected_label == widget.class_panel.current_id
    assert len(widget.class_panel.selected_ids) == len(widget.session.table.rows)


def test_locked_and_unknown_classes_are_refused_and_the_pixels_return(opened, classes, messages):
    _, widget = opened
    before = classes.data.copy()
    locked = int(before[40, 40])
    others = [row.id for row in widget.session.table.rows if row.id != locked]
    widget.session.edit(LockClass(id=locked, locked=True))
    everywhere = [(0, 0), (0, 127), (95, 127), (95, 0)]
    classes.paint_polygon(everywhere, others[0])
    np.testing.assert_array_equal(classes.data == locked, before == locked)
    assert (classes.data[before != locked] == others[0]).all()
    assert f"“class {locked}” is locked" in messages[-1]
    check(widget, classes)
    classes.undo()
    np.testing.assert_array_equal(classes.data, before)

    classes.paint_polygon(everywhere, locked)
    assert "Unlock it" in messages[-1]
    classes.paint_polygon(everywhere, 999)
    assert "There is no class 999" in messages[-1]
    assert "Choose a class" in messages[-1]
    np.testing.assert_array_equal(classes.data, before)
    assert edits(widget) == 1
    assert len(messages) == 3
    # Nothing of what was refused comes back.
    classes.paint_polygon([(0, 0), (0, 9), (9, 9), (9, 0)], UNLABELLED)
    check(widget, classes)


def test_strokes_stay_after_edits_are_reset_with_undo_and_survive_reopening(
    opened, classes, settled, until, plugin
):
    viewer, widget = opened
    before = classes.data.copy()
    assert not widget.reset_button.isEnabled()
    added = widget.class_panel.commands.add()
    classes.paint_polygon([(10, 10), (10, 50), (50, 50), (50, 10)], added)
    painted = classes.data == added
    assert painted.sum() > 1000
    # The class is of strokes only: no cluster changes its class by this.
    widget.session.edit(MergeClasses(ids=(added, 1), into=1))
    assert (classes.data[painted] == 1).all()
    check(widget, classes)
    widget.session.undo()
    assert (classes.data[painted] == added).all()
    check(widget, classes)

    widget.session.select(3)
    settled(widget)
    assert not widget.reset_button.isEnabled()
    check(widget, classes)
    widget.session.select(0)
    settled(widget)
    assert (classes.data[painted] == added).all()
    assert widget.reset_button.isEnabled()
    widget.reset_button.click()
    np.testing.assert_array_equal(classes.data, before)
    assert not widget.reset_button.isEnabled()
    widget.session.undo()
    assert (classes.data[painted] == added).all()
    check(widget, classes)
    assert len(viewer.layers) == 2


def test_a_project_that_can_only_be_read_cannot_be_painted_on(opened, classes):
    _, widget = opened
    classes.paint_polygon([(10, 10), (10, 50), (50, 50), (50, 10)], 2)
    assert widget.reset_button.isEnabled()
    widget.session.project.close()
    widget.session.classes_changed.emit()
    assert not classes.editable
    assert not widget.reset_button.isEnabled()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["image", "undo", "project", "layer", "dock", "viewer"])
def test_a_stroke_is_not_lost_when_something_happens_in_the_middle(
    opened, classes, mouse, settled, until, messages, what
):
    viewer, widget = opened
    session, image, folder = widget.session, widget.session.image, widget.session.folder
    segmentation = session.segmentation
    before = classes.data.copy()
    widget.class_panel.select(2)
    corner = 3 if before[80, 80] != 3 else 4
    classes.paint_polygon([(70, 70), (70, 90), (90, 90), (90, 70)], corner)
    assert edits(widget) == 1
    classes.mode = "paint"
    mouse.press(20, 20)
    mouse.move(20, 60)
    if what == "image":
        session.select(1)
        mouse.move(40, 60)
        settled(widget)
        untouched = classes.data.copy()
        mouse.move(60, 60)
        mouse.release(60, 90)
        np.testing.assert_array_equal(classes.data, untouched)
        check(widget, classes)
    elif what == "undo":
        session.undo()
        assert (classes.data[20, 22:58] == 2).all()
        assert (classes.data[72:88, 72:88] == before[72:88, 72:88]).all()
        mouse.release(20, 60)
        check(widget, classes)
    elif what == "project":
        other = shutil.copytree(folder, folder.with_name("other.stego"))
        widget.open(None, other)
        settled(widget)
        mouse.release(20, 60)
        assert session.folder == other
        assert edits(widget) == 1
        check(widget, classes)
    elif what == "layer":
        viewer.layers.remove(classes)
        mouse.release(20, 60)
    elif what == "dock":
        viewer.window.remove_dock_widget(widget.parent())
        mouse.release(20, 60)
        assert not classes.editable
    else:
        viewer.close()
    labels = segmentation.label_image(image)
    assert (labels[20, 22:58] == 2).all()
    stored = Segmentation(Project.open(folder, writable=False)).label_image(image)
    np.testing.assert_array_equal(stored, labels)
    assert messages == []
    until(lambda: not [t for t in threading.enumerate() if "napari-stego" in t.name])


def test_a_dock_that_is_opened_again_takes_over_the_layers(opened, classes, settled, clustered):
    viewer, widget = opened
    widget.inspect_panel.click((10, 10))
    settled(widget)
    layers = list(viewer.layers)
    viewer.window.remove_dock_widget(widget.parent())
    assert not classes.editable
    _, widget = viewer.window.add_plugin_dock_widget("napari-stego")
    widget.open(None, clustered)
    settled(widget)
    assert list(viewer.layers) == layers
    classes.paint_polygon([(10, 10), (10, 50), (50, 50), (50, 10)], 2)
    assert edits(widget) == 1
    check(widget, classes)
    classes.undo()
    assert edits(widget) == 0
    widget.inspect_panel.click((20, 20))
    settled(widget)
    assert list(viewer.layers) == layers
    assert classes.contour > 0
