"""Measure the corpus browser: how fast thumbnails are made, and how calm the window stays.

Run, on a machine without a display, with::

    xvfb-run -s "-screen 0 1440x900x24" python benchmarks/browser.py [FOLDER]

Thumbnails are made of the photographs in FOLDER, each as often as it takes to
have 1,000, and of JPEGs of 12 megapixels made of noise; the bare decoder is Pillow
(`open`, `draft`, `thumbnail`) in as many threads. The two take turns, a block at
a time, so that both meet the same load. The window is measured with 10,000
small JPEGs made for it. A stall is how late a beat of a timer of 5 ms comes; on a
busy machine much of it is waiting for the processor, so that what the main thread
computed between two beats is told too.
"""

from __future__ import annotations

import argparse
import gc
import io
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from napari_stego.corpus import Corpus, CorpusImage, discover
from napari_stego.project import Project
from napari_stego.project.layout import ProjectFolder
from napari_stego.project.thumbnails import SIDE, ThumbnailStore

THUMBNAILS = 1000
BLOCK = 50
LARGE = (3000, 4000)
SMALL = (240, 320)
BEAT_MS = 5
SWITCHES = 60
PAGES = 120
PICTURES = 40
FILLING_SECONDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="folder of photographs")
    parser.add_argument("--images", type=int, default=10_000, help="in the window")
    parser.add_argument("--thumbnails", type=int, default=THUMBNAILS)
    parser.add_argument("--threads", type=int, default=0, help="as many as the browser's if 0")
    parser.add_argument("--only", choices=("rates", "window"))
    options = parser.parse_args()
    from napari_stego.gui.browser_loader import THREADS

    threads = options.threads or THREADS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.only != "window":
            print(f"{options.thumbnails} thumbnails of {SIDE} pixels in {threads} threads:\n")
            print("| photographs | bare decoder, 1/s | with everything, 1/s | ratio |")
            print("|---|---|---|---|")
            if options.folder is not None:
                photographs = discover(options.folder).images
                _print_rates(options.folder.name, photographs, options.thumbnails, threads, folder)
            make_photographs(folder / "large", 8, LARGE)
            photographs = discover(folder / "large").images
            _print_rates("12 megapixels", photographs, options.thumbnails // 5, threads, folder)
        if options.only != "rates":
            make_photographs(folder / "small", options.images, SMALL)
            rows, notes = measure(folder / "small", folder / "small.stego")
            print(f"\n{options.images} photographs in the window, milliseconds:\n")
            print("| what | p50 | p95 | max | n |\n|---|---|---|---|---|")
            for what, values in rows.items():
                cells = [f"{v:.0f}" for v in (*np.percentile(values, (50, 95)), values.max())]
                print(f"| {what} | {' | '.join(cells)} | {len(values)} |")
            print("\n" + "\n".join(notes))


def make_photographs(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write JPEGs of noise, coarse and fine: of 40 pictures, each file with its own end."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    height, width = size
    fine = rng.normal(0, 8, (height, width, 1))
    pictures = []
    for i in range(min(count, PICTURES)):
        coarse = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((width, height)), np.float32)
        pixels = np.clip(smooth + np.roll(fine, i, axis=1), 0, 255).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=88)
        pictures.append(stream.getvalue())
    for i in range(count):
        ending = i.to_bytes(4, "little")  # which decoders pass over
        (folder / f"frame{i:05}.jpg").write_bytes(pictures[i % len(pictures)] + ending)


def _print_rates(
    name: str, photographs: Sequence[CorpusImage], count: int, threads: int, folder: Path
) -> None:
    bare, whole = rates(photographs, count, threads, folder / f"{name}.stego")
    print(f"| {name} | {bare:.0f} | {whole:.0f} | {whole / bare:.2f} |")


def rates(
    photographs: Sequence[CorpusImage], count: int, threads: int, project: Path
) -> tuple[float, float]:
    """Make thumbnails by the bare decoder and by the store, in turns."""
    project.mkdir()
    store = ThumbnailStore(ProjectFolder(project), True)
    # Each copy has a key of its own, so that it is made, and none is taken from the store.
    images = [
        replace(photographs[i % len(photographs)], content_hash=f"{i:064x}") for i in range(count)
    ]
    spent = {bare: 0.0, store.make: 0.0}
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, count, BLOCK):
            calls: list[Callable] = list(spent)
            for call in calls if start // BLOCK % 2 else calls[::-1]:
                begun = time.perf_counter()
                list(pool.map(call, images[start : start + BLOCK]))
                spent[call] += time.perf_counter() - begun
    return count / spent[bare], count / spent[store.make]


def bare(image: CorpusImage) -> None:
    with Image.open(image.path) as picture:
        picture.draft("RGB", (SIDE, SIDE))
        picture.thumbnail((SIDE, SIDE))


