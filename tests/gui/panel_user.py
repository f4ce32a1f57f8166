"""Somebody in one tab of the plugin, for tests of what can be done there."""

from __future__ import annotations

import threading

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_stego.classes import Batch, RenameClass

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
ALT = Qt.KeyboardModifier.AltModifier
KEY = Qt.Key


def threads():
    """Names of the plugin's threads that run."""
    return [thread.name for thread in threading.enumerate() if "napari-stego" in thread.name]


def activate(window):
    """Do what no window manager does here: without it, keys would be no shortcuts."""
    if QApplication.activeWindow() is not window:
        window.activateWindow()
        assert QTest.qWaitForWindowActive(window)


class PanelUser:
    """Somebody who has gone to a tab, and waits for what comes of each thing done there."""

    def __init__(self, viewer, widget, panel, until):
        self.viewer, self.widget, self.until = viewer, widget, until
        self.panel, self.session = panel, widget.session
        self.canvas = viewer.window._qt_viewer.canvas.native
        widget.tabs.show_panel(panel)
        QApplication.processEvents()
        self.settle()

    def settle(self):
        self.until(lambda: not (self.widget.jobs.busy or self.panel.busy))

    def key(self, key, modifiers=NONE, *, wait=True):
        """Press a key with the focus where clicks have left it: on the canvas."""
        activate(self.canvas.window())
        self.canvas.setFocus()
        QTest.keyClick(self.canvas, key, modifiers)
        if wait:
            self.settle()

    def press(self, button, *, wait=True):
        assert button.isEnabled()
        QTest.mouseClick(button, LEFT)
        if wait:
            self.settle()

    def click(self, row, column, modifiers=NONE, *, wait=True):
        """Click a pixel of the photograph."""
        QTest.mouseClick(self.canvas, LEFT, modifiers, self.point(row, column))
        if wait:
            self.settle()

    def point(self, row, column):
        """Where a pixel of the photograph is on the canvas."""
        centre, zoom = self.viewer.camera.center[-2:], self.viewer.camera.zoom
        x = self.canvas.width() / 2 + (column - centre[1]) * zoom
        y = self.canvas.height() / 2 + (row - centre[0]) * zoom
        return QPoint(round(x), round(y))

    def name(self, *names):
        """Name the largest classes of the photograph on show, as one step."""
        ids = self.largest()[: len(names)]
        edits = tuple(RenameClass(id=i, name=n) for i, n in zip(ids, names, strict=True))
        self.session.edit(Batch(edits=edits))
        self.settle()
        return ids

    def largest(self):
        """The classes of the photograph on show, the largest first."""
        counts = np.bincount(self.labels.ravel())
        return [i for i in np.argsort(-counts, kind="stable").tolist() if i and counts[i]]

    def close(self, what):
        """Close the dock or the viewer, whatever is going on."""
        if what == "dock":
            self.viewer.window.remove_dock_widget(self.widget.parent())
        else:
            self.viewer.close()

    @property
    def shown(self):
        """What is drawn in the layer of classes."""
        return self.viewer.layers["classes"].data

    @property
    def labels(self):
        """The classes of the photograph on show, as they are in the project."""
        return self.session.segmentation.label_image(self.session.image)

    @property
    def position(self):
        """How many edits are done."""
        return self.session.segmentation.history.position
