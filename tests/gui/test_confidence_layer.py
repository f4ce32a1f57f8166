"""How certain the proposed classes are, as a layer of the viewer."""

from __future__ import annotations

import numpy as np
import pytest
from panel_user import KEY, PanelUser
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel, QStatusBar

from napari_stego.project.proposing import propose
from napari_stego.project.teaching import Teaching


class User(PanelUser):
    """Somebody who wants to know how sure it is."""

    def confidence(self):
        """What is certain of the photograph on show, by the core alone."""
        teaching = Teaching(self.session.project, self.session.segmentation)
        return propose(teaching, self.session.image).confidence

    @property
    def layer(self):
        return self.viewer.layers["confidence"]

    def told(self):
        """What the status bar says at its right end."""
        bar = self.viewer.window._qt_window.findChild(QStatusBar)
        texts = [each.text() for each in bar.findChildren(QLabel) if each.isVisible()]
        return [text for text in texts if text.startswith("confidence")]


@pytest.fixture
def user(opened, until):
    viewer, widget = opened
    user = User(viewer, widget, widget.review_panel, until)
    user.name("sand", "coral")
    user.key(KEY.Key_C)
    return user


def test_it_lies_between_photograph_and_classes_and_follows_the_photograph(user):
    names = [layer.name for layer in user.viewer.layers]
    assert names.index("confidence") == names.index("photograph") + 1
    assert user.layer.visible
    first = user.confidence()
    np.testing.assert_array_equal(user.layer.data, first)
    user.session.select(1)
    user.settle()
    assert user.layer.visible
    assert not np.array_equal(user.layer.data, first)
    np.testing.assert_array_equal(user.layer.data, user.confidence())
    np.testing.assert_array_equal(
        user.layer.extent.world, user.viewer.layers["photograph"].extent.world
    )


def test_the_status_bar_tells_it_under_the_mouse_as_long_as_it_is_seen(user):
    pixel = (40, 30)
    sure = user.confidence()[pixel]
    QTest.mouseMove(user.canvas, user.point(10, 10))
    QTest.mouseMove(user.canvas, user.point(*pixel))
    user.until(lambda: user.told() == [f"confidence {sure:.2f}"])
    user.key(KEY.Key_C)
    assert not user.told()
    # What the user makes visible again is of another photograph by now.
    user.session.select(1)
    user.settle()
    user.layer.visible = True
    QTest.mouseMove(user.canvas, user.point(10, 10))
    QTest.mouseMove(user.canvas, user.point(*pixel))
    user.until(lambda: user.widget.layers.pixel_at(user.viewer.cursor.position) is not None)
    assert not user.told()


def test_it_is_hidden_in_other_tabs_comes_back_and_survives_being_deleted(user):
    user.widget.tabs.show_panel(user.widget.class_panel)
    assert not user.layer.visible
    np.testing.assert_array_equal(user.shown, user.labels)
    user.widget.tabs.show_panel(user.panel)
    user.settle()
    assert user.layer.visible
    assert not user.shown.any()
    user.viewer.layers.remove(user.layer)
    assert user.panel.teach.views.view == "classes"
    np.testing.assert_array_equal(user.shown, user.labels)
    user.key(KEY.Key_C)
    assert user.layer.visible
    np.testing.assert_array_equal(user.layer.data, user.confidence())


def test_marks_stay_above_it_when_the_classes_come_back(user):
    user.viewer.layers.remove("classes")
    user.session.select(1)
    user.settle()
    names = [layer.name for layer in user.viewer.layers]
    assert names.index("photograph") < names.index("confidence") < names.index("classes")


def test_it_goes_with_the_dock(user):
    assert user.layer.visible
    user.close("dock")
    user.until(lambda: "confidence" not in user.viewer.layers)
    assert "photograph" in user.viewer.layers
