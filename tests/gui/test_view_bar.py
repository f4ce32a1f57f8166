"""How photographs and classes are shown, which changes no result."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_stego.corpus.enhancement import ENHANCEMENTS, enhance


def choose(bar, enhancement):
    bar.enhancement.setCurrentIndex(bar.enhancement.findData(enhancement))


def test_the_photograph_is_enhanced_for_the_eye_alone(opened, settled, clustered):
    viewer, widget = opened
    labels = viewer.layers["classes"].data.copy()
    files = {path: path.stat().st_mtime_ns for path in clustered.rglob("*") if path.is_file()}
    layers = list(viewer.layers)
    pixels = widget.session.image.read()
    for enhancement in (*ENHANCEMENTS[1:], "none"):
        choose(widget.view_bar, enhancement)
        settled(widget)
        np.testing.assert_array_equal(
            viewer.layers["photograph"].data, enhance(pixels, enhancement)
        )
        np.testing.assert_array_equal(viewer.layers["classes"].data, labels)
    choose(widget.view_bar, "contrast")
    widget.session.select(1)  # and so are those that follow
    settled(widget)
    pixels = widget.session.image.read()
    np.testing.assert_array_equal(viewer.layers["photograph"].data, enhance(pixels, "contrast"))
    assert list(viewer.layers) == layers
    changed = {path for path in files if path.stat().st_mtime_ns != files[path]}
    assert not [path for path in changed if "thumbnails" not in path.parts]


def test_classes_are_outlined_and_blink(opened, settled):
    viewer, widget = opened
    bar, classes = widget.view_bar, viewer.layers["classes"]
    QTest.keyClick(bar.contours, Qt.Key.Key_Space)
    assert classes.contour > 0
    widget.inspect_panel.click((20, 20))
    settled(widget)
    viewer.layers["correspondence"].visible = False
    assert classes.contour > 0  # as before the heatmap
    QTest.keyClick(bar.contours, Qt.Key.Key_Space)
    assert classes.contour == 0
    QTest.mouseClick(bar.blink, Qt.MouseButton.LeftButton)
    assert not classes.visible
    QTest.mouseClick(bar.blink, Qt.MouseButton.LeftButton)
    assert classes.visible


def test_edges_are_refined_on_demand(opened, settled):
    viewer, widget = opened
    plain = viewer.layers["classes"].data.copy()
    widget.view_bar.crf.setChecked(True)
    assert widget.view_bar.crf.text() == "working…"
    settled(widget)
    refined = viewer.layers["classes"].data.copy()
    assert 0 < (refined != plain).mean() < 0.5
    assert widget.view_bar.crf.text() != "working…"
    widget.view_bar.crf.setChecked(False)
    settled(widget)
    np.testing.assert_array_equal(viewer.layers["classes"].data, plain)
