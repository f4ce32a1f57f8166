"""Measure edits of the classes in a running viewer: from the call to the last repaint.

Run, on a machine without a display, with::

    xvfb-run -s "-screen 0 1440x900x24" python benchmarks/class_panel.py

The project has 10,000 images, of which only the first 40 are files, with random
tokens and 64 clusters. An edit is written to the disk, redrawn in the
photograph and in the table, and its statistics over all images are summed. The
time ends with the last of the two repaints.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
from PIL import Image
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication
from safetensors.numpy import save_file
from superqt import QCollapsible

from napari_stego.classes import (
    ClassTable,
    LockClass,
    MergeClasses,
    RecolourClass,
    RenameClass,
    create_log,
)
from napari_stego.classes.palette import PALETTES
from napari_stego.clustering import ClusterModel, ClusterSettings
from napari_stego.corpus import Corpus, CorpusImage
from napari_stego.features import FeatureSettings
from napari_stego.project import Project
from napari_stego.project.pixel_counts import PixelCounts
from napari_stego.project.state import FeaturesRecord, ResultRecord
from napari_stego.project.statistics import CorpusStatistics

CHANNELS = 16
GRID = (12, 16)
SMALL = (96, 128)
LARGE = (1080, 1440)
SEGMENT = 48
FILES = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--clusters", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--size", type=int, nargs=2, default=LARGE, help="height and width")
    parser.add_argument("--screenshots", type=Path, help="also write pictures to this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), options.images, options.clusters, tuple(options.size))
        rows = measure(project, options.clusters, options.repeats, options.screenshots)
    print(f"{options.images} images, {options.clusters} clusters, milliseconds:")
    print("| edit | p50 | p95 | max | n |\n|---|---|---|---|---|")
    for name, values in rows.items():
        cells = [f"{v:.1f}" for v in (*np.percentile(values, (50, 95)), values.max())]
        print(f"| {name} | {' | '.join(cells)} | {len(values)} |")


def make_project(folder: Path, n_images: int, n_clusters: int, size: tuple[int, int]) -> Path:
    """Make a project of random tokens and a few photographs."""
    rng = np.random.default_rng(0)
    photographs = folder / "photographs"
    photographs.mkdir()
    images = []
    for i in range(n_images):
        path, content_hash = photographs / f"frame{i:05d}.png", f"{i:064x}"
        height, width = SMALL if i else size
        if i < FILES:
            pixels = rng.integers(0, 255, (*GRID, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((width, height)).save(path)
            content_hash = hashlib.sha256(path.read_bytes()).hexdigest()
        images.append(CorpusImage(path, path.name, height, width, content_hash))
    project = Project.create(folder / "bench.stego")
    project.set_corpus(Corpus(photographs, tuple(images), ()))
    settings = FeatureSettings(layer="final")
    features = FeaturesRecord(settings=settings, weights_sha256="0" * 64)
    centroids = rng.normal(size=(n_clusters, CHANNELS)).astype(np.float32)
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    for start in range(0, n_images, SEGMENT):
        chosen = rng.integers(0, n_clusters, (min(SEGMENT, n_images - start), *GRID))
        tokens = centroids[chosen] + rng.normal(0, 0.1, (*chosen.shape, CHANNELS))
        hashes = (image.content_hash for image in images[start:])
        project.store_of(features).write(
            [(h, t) for h, t in zip(hashes, tokens.astype(np.float16), strict=False)]
        )
    model = ClusterModel(
        centroids,
        np.full(n_clusters, 1000, np.int64),
        rng.uniform(0.4, 0.95, n_clusters).astype(np.float32),
    )
    path = project.clusters_file("0123456789abcdef")
    path.parent.mkdir(parents=True)
    create_log(path.with_name("edits.jsonl"), ClassTable.from_clusters(n_clusters))
    save_file(model.tensors(), path)
    result = ResultRecord(
        clusters="0123456789abcdef",
        features=features,
        run=None,
        settings=ClusterSettings(clusters=n_clusters, source="features"),
    )
    project.update(features=features, result=result)
    project.close()
    return project.folder


class Repaints(QObject):
    """When the table and the canvas were painted last."""

    def __init__(self, table: QObject, canvas) -> None:
        super().__init__()
        self.table = self.canvas = 0.0
        table.installEventFilter(self)
        canvas.events.draw.connect(self._drawn, position="last")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.table = time.perf_counter()
        return False

    def _drawn(self, event) -> None:
        self.canvas = time.perf_counter()


def measure(
    project: Path, n_clusters: int, repeats: int, screenshots: Path | None
) -> dict[str, np.ndarray]:
    """Do edits of each kind in a viewer, and undo each."""
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1440, 900)
    _, widget = viewer.window.add_plugin_dock_widget("napari-stego")
    widget.open(None, project)
    _until(lambda: not widget.jobs.busy and not widget.layers.busy)
    started = time.perf_counter()
    _until(lambda: not widget.class_panel.counter.busy)
    print(f"counted once in {time.perf_counter() - started:.1f} s", flush=True)
    panel, session = widget.class_panel, widget.session
    repaints = Repaints(panel.view.viewport(), viewer.window._qt_viewer.canvas._scene_canvas)
    if screenshots is not None:
        _shoot(viewer, widget, screenshots)
    rng = np.random.default_rng(1)

    def timed(change: Callable[[], None], canvas: bool, table: bool = True) -> float:
        _until(lambda: not panel.patches.busy)
        _rest()
        start = time.perf_counter()
        change()
        while (table and repaints.table < start) or (canvas and repaints.canvas < start):
            QApplication.processEvents()
            if time.perf_counter() - start > 10:
                raise TimeoutError
        return 1000 * (max(repaints.table * table, repaints.canvas * canvas) - start)

    def ids() -> list[int]:
        return rng.choice([row.id for row in session.table.rows], 2, replace=False).tolist()

    edits = {
        "rename": (lambda k: RenameClass(id=ids()[0], name=f"name {k}"), False),
        "recolour": (lambda k: RecolourClass(id=ids()[0], colour=f"#{k + 1:06x}"), True),
        "merge": (lambda k: MergeClasses(ids=(pair := ids()), into=pair[0]), True),
        "lock": (lambda k: LockClass(id=ids()[0]), False),
    }
    rows: dict[str, np.ndarray] = {}
    for name, (make, canvas) in edits.items():
        done, undone = [], []
        for k in range(repeats):
            edit = make(k)
            done.append(timed(lambda e=edit: session.edit(e), canvas))
            undone.append(timed(session.undo, canvas))
        rows[name], rows[f"undo {name}"] = np.array(done), np.array(undone)
    palettes = [
        timed(lambda p=p: panel.commands.recolour_all(p, [r.id for r in session.table.rows]), True)
        for p in PALETTES
    ]
    rows["recolour all"] = np.array(palettes)
    rows["hide, show"] = np.array(
        [timed(lambda k=k: panel.model.hide(range(1, 1 + k % 2)), True) for k in range(1, repeats)]
    )
    for section in panel.findChildren(QCollapsible):
        section.expand(animate=False)
    _until(panel.tree.isVisible)
    steps = rng.permutation(panel.tree.slider.maximum())[:repeats] + 1
    rows["move the slider of the tree"] = np.array(
        [
            timed(lambda k=k: panel.tree.slider.setValue(k), canvas=True, table=False)
            for k in steps.tolist()
        ]
    )
    rows["cancel the cut"] = np.array([timed(panel.tree.restore, canvas=True, table=False)])
    rows["sums over the corpus alone"] = _sums(project, session, n_clusters, repeats)
    viewer.close()
    return rows


def _sums(project: Path, session, n_clusters: int, repeats: int) -> np.ndarray:
    """Time the sums of statistics on counts of their own, without a viewer."""
    n = len(session.corpus)
    counts = PixelCounts(
        tuple(image.content_hash for image in session.corpus.images),
        (),
        np.random.default_rng(0).integers(0, 1000, (n, n_clusters)).astype(np.uint32),
        np.ones(n, bool),
    )
    statistics, times = CorpusStatistics(counts), []
    for _ in range(repeats):
        start = time.perf_counter()
        statistics.of(session.table)
        times.append(1000 * (time.perf_counter() - start))
    return np.array(times)


def _shoot(viewer: napari.Viewer, widget, folder: Path) -> None:
    """Write a picture of the window in each theme."""
    folder.mkdir(parents=True, exist_ok=True)
    widget.class_panel.select(3)
    _until(lambda: not widget.class_panel.patches.busy)
    before = viewer.theme
    for theme in ("dark", "light"):
        viewer.theme = theme
        for _ in range(20):
            _rest()
        picture = viewer.screenshot(canvas_only=False, flash=False)
        Image.fromarray(picture).save(folder / f"class_panel_{theme}.png")
    viewer.theme = before


def _rest() -> None:
    for _ in range(5):
        QApplication.processEvents()
        time.sleep(0.004)


def _until(condition: Callable[[], bool], seconds: float = 3600) -> None:
    end = time.monotonic() + seconds
    while not condition():
        QApplication.processEvents()
        time.sleep(0.001)
        if time.monotonic() > end:
            raise TimeoutError


if __name__ == "__main__":
    main()
