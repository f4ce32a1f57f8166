"""The commands of napari's palette."""

from __future__ import annotations

import pytest
from napari._app_model import get_app_model
from qtpy.QtTest import QTest

from napari_stego.classes import RenameClass


@pytest.fixture
def run():
    """Run a command as the palette does."""

    def execute(name):
        commands = get_app_model().commands
        assert f"napari-stego.{name}" in commands
        commands.execute_command(f"napari-stego.{name}").result()

    return execute


def test_all_that_takes_a_while_and_all_that_is_done_often_is_in_the_palette(
    opened, settled, until, run, messages
):
    _, widget = opened
    session = widget.session
    first = session.image
    run("next_photograph")
    settled(widget)
    assert session.image != first
    run("previous_photograph")
    settled(widget)
    assert session.image == first

    session.edit(RenameClass(id=1, name="sand"))
    run("undo")
    assert session.table.name(1) == "class 1"
    run("redo")
    assert session.table.name(1) == "sand"
    run("redo")
    assert any("not possible now. Nothing to redo" in message for message in messages)
    assert session.table.name(1) == "sand"

    run("export")
    settled(widget)
    assert widget.tabs.shows(widget.export_panel)
    assert (session.folder / "export" / "classes.csv").exists()

    widget.inspect_panel.click((20, 20))
    run("search_all")
    settled(widget)
    assert widget.tabs.shows(widget.inspect_panel)
    until(lambda: widget.inspect_panel.search.view.tiles.tiles)

    widget.run_panel.form.advanced["steps"].value = 5000
    run("train_and_cluster")
    assert widget.jobs.busy
    run("cancel")
    settled(widget)
    assert "ancelled" in widget.job_bar.status.text()


def test_the_palette_opens_the_dock(make_napari_viewer, run, messages):
    viewer = make_napari_viewer(show=True)
    run("train_and_cluster")
    QTest.qWait(50)
    assert any(hasattr(dock, "session") for dock in viewer.window.dock_widgets.values())
    assert any("not possible now" in message for message in messages)
