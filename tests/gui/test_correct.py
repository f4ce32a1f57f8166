"""Settling it with a few clicks: regions that are cut out or taken, and cleaning up."""

from __future__ import annotations

import time

import numpy as np
import pytest
from panel_user import CTRL, KEY, LEFT, NONE, SHIFT, PanelUser, threads
from qtpy.QtCore import QPoint
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from scipy import ndimage

from napari_stego.classes import LockClass, PaintStroke, encode_runs
from napari_stego.project import Project, Segmentation
from napari_stego.project.correcting import Correction
from napari_stego.project.refining import RefineSettings, refined_labels
from napari_stego.project.reviewing import Review


class User(PanelUser):
    """Somebody who settles things with clicks."""

    def __init__(self, viewer, widget, until):
        super().__init__(viewer, widget, widget.correct_panel, until)

    def pick(self, radio):
        QTest.mouseClick(radio, LEFT, pos=QPoint(8, radio.height() // 2))
        self.settle()

    def drag(self, places, modifiers, *, wait=True):
        points = [self.point(*place) for place in places]
        QTest.mousePress(self.canvas, LEFT, modifiers, points[0])
        for point in points[1:]:
            QTest.mouseMove(self.canvas, point)
            QApplication.processEvents()
        QTest.mouseRelease(self.canvas, LEFT, modifiers, points[-1])
        if wait:
            self.settle()

    @property
    def correction(self):
        """The core, apart from that of the panel."""
        return Correction(self.session.segmentation, self.session.image)

    def shows_classes(self):
        return np.array_equal(self.shown, self.labels)


@pytest.fixture
def user(opened, until):
    return User(*opened, until)


def test_clicks_propose_a_region_which_enter_gives_to_the_class_in_one_step(user):
    panel, before = user.panel, user.labels
    user.click(40, 30, wait=False)
    assert "Getting ready" in panel.hint.text()
    assert not user.shows_classes()  # the mark is there at once
    user.settle()
    user.click(80, 110, CTRL)
    clicks = panel.clicks
    assert [click.positive for click in clicks] == [True, False]
    np.testing.assert_allclose([c.pixels[0] for c in clicks], [(40, 30), (80, 110)], atol=1)
    mask = user.correction.propose(clicks)
    np.testing.assert_array_equal(panel.proposal.mask, mask)
    assert f"{100 * mask.mean():.1f}% of the photograph" in panel.hint.text()
    assert not user.shows_classes()
    assert [layer.name for layer in user.viewer.layers] == ["photograph", "classes"]
    np.testing.assert_array_equal(user.labels, before)

    target = next(row.id for row in user.session.table.rows if (before[mask] != row.id).all())
    panel.target.choose(target)
    drawn = user.shown[mask]
    assert (drawn == target).mean() > 0.3  # but for the edge and the mark
    done = user.position
    user.key(KEY.Key_Return)
    after = np.where(mask, target, before)
    np.testing.assert_array_equal(user.labels, after)
    assert user.shows_classes()
    assert panel.clicks == ()
    assert user.position == done + 1
    assert "cut, 2 clicks" in user.session.segmentation.history.undo_text
    assert f"{(after != before).sum():,} pixels given" in panel.given.words.text()
    user.press(panel.given.undo)
    np.testing.assert_array_equal(user.labels, before)
    assert user.shows_classes()


def test_drags_with_shift_and_ctrl_draw_over_what_is_and_what_is_not(user):
    panel, view = user.panel, user.viewer.camera.center
    user.drag([(40, 10), (40, 30), (30, 40)], SHIFT, wait=False)
    assert (user.shown[40, 10:31] == user.shown[40, 20]).all()  # drawn at once
    assert user.shown[40, 20] not in user.labels
    user.settle()
    user.drag([(85, 90), (85, 110)], CTRL)
    user.click(60, 20)
    assert [click.positive for click in panel.clicks] == [True, False, True]
    drawn = np.array(panel.clicks[0].pixels)
    assert len(drawn) > 25
    np.testing.assert_allclose(drawn[[0, -1]], [(40, 10), (30, 40)], atol=1)
    mask = panel.proposal.mask
    assert all(mask[pixel] == click.positive for click in panel.clicks for pixel in click.pixels)
    np.testing.assert_array_equal(mask, user.correction.propose(panel.clicks))
    user.key(KEY.Key_Backspace)
    user.key(KEY.Key_Backspace)
    assert [click.positive for click in panel.clicks] == [True]
    user.key(KEY.Key_Escape)
    assert user.shows_classes()
    # Without a key, a drag moves the photograph.
    assert user.viewer.camera.center == view
    user.drag([(40, 10), (40, 30)], NONE)
    assert panel.clicks == ()
    assert user.viewer.camera.center != view


def test_keys_take_clicks_back_discard_and_accept_as_soon_as_there_is_a_region(user):
    panel = user.panel
    user.click(20, 100, CTRL)
    assert "without Ctrl" in panel.hint.text()
    assert not panel.accept_button.isEnabled()
    user.click(40, 30)
    user.click(70, 40)
    first = panel.clicks
    user.key(KEY.Key_Backspace)
    assert panel.clicks == first[:2]
    np.testing.assert_array_equal(panel.proposal.mask, user.correction.propose(first[:2]))
    user.key(KEY.Key_Z, CTRL)
    assert panel.clicks == first[:1]
    assert panel.proposal is None
    user.key(KEY.Key_Z, CTRL)
    assert panel.clicks == ()
    assert user.shows_classes()
    assert user.position == 0
    user.click(40, 30)
    user.key(KEY.Key_Escape)
    assert panel.clicks == ()
    assert user.shows_classes()
    assert user.position == 0

    user.click(40, 30, wait=False)
    user.key(KEY.Key_Return, wait=False)
    assert user.position == 0
    user.settle()
    assert user.position == 1
    # With no clicks pending the keys are napari's again.
    user.key(KEY.Key_Z, CTRL)
    assert user.position == 0


@pytest.mark.parametrize(
    ("button", "clicks", "edits"),
    [("accept_button", 0, 1), ("discard_button", 0, 0), ("back_button", 1, 0)],
)
def test_the_buttons_do_what_the_keys_do(user, button, clicks, edits):
    user.click(40, 30)
    user.click(70, 40)
    user.press(getattr(user.panel, button))
    assert len(user.panel.clicks) == clicks
    assert user.position == edits


def test_regions_from_fine_to_coarse_follow_the_slider_and_brackets(user):
    panel = user.panel
    user.click(40, 30)
    cut = panel.proposal.mask
    user.pick(panel.way.region)
    sizes = []
    for key in (KEY.Key_BracketLeft, KEY.Key_BracketLeft, KEY.Key_BracketRight):
        user.key(key)
        expected = user.correction.regions(panel.clicks, panel.way.level)
        np.testing.assert_array_equal(panel.proposal.mask, expected)
        sizes.append(expected.sum())
    assert panel.way.level == 0.45
    assert sizes[0] >= sizes[1] <= sizes[2]
    QTest.keyClick(panel.way.slider, KEY.Key_End)
    user.settle()
    assert panel.proposal.mask.all()
    assert panel.way.count.text() == "1 region"
    QTest.keyClick(panel.way.slider, KEY.Key_Home)
    user.settle()
    assert 0 < panel.proposal.mask.sum() < sizes[1]
    user.pick(panel.way.cut)
    np.testing.assert_array_equal(panel.proposal.mask, cut)


def test_the_slider_parts_the_photograph_before_anything_is_clicked(user):
    panel, layers = user.panel, user.viewer.layers
    assert "regions" not in layers
    user.pick(panel.way.region)
    layer, before = layers["regions"], user.shown.copy()
    assert layer.visible
    assert layer.contour == 1
    for key in (KEY.Key_BracketLeft, KEY.Key_BracketRight, KEY.Key_BracketRight):
        user.key(key)
        parts = user.correction.tree.labels_at(panel.way.level) + 1
        np.testing.assert_array_equal(layer.data, parts)
        assert panel.way.count.text() == f"{parts.max()} regions"
    user.click(40, 30)  # takes what is outlined
    np.testing.assert_array_equal(panel.proposal.mask, parts == parts[40, 30])
    user.key(KEY.Key_Escape)
    np.testing.assert_array_equal(user.shown, before)
    assert layer.visible
    user.session.select(1)
    user.settle()
    np.testing.assert_array_equal(layer.data, user.correction.tree.labels_at(panel.way.level) + 1)
    user.widget.tabs.show_panel(user.widget.class_panel)
    assert not layer.visible
    user.widget.tabs.show_panel(panel)
    user.settle()
    assert layer.visible
    user.pick(panel.way.cut)
    assert not layer.visible
    assert panel.way.count.text() == ""
    assert user.position == 0


def test_a_new_class_is_made_with_its_region_in_one_step(user):
    panel, before = user.panel, user.labels
    user.click(40, 30)
    mask, new = panel.proposal.mask, user.session.table.next_id
    panel.target.box.setFocus()
    QTest.keyClick(panel.target.box, KEY.Key_End)
    panel.target.box.activated.emit(panel.target.box.currentIndex())
    assert panel.target.name.hasFocus()
    QTest.keyClicks(panel.target.name, "coral")
    QTest.keyClick(panel.target.name, KEY.Key_Return)
    user.settle()
    assert user.position == 1
    assert user.session.table.name(new) == "coral"
    np.testing.assert_array_equal(user.labels, np.where(mask, new, before))
    assert panel.target.chosen == new
    assert user.widget.class_panel.current_id == new


def test_locked_classes_keep_their_pixels_and_get_none_and_it_is_told(user, messages):
    panel, before = user.panel, user.labels
    user.click(40, 30)
    mask = panel.proposal.mask
    locked = int(before[tuple(panel.clicks[0].pixels[0])])
    user.session.edit(LockClass(id=locked, locked=True))
    user.settle()
    panel.target.choose(locked)
    user.key(KEY.Key_Return)
    assert "locked" in messages[-1]
    assert len(panel.clicks) == 1  # another class may get it
    other = next(row.id for row in user.session.table.rows if row.id != locked)
    panel.target.choose(other)
    user.key(KEY.Key_Return)
    np.testing.assert_array_equal(user.labels, np.where(mask & (before != locked), other, before))
    kept = int((mask & (before == locked)).sum())
    assert f"{kept:,} of locked classes" in panel.given.words.text()


def smallest_region(labels):
    """Pixels of the smallest region of a class."""
    sizes = [np.bincount(ndimage.label(labels == i)[0].ravel())[1:] for i in np.unique(labels)]
    return int(np.concatenate(sizes).min())


def test_cleaning_is_previewed_and_done_here_or_everywhere_in_one_step(user):
    panel, box, session = user.panel, user.panel.cleaning, user.session
    before = user.labels
    settings = RefineSettings(smallest=smallest_region(before) + 1, largest_hole=100)
    _, expected = refined_labels(session.segmentation, session.image, settings)
    assert not np.array_equal(before, expected)
    user.click(40, 30)
    user.press(box.preview)
    assert panel.clicks == ()  # one preview at a time
    box.smallest.setFocus()
    box.smallest.selectAll()
    QTest.keyClicks(box.smallest, str(settings.smallest))
    QTest.keyClick(box.smallest, KEY.Key_Tab)
    user.settle()
    np.testing.assert_array_equal(user.shown, expected)
    share = (before != expected).mean()
    assert f"{100 * share:.1f}% of the photograph would change" in box.line.text()
    user.press(box.preview)
    assert user.shows_classes()
    assert user.position == 0

    user.press(box.here)
    assert user.position == 1
    np.testing.assert_array_equal(user.labels, expected)
    assert user.shows_classes()
    user.press(panel.given.undo)
    images = session.corpus.images
    cleaned = [refined_labels(session.segmentation, image, settings)[1] for image in images]
    user.press(box.all)
    assert user.position == 1
    for image, labels in zip(images, cleaned, strict=True):
        np.testing.assert_array_equal(session.segmentation.label_image(image), labels)
    assert "have another class now" in panel.given.words.text()
    session.undo()
    np.testing.assert_array_equal(user.labels, before)


def test_a_hole_is_filled_with_keys_alone(user):
    box, before = user.panel.cleaning, user.labels
    mask = np.zeros(before.shape, bool)
    mask[30:34, 40:45] = True
    image = user.session.image.content_hash
    erased = PaintStroke(
        image=image, shape=mask.shape, runs=encode_runs(np.flatnonzero(mask)), class_id=0
    )
    user.session.edit(erased)
    user.settle()
    assert (user.labels[mask] == 0).all()
    box.hole.setFocus()
    box.hole.selectAll()
    QTest.keyClicks(box.hole, "20")
    for widget in (box.hole, box.crf, box.preview):
        QTest.keyClick(widget, KEY.Key_Tab)
    assert box.here.hasFocus()
    QTest.keyClick(box.here, KEY.Key_Space)
    user.settle()
    assert (user.labels[mask] != 0).all()
    np.testing.assert_array_equal(user.labels[~mask], before[~mask])


def test_a_reviewed_photograph_stays_when_all_are_cleaned(user):
    session, box, before = user.session, user.panel.cleaning, user.labels
    Review(session.project, session.segmentation).accept(session.image)
    box.smallest.setValue(smallest_region(before) + 1)
    user.press(box.all)
    np.testing.assert_array_equal(user.labels, before)
    words = user.panel.given.words.text()
    assert words.endswith("1 photograph that was reviewed as right stays as it is.")
    user.press(box.here)
    assert not np.array_equal(user.labels, before)


@pytest.mark.slow
def test_classes_that_change_while_all_is_cleaned_are_not_written_over(user):
    box, session = user.panel.cleaning, user.session
    user.press(box.all, wait=False)
    session.edit(LockClass(id=session.table.rows[0].id, locked=True))
    user.settle()
    assert user.position == 1
    assert "have changed meanwhile" in user.panel.given.words.text()


def test_leaving_the_tab_the_photograph_or_the_project_forgets_the_clicks(user, clustered):
    panel, session = user.panel, user.session
    leave = {
        "tab": lambda: user.widget.tabs.show_panel(user.widget.class_panel),
        "photograph": lambda: session.select(1 - session.index),
        "project": lambda: user.widget.open(None, clustered),
    }
    for wait in (True, False):
        for call in leave.values():
            user.widget.tabs.show_panel(panel)
            user.settle()
            user.click(40, 30, wait=wait)
            assert len(panel.clicks) == 1
            call()
            user.settle()
            assert panel.clicks == ()
            assert panel.proposal is None
            assert user.shows_classes()
    # Outside of the tab a click looks, and cuts nothing out.
    user.widget.tabs.show_panel(user.widget.class_panel)
    user.click(40, 30)
    assert panel.clicks == ()
    assert user.viewer.layers["correspondence"].visible
    user.widget.tabs.show_panel(panel)
    assert not user.viewer.layers["correspondence"].visible


def test_a_project_that_is_only_read_shows_regions_and_gives_none(user):
    panel = user.panel
    user.session.project.close()  # as if another program had taken it
    assert user.session.read_only
    user.session.select(1)
    user.settle()
    user.click(40, 30)
    assert panel.proposal is not None
    assert user.session.read_only in panel.hint.text()
    assert not panel.accept_button.isEnabled()
    assert not panel.cleaning.here.isEnabled()
    assert not panel.cleaning.all.isEnabled()
    user.key(KEY.Key_Return)
    assert user.position == 0


@pytest.mark.slow
def test_the_tab_needs_no_scrolling_at_1440_by_900(user):
    user.viewer.window.resize(1440, 900)
    user.click(40, 30)
    QApplication.processEvents()
    area = user.panel.parent().parent().parent()
    assert not area.verticalScrollBar().isVisible()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "when"),
    [("dock", "click"), ("viewer", "click"), ("dock", "preview"), ("viewer", "all")],
)
def test_closing_at_any_moment_leaves_no_thread_and_no_edit(
    user, clustered, what, when, monkeypatch
):
    panel, prepare = user.panel, Correction.prepare

    def slow(correction, *args):
        time.sleep(0.5)  # else it may be over before anything can be closed
        prepare(correction, *args)

    monkeypatch.setattr(Correction, "prepare", slow)
    if when == "click":
        user.click(40, 30, wait=False)
        user.key(KEY.Key_Return, wait=False)
    else:
        panel.cleaning.crf.setChecked(True)
        button = panel.cleaning.preview if when == "preview" else panel.cleaning.all
        user.press(button, wait=False)
    assert threads()
    user.close(what)
    user.until(lambda: not threads(), 20)
    project = Project.open(clustered, writable=False)
    assert Segmentation(project).history.position == 0
