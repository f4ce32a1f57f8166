"""Precision and recall of correspondences, in a dialog."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pyqtgraph import PlotWidget
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_stego.classes import RenameClass


def press(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def dialog(opened):
    widget = opened[1]
    widget.tabs.show_panel(widget.run_panel)
    press(widget.run_panel.ask_apart)
    return widget.run_panel.apart


def test_named_classes_or_masks_are_the_truth(opened, dialog, settled, messages, images, tmp_path):
    widget = opened[1]
    press(dialog.measure)
    settled(widget)
    assert any("Name two classes" in message for message in messages)
    assert dialog.measured is None
    for class_id in (1, 2):
        widget.session.edit(RenameClass(id=class_id, name=f"thing {class_id}"))
    press(dialog.measure)
    assert not dialog.measure.isEnabled()
    settled(widget)
    assert set(dialog.measured.curves) == {"codes", "features"}
    legend = dialog.plots.legend
    assert "average precision within a photograph" in legend.text()
    QApplication.processEvents()
    assert legend.height() >= legend.heightForWidth(legend.width())
    assert all(
        plot.geometry().bottom() < legend.y() for plot in dialog.plots.findChildren(PlotWidget)
    )

    masks = tmp_path / "masks"
    masks.mkdir()
    for path in images.iterdir():
        mask = np.zeros((96, 128), np.uint8)
        mask[:, 64:] = 1
        Image.fromarray(mask).save(masks / f"{path.stem}.png")
    assert not dialog.form["masks"].enabled
    dialog.form["truth"].value = "masks in a folder"
    assert dialog.form["masks"].enabled
    dialog.form["masks"].value = masks
    before = dialog.measured
    press(dialog.measure)
    settled(widget)
    assert dialog.measured is not before
    assert dialog.measured.images == 6


def test_the_dialog_closes_with_the_dock(opened, dialog):
    viewer, widget = opened
    assert dialog.isVisible()
    viewer.window.remove_dock_widget(widget.parent())
    assert not dialog.isVisible()
