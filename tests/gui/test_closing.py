"""Closing, removing and opening things while the plugin is at work.

What a split is cut short by is in ``test_split_dialog.py``, a stroke in
``test_strokes.py``, the dialog on K in ``test_k_dialog.py``, a training and its
verdict in ``test_interruptions.py``.
"""

from __future__ import annotations

import shutil
import threading

import pytest
from napari.utils.notifications import NotificationSeverity, notification_manager
from panel_user import threads

from napari_stego.gui.class_model import NAME
from napari_stego.gui.jobs import Reports
from napari_stego.gui.tasks import Task
from napari_stego.project import ExportSettings, Project, Segmentation

pytestmark = pytest.mark.slow  # minutes; `test_interruptions.py` has the most likely moments


class Hold:
    """Stops a thread of the plugin at one place, until it is let go on.

    A place is the name of a thread, at its start, or a message of progress.
    """

    def __init__(self, monkeypatch):
        self.place = ""
        self.reached, self.let_go = threading.Event(), threading.Event()
        run, progress = Task._run, Reports.progress

        def held_run(task, work):
            self._pass(threading.current_thread().name)
            run(task, work)

        def held_progress(reports, done, total, message):
            progress(reports, done, total, message)
            self._pass(message)

        monkeypatch.setattr(Task, "_run", held_run)
        monkeypatch.setattr(Reports, "progress", held_progress)

    def _pass(self, place):
        if place == self.place:
            self.reached.set()
            assert self.let_go.wait(60)


@pytest.fixture
def hold(monkeypatch):
    hold = Hold(monkeypatch)
    yield hold
    hold.let_go.set()


@pytest.fixture
def errors():
    """What the user was shown, but for mere information."""
    shown = []

    def take(event):
        if event.severity > NotificationSeverity.INFO:
            shown.append(event.message)

    notification_manager.notification_ready.connect(take)
    return shown


def run(widget, **fields):
    form = widget.run_panel.form
    for name, value in fields.items():
        (form.main if name == "clusters" else form.advanced)[name].value = value
    widget.run_panel.start.click()


def open_other_photographs(_, widget):
    folder = widget.session.folder
    widget.open(folder.with_name("dive"), folder.with_name("again.stego"))


def paint(viewer, _):
    viewer.layers["classes"].paint_polygon([(10, 10), (10, 50), (50, 50), (50, 10)], 2)


# By task: where it is held, and how it begins.
TASKS = {
    "opening": ("reading photographs", open_other_photographs),
    "extraction": ("extracting features", lambda _, w: run(w, long_side=96)),
    "training": ("training", lambda _, w: run(w, seed=1)),
    "clustering": ("clustering", lambda _, w: run(w, clusters=4)),
    "exporting": (
        "exporting",
        lambda _, w: w.export(w.session.folder / "export", ExportSettings()),
    ),
    "measuring K": ("comparing clusterings", lambda _, w: w.run_panel.ask_k.click()),
    "counting": ("napari-stego counting", lambda _, w: w.open(None, w.session.folder)),
    "counting strokes": ("napari-stego counting strokes", paint),
    "picture": ("napari-stego picture", lambda _, w: w.session.select(1)),
    "heatmap": ("napari-stego heatmap", lambda _, w: w.inspect_panel.click((20, 20))),
    "examples": ("napari-stego examples", lambda _, w: w.class_panel.select(3)),
}
JOBS = ("opening", "extraction", "training", "clustering", "exporting", "measuring K")
# A window is closed with its dock in it, so what threads do is the same.
CLOSED = [(task, "dock") for task in TASKS if task not in ("training", "measuring K")] + [
    (task, "viewer") for task in ("opening", "extraction", "clustering", "exporting", "counting")
]


@pytest.fixture
def amid(opened, settled, until, hold, small_weights):
    """Begin a task, and come back with it held in the middle, after an edit."""
    viewer, widget = opened

    def begin(task):
        until(lambda: not (widget.class_panel.counter.busy or widget.class_panel.patches.busy))
        widget.run_panel.form.advanced["weights_file"].value = small_weights
        hold.place, start = TASKS[task]
        start(viewer, widget)
        until(hold.reached.is_set)
        assert widget.jobs.busy == (task in JOBS)
        rename(widget, "kept")
        return viewer, widget

    return begin


def rename(widget, name):
    model = widget.class_panel.model
    assert model.setData(model.index(model.row_of(1), NAME), name)


def stored_name(folder):
    project = Project.open(folder, writable=False)
    return Segmentation(project).table.name(1)


@pytest.mark.parametrize(("task", "end"), CLOSED)
def test_closing_leaves_no_thread_no_error_and_every_edit(
    amid, hold, until, clustered, errors, task, end
):
    viewer, widget = amid(task)
    before = widget.session.project
    hold.let_go.set()
    if end == "dock":
        viewer.window.remove_dock_widget(widget.parent())
    else:
        viewer.close()
    until(lambda: threads() == [], 20)
    assert errors == []
    assert before.read_only  # closed: others may change it
    assert stored_name(clustered) == "kept"


@pytest.mark.parametrize("task", TASKS)
def test_removing_the_layers_stops_nothing(amid, hold, settled, until, clustered, errors, task):
    viewer, widget = amid(task)
    hold.let_go.set()
    for name in ("classes", "photograph"):
        viewer.layers.remove(name)
    settled(widget)
    until(lambda: threads() == [], 20)
    assert errors == []
    assert stored_name(clustered) == "kept"
    widget.session.select(3)
    settled(widget)
    if task == "opening":
        assert widget.session.folder == clustered.with_name("again.stego")
        assert [layer.name for layer in viewer.layers] == ["photograph"]
    else:
        rename(widget, "again")
        assert [layer.name for layer in viewer.layers][:2] == ["photograph", "classes"]
    until(lambda: threads() == [], 20)
    assert errors == []


@pytest.mark.parametrize("task", TASKS)
def test_another_project_waits_for_a_job_and_for_nothing_else(
    amid, hold, settled, until, clustered, prepared, errors, messages, task
):
    viewer, widget = amid(task)
    other = shutil.copytree(prepared / "dive.stego", clustered.with_name("other.stego"))
    viewer.open(other, plugin="napari-stego")
    hold.let_go.set()
    refused = any("Something else is running" in message for message in messages)
    assert refused == (task in JOBS)
    settled(widget)
    until(lambda: threads() == [], 20)
    assert errors == []
    assert stored_name(clustered) == "kept"
    expected = {True: clustered, False: other}[refused]
    if task == "opening":
        expected = clustered.with_name("again.stego")
    assert widget.session.folder == expected


def test_what_a_cancelled_first_training_extracted_can_be_measured(
    plugin, settled, until, hold, images, features, small_weights, tmp_path, errors
):
    _, widget = plugin()
    widget.open(images, tmp_path / "new.stego")
    settled(widget)
    assert not widget.run_panel.ask_k.isEnabled()
    hold.place = "training"
    widget.run_panel.form.show(features)
    run(widget, weights_file=small_weights)
    until(hold.reached.is_set)
    widget.job_bar.cancel.click()
    hold.let_go.set()
    settled(widget)
    assert widget.run_panel.ask_k.isEnabled()
    assert errors == []
