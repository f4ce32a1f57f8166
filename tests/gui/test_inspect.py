"""Pointing at things: prompts, the mask, the mouse, and why a pixel is in its class."""

from __future__ import annotations

import re
from itertools import cycle

import numpy as np
import pytest
from panel_user import CTRL, KEY, LEFT, SHIFT, PanelUser, threads
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel

from napari_stego.classes import LockClass
from napari_stego.project import Project
from napari_stego.project.explaining import explain
from napari_stego.project.inspecting import Inspector
from napari_stego.project.prompts_file import read_prompts


class User(PanelUser):
    """Somebody who points at things."""

    def __init__(self, viewer, widget, until):
        super().__init__(viewer, widget, widget.inspect_panel, until)

    def drag(self, *places):
        points = [self.point(*place) for place in places]
        QTest.mousePress(self.canvas, LEFT, pos=points[0])
        for point in points[1:]:
            QTest.mouseMove(self.canvas, point)
            QApplication.processEvents()
        QTest.mouseRelease(self.canvas, LEFT, pos=points[-1])
        self.settle()

    @property
    def prompts(self):
        return self.panel.prompts.prompts

    @property
    def heat(self):
        return self.viewer.layers["correspondence"].data

    def expected(self, *prompts, centred=False):
        """The heatmap that the core makes of prompts."""
        inspector = Inspector(self.session.project, self.session.encodings)
        queries = inspector.queries(prompts, "codes")
        return inspector.heatmap(self.widget.layers.image, queries, "codes", centred=centred)


@pytest.fixture
def user(opened, until):
    return User(*opened, until)


def test_shift_and_ctrl_add_prompts_which_are_marked_counted_and_undone(user):
    user.click(40, 30)
    assert "prompts" not in user.viewer.layers  # a look leaves no mark
    user.click(20, 100, SHIFT)
    user.click(80, 60, CTRL)
    assert [prompt.positive for prompt in user.prompts] == [True, True, False]
    np.testing.assert_allclose(
        [p.centre for p in user.prompts], [(40, 30), (20, 100), (80, 60)], atol=1
    )
    np.testing.assert_array_equal(user.heat, user.expected(*user.prompts))
    marks = user.viewer.layers["prompts"]
    centres = [corners.mean(axis=0) for corners in marks.data]
    np.testing.assert_allclose(centres, [p.centre for p in user.prompts], atol=1e-3)
    assert marks.features["sign"].tolist() == ["+", "+", "-"]
    assert "2 like this, 1 not like this" in user.panel.bar.line.text()
    assert user.viewer.layers.selection.active is user.viewer.layers["classes"]

    user.press(user.panel.bar.undo)
    assert [prompt.positive for prompt in user.prompts] == [True, True]
    assert marks.nshapes == 2
    user.click(10, 10)  # a look starts anew, and is undone as well
    assert len(user.prompts) == 1
    user.press(user.panel.bar.undo)
    assert len(user.prompts) == 2

    user.press(user.panel.bar.clear)
    assert user.prompts == ()
    assert "prompts" not in user.viewer.layers
    assert not user.viewer.layers["correspondence"].visible


def test_a_box_and_a_lasso_are_prompts(user):
    before = user.viewer.layers.selection.active
    user.press(user.panel.bar.tools["add_rectangle"])
    user.drag((20, 20), (30, 40), (40, 60))
    (box,) = user.prompts
    rows, columns = zip(*box.vertices, strict=True)
    np.testing.assert_allclose([min(rows), max(rows)], (20, 40), atol=1)
    np.testing.assert_allclose([min(columns), max(columns)], (20, 60), atol=1)
    assert user.viewer.layers.selection.active is before
    assert not user.panel.bar.tools["add_rectangle"].isChecked()

    user.panel.bar.unlike.setChecked(True)
    user.press(user.panel.bar.tools["add_polygon_lasso"])
    angles = np.linspace(0, 2 * np.pi, 30)
    user.drag(*((60 + 20 * np.sin(a), 90 - 20 * np.cos(a)) for a in angles))
    assert [prompt.positive for prompt in user.prompts] == [True, False]
    np.testing.assert_allclose(user.prompts[1].centre, (60, 90), atol=6)
    np.testing.assert_array_equal(user.heat, user.expected(*user.prompts))
    assert user.viewer.layers["prompts"].nshapes == 2

    # Given up, nothing is drawn, and there is nothing to be seen of it.
    user.press(user.panel.bar.clear)
    user.press(user.panel.bar.tools["add_rectangle"])
    assert "prompts" in user.viewer.layers
    user.press(user.panel.bar.tools["add_rectangle"])
    assert "prompts" not in user.viewer.layers
    assert user.prompts == ()


