"""Other settings, other projects and edits at moments that do not suit."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit

from napari_stego.classes import RenameClass
from napari_stego.clustering import ClusterSettings
from napari_stego.gui.class_model import NAME
from napari_stego.gui.opened import Opened
from napari_stego.project import Project, cluster, open_photographs


def rename(widget, row, name):
    model = widget.class_panel.model
    return model.setData(model.index(row, NAME), name)


@pytest.mark.parametrize("clusters", [2, 9])
def test_fewer_and_more_clusters(opened, settled, clusters, messages):
    viewer, widget = opened
    widget.run_panel.form.main["clusters"].value = clusters
    widget.run_panel.start.click()
    settled(widget)
    assert widget.class_panel.model.rowCount() == clusters
    assert viewer.layers["classes"].data.max() <= clusters
    assert not any("Error" in message for message in messages)


@pytest.mark.slow
def test_a_run_with_other_features_that_is_cancelled_leaves_the_classes_in_use(
    opened, settled, until, clustered, small_weights, tmp_path
):
    viewer, widget = opened
    before = viewer.layers["classes"].data.copy()
    form = widget.run_panel.form
    form.advanced["weights_file"].value = small_weights
    form.advanced["long_side"].value = 96
    form.advanced["steps"].value = 100_000
    widget.run_panel.start.click()
    until(lambda: len(widget.run_panel.curves.records) > 5)
    widget.jobs.cancel()
    settled(widget)
    widget.session.select(1)
    settled(widget)
    widget.session.select(0)
    settled(widget)
    np.testing.assert_array_equal(viewer.layers["classes"].data, before)
    widget.open(None, clustered)
    settled(widget)
    np.testing.assert_array_equal(viewer.layers["classes"].data, before)


def test_another_project_keeps_its_own_photographs(
    opened, settled, clustered, photographs, tmp_path
):
    _, widget = opened
    other = tmp_path / "other.stego"
    open_photographs(other, photographs(tmp_path / "elsewhere", 2, first=80))
    state = Project.open(other).state
    widget.corpus_panel.project.value = other
    widget.corpus_panel.open.click()
    settled(widget)
    assert len(widget.session.corpus) == 2
    assert Project.open(other).state == state
    assert widget.session.segmentation is None


@pytest.mark.slow
def test_a_damaged_head_is_told_and_the_photographs_open_all_the_same(
    plugin, settled, clustered, messages
):
    project = Project.open(clustered)
    project.run_file(project.result.run).write_bytes(b"noise")
    viewer, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    assert any("train again" in message for message in messages)
    assert [layer.name for layer in viewer.layers] == ["photograph"]
    assert widget.run_panel.start.isEnabled()


@pytest.mark.slow
def test_a_name_being_typed_when_other_classes_come_is_dropped(opened, settled, clustered):
    _, widget = opened
    view = widget.class_panel.view
    view.setCurrentIndex(view.model().index(1, NAME))
    QTest.keyClick(view, Qt.Key.Key_F2)
    editor = view.findChild(QLineEdit)
    QTest.keyClicks(editor, "half a na")
    project = Project.open(clustered)
    cluster(project, ClusterSettings(clusters=5, seed=1))
    widget.session.adopt(Opened.read(project))
    if view.findChild(QLineEdit) is not None:
        QTest.keyClick(editor, Qt.Key.Key_Return)
    assert not any("half" in row.name for row in widget.session.table.rows)


def test_an_edit_made_while_a_job_ends_is_kept(opened, clustered):
    _, widget = opened
    read_again = Opened.read(Project.open(clustered))
    widget.session.edit(RenameClass(id=1, name="kelp"))
    widget.session.adopt(read_again)
    widget.session.edit(RenameClass(id=2, name="sand"))
    names = [row.name for row in Opened.read(Project.open(clustered)).segmentation.table.rows]
    assert names[:2] == ["kelp", "sand"]


def test_classes_can_be_edited_without_their_layers(opened, settled):
    viewer, widget = opened
    viewer.layers.clear()
    assert rename(widget, 0, "sand")
    assert widget.session.table.rows[0].name == "sand"
    widget.session.select(1)
    settled(widget)
    assert [layer.name for layer in viewer.layers] == ["photograph", "classes"]


def test_a_photograph_that_went_away_is_named_and_never_shown_as_another(
    opened, settled, images, messages, heatmap_of
):
    viewer, widget = opened
    (images / "frame003.png").unlink()
    widget.session.select(3)
    settled(widget)
    assert any("frame003.png" in message and "gone" in message for message in messages)
    widget.inspect_panel.click((20, 20))
    settled(widget)
    assert not viewer.layers["photograph"].data.any()
    assert viewer.layers["classes"].data.any()
    image = widget.session.corpus.images[3]
    expected = heatmap_of(widget, image, (20, 20))
    np.testing.assert_array_equal(viewer.layers["correspondence"].data, expected)


def test_one_class_alone_stays_alone_on_the_next_photograph_and_after_an_edit(opened, settled):
    viewer, widget = opened
    labels = viewer.layers["classes"]
    widget.class_panel.select(2)
    widget.class_panel.only.trigger()
    for change in (
        lambda: widget.session.select(1),
        lambda: rename(widget, 1, "sand"),
        lambda: widget.session.select(0),
    ):
        change()
        settled(widget)
        assert labels.show_selected_label
        assert labels.colormap.use_selection
        assert labels.colormap.selection == 2
    widget.class_panel.only.trigger()
    assert not labels.show_selected_label


def test_a_merge_keeps_the_name_that_was_given(opened):
    _, widget = opened
    rename(widget, 0, "sand")
    view, model = widget.class_panel.view, widget.class_panel.model
    view.clearSelection()
    for class_id in (1, 3):
        source = model.index(model.row_of(class_id), NAME)
        place = view.visualRect(view.model().mapFromSource(source)).center()
        modifier = Qt.KeyboardModifier.ControlModifier
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, place)
    assert "sand" in widget.class_panel.merge.toolTip()
    widget.class_panel.merge.trigger()
    row = widget.session.table.row(1)
    assert (row.name, row.clusters) == ("sand", (0, 2))


def test_edited_classes_are_carried_over_which_is_told_and_come_back(opened, settled):
    _, widget = opened
    rename(widget, 0, "sand")
    assert widget.run_panel.form.main["clusters"].value == 5
    for clusters in (4, 5):
        widget.run_panel.form.main["clusters"].value = clusters
        widget.run_panel.start.click()
        settled(widget)
        if clusters == 4:
            assert "carried over" in widget.job_bar.status.text()
            assert "sand" in {row.name for row in widget.session.table.rows}
    assert widget.session.table.rows[0].name == "sand"
    assert widget.session.table.rows[0].clusters


def test_the_heatmap_turns_the_classes_into_outlines_until_it_is_hidden(opened, settled):
    viewer, widget = opened
    widget.inspect_panel.click((20, 20))
    settled(widget)
    assert viewer.layers["classes"].contour > 0
    viewer.layers["correspondence"].visible = False
    assert viewer.layers["classes"].contour == 0


def test_a_project_that_was_chosen_is_not_replaced_by_a_suggestion(opened, photographs, tmp_path):
    _, widget = opened
    panel = widget.corpus_panel
    panel.images.value = photographs(tmp_path / "second", 1)
    assert panel.project.value == tmp_path / "second.stego"
    panel.project.value = tmp_path / "my own.stego"
    panel.images.value = photographs(tmp_path / "third", 1)
    assert panel.project.value == tmp_path / "my own.stego"
