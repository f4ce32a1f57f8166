"""The label picker, driven by keys and mouse."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_stego.gui.label_picker import LabelPicker
from napari_stego.labelsets import Ancestor, Label, LabelSet, Problem

LABELS = (
    Label("Hard coral", "HC", "#e69f00"),
    Label("Branching", "HCB", "#f0b840", (Ancestor("Hard coral", "HC"),)),
    Label("Sand", "SA"),
)


@pytest.fixture
def picker(qtbot) -> LabelPicker:
    picker = LabelPicker(LabelSet("List: reef.csv", LABELS))
    qtbot.addWidget(picker)
    picker.open()
    qtbot.waitExposed(picker)
    return picker


def texts(picker: LabelPicker) -> list[str]:
    model = picker.list_view.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_typing_and_enter_choose_a_label(picker, qtbot):
    qtbot.keyClicks(picker.search_line, "branch")
    assert texts(picker) == ["Branching   HCB   Hard coral"]
    with qtbot.waitSignal(picker.label_chosen) as chosen:
        qtbot.keyClick(picker.search_line, Qt.Key.Key_Return)
    assert chosen.args == [LABELS[1]]
    assert not picker.isVisible()


def test_arrow_keys_move_and_stop_at_the_ends(picker, qtbot):
    for key in (Qt.Key.Key_Up, *[Qt.Key.Key_Down] * 9, Qt.Key.Key_Up):
        qtbot.keyClick(picker.search_line, key)
    with qtbot.waitSignal(picker.label_chosen) as chosen:
        qtbot.keyClick(picker.search_line, Qt.Key.Key_Enter)
    assert chosen.args == [LABELS[1]]


def test_escape_closes_and_nothing_found_chooses_nothing(picker, qtbot):
    qtbot.keyClicks(picker.search_line, "zzzz")
    assert texts(picker) == []
    assert picker.hint.text() == "No label has such words."
    with qtbot.assertNotEmitted(picker.label_chosen):
        qtbot.keyClick(picker.search_line, Qt.Key.Key_Return)
        assert picker.isVisible()
        qtbot.keyClick(picker.search_line, Qt.Key.Key_Escape)
    assert not picker.isVisible()


def test_swatch_has_the_colour_of_the_label(picker):
    swatch = picker.list_view.model().index(0, 0).data(Qt.ItemDataRole.DecorationRole)
    assert swatch.toImage().pixelColor(3, 3).name() == "#e69f00"


def test_loading_a_list_shows_its_problems(picker, qtbot, tmp_path, monkeypatch):
    path = tmp_path / "own.csv"
    path.write_text("name,colour\nKelp,#00ff00\nMud,brownish\n")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    with qtbot.waitSignal(picker.label_set_loaded) as loaded:
        qtbot.mouseClick(picker.load_button, Qt.MouseButton.LeftButton)
    assert loaded.args == [picker.label_set]
    assert texts(picker) == ["Kelp", "Mud"]
    assert "Enter chooses" in picker.hint.text()
    assert "1 problem" in picker.source_line.text()
    assert picker.problems_text.toPlainText().startswith("Line 3: ")
    assert picker.problems_text.isVisible()


def test_a_file_that_is_no_list_leaves_the_labels(picker, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text("[" * 5000)
    picker.load_list(path)
    assert picker.label_set is not None and picker.label_set.labels == LABELS
    assert "no list of labels" in picker.problems_text.toPlainText()


def test_problems_are_hidden_when_there_are_none(picker):
    picker.set_label_set(LabelSet("List", LABELS, (Problem(2, "bad"), Problem(3, "worse"))))
    assert picker.problems_text.toPlainText() == "Line 2: bad\nLine 3: worse"
    picker.set_label_set(None)
    assert not picker.problems_text.isVisible() and texts(picker) == []