@pytest.mark.slow
def test_what_is_done_in_the_layer_of_prompts_changes_them(user):
    user.click(40, 30)
    user.click(20, 100, SHIFT)
    user.click(80, 60, SHIFT)
    marks = user.viewer.layers["prompts"]
    marks.selected_data = {1}
    marks.remove_selected()
    user.until(lambda: len(user.prompts) == 2)
    user.settle()
    np.testing.assert_allclose([p.centre for p in user.prompts], [(40, 30), (80, 60)], atol=1)
    user.viewer.layers.remove("prompts")
    user.settle()
    assert user.prompts == ()
    user.press(user.panel.bar.undo)
    assert user.viewer.layers["prompts"].nshapes == 2
    # On another photograph they have no marks, and are looked for all the same.
    user.session.select(1)
    user.settle()
    assert user.viewer.layers["prompts"].nshapes == 0
    np.testing.assert_array_equal(user.heat, user.expected(*user.prompts))


def test_prompts_are_kept_and_come_back(user, plugin, clustered, settled):
    user.click(40, 30)
    assert read_prompts(Project.open(clustered, writable=False)) == ()
    user.click(20, 100, SHIFT)
    kept = user.prompts
    user.until(lambda: read_prompts(Project.open(clustered, writable=False)) == kept)
    user.close("dock")
    assert "prompts" not in user.viewer.layers

    _, widget = user.viewer.window.add_plugin_dock_widget("napari-stego")
    widget.open(None, clustered)
    user.until(lambda: widget.inspect_panel.prompts.prompts == kept)
    settled(widget)
    assert user.viewer.layers["prompts"].nshapes == 2
    assert not user.viewer.layers["correspondence"].visible
    widget.tabs.show_panel(widget.inspect_panel)
    user.until(lambda: user.viewer.layers["correspondence"].visible)
    widget.inspect_panel.prompts.clear()
    user.until(lambda: read_prompts(Project.open(clustered, writable=False)) == ())


def test_the_heatmap_follows_the_mouse_until_a_click(user):
    panel = user.panel
    user.press(panel.options.follow)
    for row, column in ((30, 30), (50, 90)):
        QTest.mouseMove(user.canvas, user.point(row, column))
        user.until(
            lambda r=row, c=column: (
                "correspondence" in user.viewer.layers and user.heat[r, c] > 0.98
            )
        )
        user.settle()
    assert user.prompts == ()
    user.click(50, 90)
    assert not panel.options.follow.isChecked()
    assert len(user.prompts) == 1
    QTest.mouseMove(user.canvas, user.point(51, 30))
    user.settle()
    QTest.mouseMove(user.canvas, user.point(52, 30))
    user.settle()
    score = user.heat[52, 30]
    assert score < 0.9
    assert f"{score:.2f}" in panel.options.score.text()
    labels = user.widget.window().statusBar().findChildren(QLabel)
    shown = [label.text() for label in labels if label.isVisible() and label.width() > 20]
    assert f"correspondence {score:.2f}" in shown
    away = cycle((30, 31))

    def forgotten():
        QTest.mouseMove(user.canvas, user.point(-5, next(away)))
        return not any(re.search(r"correspondence -?\d", label.text()) for label in labels)

    user.until(forgotten)


def test_layers_that_are_removed_come_back_when_they_are_needed(user):
    layers = user.viewer.layers
    user.click(50, 90)
    user.click(40, 30, SHIFT)
    for name in ("correspondence", "prompts"):
        layers.remove(name)
    user.settle()
    user.click(60, 20, SHIFT, wait=False)
    if "correspondence" in layers:
        layers.remove("correspondence")  # while another one is on its way
    user.settle()
    user.click(50, 90)
    assert layers["correspondence"].visible
    assert user.heat[50, 90] > 0.99
    user.panel.options.follow.click()
    layers.remove("correspondence")
    QTest.mouseMove(user.canvas, user.point(52, 30))
    user.until(lambda: "correspondence" in layers)
    user.widget.tabs.show_panel(user.widget.class_panel)
    assert not layers["correspondence"].visible  # classes are worked on without it


