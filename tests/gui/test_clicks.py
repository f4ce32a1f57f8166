"""Clicks and drags in the canvas."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_stego.project import Project

LEFT = Qt.MouseButton.LeftButton


def canvas_point(viewer, row, column):
    """Where a pixel of the photograph is in the canvas widget."""
    canvas = viewer.window._qt_viewer.canvas
    width, height = canvas.native.width(), canvas.native.height()
    centre, zoom = viewer.camera.center[-2:], viewer.camera.zoom
    x = width / 2 + (column - centre[1]) * zoom
    y = height / 2 + (row - centre[0]) * zoom
    return canvas.native, QPoint(round(x), round(y))


def test_a_click_shows_where_the_pixel_is_found_again(opened, settled, heatmap_of):
    viewer, widget = opened
    native, point = canvas_point(viewer, 40, 30)
    QTest.mouseClick(native, LEFT, pos=point)
    settled(widget)
    heatmap = viewer.layers["correspondence"]
    assert heatmap.visible
    assert heatmap.data.shape == (96, 128)
    image = widget.session.image
    expected = heatmap_of(widget, image, (40, 30))
    peak = np.unravel_index(heatmap.data.argmax(), heatmap.data.shape)
    # The canvas is larger than the photograph, so the click is within a pixel of its aim.
    assert np.abs(heatmap.data - expected).max() < 0.2
    assert heatmap.data[40, 30] > 0.95 * heatmap.data[peak]
    assert widget.class_panel.current_id == viewer.layers["classes"].data[40, 30]

    # By the features, from the list of what a click shows.
    widget.inspect_panel.options.source.setCurrentIndex(
        widget.inspect_panel.options.source.findData("features")
    )
    before = heatmap.data.copy()
    QTest.mouseClick(native, LEFT, pos=point)
    settled(widget)
    assert not np.array_equal(heatmap.data, before)
    assert len(viewer.layers) == 3


def test_a_drag_pans_and_shows_nothing(opened, settled):
    viewer, widget = opened
    native, point = canvas_point(viewer, 40, 30)
    before = viewer.camera.center
    QTest.mousePress(native, LEFT, pos=point)
    for step in range(1, 8):
        QTest.mouseMove(native, point + QPoint(10 * step, 0))
        QTest.qWait(20)
    QTest.mouseRelease(native, LEFT, pos=point + QPoint(70, 0))
    settled(widget)
    assert "correspondence" not in viewer.layers
    assert viewer.camera.center != before


def test_a_click_beside_the_photograph_shows_nothing(opened, settled):
    viewer, widget = opened
    native, point = canvas_point(viewer, -3, 30)
    QTest.mouseClick(native, LEFT, pos=point)
    settled(widget)
    assert "correspondence" not in viewer.layers


def test_another_photograph_hides_the_heatmap_until_the_next_click(opened, settled):
    viewer, widget = opened
    QTest.mouseClick(canvas_point(viewer, 40, 30)[0], LEFT, pos=canvas_point(viewer, 40, 30)[1])
    settled(widget)
    widget.session.select(1)
    settled(widget)
    assert not viewer.layers["correspondence"].visible
    native, point = canvas_point(viewer, 20, 20)
    QTest.mouseClick(native, LEFT, pos=point)
    settled(widget)
    assert viewer.layers["correspondence"].visible


def test_layers_of_the_user_are_left_alone_and_deleted_ones_come_back(opened, settled):
    viewer, widget = opened
    own = np.full((10, 10), 3, np.uint8)
    viewer.layers["classes"].name = "renamed"
    viewer.add_labels(own, name="classes")
    widget.session.select(2)
    settled(widget)
    np.testing.assert_array_equal(viewer.layers["classes"].data, own)
    assert viewer.layers["renamed"].data.shape == (96, 128)
    viewer.layers.remove("renamed")
    viewer.layers.remove("photograph")
    widget.session.select(3)
    settled(widget)
    assert [layer.name for layer in viewer.layers] == ["photograph", "classes [1]", "classes"]


def test_codes_are_compared_as_soon_as_there_are_some_unless_features_were_picked(
    plugin, settled, prepared, clustered
):
    project = Project.open(clustered)
    result = project.state.result
    project.update(run=None, result=None)
    _, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    panel = widget.inspect_panel
    assert panel.chosen == "features"
    project.update(run=result.run, result=result)
    widget.open(None, clustered)
    settled(widget)
    assert panel.chosen == "codes"
    QTest.keyClick(panel.options.source, Qt.Key.Key_Down)
    assert panel.chosen == "features"
    widget.open(None, clustered)
    settled(widget)
    assert panel.chosen == "features"
