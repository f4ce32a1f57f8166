"""The Classes panel by mouse and keyboard, in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest
from panel_user import activate
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer
from qtpy.QtGui import QColor, QDragMoveEvent, QDropEvent, QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QColorDialog, QInputDialog, QLineEdit

from napari_stego.classes import PaintStroke, encode_runs
from napari_stego.classes.palette import PALETTES
from napari_stego.gui.class_model import (
    CODE,
    COHERENCE,
    COVER,
    IMAGES,
    LOCKED,
    NAME,
    PIXELS,
    VISIBLE,
)
from napari_stego.labelsets import load_label_set, read_label_set


@pytest.fixture
def opened(opened, until):
    viewer, widget = opened
    viewer.window._qt_window.resize(1440, 900)
    until(lambda: not widget.class_panel.counter.busy)
    widget.class_panel.view.setFocus()
    return viewer, widget


def place(panel, class_id, column=NAME):
    return panel.view.visualRect(panel.view.index_of(class_id, column)).center()


def click(panel, class_id, column=NAME, modifier=Qt.KeyboardModifier.NoModifier):
    where = place(panel, class_id, column)
    QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, modifier, where)


def press(panel, keys):
    """Press keys with the focus on the table."""
    activate(panel.window())
    panel.view.setFocus()
    QTest.keySequence(panel.view, QKeySequence(keys))
    QApplication.processEvents()


def sort(panel, column):
    """Click the head of a column."""
    header = panel.view.horizontalHeader()
    middle = header.sectionViewportPosition(column) + header.sectionSize(column) // 2
    where = QPoint(middle, header.height() // 2)
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=where)


def drag(panel, class_id, onto, until):
    """Drag a row with the mouse; return what was told on the way."""
    activate(panel.window())
    view, window = panel.view, panel.window().windowHandle()
    start, end = (
        view.viewport().mapTo(panel.window(), place(panel, each)) for each in (class_id, onto)
    )
    left, nothing = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    places = [start + QPoint(0, 12), start + QPoint(0, 24), (start + end) / 2, end, end]
    told = []

    def go_on():
        told.append(panel.line.text())
        if len(told) <= len(places):
            # First, for what begins the dragging returns at its end only.
            QTimer.singleShot(30, go_on)
            QTest.mouseMove(window, places[len(told) - 1])
        else:
            QTest.mouseRelease(window, left, nothing, end)

    QTest.mousePress(window, left, nothing, start)
    go_on()
    until(lambda: len(told) > len(places))
    return told


def text(panel, class_id, column):
    return panel.view.index_of(class_id, column).data()


def corpus_labels(widget):
    segmentation = widget.session.segmentation
    return np.stack([segmentation.label_image(i) for i in widget.session.corpus.images])


def check_numbers(widget):
    labels, panel = corpus_labels(widget), widget.class_panel
    for row in widget.session.table.rows:
        mine = labels == row.id
        assert widget.session.statistics[row.id].pixels == mine.sum()
        assert text(panel, row.id, IMAGES) == str(mine.any(axis=(1, 2)).sum())


def test_numbers_are_of_the_whole_corpus_and_follow_edits_and_strokes(opened, until):
    _, widget = opened
    panel = widget.class_panel
    check_numbers(widget)
    panel.commands.merge((1, 2), 1)
    check_numbers(widget)
    image = widget.session.corpus.images[3]
    runs = encode_runs(np.arange(500))
    shape = (image.height, image.width)
    stroke = PaintStroke(image=image.content_hash, shape=shape, runs=runs, class_id=3)
    widget.session.edit(stroke)
    until(lambda: not panel.counter.busy)
    check_numbers(widget)
    panel.commands.undo()
    panel.commands.undo()
    check_numbers(widget)
    assert 0 < float(text(panel, 3, COHERENCE)) <= 1
    tip = panel.view.index_of(3).data(Qt.ItemDataRole.ToolTipRole)
    assert "This photograph" in tip


def test_all_columns_fit_the_dock_sort_and_can_be_hidden(opened):
    _, widget = opened
    panel, view = widget.class_panel, widget.class_panel.view
    assert not view.horizontalScrollBar().isVisible()
    assert view.columnWidth(NAME) > 90
    for column in (COVER, IMAGES, COHERENCE, NAME, LOCKED, VISIBLE, PIXELS, CODE):
        hidden = view.isColumnHidden(column)
        view.setColumnHidden(column, False)
        sort(panel, column)
        order = view.horizontalHeader().sortIndicatorOrder()
        keys = [
            view.model().index(row, column).data(Qt.ItemDataRole.UserRole)
            for row in range(view.model().rowCount())
        ]
        assert keys == sorted(keys, reverse=order == Qt.SortOrder.DescendingOrder)
        sort(panel, column)
        assert view.horizontalHeader().sortIndicatorOrder() != order
        view.setColumnHidden(column, hidden)
    menu = view.columns_menu()
    titles = {action.text(): action for action in menu.actions()}
    titles["Images"].trigger()
    titles["Pixels"].trigger()
    assert view.isColumnHidden(IMAGES)
    assert not view.isColumnHidden(PIXELS)
    assert view.isColumnHidden(CODE)
    assert "Class" not in titles


def test_a_row_dragged_onto_another_is_merged_and_told_before(opened):
    viewer, widget = opened
    panel = widget.class_panel
    before = viewer.layers["classes"].data.copy()
    model, view = panel.view.model(), panel.view
    data = model.mimeData([view.index_of(1), view.index_of(2)])
    where = QPointF(place(panel, 4))
    nothing = Qt.KeyboardModifier.NoModifier
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    move = QDragMoveEvent(where.toPoint(), copy, data, left, nothing)
    view.dragMoveEvent(move)
    assert panel.line.text() == "Merge “class 4”, “class 1” and “class 2” into “class 4”"
    view.dropEvent(QDropEvent(where, copy, data, left, nothing))
    assert {1, 2}.isdisjoint(row.id for row in widget.session.table.rows)
    merged = np.where(np.isin(before, (1, 2)), 4, before)
    np.testing.assert_array_equal(viewer.layers["classes"].data, merged)
    assert panel.current_id == 4
    press(panel, "Ctrl+Z")
    np.testing.assert_array_equal(viewer.layers["classes"].data, before)

    # Neither onto itself, nor onto a locked class, nor from elsewhere.
    panel.commands.toggle_lock([4])
    view.dragMoveEvent(move)
    assert "Unlock it" in panel.line.text()
    own, other = model.mimeData([view.index_of(1)]), QMimeData()
    other.setText("1")
    target = view.index_of(1)
    assert not model.canDropMimeData(own, copy, -1, -1, target)
    assert not model.canDropMimeData(other, copy, -1, -1, view.index_of(3))


def test_a_row_is_dragged_with_the_mouse(opened, until):
    viewer, widget = opened
    panel = widget.class_panel
    before = viewer.layers["classes"].data.copy()
    assert "Merge “class 4” and “class 1” into “class 4”" in drag(panel, 1, 4, until)
    until(lambda: 1 not in [row.id for row in widget.session.table.rows])
    np.testing.assert_array_equal(viewer.layers["classes"].data, np.where(before == 1, 4, before))


def test_undo_redo_and_split_keep_a_current_row(opened):
    _, widget = opened
    panel = widget.class_panel
    click(panel, 1)
    click(panel, 2, modifier=Qt.KeyboardModifier.ControlModifier)
    press(panel, "M")
    kept = panel.current_id
    press(panel, "S")
    assert panel.only.isChecked()
    press(panel, "Ctrl+Z")
    assert panel.current_id == kept
    assert panel.only.isChecked()
    press(panel, "Ctrl+Shift+Z")
    assert panel.current_id == kept
    press(panel, "S")
    assert not panel.only.isChecked()
    gone = 3 if kept != 3 else 4
    click(panel, gone)
    panel.commands.merge([gone, kept], kept)
    assert panel.current_id == kept  # which it has become


def test_keys_of_what_cannot_be_done_do_nothing(opened):
    """The viewer has other uses for them, and a letter is no new name."""
    viewer, widget = opened
    panel = widget.class_panel
    click(panel, 1)
    before = widget.session.table
    for keys in ("M", "Shift+V", "Ctrl+Z", "X", "7"):
        press(panel, keys)
        assert panel.view.state() == panel.view.State.NoState
        assert [layer.visible for layer in viewer.layers if layer.name != "heatmap"] == [True] * 2
    assert widget.session.table is before


def test_hiding_solo_and_locking_by_mouse_and_keyboard(opened):
    viewer, widget = opened
    panel, layer = widget.class_panel, viewer.layers["classes"]
    edits = len(widget.session.segmentation.history)

    def alpha(class_id):
        return layer.get_color(class_id)[3] if layer.get_color(class_id) is not None else 0

    click(panel, 2, VISIBLE)
    assert panel.model.hidden == {2}
    assert alpha(2) == 0 < alpha(3)
    click(panel, 3)
    press(panel, "V")
    assert panel.model.hidden == {2, 3}
    press(panel, "S")
    assert layer.show_selected_label
    press(panel, "Shift+V")
    assert panel.model.hidden == frozenset()
    assert not layer.show_selected_label
    assert alpha(2) > 0
    assert len(widget.session.segmentation.history) == edits

    click(panel, 1, LOCKED)
    assert widget.session.table.locked == (1,)
    assert panel.current_id == 3
    press(panel, "L")
    assert widget.session.table.locked == (1, 3)
    press(panel, "L")
    assert widget.session.table.locked == (1,)


def test_adding_naming_coding_deleting_and_undoing(opened, until):
    viewer, widget = opened
    panel = widget.class_panel
    press(panel, "Ins")
    editor = panel.view.findChild(QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, "sv l")  # letters that are shortcuts are letters in a name
    QTest.keyClick(editor, Qt.Key.Key_Return)
    until(lambda: widget.session.table.rows[-1].name == "sv l")
    added = widget.session.table.rows[-1].id
    assert not widget.session.table.locked
    panel.select(added)
    press(panel, "Ctrl+D")
    editor = panel.view.findChildren(QLineEdit)[-1]  # the one before may still be going
    QTest.keyClicks(editor, "CAAB 12")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    until(lambda: widget.session.table.row(added).code == "CAAB 12")
    assert not panel.view.isColumnHidden(CODE)
    features = viewer.layers["classes"].features
    assert features.set_index("index").loc[added, "code"] == "CAAB 12"
    panel.commands.set_parent([1, 2], added)
    assert widget.session.table.row(2).parent == added
    click(panel, 1)
    click(panel, 2, modifier=Qt.KeyboardModifier.ControlModifier)
    edits = widget.session.segmentation.history.position
    press(panel, "Del")
    assert {1, 2}.isdisjoint(row.id for row in widget.session.table.rows)
    assert widget.session.segmentation.history.position == edits + 1
    assert "unlabelled" in panel.line.text()
    press(panel, "Ctrl+Z")
    assert {1, 2} <= {row.id for row in widget.session.table.rows}


def test_the_parent_and_the_colour_are_asked_for(opened, monkeypatch):
    _, widget = opened
    panel = widget.class_panel
    monkeypatch.setattr(QInputDialog, "getItem", lambda *a: (a[3][a[3].index("class 3")], True))
    monkeypatch.setattr(QColorDialog, "getColor", lambda *a: QColor("#0a141e"))
    panel.select(1)
    press(panel, "U")
    assert widget.session.table.row(1).parent == 3
    press(panel, "Ctrl+K")
    assert widget.session.table.row(1).colour == "#0a141e"


def test_a_palette_is_one_step(opened):
    viewer, widget = opened
    panel = widget.class_panel
    before = [row.colour for row in widget.session.table.rows]
    panel.palettes.actions()[1].trigger()
    colours = {row.colour for row in widget.session.table.rows}
    assert colours <= set(PALETTES["Tol bright"])
    assert len(colours) == len(before)
    largest = max(widget.session.table.rows, key=lambda row: panel.model.cover(row.id))
    shown = viewer.layers["classes"].get_color(largest.id)
    np.testing.assert_allclose(shown[:3], QColor(largest.colour).getRgbF()[:3], atol=0.01)
    panel.undo.trigger()
    assert [row.colour for row in widget.session.table.rows] == before


def test_examples_lead_to_their_place(opened, until, settled):
    viewer, widget = opened
    panel = widget.class_panel
    panel.select(1)
    until(lambda: not panel.patches.busy)
    shown = [each for each in panel.patches.thumbnails if each.patch is not None]
    assert shown
    other = next(t for t in shown if t.patch.image.name != widget.session.image.name)
    QTest.mouseClick(other, Qt.MouseButton.LeftButton)
    settled(widget)
    patch = other.patch
    assert widget.session.image.name == patch.image.name
    mark = viewer.layers["place"]
    np.testing.assert_array_equal(mark.data, [(patch.row, patch.column)])
    assert mark.size.tolist() == [patch.size]
    assert viewer.layers.selection.active == viewer.layers["classes"]
    # The place is in the middle, unless so much of the canvas would be empty.
    shape = np.array((widget.session.image.height, widget.session.image.width))
    zoom = max(shape.min() / (4 * patch.size), 1)
    middle = np.clip((patch.row, patch.column), shape / (2 * zoom), shape - shape / (2 * zoom))
    np.testing.assert_allclose(viewer.camera.center[-2:], middle)
    near = viewer.layers["classes"].data[
        max(patch.row - 9, 0) : patch.row + 10, max(patch.column - 9, 0) : patch.column + 10
    ]
    assert 1 in near


def test_closing_while_counting_leaves_no_thread(plugin, settled, clustered, until):
    _, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    panel = widget.class_panel
    for file in clustered.glob("clusters/*/pixels-*"):
        file.unlink()
    widget.session.segmentation_changed.emit()
    panel.select(1)
    QTimer.singleShot(0, widget.shut_down)
    until(lambda: panel.counter._outdated == [] and not panel.counter.busy)
    assert not panel.patches.busy


def test_a_label_of_a_list_names_several_classes_as_one(opened, tmp_path):
    _, widget = opened
    panel = widget.class_panel
    path = tmp_path / "labels.csv"
    path.write_text("name,code\nKelp,K1\nSand,S1\n", encoding="utf-8")
    labels = read_label_set(path)
    click(panel, 1)
    click(panel, 2, modifier=Qt.KeyboardModifier.ControlModifier)
    edits = widget.session.segmentation.history.position
    picker = panel.commands.ask_label(panel.selected_ids)
    picker.label_set_loaded.emit(labels)
    picker.label_chosen.emit(labels.labels[0])
    picker.close()
    assert widget.session.segmentation.history.position == edits + 1
    row = next(row for row in widget.session.table.rows if row.name == "Kelp")
    assert (row.code, row.clusters) == ("K1", (0, 1))
    assert load_label_set(widget.session.folder).labels == labels.labels
