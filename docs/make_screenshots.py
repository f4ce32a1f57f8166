"""Make the screenshots in ``docs/images`` from real photographs.

Run, on a machine without a display, with::

    xvfb-run -s "-screen 0 1440x900x24" python docs/make_screenshots.py SUIM/train/images

The project goes to a temporary folder unless ``--project`` names one, which
must be new: the first pictures show photographs that nothing is known of.
Both paths are to be read in the pictures.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
from PIL import Image, ImageOps
from qtpy.QtCore import QPoint, QRect
from qtpy.QtGui import QPixmap
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialog, QWidget
from superqt import QCollapsible

from napari_stego.classes import LockClass, MergeClasses, RenameClass
from napari_stego.gui.clicks import Click

HERE = Path(__file__).parent
IMAGES = HERE / "images"
# In the layout of CATAMI's lists.
LABELS = HERE.parent / "tests" / "labelsets" / "data" / "catami_layout.csv"
TYPED = "cor"
LOOKED_AT = "d_r_714_.jpg"
CLICKED = (0.33, 0.55)
REEF = (0.85, 0.55)
SPLIT = ("d_r_597_.jpg", (0.85, 0.55))
PARTS = ("", "soft coral plain")
# The share of the classes that are joined with others.
JOINED = 0.5
# Of 100: how coarse regions are.
COARSE = 60
# So many photographs are reviewed.
REVIEWED = 12
# Milliseconds that a picture of the tour is shown.
FAST, SLOW = 250, 2500
TOUR_SCALE = 0.6
# What a person sees at these places: photograph, row and column as fractions, name.
SEEN = (
    ("d_r_714_.jpg", 0.10, 0.10, "water column"),
    ("d_r_125_.jpg", 0.70, 0.20, "water column"),
    ("w_r_259_.jpg", 0.20, 0.20, "water column"),
    ("d_r_714_.jpg", *CLICKED, "diver or animal"),
    ("f_r_527_.jpg", 0.55, 0.40, "diver or animal"),
    ("d_r_714_.jpg", *REEF, "coral reef"),
    ("f_r_1088_.jpg", 0.80, 0.55, "coral reef"),
    ("f_r_301_.jpg", 0.50, 0.50, "coral reef"),
    (SPLIT[0], *SPLIT[1], "sand"),
    ("w_r_60_.jpg", 0.60, 0.55, "wreck"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--project", type=Path)
    options = parser.parse_args()
    if options.project is not None and options.project.exists():
        parser.error(f"{options.project} is there already. Name a new project.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        Story(options.photographs, options.project or Path(folder) / "suim.stego").tell()


class Story:
    """A viewer in which everything is done once.

    Parameters
    ----------
    photographs : Path
        Folder of the photographs.
    project : Path
        The project, which is made.
    """

    def __init__(self, photographs: Path, project: Path) -> None:
        self.photographs, self.project = photographs, project
        self.viewer = napari.Viewer()
        self.window = self.viewer.window._qt_window
        self.window.resize(1440, 900)
        _, self.widget = self.viewer.window.add_plugin_dock_widget("napari-stego")
        self.session, self.classes = self.widget.session, self.widget.class_panel
        self.tour: list[tuple[Image.Image, int]] = []

    def tell(self) -> None:
        """Take all pictures."""
        self.open()
        self.train()
        self.widget.tabs.show_panel(self.classes)
        self.cut()
        self.split()
        self.name()
        self.pick_a_label()
        self.go_back()
        self.look_at_the_classes()
        self.follow()
        self.click()
        self.search()
        self.correct()
        self.review()
        self.viewer.close()
        self.write_tour()

    def open(self) -> None:
        """Show the photographs, of which nothing is known yet."""
        self.widget.open(self.photographs, self.project)
        self.settle()
        self.go_to(LOOKED_AT)
        browser = self.widget.corpus_panel.browser
        until(lambda: not browser.busy and not browser.loader.busy)
        self.shoot("1-loaded")

    def train(self) -> None:
        """Show the training, half-way and at its end."""
        panel = self.widget.run_panel
        self.widget.tabs.show_panel(panel)
        panel.start.click()
        steps = panel.form.values().stego.steps
        until(lambda: len(panel.curves.records) > steps // 2 or not self.widget.jobs.busy)
        self.shoot("2-training")
        self.settle()
        until(lambda: self.session.verdict is not None and not self.widget.jobs.busy)
        self.point_at(CLICKED)
        self.shoot("3-clusters")

    def cut(self) -> None:
        """Move the slider along the tree, and leave the classes as they are."""
        until(lambda: not self.classes.counter.busy)
        section, tree = self.unfold("Merge alike"), self.classes.tree
        tree.slider.setValue(round(JOINED * len(self.session.table.rows)))
        self.classes.view.scrollToTop()
        self.point_at(CLICKED)
        self.shoot("classes-tree")
        tree.cancel.click()
        section.collapse(animate=False)

    def split(self) -> None:
        """Show a class in parts, and leave it so."""
        self.go_to(SPLIT[0])
        self.choose(self.class_at(SPLIT[1]))
        self.classes.view.scrollToTop()
        self.classes.split.trigger()
        dialog = self.classes._split_dialog
        dialog.parts.setValue(len(PARTS))
        until(lambda: not dialog.busy)
        for field, text in zip(dialog.names, PARTS, strict=False):
            field.setText(text)
        self.settle()
        self.point_at((0.65, 0.5))
        self.shoot("classes-split", dialog)
        dialog.accept()
        self.settle()

    def name(self) -> None:
        """Name what is seen at some places, merging classes that get the same name."""
        named: dict[str, int] = {}
        for image, row, column, name in SEEN:
            self.go_to(image)
            class_id = self.class_at((row, column))
            if class_id in named.values():
                continue
            if named.setdefault(name, class_id) == class_id:
                self.session.edit(RenameClass(id=class_id, name=name))
            else:
                merged = MergeClasses(ids=(named[name], class_id), into=named[name])
                self.session.edit(merged)
        self.go_to(LOOKED_AT)

    def pick_a_label(self) -> None:
        """Look for a label in a list, and give it to the class of the reef."""
        self.choose(self.class_at(REEF))
        self.classes.view.scrollToTop()
        picker = self.classes.commands.ask_label(self.classes.selected_ids)
        assert picker is not None
        # Without the remark before its header, of which the dialog would tell.
        plain = self.project.with_name("catami.csv")
        plain.write_text("".join(LABELS.read_text().splitlines(keepends=True)[1:]))
        picker.load_list(plain)
        plain.unlink()
        picker.resize(picker.width(), 220)
        QTest.keyClicks(picker.search_line, TYPED)
        until(lambda: not self.classes.counter.busy)
        self.point_at(REEF)
        self.shoot("classes-labels", picker)
        picker.reject()

    def go_back(self) -> None:
        """Show the history, some steps before its end."""
        self.session.edit(LockClass(id=self.class_at((0.1, 0.1)), locked=True))
        section = self.unfold("History")
        end = self.session.segmentation.history.position
        self.session.jump(end - 2)
        self.settle()
        self.shoot("classes-history", crop=self.classes)
        self.session.jump(end)
        section.collapse(animate=False)
        self.settle()

    def look_at_the_classes(self) -> None:
        """Show the table, and examples of a class."""
        until(lambda: not self.classes.counter.busy)
        self.choose(self.class_at(CLICKED))
        self.classes.view.scrollToTop()
        until(lambda: not self.classes.patches.busy)
        self.point_at(CLICKED)
        self.shoot("4-named")

    def click(self) -> None:
        """Ask where else something is."""
        panel = self.widget.inspect_panel
        self.widget.tabs.show_panel(panel)
        panel.click(self.pixel(CLICKED), Click.LOOK)
        self.settle()
        until(lambda: not panel.busy)
        self.shoot("5-clicked")

    def follow(self) -> None:
        """Let the heatmap follow the mouse over the photograph, for the tour."""
        panel = self.widget.inspect_panel
        self.widget.tabs.show_panel(panel)
        panel.options.follow.setChecked(True)
        for place in np.linspace((0.9, 0.3), CLICKED, 8).tolist():
            panel.move(self.pixel(place), None)
            until(lambda: not panel.busy)
            self.point_at(place)
            self.tour.append((self.picture(), FAST))
        panel.options.follow.setChecked(False)

    def search(self) -> None:
        """Search all photographs for it, and go to a hit."""
        panel = self.widget.inspect_panel
        panel.results.setCurrentWidget(panel.search)
        panel.search.search.click()
        self.settle()
        until(lambda: not panel.busy)
        self.shoot("6-searched")
        hits = panel.search.view.tiles.tiles
        elsewhere = next(hit.place for hit in hits if hit.place.image.name != LOOKED_AT)
        panel.search.view.wanted.emit(elsewhere)
        self.settle()
        until(lambda: not panel.busy)
        self.tour.append((self.picture(), SLOW))

    def correct(self) -> None:
        """Cut a thing out by clicks, and show the regions that there are."""
        panel = self.widget.correct_panel
        self.widget.tabs.show_panel(panel)
        self.go_to(LOOKED_AT)
        panel.choose(self.class_at(CLICKED))
        panel.click(self.pixel(CLICKED), True)
        until(lambda: not panel.busy)
        self.point_at(CLICKED)
        self.shoot("correct-cut")
        panel.discard()
        panel.way.region.click()
        panel.way.slider.setValue(COARSE)
        until(lambda: not panel.busy)
        self.shoot("correct-regions")
        panel.way.cut.click()

    def review(self) -> None:
        """Show what would change, what is asked for, and photographs being reviewed."""
        panel = self.widget.review_panel
        teach, review = panel.teach, panel.review
        self.widget.tabs.show_panel(panel)
        self.go_to(LOOKED_AT)
        teach.propose()
        until(lambda: not panel.busy)
        self.point_at(CLICKED)
        self.shoot("review-changes")
        teach.views.choose("confidence")
        self.shoot("review-confidence")
        teach.views.choose("changes")
        teach.ask()
        until(lambda: not panel.busy)
        self.shoot("review-asked")
        teach.drop_spot()
        teach.accepting.all.click()
        self.settle()
        until(lambda: not panel.busy)
        review.go()
        for _ in range(REVIEWED):
            self.settle()
            until(lambda: not panel.busy)
            review.accept()
        self.settle()
        until(lambda: not panel.busy)
        self.shoot("review-queue")

    def write_tour(self) -> None:
        """Put all pictures of the window one after another."""
        size = tuple(round(TOUR_SCALE * side) for side in self.tour[0][0].size)
        frames = [each.resize(size, Image.Resampling.LANCZOS) for each, _ in self.tour]
        frames[0].save(
            IMAGES / "tour.webp",
            save_all=True,
            append_images=frames[1:],
            duration=[milliseconds for _, milliseconds in self.tour],
            loop=0,
            quality=70,
            method=6,
        )

    def settle(self) -> None:
        """Wait until nothing is left to be done or shown."""
        until(lambda: not self.widget.jobs.busy and not self.widget.layers.busy)

    def go_to(self, name: str) -> None:
        """Show a photograph."""
        names = [image.name for image in self.session.corpus.images]
        self.session.select(names.index(name))
        self.settle()

    def pixel(self, place: tuple[float, float]) -> tuple[int, int]:
        """Find the pixel at fractions of the height and the width."""
        height, width = self.widget.layers.label_image.shape
        return int(place[0] * height), int(place[1] * width)

    def class_at(self, place: tuple[float, float]) -> int:
        """Tell the class at a place of the photograph on show."""
        return int(self.widget.layers.label_image[self.pixel(place)])

    def point_at(self, place: tuple[float, float]) -> None:
        """Let the status bar tell what is at a place, and nothing else."""
        QApplication.processEvents()  # the classes are described after they are painted
        self.viewer.help = ""
        self.viewer.cursor.position = (-9, -9)  # or it would take no notice of the same place
        self.viewer.cursor.position = self.pixel(place)

    def choose(self, class_id: int) -> None:
        """Make a class the current one."""
        self.classes.select(class_id)
        self.settle()

    def unfold(self, title: str) -> QCollapsible:
        """Open a section of the panel."""
        sections = self.classes.findChildren(QCollapsible)
        (section,) = [each for each in sections if each.text() == title]
        section.expand(animate=False)
        self.settle()
        return section

    def shoot(self, name: str, dialog: QDialog | None = None, crop: QWidget | None = None) -> None:
        """Take a picture of the window, or of a part, with a dialog that lies over it."""
        picture = self.picture()
        if dialog is not None:
            # Without a window manager it has no frame. Where it hides least: below the photograph.
            over = ImageOps.expand(picture_of(dialog.grab()), border=1, fill="#8a8d96")
            canvas = self.viewer.window._qt_viewer.canvas.native
            below = canvas.mapTo(self.window, canvas.rect().bottomLeft())
            left = below.x() + (canvas.width() - over.width) // 2
            picture.paste(over, (left, below.y() - over.height - 8))
        if crop is not None:
            place = QRect(crop.mapTo(self.window, QPoint(0, 0)), crop.size())
            left, top, right, bottom = place.adjusted(-6, -6, 7, 7).getCoords()
            picture = picture.crop((left, top, right, bottom))
        else:
            self.tour.append((picture, SLOW))
        picture.save(IMAGES / f"{name}.jpg", quality=88, subsampling=0)

    def picture(self) -> Image.Image:
        """Look at the window."""
        for _ in range(30):  # let the canvas be drawn
            QApplication.processEvents()
            time.sleep(0.02)
        pixels = self.viewer.screenshot(canvas_only=False, flash=False)
        return Image.fromarray(pixels).convert("RGB")


def picture_of(pixels: QPixmap) -> Image.Image:
    """Turn what Qt drew into a picture."""
    image = pixels.toImage().convertToFormat(pixels.toImage().Format.Format_RGB32)
    held = image.constBits().asstring(image.sizeInBytes())
    return Image.frombuffer("RGB", (image.width(), image.height()), held, "raw", "BGRX")


def until(condition: Callable[[], bool], seconds: float = 3600) -> None:
    """Let Qt work until something is true."""
    end = time.monotonic() + seconds
    while not condition():
        QApplication.processEvents()
        time.sleep(0.002)
        if time.monotonic() > end:
            raise TimeoutError


if __name__ == "__main__":
    main()