def test_centred_and_features_change_the_heatmap(user):
    user.click(40, 30)
    user.press(user.panel.options.centred)
    np.testing.assert_array_equal(user.heat, user.expected(*user.prompts, centred=True))
    centred = user.heat.copy()
    QTest.keyClick(user.panel.options.source, KEY.Key_Down)
    user.settle()
    assert not np.array_equal(user.heat, centred)


def test_a_mask_is_previewed_and_given_to_a_class_but_for_locked_ones(user):
    session, panel, layers = user.session, user.panel, user.viewer.layers
    user.click(40, 30)
    before = layers["classes"].data.copy()
    user.press(panel.mask.mask)
    QTest.keyClick(panel.mask.slider, KEY.Key_Left)
    user.settle()
    threshold = panel.mask.threshold
    mask = user.heat >= threshold
    assert threshold == 0.69
    assert 0 < mask.mean() < 1
    heatmap = layers["correspondence"]
    assert heatmap.colormap.name == "mask"
    assert heatmap.contrast_limits == pytest.approx([threshold, threshold], abs=1e-3)
    assert panel.mask.share.text() == f"{100 * mask.mean():.1f}% of the photograph"
    user.widget.tabs.show_panel(user.widget.class_panel)
    assert heatmap.colormap.name == "correspondence"
    assert heatmap.contrast_limits == [0, 1]
    user.widget.tabs.show_panel(panel)
    user.settle()
    assert heatmap.colormap.name == "mask"

    ids, counts = np.unique(before[mask], return_counts=True)
    locked = int(ids[counts.argmin()])
    session.edit(LockClass(id=locked, locked=True))
    user.settle()
    new = session.table.next_id
    panel.mask.give.chosen.emit("coral")
    user.settle()
    given = mask & (before != locked)
    np.testing.assert_array_equal(layers["classes"].data, np.where(given, new, before))
    assert session.table.name(new) == "coral"
    assert f"{given.sum():,} pixels given to coral" in panel.given.words.text()
    assert f"{(mask & (before == locked)).sum():,} of locked classes" in panel.given.words.text()
    session.undo()
    user.settle()
    assert new not in session.table
    np.testing.assert_array_equal(layers["classes"].data, before)


def test_why_tells_clusters_and_shows_examples(user):
    panel = user.panel
    panel.results.setCurrentWidget(panel.why)
    user.click(40, 30)
    image, row, column = user.widget.layers.image, *map(round, user.prompts[0].centre)
    found = explain(user.session.segmentation, image, (row, column))
    assert found.class_name in panel.why.text.text()
    assert [bar.value for bar in panel.why.bars.bars] == pytest.approx(
        [found.cluster.cosine, *(each.cosine for each in found.others)]
    )
    assert panel.why.typical.isVisible()
    thumbnail = panel.why.typical.thumbnails[0]
    user.press(thumbnail)
    assert user.widget.layers.image == thumbnail.patch.image


@pytest.mark.slow
def test_the_tab_needs_no_scrolling_at_1440_by_900(user):
    user.viewer.window.resize(1440, 900)
    QApplication.processEvents()
    area = user.panel.parent().parent().parent()
    for page in range(user.panel.results.count()):
        user.panel.results.setCurrentIndex(page)
        QApplication.processEvents()
        assert not area.verticalScrollBar().isVisible()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["dock", "viewer"])
def test_closing_amid_a_search_leaves_no_thread_and_keeps_prompts(user, clustered, what):
    user.click(40, 30)
    user.click(20, 90, SHIFT)
    panel = user.panel
    panel.results.setCurrentWidget(panel.search)
    user.press(panel.search.search, wait=False)
    panel.options.follow.setChecked(True)
    QTest.mouseMove(user.canvas, user.point(30, 30))
    user.close(what)
    assert len(read_prompts(Project.open(clustered, writable=False))) == 2
    user.until(lambda: not threads(), 20)
