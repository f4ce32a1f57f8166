"""One story of classes by mouse and keyboard: clusters, edits, a kill, and all of it again.

Run as a program, this file is the process that is killed: it has a window of its own.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
import tifffile
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit
from superqt import QCollapsible

from napari_stego.features import FeatureSettings

PROGRAM = Path(sys.executable).with_name("napari-stego")
SUIM = "NAPARI_STEGO_SUIM"
CATAMI = Path(__file__).parents[1] / "labelsets" / "data" / "catami_layout.csv"
LEFT = Qt.MouseButton.LeftButton
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NAMED = "own name"
EDITS = 8


@dataclass(frozen=True)
class Plot:
    """What the story is told with, and the folder for notes of what was seen."""

    images: Path
    project: Path
    notes: Path
    features: dict[str, Any]
    weights: Path | None
    steps: int
    clusters: int


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
        window = to.window()
        if QApplication.activeWindow() is not window:
            window.activateWindow()  # no window manager does, and keys would be no shortcuts
            assert QTest.qWaitForWindowActive(window)
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
        return {
            i: "#" + bytes(np.rint(255 * c[:3]).astype(np.uint8)).hex() for i, c in drawn.items()
        }

    def export(self):
        self.go_to(self.widget.export_panel)
        self.press(self.widget.export_panel.start)
        self.settle()


def hexadecimal(rgb):
    return "#" + bytes(np.asarray(rgb, np.uint8)).hex()


def cut(user):
    """Cut the tree: the slider recolours, Enter joins."""
    user.unfold("Merge alike")
    tree, before = user.panel.tree, user.overlay()
    user.until(tree.slider.isEnabled)
    rows, colours = len(user.session.table.rows), user.colours()
    for _ in range(3):
        user.key(Qt.Key.Key_Right, to=tree.slider)
    lut = user.session.segmentation.tree.lut(tree.parts)
    assert user.colours() == {i: colours[lut[i]] for i in colours}
    np.testing.assert_array_equal(user.overlay(), before)
    user.key(Qt.Key.Key_Return, to=tree.slider)
    assert len(user.session.table.rows) == rows - 3
    np.testing.assert_array_equal(user.overlay(), lut[before])


def merge(user):
    """Merge the two largest classes with the keyboard."""
    before, (first, second, *_) = user.overlay(), user.largest()
    user.choose(first, second)
    user.key(Qt.Key.Key_M)
    ids = {row.id for row in user.session.table.rows}
    (kept,) = {first, second} & ids
    (gone,) = {first, second} - ids
    np.testing.assert_array_equal(user.overlay(), np.where(before == gone, kept, before))


def split(user):
    """Split the largest class into three, and name a part."""
    before, target = user.overlay(), user.largest()[0]
    user.choose(target)
    user.key(Qt.Key.Key_M, SHIFT)
    dialog = user.panel._split_dialog
    user.key(Qt.Key.Key_Up, to=dialog.parts)
    user.until(lambda: not dialog.busy)
    preview = user.labels.data.copy()
    assert dialog.parts.value() == 3
    np.testing.assert_array_equal(preview > 0, before == target)
    QTest.keyClicks(dialog.names[1], NAMED)
    user.press(dialog.split)
    parts = np.array([0, target, *(row.id for row in user.session.table.rows[-2:])])
    assert NAMED in {row.name for row in user.session.table.rows}
    np.testing.assert_array_equal(
        user.overlay(), np.where(before == target, parts[preview], before)
    )


def name(user):
    """Give two classes one label of a CATAMI list, and type a name for another."""
    before, (first, second, third, *_) = user.overlay(), user.largest()
    user.choose(first, second)
    QFileDialog.getOpenFileName = staticmethod(lambda *_: (str(CATAMI), ""))
    user.key(Qt.Key.Key_E, CONTROL)
    (picker,) = [w for w in QApplication.topLevelWidgets() if hasattr(w, "search_line")]
    user.press(picker.load_button)
    QTest.keyClicks(picker.search_line, "stony branch")
    user.key(Qt.Key.Key_Return, to=picker.search_line)
    (row,) = [r for r in user.session.table.rows if r.code == "00000004"]
    assert "Branching" in row.name
    joined = np.where(np.isin(before, (first, second)), row.id, before)
    np.testing.assert_array_equal(user.overlay(), joined)

    user.choose(third)
    user.key(Qt.Key.Key_F2)
    editor = user.panel.view.findChild(QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, "rubble")
    user.key(Qt.Key.Key_Return, to=editor)
    user.until(lambda: user.session.table.name(third) == "rubble")


def paint(user):
    """Paint, erase, and fill on the next photograph, with napari's own tools."""
    height, width = user.overlay().shape
    user.choose(next(r.id for r in user.session.table.rows if r.id not in user.largest()[:1]))
    user.viewer.layers.selection.active = user.labels
    user.labels.brush_size = height // 8
    for mode, at in (("paint", 0.3), ("erase", 0.6)):
        user.labels.mode = mode
        row = round(at * height)
        user.drag((row, width // 4), (row, width // 2), (row, 3 * width // 4))
        chosen = user.labels.selected_label if mode == "paint" else 0
        assert (user.labels.data[row, width // 4 : width // 2] == chosen).all()
    user.step(user.widget.corpus_panel.next)
    user.labels.mode = "fill"
    before = user.labels.data.copy()
    user.drag((height // 2, width // 2))
    assert (user.labels.data != before).any()
    user.step(user.widget.corpus_panel.previous)


def back_and_forth(user, start):
    """Undo to the start and redo to the end, by keys over the photograph."""
    end, names = user.overlay(), [row.name for row in user.session.table.rows]
    assert user.edits == EDITS
    for _ in range(EDITS):
        user.key(Qt.Key.Key_Z, CONTROL, to=user.canvas)
    assert user.edits == 0
    np.testing.assert_array_equal(user.overlay(), start)
    assert {row.name for row in user.session.table.rows} == {
        f"class {row.id}" for row in user.session.table.rows
    }
    for _ in range(EDITS):
        user.key(Qt.Key.Key_Z, CONTROL | SHIFT, to=user.canvas)
    np.testing.assert_array_equal(user.overlay(), end)
    assert [row.name for row in user.session.table.rows] == names


def live(plot):
    """Do it all, note what is seen, and be killed right after an edit."""
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1440, 900)
    _, widget = viewer.window.add_plugin_dock_widget("napari-stego")
    user, notes = User(viewer, widget, 600), Path(plot.notes)

    widget.corpus_panel.images.value = Path(plot.images)
    widget.corpus_panel.project.value = Path(plot.project)
    user.press(widget.corpus_panel.open)
    user.settle()
    form = widget.run_panel.form
    form.show(FeatureSettings(**plot.features))
    form.advanced["weights_file"].value = plot.weights
    form.advanced["steps"].value = plot.steps
    form.main["clusters"].value = plot.clusters
    user.press(widget.run_panel.start)
    user.settle()
    start = user.overlay()
    np.save(notes / "start.npy", start)

    user.go_to(user.panel)
    for part in (cut, merge, split, name, paint):
        part(user)
    back_and_forth(user, start)

    np.savez(notes / "seen.npz", **user.walk())
    user.export()
    user.press(widget.corpus_panel.previous)
    user.settle()
    table = [[row.id, row.name, row.code] for row in user.session.table.rows]
    last = user.session.image.name
    (notes / "told.json").write_text(json.dumps([table, user.colours(), last]))

    height, width = user.overlay().shape
    user.labels.mode = "paint"
    user.drag((height // 6, width // 4), (height // 6, width // 2))
    assert user.edits == EDITS + 1
    np.save(notes / "last.npy", user.labels.data)
    os.kill(os.getpid(), signal.SIGKILL)


def check_export(folder, seen, colours):
    """Compare all masks with what was over the photographs."""
    assert len(list((folder / "masks").glob("*.png"))) == len(seen)
    for image, labels in seen.items():
        stem = Path(image).stem
        with Image.open(folder / "masks" / f"{stem}.png") as mask:
            np.testing.assert_array_equal(np.asarray(mask), labels)
            palette = np.array(mask.getpalette(), np.uint8).reshape(-1, 3)
        for class_id in np.unique(labels[labels > 0]).tolist():
            assert hexadecimal(palette[class_id]) == colours[class_id]
        tiff = tifffile.imread(folder / "masks_tiff" / f"{stem}.tif")
        np.testing.assert_array_equal(tiff, labels)
        with Image.open(folder / "panoptic" / f"{stem}.png") as ids:
            np.testing.assert_array_equal(np.asarray(ids) @ [1, 256, 256**2], labels)


def keys_of(actions):
    """Keys of menus, and of the menus in them."""
    for action in actions:
        yield action.shortcut().toString()
        if action.menu() is not None:
            yield from keys_of(action.menu().actions())


def check_keys(user):
    """Keys that napari's menus have too would do nothing at all."""
    taken = set(keys_of(user.viewer.window._qt_window.menuBar().actions())) - {""}
    assert len(taken) > 5
    assert taken.isdisjoint(action.shortcut().toString() for action in user.panel.actions())


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def tell(plot, plugin):
    """Have the story happen elsewhere, and find all of it here."""
    project, notes = Path(plot.project), Path(plot.notes)
    notes.mkdir()
    done = subprocess.run(
        [sys.executable, __file__, json.dumps(asdict(plot), default=str)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-4000:]
    with np.load(notes / "seen.npz") as read:
        seen = dict(read)
    table, colours, last = json.loads((notes / "told.json").read_text())
    colours = {int(class_id): colour for class_id, colour in colours.items()}
    check_export(project / "export", seen, colours)
    seen[last] = np.load(notes / "last.npy")

    # All edits are there, for somebody who may make more.
    user = User(*plugin())
    user.widget.corpus_panel.project.value = project
    user.press(user.widget.corpus_panel.open)
    user.settle()
    assert user.session.read_only == ""
    assert user.session.project.note == ""
    assert user.edits == EDITS + 1
    assert [[r.id, r.name, r.code] for r in user.session.table.rows] == table
    assert user.colours() == colours
    again = user.walk()
    assert again.keys() == seen.keys()
    for image, labels in seen.items():
        np.testing.assert_array_equal(again[image], labels, err_msg=image)

    check_keys(user)

    # The history can be jumped in: to the start, and back to the end.
    user.go_to(user.panel)
    user.unfold("History")
    while user.widget.corpus_panel.previous.isEnabled():
        user.step(user.widget.corpus_panel.previous)
    first = user.session.image.name
    for row, edits, expected in (
        (0, 0, np.load(notes / "start.npy")),
        (-1, EDITS + 1, seen[first]),
    ):
        user.jump(row)
        assert user.edits == edits
        np.testing.assert_array_equal(user.overlay(), expected)

    # Both ways to export write the same files, of what is over the photographs.
    user.export()
    check_export(project / "export", seen, colours)
    other = notes / "export"
    command = [PROGRAM, "export", "--project", project, "--out", other]
    subprocess.run(command, check=True, capture_output=True)
    assert files(other) == files(project / "export")
    with (other / "classes.csv").open(encoding="utf-8-sig") as file:
        rows = [[int(line["id"]), line["name"], line["code"]] for line in csv.DictReader(file)]
    assert rows == [[0, "unlabelled", ""], *table]


@pytest.mark.slow
def test_the_story(plugin, photographs, small_backbone, small_weights, tmp_path):
    images = photographs(tmp_path / "dive", 4, size=(96, 128))
    features = {"backbone": small_backbone, "layer": 3, "long_side": 128}
    project, notes = tmp_path / "dive.stego", tmp_path / "notes"
    plot = Plot(images, project, notes, features, small_weights, steps=20, clusters=10)
    tell(plot, plugin)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_story_on_real_photographs(plugin, tmp_path):
    """With DINOv2, on 24 photographs of SUIM."""
    suim = os.environ.get(SUIM)
    if not suim:
        pytest.skip(f"{SUIM} does not name the folder of SUIM, with train/images in it")
    found = sorted((Path(suim) / "train" / "images").glob("*.jpg"))
    images = tmp_path / "suim"
    images.mkdir()
    for path in found[:: len(found) // 24][:24]:
        shutil.copy(path, images)
    project, notes = tmp_path / "suim.stego", tmp_path / "notes"
    plot = Plot(images, project, notes, {"layer": 8, "long_side": 224}, None, steps=60, clusters=24)
    tell(plot, plugin)


if __name__ == "__main__":
    live(Plot(**json.loads(sys.argv[1])))
