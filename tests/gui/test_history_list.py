"""The list of edits, on the classes of a real project."""

from __future__ import annotations

import time

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from napari_stego.classes import RenameClass
from napari_stego.gui.history_list import HistoryList
from napari_stego.gui.opened import Opened
from napari_stego.gui.session import Session
from napari_stego.project import Project


@pytest.fixture
def listed(qtbot, clustered):
    session = Session()
    session.adopt(Opened.read(Project.open(clustered)))
    window = QWidget()
    qtbot.addWidget(window)
    history = HistoryList(session, window)
    history.resize(300, 120)
    window.show()
    yield session, history
    history.shut_down()
    session.project.close()


def rename(session, *names):
    for name in names:
        session.edit(RenameClass(id=1, name=name))


def shown(history, role=Qt.ItemDataRole.DisplayRole):
    model = history.model()
    return [model.index(row).data(role) for row in range(model.rowCount())]


def click(history, row):
    where = history.visualRect(history.model().index(row)).center()
    QTest.mouseClick(history.viewport(), Qt.MouseButton.LeftButton, pos=where)


def test_a_click_goes_to_the_state_after_an_edit(listed):
    session, history = listed
    rename(session, "sand", "mud", "kelp")
    texts = shown(history)[1:]
    assert len(texts) == 3
    assert all(name in text for text, name in zip(texts, ("sand", "mud", "kelp"), strict=True))
    click(history, 1)
    assert session.table.row(1).name == "sand"
    fonts = shown(history, Qt.ItemDataRole.FontRole)
    assert [font is not None and font.bold() for font in fonts] == [False, True, False, False]
    greys = shown(history, Qt.ItemDataRole.ForegroundRole)
    assert [grey is not None for grey in greys] == [False, False, True, True]
    click(history, 0)
    assert session.segmentation.history.position == 0


def test_the_keyboard_goes_to_an_edit(listed):
    session, history = listed
    rename(session, "sand", "mud")
    QTest.keyClick(history, Qt.Key.Key_Up)
    assert session.table.row(1).name == "mud"
    QTest.keyClick(history, Qt.Key.Key_Return)
    assert session.table.row(1).name == "sand"


def test_an_edit_after_going_back_replaces_what_was_undone(listed):
    session, history = listed
    rename(session, "sand", "mud", "kelp")
    click(history, 1)
    rename(session, "rock")
    assert len(shown(history)) == 3
    assert "rock" in shown(history)[-1]
    assert history.currentIndex().row() == 2


def test_a_jump_is_on_disk(listed, clustered):
    session, history = listed
    rename(session, "sand", "mud")
    click(history, 1)
    session.project.close()
    again = Opened.read(Project.open(clustered))
    assert again.segmentation.table.row(1).name == "sand"
    again.project.close()


def test_nothing_is_followed_after_the_end(listed):
    session, history = listed
    history.shut_down()
    rename(session, "sand")
    assert history.model().rowCount() == 0


def test_an_edit_among_thousands_is_shown_at_once(listed):
    session, first = listed
    first.shut_down()
    edits = session.segmentation.history
    journal, edits.journal = edits.journal, None
    for number in range(5000):
        edits.do(RenameClass(id=1, name=f"name {number}"))
    edits.journal = journal
    history = HistoryList(session, first.parentWidget())
    history.show()
    history.repaint()
    start = time.perf_counter()
    rename(session, "sand")
    history.repaint()
    taken = time.perf_counter() - start
    assert history.model().rowCount() == 5002
    assert "sand" in history.currentIndex().data()
    history.shut_down()
    assert taken < 0.1
