"""The slider along the merge tree, in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from superqt import QCollapsible

from napari_stego.classes import RenameClass


@pytest.fixture
def opened(plugin, settled, until, clustered):
    viewer, widget = plugin()
    viewer.window._qt_window.resize(1440, 900)
    widget.open(None, clustered)
    settled(widget)
    until(lambda: not widget.class_panel.counter.busy)
    for section in widget.class_panel.findChildren(QCollapsible):
        section.expand(animate=False)
    until(widget.class_panel.tree.isVisible)
    return viewer, widget


def shown_colours(layer, table):
    """Colour that each class is shown in."""
    return {row.id: tuple(np.round(layer.get_color(row.id), 3)) for row in table.rows}


def test_the_slider_recolours_and_edits_only_when_applied(opened, until):
    viewer, widget = opened
    tree, session, layer = widget.class_panel.tree, widget.session, viewer.layers["classes"]
    before, colours = layer.data.copy(), shown_colours(layer, session.table)
    cut = session.segmentation.tree
    edits = len(session.segmentation.history)
    assert tree.slider.maximum() == len(cut) - cut.least == len(session.table.rows) - 1
    for _ in range(2):
        QTest.keyClick(tree.slider, Qt.Key.Key_Right)
    lut = cut.lut(tree.parts)
    assert tree.parts == len(cut) - 2
    assert shown_colours(layer, session.table) == {i: colours[lut[i]] for i in colours}
    np.testing.assert_array_equal(layer.data, before)
    assert str(tree.parts) in tree.line.text()
    assert f"{1 - cut.heights[1]:.2f}" in tree.line.text()
    assert len(session.segmentation.history) == edits

    QTest.keyClick(tree.slider, Qt.Key.Key_Escape)
    assert tree.slider.value() == 0
    assert shown_colours(layer, session.table) == colours

    tree.slider.setValue(2)
    QTest.keyClick(tree.slider, Qt.Key.Key_Return)
    assert len(session.segmentation.history) == edits + 1
    assert len(session.table.rows) == len(cut) - 2
    np.testing.assert_array_equal(layer.data, lut[before])
    assert tree.slider.value() == 0
    until(lambda: tree.slider.maximum() == len(cut) - 3)
    session.undo()
    np.testing.assert_array_equal(layer.data, before)
    assert shown_colours(layer, session.table) == colours


def test_named_classes_stay_apart_and_the_next_suggestion_is_taken(opened, until):
    _, widget = opened
    panel, session = widget.class_panel, widget.session
    tree = panel.tree
    (pair,) = session.segmentation.tree.suggestions(1)
    names = [session.table.name(ids[0]) for ids in (pair.first, pair.second)]
    for each in (*names, f"{pair.similarity:.2f}"):
        assert each in tree.suggestion.text()
    QTest.mouseClick(tree.merge, Qt.MouseButton.LeftButton)
    assert {pair.first[0], pair.second[0]} - {row.id for row in session.table.rows}
    assert panel.current_id in (*pair.first, *pair.second)
    until(lambda: not all(name in tree.suggestion.text() for name in names))
    first, *others = session.segmentation.tree.suggestions()
    skipped = {*first.first, *first.second}
    QTest.mouseClick(tree.skip, Qt.MouseButton.LeftButton)
    left = [pair for pair in others if not skipped <= {*pair.first, *pair.second}]
    assert (tree.skip.text() == "Skip") == bool(left)
    assert tree.merge.isVisible() == bool(left)
    session.edit(RenameClass(id=next(iter(skipped)), name="kelp"))  # what was skipped stays so
    names = {session.table.name(class_id) for class_id in skipped}
    QTest.qWait(50)
    assert not all(name in tree.suggestion.text() for name in names)
    while tree.skip.text() == "Skip":
        QTest.mouseClick(tree.skip, Qt.MouseButton.LeftButton)
    assert tree.suggestion.text() == "All that are alike were skipped."
    QTest.mouseClick(tree.skip, Qt.MouseButton.LeftButton)
    assert tree.skip.text() == "Skip"
    assert tree.merge.isVisible()
    for row in session.table.rows:
        panel.model.setData(panel.model.index(panel.model.row_of(row.id), 1), f"name {row.id}")
    until(lambda: not tree.slider.isEnabled())
    assert not tree.merge.isVisible()


def test_a_cut_in_preview_ends_with_what_it_is_of(
    opened, settled, until, prepared, clustered, tmp_path
):
    viewer, widget = opened
    tree, session, layer = widget.class_panel.tree, widget.session, viewer.layers["classes"]
    colours = shown_colours(layer, session.table)
    tree.slider.setValue(3)
    session.select(2)  # another photograph is shown with the same cut
    settled(widget)
    lut = session.segmentation.tree.lut(tree.parts)
    assert shown_colours(layer, session.table) == {i: colours[lut[i]] for i in colours}
    widget.class_panel.commands.toggle_lock([1])  # another edit
    assert tree.slider.value() == 0
    assert shown_colours(layer, session.table) == colours
    until(lambda: tree.parts)
    tree.slider.setValue(1)
    viewer.layers.remove(layer)
    tree.slider.setValue(2)
    tree.restore()
    tree.slider.setValue(1)
    widget.open(prepared / "dive", tmp_path / "other.stego")
    settled(widget)
    assert session.segmentation is None
    until(lambda: not tree.slider.isEnabled())
    widget.open(None, clustered)
    settled(widget)
    until(lambda: tree.parts)
    assert shown_colours(viewer.layers["classes"], session.table) == colours
    tree.slider.setValue(1)
    viewer.close()
    session.classes_changed.emit()
