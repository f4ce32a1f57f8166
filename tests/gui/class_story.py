"""The first half of a story of classes: a program with a window, which is killed in the end."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit
from story_user import CONTROL, SHIFT, User

from napari_stego.features import FeatureSettings

CATAMI = Path(__file__).parents[1] / "labelsets" / "data" / "catami_layout.csv"
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


if __name__ == "__main__":
    live(Plot(**json.loads(sys.argv[1])))
