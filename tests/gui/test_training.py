"""What the panel shows of a training: chosen layer, trials, plots, verdict."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_stego.gui import work
from napari_stego.gui.training_view import TrainingView
from napari_stego.gui.verdict_line import VerdictLine
from napari_stego.project import Project
from napari_stego.selection import Verdict
from napari_stego.stego import HISTOGRAM_EDGES, CorrespondenceHistograms, StepRecord

BINS = len(HISTOGRAM_EDGES) - 1
ROLES = ("random", "knn", "self")


@pytest.fixture
def opened(opened):
    widget = opened[1]
    widget.tabs.show_panel(widget.run_panel)
    return widget


def press(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def record(step):
    return StepRecord(step, 1.0 / step, dict.fromkeys(ROLES, 0.1), dict.fromkeys(ROLES, 0.0))


def counts(step, roles=ROLES):
    rng = np.random.default_rng(step)
    made = [{role: rng.integers(1, 100, BINS) for role in roles} for _ in range(2)]
    return CorrespondenceHistograms(step, *made)


def drawn(plots, name, role):
    """The bars on show, or None."""
    curve = plots._bars[name][role]
    return curve.getData()[1] if curve.isVisible() else None


def test_the_verdict_of_a_project_comes_back_and_the_other_clusters_are_a_click_away(
    opened, settled, clustered
):
    panel = opened.run_panel
    steps = len(panel.curves.records)
    run = Project.open(clustered).state.run
    assert panel.verdict.isVisible()
    assert panel.verdict.text.text() == opened.session.verdict.text
    panel.form.main["clusters"].value = 9  # typed, but not asked for
    assert panel.verdict.switch.text() == "Use the raw features"
    press(panel.verdict.switch)
    settled(opened)
    state = Project.open(clustered).state
    assert (state.result.settings.source, state.result.settings.clusters) == ("features", 5)
    assert state.run == run
    assert panel.form.main["source"].value == "features"
    # Head, plots and verdict are still there, for the way back.
    assert len(panel.curves.records) == steps
    assert panel.verdict.text.text() == opened.session.verdict.text
    assert panel.verdict.switch.text() == "Use the codes"
    press(panel.verdict.switch)
    settled(opened)
    result = Project.open(clustered).state.result
    assert (result.settings.source, result.run) == ("codes", run)
    assert panel.form.main["source"].value == "codes"


def test_a_project_of_raw_features_opens_with_the_verdict_on_its_run(
    plugin, settled, clustered, monkeypatch
):
    work.use(clustered, "features", work.Reports(), work.CancelToken())
    monkeypatch.setattr("napari_stego.project.choosing.judge", None)  # only read it
    _, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    widget.tabs.show_panel(widget.run_panel)
    assert widget.run_panel.verdict.isVisible()
    assert widget.run_panel.verdict.switch.text() == "Use the codes"
    assert widget.run_panel.form.values().stego.dim == 6


def test_a_run_that_was_never_judged_opens_without_a_verdict(plugin, settled, clustered):
    for path in (clustered / "choices").glob("verdict-*.json"):
        path.unlink()
    _, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    widget.tabs.show_panel(widget.run_panel)
    assert len(widget.run_panel.curves.records) == 20
    assert not widget.run_panel.verdict.isVisible()
    assert not list((clustered / "choices").glob("verdict-*.json"))


def test_the_clusters_come_first_and_then_the_verdict_which_can_be_cancelled(
    opened, settled, until, clustered, monkeypatch
):
    begun = []

    def judge(folder, reports, cancel):
        begun.append(folder)
        while True:
            cancel.raise_if_cancelled()
            time.sleep(0.01)

    monkeypatch.setattr(work, "judge", judge)
    panel = opened.run_panel
    panel.form.advanced["seed"].value = 1
    panel.form.main["clusters"].value = 4
    panel.start.click()
    assert not panel.verdict.isVisible()
    until(lambda: bool(begun))
    assert opened.session.segmentation.result.settings.clusters == 4
    assert "Comparing" in opened.job_bar.status.text()
    opened.job_bar.cancel.click()
    settled(opened)
    assert "cancelled" in opened.job_bar.status.text()
    assert not panel.verdict.isVisible()


def test_a_cancelled_training_gives_the_verdict_back(opened, settled, until):
    panel = opened.run_panel
    said = panel.verdict.text.text()
    panel.form.advanced["steps"].value = 100_000
    panel.start.click()
    assert not panel.verdict.isVisible()
    until(lambda: len(panel.curves.records) > 1)
    opened.job_bar.cancel.click()
    settled(opened)
    assert panel.verdict.isVisible()
    assert panel.verdict.text.text() == said


@pytest.mark.slow
def test_layer_and_best_trial_are_chosen_and_told(opened, settled, small_weights, clustered):
    panel, form = opened.run_panel, opened.run_panel.form
    form.advanced["weights_file"].value = small_weights
    form.advanced["layer"].value = "auto"
    form.advanced["trials"].value = 2
    form.advanced["steps"].value = 26
    panel.start.click()
    settled(opened, 120)
    project = Project.open(clustered)
    layer = project.state.features.settings.layer
    told = opened.job_bar.status.text()
    assert f"Layer {layer} was chosen" in told
    assert "best of 2 trials" in told
    assert form.advanced["layer"].value == str(layer)
    assert form.values().trials == 1
    run = opened.session.run
    assert form.values().stego == run.settings
    assert panel.histograms.histograms == run.histograms
    assert panel.histograms.histograms.step == 26
    assert len(panel.curves.records) == 26
    assert panel.verdict.isVisible()
    # The same again does nothing: the run on show is found.
    panel.start.click()
    settled(opened)
    assert Project.open(clustered).state == project.state


def test_histograms_come_while_a_head_is_trained(opened, until, settled):
    panel = opened.run_panel
    panel.form.advanced["steps"].value = 100_000
    panel.start.click()
    assert panel.histograms.histograms is None
    until(lambda: panel.histograms.histograms is not None)
    assert opened.jobs.busy
    first = panel.histograms.histograms.step
    until(lambda: panel.histograms.histograms.step > first)
    opened.job_bar.cancel.click()
    settled(opened)


def test_bars_are_shares_of_the_pairs_of_each_kind(qtbot):
    view = TrainingView(None)
    qtbot.addWidget(view)
    made = counts(25, ("knn", "self"))
    view.show_counts(made)
    for name in ("features", "codes"):
        values = getattr(made, name)["self"]
        np.testing.assert_allclose(
            drawn(view.histograms, name, "self"), 100 * values / values.sum()
        )
        assert drawn(view.histograms, name, "random") is None  # one image makes no such pairs
    assert "random" not in view.histograms._legend.text()
    view.start()
    assert all(drawn(view.histograms, "codes", role) is None for role in ROLES)


def test_curves_of_several_trainings_in_a_row_are_those_of_the_last(qtbot):
    view = TrainingView(None)
    qtbot.addWidget(view)
    view.start()
    view.extend([replace(record(step), targets={"self": 0.2}) for step in (1, 2)])
    lines = view.curves._targets
    assert [(role, line.value()) for role, line in lines.items() if line.isVisible()] == [
        ("self", 0.2)
    ]
    view.extend([record(step) for step in (3, 1, 2, 3, 4)])
    assert [r.step for r in view.curves.records] == [1, 2, 3, 4]
    assert not any(line.isVisible() for line in lines.values())


@pytest.mark.parametrize(
    ("difference", "words"), [(0.2, "may help"), (-0.2, "does not help"), (0.001, "no clear")]
)
def test_a_verdict_is_told_in_words_and_in_a_colour_of_its_own(qtbot, difference, words):
    line = VerdictLine(None)
    qtbot.addWidget(line)
    line.show_verdict(Verdict(0.5, 0.5 - difference, difference, 0.01, 6), "codes")
    assert words in line.text.text()
    seen = {line.text.styleSheet()}
    for other in {0.2, -0.2, 0.001} - {difference}:
        line.show_verdict(Verdict(0.5, 0.5 - other, other, 0.01, 6), "codes")
        seen.add(line.text.styleSheet())
    assert len(seen) == 3


def test_without_clusters_there_is_nothing_to_switch(qtbot):
    line = VerdictLine(None)
    qtbot.addWidget(line)
    line.show_verdict(Verdict(0.5, 0.4, 0.1, 0.01, 6), None)
    assert not line.isHidden()
    assert line.switch.isHidden()
    line.show_verdict(None, None)
    assert line.isHidden()
