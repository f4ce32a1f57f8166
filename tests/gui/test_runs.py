"""Several runs: watched while one is trained, kept, compared, and one picked."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialog

from napari_stego.gui.compare_dialog import CompareDialog
from napari_stego.project import Project, cluster, list_runs, train
from napari_stego.stego import StegoSettings


def press(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def several(plugin, settled, clustered):
    """The small project with a second run, which is in use."""
    project = Project.open(clustered)
    train(project, StegoSettings(dim=6, steps=20, batch_size=4, seed=5), device="cpu")
    cluster(project, project.result.settings)
    project.close()
    _, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    widget.tabs.show_panel(widget.run_panel)
    return widget


def test_one_run_is_not_worth_a_table(opened):
    widget = opened[1]
    widget.tabs.show_panel(widget.run_panel)
    assert not widget.run_panel.runs.isVisible()


def seeds(table):
    return [table.item(row, 3).text() for row in range(table.rowCount())]


def select(table, row, modifier=Qt.KeyboardModifier.NoModifier):
    place = table.visualItemRect(table.item(row, 1)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, place)


def test_an_earlier_run_is_picked_with_the_mouse(several, settled, clustered):
    runs, table = several.run_panel.runs, several.run_panel.runs.table
    assert runs.isVisible()
    assert set(seeds(table)) == {"0", "5"}
    bold = {seeds(table)[row]: table.item(row, 0).font().bold() for row in range(2)}
    assert bold == {"0": False, "5": True}
    qualities = {seeds(table)[row]: table.item(row, 7).text() for row in range(2)}
    assert 0 <= float(qualities["0"]) <= 1
    assert qualities["5"] == ""  # it was not judged
    assert not runs.use.isEnabled()
    select(table, seeds(table).index("5"))
    assert not runs.use.isEnabled()  # it is in use
    select(table, seeds(table).index("0"))
    before = several.session.segmentation
    press(runs.use)
    settled(several)
    assert several.session.segmentation is not before
    assert several.session.run.settings.seed == 0
    assert several.run_panel.form.values().stego.seed == 0
    state = Project.open(clustered, writable=False).state
    assert state.result.run == state.run
    assert [kept.run.settings.seed for kept in list_runs(Project.open(clustered)) if kept.latest]
    assert table.item(seeds(table).index("0"), 0).font().bold()


def test_runs_are_compared_on_the_photograph_on_show(several, settled):
    runs = several.run_panel.runs
    several.session.select(2)
    settled(several)
    state = several.session.project.state
    press(runs.compare)
    settled(several)
    dialogs = [d for d in several.findChildren(QDialog) if isinstance(d, CompareDialog)]
    assert len(dialogs) == 1
    assert dialogs[0].isVisible()
    assert "frame002.png" in dialogs[0].windowTitle()
    assert dialogs[0].titles[0] == "raw features"
    assert sorted(title.split("seed ")[1][0] for title in dialogs[0].titles[1:]) == ["0", "5"]
    assert several.session.project.state == state  # looking changes nothing
    dialogs[0].close()


def test_the_photograph_on_show_is_clustered_while_a_head_is_trained(opened, until, settled):
    viewer, widget = opened
    widget.tabs.show_panel(widget.run_panel)
    layers = list(viewer.layers)
    labels = viewer.layers["classes"].data.copy()
    panel, preview = widget.run_panel, widget.run_panel.training.preview
    panel.form.advanced["steps"].value = 100_000
    panel.start.click()
    until(lambda: preview.shown is not None)
    assert preview.shown.image.name == "frame000.png"
    assert set(np.unique(preview.shown.labels)) <= set(range(5))
    widget.session.select(3)
    until(lambda: preview.shown.image.name == "frame003.png")
    # The old result stays on show meanwhile.
    assert list(viewer.layers) == layers
    widget.session.select(0)
    until(lambda: not widget.layers.busy)
    np.testing.assert_array_equal(viewer.layers["classes"].data, labels)
    assert panel.facts.isVisible()
    until(lambda: "steps/s" in panel.facts.text())
    assert "cpu" in panel.facts.text()
    assert "GiB" in panel.facts.text()
    widget.jobs.cancel()
    settled(widget)


def test_a_cancelled_pick_leaves_the_run_in_use(several, settled, clustered, monkeypatch):
    table = several.run_panel.runs.table
    before = Project.open(clustered, writable=False).state

    def cancelled(*args, cancel, **kwargs):
        cancel.cancel()
        cancel.raise_if_cancelled()

    monkeypatch.setattr("napari_stego.gui.work.cluster", cancelled)
    select(table, seeds(table).index("0"))
    press(several.run_panel.runs.use)
    settled(several)
    assert Project.open(clustered, writable=False).state == before
    assert "cancelled" in several.job_bar.status.text()
