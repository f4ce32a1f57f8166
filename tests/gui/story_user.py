"""Somebody at a mouse and a keyboard, for stories that are told in a window."""

from __future__ import annotations

import time

import numpy as np
from panel_user import activate
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from superqt import QCollapsible

LEFT = Qt.MouseButton.LeftButton
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def hexadecimal(rgb):
    return "#" + bytes(np.asarray(rgb, np.uint8)).hex()


def as_soon_as(condition, act):
    """Do something inside of a menu or a dialog that keeps everything else waiting."""
    timer = QTimer()

    def look():
        if condition():
            timer.stop()
            act()

    timer.timeout.connect(look)
    timer.start(20)
    return timer


class User:
    """Somebody at a mouse and a keyboard."""

    def __init__(self, viewer, widget, seconds=60.0):
        self.viewer, self.widget, self.seconds = viewer, widget, seconds
        self.panel, self.session = widget.class_panel, widget.session
        self.canvas = viewer.window._qt_viewer.canvas.native

    def until(self, condition):
        end = time.monotonic() + self.seconds
        while not condition():
            QApplication.processEvents()
            time.sleep(0.002)
            assert time.monotonic() < end, "it did not happen in time"

    def settle(self):
        self.until(lambda: not (self.widget.jobs.busy or self.widget.layers.busy))

    @property
    def labels(self):
        """The layer of classes."""
        return self.viewer.layers["classes"]

    @property
    def edits(self):
        return self.session.segmentation.history.position

    def overlay(self):
        """What is over the photograph on show, once it is there."""
        self.settle()
        return self.labels.data.copy()

    def press(self, button):
        assert button.isEnabled()
        QTest.mouseClick(button, LEFT)

    def unfold(self, title):
        (section,) = [s for s in self.panel.findChildren(QCollapsible) if s.text() == title]
        self.press(section.toggleButton())
        self.until(section.content().isVisible)

    def jump(self, row):
        """Click an edit in the history."""
        history = self.panel.history
        index = history.model().index(row % history.model().rowCount())
        history.scrollTo(index)
        place = history.visualRect(index).center()
        QTest.mouseClick(history.viewport(), LEFT, pos=place)

    def key(self, key, modifiers=Qt.KeyboardModifier.NoModifier, to=None):
        to = self.panel.view if to is None else to
        activate(to.window())
        QTest.keyClick(to, key, modifiers)
        QApplication.processEvents()

    def go_to(self, panel):
        """Go to the tab of a panel with its key."""
        tabs = self.widget.tabs
        for number in range(tabs.count()):
            if not tabs.shows(panel):
                self.key(Qt.Key(Qt.Key.Key_1 + number), Qt.KeyboardModifier.AltModifier, to=tabs)
        assert panel.isVisible()

    def choose(self, *class_ids):
        """Click rows of the table, all but the first with Ctrl."""
        view = self.panel.view
        for number, class_id in enumerate(class_ids):
            index = view.index_of(class_id, 1)
            view.scrollTo(index)
            place = view.visualRect(index).center()
            modifiers = CONTROL if number else Qt.KeyboardModifier.NoModifier
            QTest.mouseClick(view.viewport(), LEFT, modifiers, place)
        assert set(self.panel.selected_ids) == set(class_ids)

    def largest(self):
        """The classes of the photograph on show, the largest first."""
        counts = np.bincount(self.labels.data.ravel(), minlength=1)
        return [i for i in np.argsort(-counts, kind="stable").tolist() if i and counts[i]]

    def drag(self, *places):
        """Drag over the canvas, through pixels of the photograph."""
        points = [self._point(*place) for place in places]
        QTest.mousePress(self.canvas, LEFT, pos=points[0])
        for point in points[1:]:
            QTest.mouseMove(self.canvas, point)
            QApplication.processEvents()
        QTest.mouseRelease(self.canvas, LEFT, pos=points[-1])

    def _point(self, row, column):
        camera = self.viewer.camera
        centre = camera.center[-2:]
        middle = self.canvas.rect().center()
        x = self.canvas.width() / 2 + (column - centre[1]) * camera.zoom
        y = self.canvas.height() / 2 + (row - centre[0]) * camera.zoom
        assert self.canvas.rect().contains(round(x), round(y)), (middle, x, y)
        return QPoint(round(x), round(y))

    def step(self, button):
        """Go to the photograph before or after."""
        self.go_to(self.widget.corpus_panel)
        self.press(button)
        self.settle()
        self.go_to(self.panel)

    def walk(self):
        """Go through all photographs with the buttons; what is over each, by name."""
        corpus = self.widget.corpus_panel
        self.go_to(corpus)
        while corpus.previous.isEnabled():
            self.press(corpus.previous)
        seen = {self.session.image.name: self.overlay()}
        while corpus.next.isEnabled():
            self.press(corpus.next)
            seen[self.session.image.name] = self.overlay()
        return seen

    def colours(self):
        """Colours of the classes as they are drawn, ``#rrggbb`` by id."""
        drawn = {row.id: self.labels.get_color(row.id) for row in self.session.table.rows}
        return {i: hexadecimal(np.rint(255 * colour[:3])) for i, colour in drawn.items()}

    def export(self):
        self.go_to(self.widget.export_panel)
        self.press(self.widget.export_panel.start)
        self.settle()
