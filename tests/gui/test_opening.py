"""Opening and saving as a user does: dropped on the photograph, and from napari's File menu."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
from napari._qt.dialogs.qt_reader_dialog import QtReaderDialog
from napari.settings import get_settings
from PIL import Image
from qtpy.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QRadioButton

from napari_stego.classes import RenameClass
from napari_stego.gui.reader import prefer_for_projects
from napari_stego.project import ExportSettings, Project, export

LEFT = Qt.MouseButton.LeftButton


def drop(viewer, path):
    """Drop a folder on the middle of the canvas, at the window as the system sees it."""
    window, canvas = viewer.window._qt_window, viewer.window._qt_viewer.canvas.native
    place = canvas.mapTo(window, canvas.rect().center())
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    how = (Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier)
    entered = QDragEnterEvent(place, *how)
    QApplication.sendEvent(window.windowHandle(), entered)
    assert entered.isAccepted()
    QApplication.sendEvent(window.windowHandle(), QDropEvent(QPointF(place), *how))


def choose_in_menu(viewer, title):
    """Choose an entry of the File menu."""
    menu = viewer.window.file_menu
    menu.aboutToShow.emit()
    (action,) = [each for each in menu.actions() if each.text().replace("&", "") == title]
    assert action.isEnabled()
    action.trigger()


def docked(viewer):
    (widget,) = (w for w in viewer.window.dock_widgets.values() if hasattr(w, "session"))
    return widget


def answer(name):
    """Answer napari's question which plugin is to open something, once it is asked."""
    asked = []

    def look():
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, QtReaderDialog):
            QTimer.singleShot(20, look)
            return
        asked.append(dialog)
        (choice,) = [b for b in dialog.findChildren(QRadioButton) if b.text() == name]
        choice.setChecked(True)
        ok = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
        QTest.mouseClick(ok, LEFT)

    QTimer.singleShot(20, look)
    return asked


def check_opened(viewer, widget, folder):
    """Compare what is on the screen with what is in the project."""
    session, tabs = widget.session, widget.tabs
    assert session.folder == folder
    assert session.read_only == ""
    assert tabs.tabText(tabs.currentIndex()) == "Classes"
    assert widget.class_panel.isVisible()
    assert widget.class_panel.model.rowCount() == len(session.table.rows) == 5
    image = session.image
    assert [layer.name for layer in viewer.layers] == ["photograph", "classes"]
    np.testing.assert_array_equal(viewer.layers["photograph"].data, image.read())
    expected = session.segmentation.label_image(image)
    np.testing.assert_array_equal(viewer.layers["classes"].data, expected)


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_project_is_dropped_on_the_canvas(make_napari_viewer, settled, clustered, tmp_path):
    viewer = make_napari_viewer(show=True)
    # Before the plugin was ever used, napari asks; from then on it knows.
    asked = answer("napari-stego")
    drop(viewer, clustered)
    assert len(asked) == 1
    widget = docked(viewer)
    settled(widget)
    check_opened(viewer, widget, clustered)

    other = shutil.copytree(clustered, tmp_path / "other.stego")
    session, index = widget.session, 2
    session.select(index)
    settled(widget)
    drop(viewer, other)
    assert docked(viewer) is widget
    settled(widget)
    check_opened(viewer, widget, other)
    assert len(asked) == 1


def test_a_project_is_opened_from_the_menu(plugin, settled, clustered, monkeypatch):
    viewer, widget = plugin()
    chosen = staticmethod(lambda *_, **__: str(clustered))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", chosen)
    choose_in_menu(viewer, "Open Folder...")
    settled(widget)
    check_opened(viewer, widget, clustered)
    assert docked(viewer) is widget


def test_what_the_user_prefers_stays(make_napari_viewer):
    viewer = make_napari_viewer()
    plugins = get_settings().plugins
    plugins.extension2reader = {"*.stego/": "napari", "*.tif": "napari"}
    viewer.window.add_plugin_dock_widget("napari-stego")
    assert plugins.extension2reader == {"*.stego/": "napari", "*.tif": "napari"}
    plugins.extension2reader = {"*.tif": "napari"}
    prefer_for_projects()
    assert plugins.extension2reader == {"*.tif": "napari", "*.stego/": "napari-stego"}


def test_the_selected_layer_is_saved_as_an_export(
    opened, settled, clustered, tmp_path, monkeypatch
):
    viewer, widget = opened
    session, layer = widget.session, viewer.layers["classes"]
    layer.paint_polygon([(10, 10), (10, 50), (50, 50), (50, 10)], 2)
    session.edit(RenameClass(id=2, name="coral"))
    viewer.layers.selection.active = layer
    offered = []

    def save_as(*_, filter, **__):  # as Qt calls it
        offered[:] = filter.split(";;")
        (kind,) = [each for each in offered if "export of all photographs" in each]
        return str(tmp_path / "out"), kind

    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(save_as))
    choose_in_menu(viewer, "Save Selected Layers...")
    settled(widget)
    assert any("mask of this photograph (*.png *.tif *.tiff)" in each for each in offered)

    # What is on the screen, and all that the tab Export writes.
    stem = session.image.path.stem
    with Image.open(tmp_path / "out" / "masks" / f"{stem}.png") as mask:
        np.testing.assert_array_equal(np.asarray(mask), layer.data)
    assert (layer.data[11:50, 11:50] == 2).all()
    other = export(Project.open(clustered, writable=False), tmp_path / "other", ExportSettings())
    assert other.images == 6
    written = files(tmp_path / "out")
    assert written == files(tmp_path / "other")
    table = written[Path("classes.csv")].decode("utf-8-sig")
    assert [line["name"] for line in csv.DictReader(table.splitlines()) if line["id"] == "2"] == [
        "coral"
    ]
    assert len(list((tmp_path / "out" / "masks").glob("*.png"))) == 6
