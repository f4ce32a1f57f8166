"""From an empty viewer to exported masks, with mouse and keyboard."""

from __future__ import annotations

import csv

import numpy as np
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit

from napari_stego.gui.class_model import COVER, NAME


def press(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def names(widget):
    return [row.name for row in widget.session.table.rows]


def test_from_photographs_to_exported_masks(
    plugin, settled, until, images, features, small_weights, tmp_path
):
    viewer, widget = plugin()
    assert not widget.run_panel.start.isEnabled()
    assert not widget.export_panel.start.isEnabled()

    # Choose a folder and see its photographs.
    widget.corpus_panel.images.value = images
    assert widget.corpus_panel.project.value == tmp_path / "dive.stego"
    press(widget.corpus_panel.open)
    settled(widget)
    assert widget.corpus_panel.list.model().rowCount() == 6
    assert "Alt+2" in widget.job_bar.status.text()
    assert [layer.name for layer in viewer.layers] == ["photograph"]
    assert viewer.layers["photograph"].data.shape == (96, 128, 3)

    # Extract, train and cluster.
    form = widget.run_panel.form
    form.show(features, None)
    form.advanced["weights_file"].value = small_weights
    form.advanced["steps"].value = 30
    form.main["clusters"].value = 5
    press(widget.run_panel.start)
    assert widget.job_bar.cancel.isVisible()
    settled(widget, 120)
    assert len(widget.run_panel.curves.records) == 30
    assert "Alt+4" in widget.job_bar.status.text()
    assert {"self", "knn", "random"} <= set(widget.run_panel.curves.records[-1].correspondence)
    assert [layer.name for layer in viewer.layers] == ["photograph", "classes"]
    labels = viewer.layers["classes"]
    assert labels.data.shape == (96, 128)
    assert set(np.unique(labels.data)) <= {1, 2, 3, 4, 5}

    # Name the largest class with the keyboard; the name is in the status bar.
    panel = widget.class_panel
    widget.tabs.show_panel(panel)
    view = panel.view
    view.sortByColumn(COVER, Qt.SortOrder.DescendingOrder)
    view.setFocus()
    view.setCurrentIndex(view.model().index(0, NAME))
    largest = panel.current_id
    QTest.keyClick(view, Qt.Key.Key_F2)
    editor = view.findChild(QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, "sand")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    until(lambda: "sand" in names(widget))
    row, column = np.argwhere(labels.data == largest)[0]
    until(lambda: "sand" in labels.get_status((row, column), view_direction=None)["coordinates"])

    # Merge two others into it, undo and redo.
    before = labels.data.copy()
    others = [row.id for row in widget.session.table.rows if row.id != largest][:2]
    view.clearSelection()
    for class_id in (*others, largest):
        source = panel.model.index(panel.model.row_of(class_id), NAME)
        place = view.visualRect(view.model().mapFromSource(source)).center()
        modifier = Qt.KeyboardModifier.ControlModifier
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, place)
    assert panel.current_id == largest
    assert len(panel.selected_ids) >= 3
    panel.merge.trigger()
    merged = np.where(np.isin(before, panel_ids(widget)), before, largest)
    np.testing.assert_array_equal(labels.data, merged)
    assert "sand" in names(widget)
    panel.undo.trigger()
    np.testing.assert_array_equal(labels.data, before)
    panel.redo.trigger()
    np.testing.assert_array_equal(labels.data, merged)

    # Go to the next photograph with the keyboard.
    widget.corpus_panel.next.click()
    settled(widget)
    assert widget.session.index == 1
    assert [layer.name for layer in viewer.layers] == ["photograph", "classes"]

    # Export what is on show.
    shown = labels.data.copy()
    QTest.keyClick(widget.tabs, Qt.Key.Key_7, Qt.KeyboardModifier.AltModifier)
    assert widget.export_panel.start.isVisible()
    press(widget.export_panel.start)
    settled(widget, 60)
    export = tmp_path / "dive.stego" / "export"
    with Image.open(export / "masks" / "frame001.png") as mask:
        np.testing.assert_array_equal(np.asarray(mask), shown)
    assert len(list((export / "overlays").iterdir())) == 6
    with (export / "classes.csv").open(encoding="utf-8-sig") as file:
        assert [line["name"] for line in csv.DictReader(file)] == names(widget)


def panel_ids(widget):
    return [row.id for row in widget.session.table.rows]


def test_what_was_named_is_there_after_reopening(plugin, settled, clustered):
    viewer, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    model = widget.class_panel.model
    assert model.setData(model.index(0, NAME), "seagrass")
    viewer.window.remove_dock_widget(widget.parent())
    _, again = viewer.window.add_plugin_dock_widget("napari-stego")
    assert again is not widget
    again.open(None, clustered)
    settled(again)
    assert names(again)[0] == "seagrass"
    again.class_panel.undo.trigger()
    assert "seagrass" not in names(again)
