"""Measure the plugin in a running viewer: stalls of the main thread, and clicks to heatmaps.

Run, on a machine without a display, with::

    xvfb-run -s "-screen 0 1440x900x24" python benchmarks/responsiveness.py FOLDER

FOLDER holds photographs; the project is made in a temporary folder. The
heartbeat is a Qt timer of 5 ms: the time between two beats, less 5 ms, is how
long the window could not answer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_stego.classes import RenameClass
from napari_stego.project import ExportSettings

BEAT_MS = 5
CLICKS = 40


class Heartbeat:
    """Records how late each beat of a timer in the main thread is."""

    def __init__(self) -> None:
        self.stalls: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT_MS)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.stalls.append(1000 * (now - self._last) - BEAT_MS)
        self._last = now

    def take(self) -> np.ndarray:
        taken, self.stalls = np.array(self.stalls), []
        return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--json", action="store_true", help="print all values, not a table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(options.images, Path(folder) / "bench.stego", options.steps)
    if options.json:
        print(json.dumps({name: values.tolist() for name, values in rows.items()}))
        return
    print("| milliseconds | p50 | p95 | p99 | max | n |\n|---|---|---|---|---|---|")
    for name, values in rows.items():
        cells = [f"{v:.0f}" for v in (*np.percentile(values, (50, 95, 99)), values.max())]
        print(f"| {name} | {' | '.join(cells)} | {len(values)} |")


def measure(images: Path, project: Path, steps: int) -> dict[str, np.ndarray]:
    """Run the main job in a viewer, with clicks before and while a second head is trained."""
    viewer = napari.Viewer()
    viewer.window.resize(1440, 900)
    _, widget = viewer.window.add_plugin_dock_widget("napari-stego")
    form, curves = widget.run_panel.form, widget.run_panel.curves

    def settle() -> None:
        _until(lambda: not widget.jobs.busy and not widget.layers.busy)

    rows = {}
    QTest.qWait(5000)  # a user takes as long to choose the photographs
    widget.open(images, project)
    settle()
    heartbeat = Heartbeat()
    form.advanced["steps"].value = steps
    widget.run_panel.start.click()
    _until(lambda: bool(curves.records))
    rows["stall while extracting"] = heartbeat.take()
    _until(lambda: len(curves.records) >= steps - 10)
    rows["stall while training"] = heartbeat.take()
    settle()
    rows["stall while clustering and showing"] = heartbeat.take()
    rows["click to heatmap, idle"] = _clicks(viewer, widget)
    gallery = widget.inspect_panel.search
    widget.inspect_panel.results.setCurrentWidget(gallery)
    settle()
    heartbeat.take()
    QTest.mouseClick(gallery.search, Qt.MouseButton.LeftButton)
    _until(lambda: not widget.inspect_panel.busy and not widget.jobs.busy)
    rows["stall while indexing and searching"] = heartbeat.take()
    widget.export(project.parent / "export", ExportSettings())
    settle()
    rows["stall while exporting"] = heartbeat.take()
    rows |= _settled(viewer, widget, heartbeat)
    widget.tabs.show_panel(widget.inspect_panel)
    form.advanced["seed"].value = 1
    form.advanced["steps"].value = 100 * steps
    widget.run_panel.start.click()
    _until(lambda: bool(curves.records) and widget.jobs.busy)
    heartbeat.take()
    rows["click to heatmap, training"] = _clicks(viewer, widget)
    rows["stall while training and clicking"] = heartbeat.take()
    widget.jobs.cancel()
    settle()
    viewer.close()
    return rows


def _settled(viewer: napari.Viewer, widget, heartbeat: Heartbeat) -> dict[str, np.ndarray]:
    """Name some classes, correct a photograph by clicks, be proposed classes, and review."""
    correct, review = widget.correct_panel, widget.review_panel

    def settle() -> None:
        _until(lambda: not (widget.jobs.busy or correct.busy or review.busy))
        QTest.qWait(300)

    for row in widget.session.table.rows[:6]:
        widget.session.edit(RenameClass(id=row.id, name=f"thing {row.id}"))
    rows = {}
    widget.tabs.show_panel(correct)
    settle()
    heartbeat.take()
    _clicks(viewer, widget)
    settle()
    rows["stall while correcting by clicks"] = heartbeat.take()
    widget.tabs.show_panel(review)
    settle()
    heartbeat.take()
    review.teach.propose()
    settle()
    rows["stall while classes are proposed"] = heartbeat.take()
    review.review.go()
    settle()
    heartbeat.take()
    for _ in range(10):
        review.review.accept()
        settle()
    rows["stall while reviewing"] = heartbeat.take()
    return rows


def _until(condition: Callable[[], bool], seconds: float = 1800) -> None:
    end = time.monotonic() + seconds
    while not condition():
        # Wait for events as the application's own loop does, so that beats come on time.
        QApplication.processEvents()
        time.sleep(0.001)
        if time.monotonic() > end:
            raise TimeoutError


def _clicks(viewer: napari.Viewer, widget) -> np.ndarray:
    """Click about the photograph, and wait each time for the heatmap to be in its layer."""
    canvas = viewer.window._qt_viewer.canvas.native
    middle = canvas.rect().center()
    rng = np.random.default_rng(0)
    times = []
    for x, y in rng.integers(-150, 150, size=(CLICKS, 2)):
        start = time.perf_counter()
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(int(x), int(y)))
        _until(lambda: not widget.layers.busy)
        times.append(1000 * (time.perf_counter() - start))
        QTest.qWait(30)
    return np.array(times)


if __name__ == "__main__":
    main()
