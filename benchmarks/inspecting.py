"""Measure pointing at things in a running viewer: hover, click, and a gallery of 50 photographs.

Run, on a machine without a display, with::

    xvfb-run -s "-screen 0 1440x900x24" python benchmarks/inspecting.py PROJECT

PROJECT has clusters and at least 50 photographs of about 640 x 480. Times are
from the event of the mouse until the canvas was drawn with the new heatmap, or
until the last tile is in its gallery, all photographs seen before. The
heartbeat is a Qt timer of 5 ms: the time between two beats, less 5 ms, is how
long the window could not answer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

TIMES = 40
GALLERY = 50
BEAT_MS = 5


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    rows = measure(parser.parse_args().project)
    print("| milliseconds | p50 | p95 | max | n |\n|---|---|---|---|---|")
    for name, values in rows.items():
        cells = [f"{v:.0f}" for v in (*np.percentile(values, (50, 95)), values.max())]
        print(f"| {name} | {' | '.join(cells)} | {len(values)} |")


def measure(project: Path) -> dict[str, np.ndarray]:
    """Open a project, and point at things in it."""
    viewer = napari.Viewer()
    viewer.window.resize(1440, 900)
    _, widget = viewer.window.add_plugin_dock_widget("napari-stego")
    panel, canvas = widget.inspect_panel, viewer.window._qt_viewer.canvas

    def settle() -> None:
        _until(lambda: not widget.jobs.busy and not panel.busy)

    widget.open(None, project)
    settle()
    images = widget.session.corpus.images
    print(f"{len(images)} photographs, the first of {images[0].width} x {images[0].height}\n")
    widget.tabs.show_panel(panel)
    panel.results.setCurrentWidget(panel.search)  # whose gallery is made only when asked
    middle = canvas.native.rect().center()
    rng = np.random.default_rng(0)
    places = [middle + QPoint(int(x), int(y)) for x, y in rng.integers(-150, 150, (TIMES, 2))]
    made: list[float] = []
    drawn = [0.0]
    canvas._scene_canvas.events.draw.connect(lambda *_: drawn.__setitem__(0, time.perf_counter()))

    def heat(act: Callable[[QPoint], None], place: QPoint) -> float:
        before, start = len(made), time.perf_counter()
        act(place)
        _until(lambda: len(made) > before and not panel.busy)
        _until(lambda: drawn[0] >= made[-1])
        return 1000 * (drawn[0] - start)

    def click(place: QPoint) -> None:
        QTest.mouseClick(canvas.native, Qt.MouseButton.LeftButton, pos=place)

    click(middle)  # makes the layer
    settle()
    viewer.layers["correspondence"].events.set_data.connect(
        lambda *_: made.append(time.perf_counter())
    )
    heartbeat = Heartbeat()
    rows = {"click to heatmap": np.array([heat(click, place) for place in places])}
    panel.options.follow.setChecked(True)
    settle()
    move = lambda place: QTest.mouseMove(canvas.native, place)  # noqa: E731
    rows["hover to heatmap"] = np.array([heat(move, place) for place in places])
    panel.options.follow.setChecked(False)
    settle()

    panel.near.choose(images[:GALLERY])
    panel.near.which.setCurrentIndex(1)
    panel.results.setCurrentWidget(panel.near)
    settle()
    times = []
    for _ in range(TIMES // 4):
        start = time.perf_counter()
        panel.near.refresh()
        _until(lambda: not panel.near.busy)
        times.append(1000 * (time.perf_counter() - start))
        assert len(panel.near.view.tiles.tiles) == min(GALLERY, len(images))
    rows[f"gallery of {GALLERY}"] = np.array(times)
    rows["stall meanwhile"] = np.array(heartbeat.stalls)
    viewer.close()
    return rows


def _until(condition: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not condition():
        # Wait for events as the application's own loop does, so that beats come on time.
        QApplication.processEvents()
        time.sleep(0.0005)
        if time.monotonic() > end:
            raise TimeoutError


if __name__ == "__main__":
    main()
