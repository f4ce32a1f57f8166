"""One story: from named clusters to a corpus that is settled, reviewed and exported."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import tifffile
from panel_user import ALT, CTRL, KEY, SHIFT, PanelUser
from PIL import Image
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit

from napari_stego.clustering import ClusterSettings
from napari_stego.features import FeatureSettings
from napari_stego.project import (
    Project,
    Segmentation,
    cluster,
    extract,
    open_photographs,
    train,
)
from napari_stego.stego import StegoSettings

# What two classes are called; more or less alike ones are found out by clicks.
NAMES = ("water", "reef")


class Settler(PanelUser):
    """Somebody who settles things, and goes from tab to tab by key."""

    def __init__(self, viewer, widget, until):
        super().__init__(viewer, widget, widget.class_panel, lambda done: until(done, 600))

    def settle(self):
        parts = (self.widget.correct_panel, self.widget.review_panel, self.widget.layers)
        self.until(lambda: not (self.widget.jobs.busy or any(part.busy for part in parts)))

    def go_to(self, number, panel):
        self.key(KEY(KEY.Key_0 + number), ALT)
        assert self.widget.tabs.shows(panel)

    def call(self, class_id, name):
        """Name a class in the table, as one does: a click, F2, the name."""
        panel = self.widget.class_panel
        panel.select(class_id)
        panel.view.setFocus()
        QTest.keyClick(panel.view, KEY.Key_F2)
        editor = panel.view.findChildren(QLineEdit)[-1]
        editor.selectAll()
        QTest.keyClicks(editor, name)
        QTest.keyClick(editor, KEY.Key_Return)
        self.until(lambda: self.session.table.name(class_id) == name)


def prepare(images, folder, features, weights, steps, clusters):
    project = open_photographs(folder, images)
    extract(project, FeatureSettings(**features), weights_file=weights, device="cpu")
    train(project, StegoSettings(dim=8, steps=steps, batch_size=4, positions=20), device="cpu")
    cluster(project, ClusterSettings(clusters=clusters))
    project.close()


def tell(user, folder, out):
    widget, session = user.widget, user.session
    widget.open(None, folder)
    user.settle()

    user.go_to(4, widget.class_panel)
    water, reef = user.largest()[:2]
    user.call(water, NAMES[0])
    user.call(reef, NAMES[1])
    named = user.position
    assert named == 2

    # What a classifier would change everywhere, and the places that it asks for.
    user.go_to(6, widget.review_panel)
    teach, review = widget.review_panel.teach, widget.review_panel.review
    user.key(KEY.Key_P)
    assert teach.proposed.proposal is not None
    for answer in (KEY.Key_1, KEY.Key_2, KEY.Key_1):
        user.key(KEY.Key_N)
        assert teach.spot.spot is not None
        user.key(answer)
    user.key(KEY.Key_Escape)
    assert user.position == named + 3
    user.key(KEY.Key_A, SHIFT)
    assert user.position == named + 4
    assert not teach.accepting.all.isEnabled()

    # One by one, the least certain first; what is wrong is cut out.
    user.key(KEY.Key_R)
    fixed = review.current.image
    user.key(KEY.Key_F)
    assert widget.tabs.shows(widget.correct_panel)
    assert session.image == fixed
    height, width = user.labels.shape
    user.click(height // 3, width // 3)
    user.click(9 * height // 10, 9 * width // 10, CTRL)
    region = widget.correct_panel.proposal.mask
    assert region[height // 3, width // 3] and not region[9 * height // 10, 9 * width // 10]
    widget.correct_panel.choose(reef)
    user.key(KEY.Key_Return)
    assert (user.labels[region] == reef).all()
    user.go_to(6, widget.review_panel)
    user.key(KEY.Key_A)
    count = len(session.corpus.images)
    user.key(KEY.Key_S)
    while review.current is not None:
        user.key(KEY.Key_A)
    assert review.bar.format() == f"{count - 1} of {count - 1} reviewed, 1 skipped"
    assert "ccuracy" in review.accuracy.text()
    user.press(review.files_button)

    # Nothing is lost on the way to the files.
    shown = {i.name: session.segmentation.label_image(i) for i in session.corpus.images}
    user.go_to(7, widget.export_panel)
    widget.export_panel.form["folder"].value = out
    user.press(widget.export_panel.start)
    widget.session.project.close()
    again = Segmentation(Project.open(folder, writable=False))
    for image in session.corpus.images:
        with Image.open(out / "masks" / f"{image.path.stem}.png") as mask:
            np.testing.assert_array_equal(np.asarray(mask), shown[image.name])
        np.testing.assert_array_equal(again.label_image(image), shown[image.name])
        confidence = tifffile.imread(folder / "export" / "confidence" / f"{image.name}.tif")
        assert confidence.shape == shown[image.name].shape
        assert 0 <= confidence.min() <= confidence.max() <= 1
    with (out / "classes.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {line["name"] for line in csv.DictReader(file)} >= set(NAMES)


@pytest.mark.slow
def test_the_story(plugin, until, photographs, small_backbone, small_weights, tmp_path):
    images = photographs(tmp_path / "dive", 6, size=(96, 128))
    features = {"backbone": small_backbone, "layer": 3, "long_side": 128}
    prepare(images, tmp_path / "dive.stego", features, small_weights, 20, 6)
    tell(Settler(*plugin(), until), tmp_path / "dive.stego", tmp_path / "out")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_story_on_real_photographs(plugin, until, suim, tmp_path):
    """With DINOv2, on 24 photographs of SUIM."""
    prepare(suim(24), tmp_path / "suim.stego", {"layer": 8, "long_side": 224}, None, 60, 24)
    tell(Settler(*plugin(), until), tmp_path / "suim.stego", tmp_path / "out")
