"""One story of exploring by mouse and keyboard: an empty viewer, and hits that become a class."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QInputDialog, QLineEdit
from story_user import CONTROL, LEFT, SHIFT, User, as_soon_as

from napari_stego.features import FeatureSettings
from napari_stego.project.inspecting import Inspector

PROGRAM = Path(sys.executable).with_name("napari-stego")
NAME = "where else"


class Explorer(User):
    """Somebody who points at things."""

    def __init__(self, viewer, widget):
        super().__init__(viewer, widget, 600)
        self.inspect = widget.inspect_panel

    def settle(self):
        super().settle()
        self.until(lambda: not self.inspect.busy)

    def click(self, row, column, modifiers=Qt.KeyboardModifier.NoModifier):
        QTest.mouseClick(self.canvas, LEFT, modifiers, self._point(row, column))
        self.settle()

    def expected(self, image):
        """The heatmap of what was pointed at, as the core makes it."""
        inspector = Inspector(self.session.project, self.session.encodings)
        queries = inspector.queries(self.inspect.prompts.prompts, "codes")
        return inspector.heatmap(image, queries, "codes")

    def give_to_new_class(self, name):
        """Choose “New class…” in the menu of the button, and type its name."""
        button = self.inspect.search.give
        menu = button.menu()

        def choose():
            (new,) = [each for each in menu.actions() if each.text() == "New class…"]
            menu.setActiveAction(new)  # the mouse may be over another one
            QTest.keyClick(menu, Qt.Key.Key_Return)

        def answer():
            line = QApplication.activeModalWidget().findChild(QLineEdit)
            line.selectAll()
            QTest.keyClicks(line, name)
            QTest.keyClick(line, Qt.Key.Key_Return)

        chosen = as_soon_as(menu.isVisible, choose)
        asked = as_soon_as(
            lambda: isinstance(QApplication.activeModalWidget(), QInputDialog), answer
        )
        button.setFocus()
        self.press(button)
        self.until(lambda: not (chosen.isActive() or asked.isActive()))
        self.settle()


def tell(user, images, project, features, weights, steps, clusters):
    widget, viewer = user.widget, user.viewer
    assert len(viewer.layers) == 0
    corpus = widget.corpus_panel
    corpus.images.value, corpus.project.value = images, project
    user.press(corpus.open)
    user.settle()
    assert [layer.name for layer in viewer.layers] == ["photograph"]

    user.go_to(widget.run_panel)
    form = widget.run_panel.form
    form.show(FeatureSettings(**features))
    form.advanced["weights_file"].value = weights
    form.advanced["steps"].value = steps
    form.main["clusters"].value = clusters
    user.press(widget.run_panel.start)
    user.settle()
    assert len(widget.run_panel.curves.records) == steps
    assert len(user.session.table.rows) == clusters

    # The heatmap follows the mouse, and stays where it is clicked.
    user.go_to(user.inspect)
    height, width = user.labels.data.shape
    user.press(user.inspect.options.follow)
    QTest.mouseMove(user.canvas, user._point(height // 2, width // 3))
    user.until(lambda: "correspondence" in viewer.layers)
    user.settle()
    assert len(user.inspect.prompts.prompts) == 0
    user.click(height // 3, width // 4)
    user.click(height // 3, width // 3, SHIFT)
    user.click(3 * height // 4, 3 * width // 4, CONTROL)
    signs = [prompt.positive for prompt in user.inspect.prompts.prompts]
    assert signs == [True, True, False]
    here = user.session.image
    heat = viewer.layers["correspondence"].data
    rows = np.linspace(0, height - 1, heat.shape[0]).round().astype(int)
    columns = np.linspace(0, width - 1, heat.shape[1]).round().astype(int)
    expected = user.expected(here)[np.ix_(rows, columns)]
    np.testing.assert_allclose(heat, expected, atol=0.25)
    assert len(user.inspect.near.view.tiles.tiles) > 1

    # Where else in all photographs?
    user.inspect.results.setCurrentWidget(user.inspect.search)
    user.press(user.inspect.search.search)
    user.settle()
    hits = [tile.place for tile in user.inspect.search.view.tiles.tiles]
    assert len({hit.image.name for hit in hits}) == len(hits) > 2
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    elsewhere = next(hit for hit in hits if hit.image != here)
    view = user.inspect.search.view
    index = view.tiles.index(hits.index(elsewhere))
    view.scrollTo(index)
    QTest.mouseClick(view.viewport(), LEFT, pos=view.visualRect(index).center())
    user.settle()
    assert user.session.image == elsewhere.image

    # The hits become a class, down to a threshold, in one step.
    before = {i.name: user.session.segmentation.label_image(i) for i in user.session.corpus.images}
    threshold = round(100 * np.median(scores))
    user.inspect.mask.slider.setValue(threshold)
    user.press(user.inspect.search.all)
    edits = user.edits
    user.give_to_new_class(NAME)
    assert user.edits == edits + 1
    (new,) = [row.id for row in user.session.table.rows if row.name == NAME]
    given = 0
    for image in user.session.corpus.images:
        changed = user.session.segmentation.label_image(image) != before[image.name]
        assert (user.session.segmentation.label_image(image)[changed] == new).all()
        assert (user.expected(image)[changed] >= threshold / 100).all()
        given += int(changed.sum())
    assert given > 0
    assert f"{given:,} pixels" in user.inspect.given.words.text()

    user.key(Qt.Key.Key_Z, CONTROL, to=user.canvas)
    assert user.edits == edits
    for image in user.session.corpus.images:
        labels = user.session.segmentation.label_image(image)
        np.testing.assert_array_equal(labels, before[image.name])
    user.key(Qt.Key.Key_Z, CONTROL | SHIFT, to=user.canvas)
    user.viewer.close()

    # It is there for whoever opens the project, without a window too.
    listed = subprocess.run(
        [PROGRAM, "classes", "list", "--project", project],
        capture_output=True,
        text=True,
        check=True,
    )
    assert NAME in listed.stdout


@pytest.mark.slow
def test_the_story(plugin, photographs, small_backbone, small_weights, tmp_path):
    images = photographs(tmp_path / "dive", 6, size=(96, 128))
    features = {"backbone": small_backbone, "layer": 3, "long_side": 128}
    user = Explorer(*plugin())
    tell(user, images, tmp_path / "dive.stego", features, small_weights, 20, 8)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_story_on_real_photographs(plugin, suim, tmp_path):
    """With DINOv2, on 40 photographs of SUIM."""
    images = suim(40)
    features = {"layer": 8, "long_side": 224}
    user = Explorer(*plugin())
    tell(user, images, tmp_path / "suim.stego", features, None, 60, 24)
