"""The tabs, and the bar below them that tells of the running job."""

from __future__ import annotations

import threading

import pytest
from napari._app_model import get_app_model
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QApplication, QMenu

TITLES = ["Photographs", "Train", "Inspect", "Classes", "Correct", "Review", "Export"]


@pytest.fixture
def training(opened, until):
    """A training that does not end by itself."""
    widget = opened[1]
    widget.run_panel.form.advanced["steps"].value = 100_000
    widget.run_panel.start.click()
    until(lambda: len(widget.run_panel.curves.records) > 5)
    return widget


def test_each_tab_has_a_key_and_needs_no_scrolling(opened):
    viewer, widget = opened
    viewer.window._qt_window.resize(1440, 900)
    QApplication.processEvents()
    assert [widget.tabs.tabText(index) for index in range(widget.tabs.count())] == TITLES
    for index in range(widget.tabs.count()):
        key = Qt.Key(Qt.Key.Key_1 + index)
        QTest.keyClick(widget.tabs, key, Qt.KeyboardModifier.AltModifier)
        QApplication.processEvents()
        assert widget.tabs.currentIndex() == index
        page = widget.tabs.currentWidget()
        assert page.verticalScrollBar().maximum() == 0, TITLES[index]
        assert page.widget().width() <= page.viewport().width()


def test_tabs_say_what_to_do_while_nothing_is_open(plugin):
    _, widget = plugin()
    assert "Open photographs first (Alt+1)" in widget.run_panel.start.toolTip()
    assert "Open photographs (Alt+1)" in widget.inspect_panel.bar.line.text()
    assert "Open photographs (Alt+1)" in widget.class_panel.line.text()


def test_no_key_of_a_tab_is_taken_by_another_or_by_the_viewer(opened):
    viewer, widget = opened
    window = viewer.window._qt_window
    menus = [
        f"Alt+{menu.title().partition('&')[2][:1].upper()}"
        for menu in window.findChildren(QMenu)
        if menu.menuAction() in window.menuBar().actions()
    ]
    taken = {
        str(each.keybinding)
        for each in get_app_model().keybindings
        if ".debug." not in each.command_id  # a menu that only developers have
    }
    assert "Alt+C" in taken  # copies a screenshot
    for index in range(widget.tabs.count()):
        widget.tabs.setCurrentIndex(index)
        QApplication.processEvents()
        used = [
            button.shortcut().toString()
            for button in widget.findChildren(QAbstractButton)
            if button.isVisible() and not button.shortcut().isEmpty()
        ]
        assert used
        assert len(set(used)) == len(used), used
        assert set(used) & {*taken, *menus} == set(), TITLES[index]


def test_a_new_corpus_begins_with_its_photographs_and_old_work_with_its_classes(
    plugin, settled, images, clustered, tmp_path
):
    _, widget = plugin()
    widget.open(images, tmp_path / "new.stego")
    settled(widget)
    assert widget.tabs.shows(widget.corpus_panel)
    assert "Next: “Train and cluster”" in widget.job_bar.status.text()
    widget.tabs.show_panel(widget.run_panel)
    assert "Next" not in widget.job_bar.status.text()  # it has been followed
    widget.open(None, clustered)
    settled(widget)
    assert widget.tabs.shows(widget.class_panel)


def test_progress_and_cancel_are_there_only_while_something_runs(training, settled):
    bar = training.job_bar
    assert bar.bar.isVisible()
    assert bar.pause.isVisible()
    training.tabs.show_panel(training.export_panel)
    assert bar.cancel.isVisible()
    assert not training.export_panel.start.isEnabled()
    QTest.mouseClick(bar.cancel, Qt.MouseButton.LeftButton)
    assert (bar.cancel.text(), bar.cancel.isEnabled()) == ("Stopping…", False)
    settled(training)
    assert (bar.cancel.text(), bar.cancel.isEnabled()) == ("Cancel", True)
    assert not bar.bar.isVisible()
    assert not bar.cancel.isVisible()
    assert training.export_panel.start.isEnabled()


def test_the_time_left_is_told(training, until, settled):
    until(lambda: "left" in training.job_bar.bar.format(), 30)
    assert training.job_bar.bar.format().startswith("training %p%, ")
    training.jobs.cancel()
    settled(training)


def test_a_paused_training_waits_and_goes_on(training, qtbot, until, settled):
    bar, curves = training.job_bar, training.run_panel.curves
    QTest.mouseClick(bar.pause, Qt.MouseButton.LeftButton)
    assert bar.pause.text() == "Go on"
    qtbot.wait(600)  # the step that was on its way, and its report
    steps = len(curves.records)
    qtbot.wait(600)
    assert len(curves.records) == steps
    assert training.jobs.busy
    QTest.mouseClick(bar.pause, Qt.MouseButton.LeftButton)
    until(lambda: len(curves.records) > steps + 5)
    assert [record.step for record in curves.records] == list(range(1, len(curves.records) + 1))
    training.jobs.cancel()
    settled(training)


@pytest.mark.parametrize("what", ["cancel", "close"])
def test_what_is_paused_can_be_cancelled_and_closed(training, until, what):
    training.job_bar.pause.click()
    if what == "cancel":
        training.job_bar.cancel.click()
        until(lambda: not training.jobs.busy)
        assert not training.job_bar.pause.isChecked()
        assert "cancelled" in training.job_bar.status.text()
    else:
        training.shut_down()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("napari-stego Training")]
