"""Make the screenshots in ``docs/images`` from real photographs.

Run, on a machine without a display, with::

    xvfb-run -s "-screen 0 1440x900x24" python docs/make_screenshots.py SUIM/train/images

The project goes to a temporary folder unless ``--project`` names one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
from PIL import Image
from qtpy.QtWidgets import QApplication

from napari_stego.classes import MergeClasses, RenameClass
from napari_stego.gui.clicks import Click

IMAGES = Path(__file__).parent / "images"
LOOKED_AT = "d_r_597_.jpg"
CLICKED = (0.4, 0.4)
# What a person sees at these places: photograph, row and column as fractions, name.
SEEN = (
    ("d_r_597_.jpg", 0.10, 0.90, "water column"),
    ("d_r_125_.jpg", 0.70, 0.20, "water column"),
    ("w_r_259_.jpg", 0.20, 0.20, "water column"),
    ("d_r_597_.jpg", 0.40, 0.40, "diver or animal"),
    ("d_r_597_.jpg", 0.95, 0.10, "reef flat"),
    ("f_r_1088_.jpg", 0.80, 0.55, "coral reef"),
    ("f_r_301_.jpg", 0.50, 0.50, "coral reef"),
    ("f_r_527_.jpg", 0.55, 0.40, "diver or animal"),
    ("f_r_2033_.jpg", 0.90, 0.70, "sand"),
    ("w_r_60_.jpg", 0.60, 0.55, "wreck"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--project", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _story(options.photographs, options.project or Path(folder) / "suim.stego")


def _story(photographs: Path, project: Path) -> None:
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1440, 900)
    _, widget = viewer.window.add_plugin_dock_widget("napari-stego")

    def settle() -> None:
        _until(lambda: not widget.jobs.busy and not widget.layers.busy)

    widget.open(photographs, project)
    settle()
    names = [image.name for image in widget.session.corpus.images]
    widget.session.select(names.index(LOOKED_AT))
    settle()
    _until(lambda: not widget.corpus_panel.browser.busy)
    _shoot(viewer, "1-loaded")
    widget.tabs.show_panel(widget.run_panel)
    widget.run_panel.start.click()
    steps = widget.run_panel.form.values().stego.steps
    _until(lambda: len(widget.run_panel.curves.records) > steps // 2 or not widget.jobs.busy)
    _shoot(viewer, "2-training")
    settle()
    _until(lambda: widget.session.verdict is not None and not widget.jobs.busy)
    _shoot(viewer, "3-clusters")
    widget.tabs.show_panel(widget.class_panel)
    _name(widget, names, settle)
    widget.session.select(names.index(LOOKED_AT))
    settle()
    _until(lambda: not widget.class_panel.counter.busy)
    _shoot(viewer, "4-named")
    widget.tabs.show_panel(widget.inspect_panel)
    height, width = widget.layers.label_image.shape
    pixel = int(CLICKED[0] * height), int(CLICKED[1] * width)
    widget.inspect_panel.click(pixel, Click.LOOK)
    settle()
    _until(lambda: not widget.inspect_panel.busy)
    _shoot(viewer, "5-clicked")
    viewer.close()


def _name(widget, names: list[str], settle: Callable[[], None]) -> None:
    """Name what is seen at some places, merging classes that get the same name."""
    named: dict[str, int] = {}
    for image, row, column, name in SEEN:
        widget.session.select(names.index(image))
        settle()
        labels = widget.layers.label_image
        class_id = int(labels[int(row * labels.shape[0]), int(column * labels.shape[1])])
        if named.setdefault(name, class_id) == class_id:
            widget.session.edit(RenameClass(id=class_id, name=name))
        elif class_id not in named.values():
            widget.session.edit(MergeClasses(ids=(named[name], class_id), into=named[name]))


def _until(condition: Callable[[], bool], seconds: float = 3600) -> None:
    end = time.monotonic() + seconds
    while not condition():
        QApplication.processEvents()
        time.sleep(0.002)
        if time.monotonic() > end:
            raise TimeoutError


def _shoot(viewer: napari.Viewer, name: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    for _ in range(30):  # let the canvas be drawn
        QApplication.processEvents()
        time.sleep(0.02)
    picture = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")
    picture.save(IMAGES / f"{name}.jpg", quality=88, subsampling=0)


if __name__ == "__main__":
    main()