def project_of(photographs: Path, folder: Path) -> Path:
    """Make a project, which is opened faster than a folder."""
    project = Project.create(folder)
    project.set_corpus(Corpus(photographs, discover(photographs).images))
    project.close()
    return folder


def measure(photographs: Path, folder: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Open, scroll, filter, sort and switch in a viewer."""
    import napari
    from qtpy.QtWidgets import QApplication

    project = project_of(photographs, folder)
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1440, 900)
    _, widget = viewer.window.add_plugin_dock_widget("napari-stego")
    browser = widget.corpus_panel.browser
    view, session = browser.view, widget.session
    heartbeat = _Heartbeat()

    def until(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 600
        while not condition():
            QApplication.processEvents()
            time.sleep(0.001)
            if time.monotonic() > end:
                raise TimeoutError

    def all_on_show() -> bool:
        places = browser.model.places[slice(*view.rows_on_show())].tolist()
        return bool(places) and all(browser.loader.picture(p) is not None for p in places)

    def timed(change: Callable[[], None], done: Callable[[], bool]) -> float:
        begun = time.perf_counter()
        change()
        until(done)
        return 1000 * (time.perf_counter() - begun)

    rows: dict[str, np.ndarray] = {}
    opening = timed(lambda: widget.open(None, project), lambda: session.corpus is not None)
    rows["open the project, in a thread"] = np.array([opening])
    heartbeat.take()
    rows["from there to the first thumbnails"] = np.array([timed(lambda: None, all_on_show)])
    until(lambda: not widget.layers.busy)
    heartbeat.take()
    begun, filled = time.perf_counter(), browser.loader.to_fill
    until(lambda: not browser.loader.busy or time.perf_counter() - begun > FILLING_SECONDS)
    rate = (filled - browser.loader.to_fill) / (time.perf_counter() - begun)
    rows |= heartbeat.take("while thumbnails are made")
    bar, before = view.verticalScrollBar(), _memory()
    heartbeat.take()  # which is not to count the collection of garbage
    pages = np.linspace(0, bar.maximum(), PAGES + 1)[1:].astype(int).tolist()
    scrolled = [timed(lambda v=value: bar.setValue(v), all_on_show) for value in pages]
    rows["scroll to another page, all thumbnails there"] = np.array(scrolled)
    rows |= heartbeat.take("while scrolling")
    after = _memory()
    bar.setValue(0)

    def listed(words: str) -> None:
        browser.bar.words.setText(words)
        browser.arrange()

    finds = [timed(lambda i=i: listed(f"{i:02}7"), lambda: True) for i in range(60)]
    listed("")
    rows["filter by name"] = np.array(finds)
    turn = browser.bar.backwards.click
    turns = [timed(turn, lambda: True) for _ in range(20)]
    rows["turn the order around"] = np.array(turns)
    until(all_on_show)
    heartbeat.take()
    layer = viewer.layers["photograph"]
    switches = []
    for step in range(SWITCHES):
        index = (step * 37 + 5) % len(session.corpus)
        switches.append(
            timed(
                lambda i=index: session.select(i),
                lambda i=index: widget.layers.image == session.corpus.images[i],
            )
        )
    rows["switch to another photograph"] = np.array(switches)
    rows |= heartbeat.take("while switching")
    same = viewer.layers["photograph"] is layer and len(viewer.layers) == 1
    places = range(len(session.corpus))
    held = sum(browser.loader.picture(place) is not None for place in places)
    notes = [
        f"{rate:.0f} thumbnails a second made in the background, beside an idle window.",
        f"Memory: {before:.0f} MB at the top, {after:.0f} MB after scrolling to the end; "
        f"{held} thumbnails held.",
        f"The layers stay the same while switching: {'yes' if same else 'no'}.",
    ]
    viewer.close()
    return rows, notes


def _memory() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


class _Heartbeat:
    """Records how late each beat of a timer in the main thread is, and what it computed since."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self.stalls: list[float] = []
        self.computed: list[float] = []
        self._last, self._spent = time.perf_counter(), time.thread_time()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT_MS)

    def _beat(self) -> None:
        now, spent = time.perf_counter(), time.thread_time()
        self.stalls.append(1000 * (now - self._last) - BEAT_MS)
        self.computed.append(1000 * (spent - self._spent))
        self._last, self._spent = now, spent

    def take(self, what: str = "") -> dict[str, np.ndarray]:
        """Return the stalls since the last call, and what of them was the window's own work."""
        stalls, self.stalls = np.array(self.stalls or [0.0]), []
        computed, self.computed = np.array(self.computed or [0.0]), []
        self._last, self._spent = time.perf_counter(), time.thread_time()
        return {f"stall {what}": stalls, f"main thread at work {what}, between beats": computed}


if __name__ == "__main__":
    main()
