"""The dialog on the number of clusters, driven by mouse and keyboard."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from panel_user import threads
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialogButtonBox

from napari_stego.clustering import StabilityCurve, StabilitySettings
from napari_stego.gui import work
from napari_stego.project import Project

KS = (4, 8, 16, 32)
STATE = ("features", "run", "result")


def curve_of(means, noise=0.005, ks=KS):
    agreement = np.array(means)[:, None] + noise * np.array([-1, 0, 1])
    return StabilityCurve(np.array(ks), agreement, np.full_like(agreement, 0.3))


@pytest.fixture
def opened(opened):
    widget = opened[1]
    widget.tabs.show_panel(widget.run_panel)
    return widget


@pytest.fixture
def few(monkeypatch):
    """Have few numbers measured, which takes a second."""
    settings = partial(StabilitySettings, ks=(2, 4, 6), repeats=2)
    monkeypatch.setattr(work, "StabilitySettings", settings)


@pytest.fixture
def measured(monkeypatch):
    """Have something found at once in place of measuring."""

    def give(curve, source="codes"):
        monkeypatch.setattr(work, "measure_clusters", lambda *_: (source, curve))

    return give


@pytest.fixture
def endless(monkeypatch):
    """Have the measuring go on until it is cancelled."""
    begun = []

    def measure(folder, reports, cancel):
        reports.progress(3, 9, "comparing clusterings")
        begun.append(folder)
        while True:
            cancel.raise_if_cancelled()
            time.sleep(0.01)

    monkeypatch.setattr(work, "measure_clusters", measure)
    return begun


@pytest.fixture
def problems():
    shown = []
    notification_manager.notification_ready.connect(lambda event: shown.append(event.message))
    return shown


@pytest.fixture
def ask(opened, settled, until):
    """Open the dialog, and wait until it has measured."""

    def open_dialog():
        QTest.mouseClick(opened.run_panel.ask_k, Qt.MouseButton.LeftButton)
        dialog = opened.run_panel.k_dialog
        settled(opened)
        until(dialog.isVisible)
        return dialog

    return open_dialog


def click(dialog, row):
    """Click on a place of the curve."""
    plot = dialog.plot.plot
    low, high = plot.getViewBox().viewRange()[1]
    place = plot.getViewBox().mapViewToScene(QPointF(row, (low + high) / 2))
    pixel = plot.mapFromScene(place)
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(pixel.x(), pixel.y()))


def state(folder):
    found = Project.open(folder, writable=False).state
    return {name: getattr(found, name) for name in STATE}


def test_it_measures_remembers_and_changes_nothing_else(opened, ask, clustered, few):
    before = state(clustered)
    dialog = ask()
    said = dialog.suggestion.text()
    assert "STEGO codes" in said
    [path] = (clustered / "choices").glob("stability-*.json")
    assert dialog.bar.isHidden()
    written = path.stat().st_mtime_ns
    dialog.reject()
    assert ask().suggestion.text() == said
    assert path.stat().st_mtime_ns == written
    assert state(clustered) == before
    assert threads() == []


def test_raw_features_are_measured_while_there_is_no_run(clustered, few):
    project = Project.open(clustered)
    project.update(run=None)
    source, curve = work.measure_clusters(clustered, work.Reports(), work.CancelToken())
    assert source == "features"
    assert curve.ks.tolist() == [2, 4, 6]


def test_the_suggested_number_is_told_marked_and_put_into_the_form_only(
    opened, ask, measured, clustered
):
    measured(curve_of([0.5, 0.7, 0.8, 0.6]))
    before = state(clustered)
    form = opened.run_panel.form.values()
    dialog = ask()
    assert "16 clusters are suggested" in dialog.suggestion.text()
    assert "merged afterwards" in dialog.suggestion.text()
    assert dialog.plot.isVisible()
    assert dialog.plot._suggested.getData()[0].tolist() == [2]
    assert dialog.plot.k == 16
    assert "agreement 0.80 ± 0.01" in dialog.detail.text()
    assert dialog.use.text() == "Use K = 16"
    QTest.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    assert not opened.jobs.busy
    now = opened.run_panel.form.values()
    assert now.clusters == form.clusters.model_copy(update={"clusters": 16})
    assert (now.stego, now.features) == (form.stego, form.features)
    assert opened.run_panel.k_dialog is None
    assert state(clustered) == before


def test_the_curve_and_its_spread_are_drawn(ask, measured):
    curve = curve_of([0.5, 0.7, 0.8, 0.6], noise=0.05)
    measured(curve)
    plot = ask().plot
    np.testing.assert_allclose(plot._mean.getData()[1], curve.mean)
    low, high = (edge.getData()[1] for edge in plot._edges)
    np.testing.assert_allclose(high - low, 2 * curve.spread)
    assert plot._band.path().boundingRect().height() == pytest.approx(
        (curve.mean + curve.spread).max() - (curve.mean - curve.spread).min()
    )
    np.testing.assert_allclose(plot._chance.getData()[1], 0.3)
    assert plot.plot.getAxis("bottom")._tickLevels == [list(enumerate(map(str, KS)))]


def test_a_number_is_chosen_by_clicking_on_the_curve(opened, ask, measured):
    measured(curve_of([0.5, 0.7, 0.8, 0.6]))
    dialog = ask()
    for row in (3, 0, 1):
        click(dialog, row + 0.2)
        assert dialog.plot.k == KS[row]
        assert dialog.use.text() == f"Use K = {KS[row]}"
        assert dialog.detail.text().startswith(f"{KS[row]} clusters")
    dialog.use.click()
    assert opened.run_panel.form.main["clusters"].value == 8


def test_the_keyboard_is_enough(opened, ask, measured):
    measured(curve_of([0.5, 0.7, 0.8, 0.6]))
    dialog = ask()
    for key, k in (
        (Qt.Key.Key_Left, 8),
        (Qt.Key.Key_Left, 4),
        (Qt.Key.Key_Left, 4),
        (Qt.Key.Key_Right, 8),
        (Qt.Key.Key_Right, 16),
        (Qt.Key.Key_Right, 32),
        (Qt.Key.Key_Right, 32),
    ):
        QTest.keyClick(dialog.plot, key)
        assert dialog.plot.k == k
    QTest.keyClick(dialog.plot, Qt.Key.Key_Return)
    assert opened.run_panel.k_dialog is None
    assert opened.run_panel.form.main["clusters"].value == 32


@pytest.mark.slow
def test_escape_leaves_the_form_as_it_was(opened, ask, measured):
    measured(curve_of([0.5, 0.7, 0.8, 0.6]))
    before = opened.run_panel.form.values()
    dialog = ask()
    QTest.keyClick(dialog.plot, Qt.Key.Key_Right)
    QTest.keyClick(dialog.plot, Qt.Key.Key_Escape)
    assert opened.run_panel.k_dialog is None
    assert opened.run_panel.form.values() == before


@pytest.mark.slow
def test_without_a_suggestion_nothing_is_chosen_for_the_user(ask, measured):
    measured(curve_of([0.30, 0.31, 0.29, 0.30], noise=0.05), "features")
    dialog = ask()
    assert "No number stands out" in dialog.suggestion.text()
    assert "raw features" in dialog.suggestion.text()
    assert not dialog.use.isEnabled()
    dialog.accept()
    assert dialog.isVisible()
    QTest.keyClick(dialog.plot, Qt.Key.Key_Right)
    assert dialog.use.text() == "Use K = 4"
    assert dialog.use.isEnabled()


def test_progress_is_shown_and_cancel_ends_it(opened, until, settled, endless, problems):
    QTest.mouseClick(opened.run_panel.ask_k, Qt.MouseButton.LeftButton)
    dialog = opened.run_panel.k_dialog
    until(lambda: dialog.bar.value() == 3)
    assert dialog.bar.maximum() == 9
    assert not dialog.use.isEnabled()
    assert not dialog.plot.isVisible()
    assert not opened.run_panel.ask_k.isEnabled()
    assert not opened.run_panel.start.isEnabled()
    cancel = dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel)
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    assert opened.run_panel.k_dialog is None
    settled(opened)
    assert opened.run_panel.ask_k.isEnabled()
    assert threads() == []
    assert problems == []


@pytest.mark.slow
def test_a_cancel_in_the_panel_is_told_in_the_dialog(opened, until, settled, endless):
    opened.run_panel.ask_k.click()
    dialog = opened.run_panel.k_dialog
    until(lambda: bool(endless))
    opened.job_bar.cancel.click()
    settled(opened)
    assert "cancelled" in dialog.suggestion.text()
    assert dialog.bar.isHidden()
    assert not dialog.use.isEnabled()


@pytest.mark.slow
def test_too_few_photographs_are_told_in_the_dialog(opened, ask, clustered, problems):
    project = Project.open(clustered)
    project.update(images=project.state.images[:3])
    dialog = ask()
    assert "Add photographs, or choose K by eye" in dialog.suggestion.text()
    assert not dialog.use.isEnabled()
    assert any("Add photographs" in message for message in problems)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["dialog", "dock", "viewer"])
@pytest.mark.parametrize("when", ["at once", "while measuring"])
def test_closing_at_a_bad_moment_leaves_no_thread_and_no_error(
    plugin, settled, until, clustered, endless, problems, what, when
):
    viewer, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    widget.run_panel.ask_k.click()
    dialog = widget.run_panel.k_dialog
    if when == "while measuring":
        until(lambda: bool(endless) and dialog.bar.value() == 3)
    if what == "dialog":
        dialog.close()
    elif what == "dock":
        viewer.window.remove_dock_widget(widget.parent())
    else:
        viewer.close()
    until(lambda: threads() == [], 20)
    assert widget.run_panel.k_dialog is None
    assert problems == []


@pytest.mark.slow
@pytest.mark.parametrize("what", ["dialog", "dock", "viewer"])
def test_closing_just_when_the_curve_is_there_leaves_no_error(
    plugin, settled, until, clustered, measured, problems, what
):
    measured(curve_of([0.5, 0.7, 0.8, 0.6]))
    viewer, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    widget.run_panel.ask_k.click()
    until(lambda: threads() == [])  # the curve is found, and not taken yet
    before = widget.run_panel.form.values()
    if what == "dialog":
        widget.run_panel.k_dialog.close()
        settled(widget)
        assert widget.run_panel.form.values() == before
    elif what == "dock":
        viewer.window.remove_dock_widget(widget.parent())
    else:
        viewer.close()
    assert widget.run_panel.k_dialog is None
    assert problems == []


@pytest.mark.slow
def test_other_clusters_end_it_because_its_curve_may_be_of_another_head(
    opened, ask, settled, measured
):
    measured(curve_of([0.5, 0.7, 0.8, 0.6]))
    ask()
    opened.use("features")
    settled(opened)
    assert opened.run_panel.k_dialog is None


@pytest.mark.slow
def test_there_is_nothing_to_ask_without_features(plugin, settled, images, tmp_path):
    _, widget = plugin()
    assert not widget.run_panel.ask_k.isEnabled()
    widget.open(images, tmp_path / "new.stego")
    settled(widget)
    assert not widget.run_panel.ask_k.isEnabled()


def test_the_button_is_beside_the_number(opened):
    number = opened.run_panel.form.main["clusters"].native
    button = opened.run_panel.ask_k
    middle = button.mapTo(opened, button.rect().center()).y()
    assert abs(middle - number.mapTo(opened, number.rect().center()).y()) < 4
    assert button.mapTo(opened, QPoint()).x() >= number.mapTo(opened, QPoint()).x() + number.width()
