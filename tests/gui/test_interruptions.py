"""Cancel, close and failure, at bad moments."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from panel_user import threads

from napari_stego.gui import work
from napari_stego.project import Project


@pytest.fixture
def long_training(small_weights):
    def start(widget, steps=100_000):
        form = widget.run_panel.form
        form.advanced["weights_file"].value = small_weights
        form.advanced["steps"].value = steps
        widget.run_panel.start.click()

    return start


def test_cancel_keeps_the_earlier_result(plugin, settled, until, clustered, long_training):
    viewer, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    before = viewer.layers["classes"].data.copy()
    state = Project.open(clustered).state
    long_training(widget)
    until(lambda: len(widget.run_panel.curves.records) > 5)
    assert not widget.run_panel.start.isEnabled()
    widget.job_bar.cancel.click()
    settled(widget)
    assert "cancelled" in widget.job_bar.status.text()
    assert widget.run_panel.start.isEnabled()
    assert (viewer.layers["classes"].data == before).all()
    assert Project.open(clustered).state == state
    assert threads() == []


def test_photographs_can_be_looked_at_and_named_during_training(
    plugin, settled, until, clustered, long_training
):
    viewer, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    long_training(widget)
    until(lambda: len(widget.run_panel.curves.records) > 5)
    widget.session.select(4)
    until(lambda: not widget.layers.busy)
    widget.inspect_panel.click((10, 10))
    until(lambda: not widget.layers.busy)
    assert viewer.layers["correspondence"].visible
    model = widget.class_panel.model
    assert model.setData(model.index(1, 1), "rock")
    assert widget.jobs.busy
    widget.jobs.cancel()
    settled(widget)
    assert widget.session.table.rows[1].name == "rock"


@pytest.mark.parametrize("what", ["dock", "viewer"])
def test_closing_in_the_middle_leaves_no_thread(
    plugin, settled, until, clustered, long_training, what
):
    viewer, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    long_training(widget)
    until(lambda: len(widget.run_panel.curves.records) > 5)
    widget.session.select(2)
    if what == "dock":
        viewer.window.remove_dock_widget(widget.parent())
    else:
        viewer.close()
    until(lambda: threads() == [], 20)


@pytest.mark.slow
def test_closing_while_the_codes_are_judged_leaves_no_thread(
    plugin, settled, until, clustered, monkeypatch
):
    begun = []

    def many(folder, reports, cancel):
        begun.append(folder)
        while True:
            cancel.raise_if_cancelled()
            time.sleep(0.01)

    monkeypatch.setattr(work, "judge", many)
    viewer, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    widget.run_panel.form.advanced["seed"].value = 1
    widget.run_panel.start.click()
    until(lambda: bool(begun))
    viewer.window.remove_dock_widget(widget.parent())
    until(lambda: threads() == [], 20)


def test_an_empty_folder_is_told_and_makes_no_project(plugin, settled, tmp_path, messages):
    _, widget = plugin()
    (tmp_path / "empty").mkdir()
    widget.open(tmp_path / "empty", tmp_path / "empty.stego")
    settled(widget)
    assert any("No photographs" in message for message in messages)
    assert not (tmp_path / "empty.stego").exists()
    assert widget.session.corpus is None


def test_a_damaged_project_is_told(plugin, settled, clustered, messages):
    _, widget = plugin()
    (clustered / "project.json").write_text("{")
    widget.open(None, clustered)
    settled(widget)
    assert any("damaged" in message for message in messages)


def test_an_edit_that_was_cut_off_is_told(plugin, settled, clustered):
    _, widget = plugin()
    (log,) = clustered.glob("clusters/*/edits.jsonl")
    with log.open("ab") as file:
        file.write(b'{"n": 1, "c')
    widget.open(None, clustered)
    settled(widget)
    assert "was not written to its end" in widget.job_bar.status.text()


def test_settings_that_do_not_work_are_told(plugin, settled, clustered, messages):
    _, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    widget.run_panel.form.advanced["layer"].value = "the best one"
    widget.run_panel.start.click()
    assert any("backbone layer" in message for message in messages)
    assert not widget.jobs.busy


def test_a_name_that_is_taken_is_told_and_nothing_changes(plugin, settled, clustered, messages):
    _, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    model = widget.class_panel.model
    taken = model.class_at(1).name
    assert not model.setData(model.index(0, 1), taken)
    assert any("merge" in message for message in messages)
    assert model.class_at(0).name != taken


def test_an_edit_that_cannot_be_saved_is_told(plugin, settled, clustered, messages):
    _, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    project = Project.open(clustered)
    edits = project.clusters_file(project.result.clusters).with_name("edits.jsonl")
    edits.unlink()
    edits.mkdir()  # in the way: nothing can be written there
    model = widget.class_panel.model
    assert not model.setData(model.index(0, 1), "sand")
    assert any("Cannot write" in message for message in messages)
    assert model.class_at(0).name == "class 1"


def test_a_photograph_that_went_away_is_told(plugin, settled, clustered, images, messages):
    _, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    (images / "frame003.png").unlink()
    widget.session.select(3)
    settled(widget)
    assert any("gone" in message for message in messages)
    widget.session.select(4)
    settled(widget)
    assert widget.session.index == 4


SCRIPT = """
import sys, time
import napari
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer()
for _ in range(10):
    QApplication.processEvents()
_, widget = viewer.window.add_plugin_dock_widget("napari-stego")
from pathlib import Path
widget.open(None, Path(sys.argv[1]))
end = time.monotonic() + 30
while "classes" not in viewer.layers and time.monotonic() < end:
    QApplication.processEvents()
print([layer.name for layer in viewer.layers], flush=True)
viewer.close()
"""


def test_the_plugin_starts_after_the_window_and_the_process_ends(clustered):
    """Loading torchvision after Mesa's drivers must not crash."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(clustered)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "['photograph', 'classes']" in done.stdout
