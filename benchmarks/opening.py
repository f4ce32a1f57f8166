"""Measure how long a large project with a long history takes to open.

Run, on a machine without a display, with::

    xvfb-run -s "-screen 0 1440x900x24" python benchmarks/opening.py

The project is that of ``class_panel.py``, with edits of all kinds in its log, a
fifth of them strokes. It is opened in the core, which replays the log, and in a
viewer, until the first photograph and the table of classes are shown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import napari
import numpy as np
from class_panel import make_project
from qtpy.QtCore import QEventLoop
from qtpy.QtWidgets import QApplication

from napari_stego.classes import (
    LockClass,
    MergeClasses,
    RecolourClass,
    RenameClass,
    paint_difference,
)
from napari_stego.project import Project, Segmentation

SIZE = (96, 128)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--edits", type=int, default=5_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = make_project(Path(folder), options.images, 64, SIZE)
        lay_out_files(path)
        saving = add_edits(path, options.edits)
        rows = {"write an edit to the disk": saving} | measure(path, options.repeats)
    print(f"{options.images} images, {options.edits} edits, milliseconds:")
    print("| what | p50 | p95 | max | n |\n|---|---|---|---|---|")
    for name, values in rows.items():
        cells = [f"{v:.1f}" for v in (*np.percentile(values, (50, 95)), np.max(values))]
        print(f"| {name} | {' | '.join(cells)} | {len(values)} |")


def lay_out_files(path: Path) -> None:
    """Put a file in the place of each photograph; all are looked for at opening."""
    project = Project.open(path)
    first, *others = (image.path for image in project.corpus.images)
    for other in others:
        if not other.exists():
            other.hardlink_to(first)
    project.close()


def add_edits(path: Path, count: int) -> list[float]:
    """Edit the classes, and tell how long each edit took until it was on the disk."""
    project = Project.open(path)
    segmentation = Segmentation(project)
    history, images = segmentation.history, project.corpus.images
    rng = np.random.default_rng(2)
    below = np.zeros(SIZE, np.uint16)
    times = []
    for k in range(count):
        first, second = rng.choice(
            [row.id for row in history.table.rows], 2, replace=False
        ).tolist()
        painted = below.copy()
        row, column = rng.integers(0, 80, 2).tolist()
        painted[row : row + 16, column : column + 16] = first
        stroke = paint_difference(
            history.table, images[k % len(images)].content_hash, below, painted
        ).edit
        edit = (
            RenameClass(id=first, name=f"name {k}"),
            RecolourClass(id=first, colour=f"#{k + 1:06x}"),
            LockClass(id=first, locked=False),
            stroke,
            MergeClasses(ids=(first, second), into=first),
        )[k % 5]
        start = time.perf_counter()
        history.do(edit)
        times.append(1000 * (time.perf_counter() - start))
        if k % 5 == 4:
            history.undo()
    project.close()
    return times


def measure(path: Path, repeats: int) -> dict[str, list[float]]:
    core, viewer_times = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        project = Project.open(path)
        Segmentation(project)
        core.append(1000 * (time.perf_counter() - start))
        project.close()
    for _ in range(repeats):
        viewer = napari.Viewer()
        viewer.window._qt_window.resize(1440, 900)
        _, widget = viewer.window.add_plugin_dock_widget("napari-stego")
        QApplication.processEvents()
        start = time.perf_counter()
        widget.open(None, path)
        while widget.jobs.busy or widget.layers.busy or len(viewer.layers) < 2:
            # A window waits for events; asking for them all the time would hold the thread up.
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        viewer_times.append(1000 * (time.perf_counter() - start))
        viewer.close()
    return {"open in the core": core, "open in a viewer, until it is shown": viewer_times}


if __name__ == "__main__":
    main()
