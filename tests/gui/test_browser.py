"""The corpus browser, by mouse and keyboard in a real viewer."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QPixmap
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_stego.classes import PaintStroke, RecolourClass, encode_runs
from napari_stego.corpus import discover
from napari_stego.gui.browser_filters import find_entry
from napari_stego.gui.browser_model import EDITED_ROLE, FAINT_ROLE, NOTE_ROLE, PICTURE_ROLE
from napari_stego.gui.browser_query import Facts, Names, Query, Sort, arrange
from napari_stego.project import Project

LEFT = Qt.MouseButton.LeftButton
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def browsing(until):
    """Let Qt work until thumbnails are there and the list stands still."""

    def wait(widget):
        browser = widget.corpus_panel.browser
        widget.tabs.show_panel(widget.corpus_panel)  # others come to the front by themselves
        until(
            lambda: (
                not (
                    widget.jobs.busy
                    or widget.layers.busy
                    or browser.busy
                    or browser.loader.busy
                    or browser.view._settling.isActive()
                )
            )
        )
        return browser

    return wait


@pytest.fixture
def browser(opened, browsing):
    return browsing(opened[1])


def listed(browser):
    return [browser.model.data(browser.model.index(row)) for row in range(browser.model.rowCount())]


def click(browser, row, modifier=Qt.KeyboardModifier.NoModifier):
    place = browser.view.visualRect(browser.model.index(row)).center()
    QTest.mouseClick(browser.view.viewport(), LEFT, modifier, place)


def picture(browser, row):
    return browser.model.data(browser.model.index(row), PICTURE_ROLE)


def pixels(pixmap):
    image = pixmap.toImage().convertToFormat(pixmap.toImage().Format.Format_RGB888)
    height, width = image.height(), image.width()
    held = image.constBits().asarray(image.bytesPerLine() * height)
    rows = np.array(held, np.uint8).reshape(height, -1)
    return rows[:, : 3 * width].reshape(height, width, 3).astype(int)


def choose(combo, value):
    """Choose an entry as a user does; what is not offered cannot be chosen."""
    assert combo.isEnabled()
    place = find_entry(combo, value)
    assert place >= 0
    combo.setCurrentIndex(place)
    combo.activated.emit(place)


def test_photographs_are_shown_and_a_click_goes_to_one(opened, browser, browsing):
    viewer, widget = opened
    assert listed(browser) == [f"frame{i:03}.png" for i in range(6)]
    assert widget.corpus_panel.counts.text() == "6 photographs"
    for row in range(6):
        shown = pixels(picture(browser, row))
        assert shown.shape == (96, 128, 3)
        expected = widget.session.corpus.images[row].read().astype(int)
        assert np.abs(shown - expected).mean() < 15
    layer = viewer.layers["photograph"]
    click(browser, 3)
    browsing(widget)
    assert widget.session.index == 3
    np.testing.assert_array_equal(layer.data, widget.session.corpus.images[3].read())
    # The same layers as before: nothing flickers.
    assert viewer.layers["photograph"] is layer
    assert [layer.name for layer in viewer.layers] == ["photograph", "classes"]


def test_keys_go_through_the_photographs(opened, browser):
    _, widget = opened
    view, session = browser.view, widget.session
    view.setFocus()
    columns = view.columns
    assert columns > 1
    for key, index in (
        (Qt.Key.Key_Right, 1),
        (Qt.Key.Key_Down, 1 + columns),
        (Qt.Key.Key_Up, 1),
        (Qt.Key.Key_Left, 0),
        (Qt.Key.Key_Up, 0),
        (Qt.Key.Key_End, 5),
        (Qt.Key.Key_Home, 0),
        (Qt.Key.Key_PageDown, 5),
        (Qt.Key.Key_PageUp, 0),
    ):
        QTest.keyClick(view, key)
        assert session.index == index, key
    panel = widget.corpus_panel
    assert not panel.previous.isEnabled()
    QTest.mouseClick(panel.next, LEFT)
    assert session.index == 1
    assert view.currentIndex().row() == 1


def test_several_are_selected(opened, browser):
    _, widget = opened
    told = []
    browser.selected.connect(told.append)
    click(browser, 1)
    click(browser, 3, SHIFT)
    assert [image.name for image in told[-1]] == ["frame001.png", "frame002.png", "frame003.png"]
    click(browser, 5, CTRL)
    click(browser, 2, CTRL)
    names = [image.name for image in browser.selected_images]
    assert names == ["frame001.png", "frame003.png", "frame005.png"]
    assert told[-1] == browser.selected_images
    assert "3 selected" in widget.corpus_panel.counts.text()
    # In another order they are still selected.
    QTest.mouseClick(browser.bar.backwards, LEFT)
    assert listed(browser)[0] == "frame005.png"
    assert [image.name for image in browser.selected_images] == names[::-1]
    QTest.keyClick(browser.view, Qt.Key.Key_A, CTRL)
    assert len(browser.selected_images) == 6


def test_words_filter_and_steps_follow_the_list(opened, browser, browsing):
    _, widget = opened
    panel = widget.corpus_panel
    QTest.keyClicks(browser.bar.words, "4 FRAME")
    browsing(widget)
    assert listed(browser) == ["frame004.png"]
    assert panel.counts.text() == "1 of 6 shown"
    assert widget.session.index == 0  # which stays on show
    assert not panel.previous.isEnabled()
    QTest.mouseClick(panel.next, LEFT)
    assert widget.session.index == 4
    assert not panel.next.isEnabled()
    QTest.keyClicks(browser.bar.words, " 9")
    browsing(widget)
    assert listed(browser) == []
    assert "Clear" in browser.view._words
    QTest.mouseClick(browser.bar.filter, LEFT)
    QTest.mouseClick(browser.filters.clear, LEFT)
    browser.bar.words.clear()
    browsing(widget)
    assert len(listed(browser)) == 6


def test_sorting_by_cover_and_filtering_by_class(opened, browser, browsing, until):
    _, widget = opened
    until(lambda: not widget.class_panel.counter.busy)
    segmentation, images = widget.session.segmentation, widget.session.corpus.images
    labels = np.array([segmentation.label_image(image) for image in images])
    largest = int(np.bincount(labels.ravel()).argmax())
    row = segmentation.table.row(largest)
    shares = (labels == row.id).mean(axis=(1, 2))
    assert len(set(shares)) > 1
    choose(browser.bar.sort, Sort.COVER)
    choose(browser.bar.sort_class, row.id)
    browsing(widget)
    places = browser.model.places
    np.testing.assert_array_equal(places, np.argsort(-shares, kind="stable"))
    note = browser.model.data(browser.model.index(0), NOTE_ROLE)
    assert note == f"{100 * shares.max():.1f}%"
    least = float(np.median(shares))
    QTest.mouseClick(browser.bar.filter, LEFT)
    choose(browser.filters.of_class, row.id)
    browser.filters.cover.setValue(round(100 * least, 1))
    wanted = int((shares >= browser.filters.cover.value() / 100).sum())
    assert 0 < wanted < 6
    assert browser.model.rowCount() == wanted


def test_sorting_by_uncertainty(opened, browser, browsing):
    _, widget = opened
    segmentation, images = widget.session.segmentation, widget.session.corpus.images
    choose(browser.bar.sort, Sort.UNCERTAINTY)
    browsing(widget)
    margins = []
    for image in images:
        grid = segmentation.encodings.grid(image, segmentation.result.settings.source)
        best = np.sort(segmentation.clusters.scores(grid), axis=-1)
        margins.append(float((best[..., -1] - best[..., -2]).mean()))
    np.testing.assert_array_equal(browser.model.places, np.argsort(margins))
    folder = widget.session.folder / "clusters"
    assert len(list(folder.rglob("margins.safetensors"))) == 1


def test_neighbours_of_the_photograph_on_show(opened, browser, browsing):
    _, widget = opened
    click(browser, 2)
    browsing(widget)
    QTest.mouseClick(browser.bar.neighbours, LEFT)
    browsing(widget)
    store = Project.open(widget.session.folder, writable=False).store
    means = [store.tokens(i.content_hash).mean(axis=(0, 1)) for i in widget.session.corpus.images]
    units = np.array([mean / np.linalg.norm(mean.astype(float)) for mean in means], float)
    alike = units @ units[2]
    places = browser.model.places
    assert places[0] == 2
    assert (np.diff(alike[places]) <= 2e-3).all()
    # Going through them changes nothing, until neighbours are asked for again.
    QTest.keyClick(browser.view, Qt.Key.Key_Right)
    assert widget.session.index == places[1]
    np.testing.assert_array_equal(browser.model.places, places)
    QTest.mouseClick(browser.bar.neighbours, LEFT)
    assert browser.model.places[0] == places[1]


def test_strokes_and_features(opened, browser, browsing, images, until):
    _, widget = opened
    session = widget.session
    image, class_id = session.corpus.images[2], session.table.rows[0].id
    runs = encode_runs(np.arange(500))
    shape = (image.height, image.width)
    session.edit(PaintStroke(image=image.content_hash, shape=shape, runs=runs, class_id=class_id))
    browsing(widget)
    edited = [browser.model.data(browser.model.index(i), EDITED_ROLE) for i in range(6)]
    assert edited == [False, False, True, False, False, False]
    choose(browser.filters.edited, True)
    assert listed(browser) == ["frame002.png"]
    session.undo()
    browsing(widget)
    assert listed(browser) == []
    QTest.mouseClick(browser.bar.filter, LEFT)
    QTest.mouseClick(browser.filters.clear, LEFT)
    # A photograph that came later has no features.
    new = images / "new.png"
    Image.fromarray(np.full((96, 128, 3), 99, np.uint8)).save(new)
    widget.open(images, session.folder)
    browsing(widget)
    assert listed(browser)[-1] == "new.png"
    assert browser.model.data(browser.model.index(6), FAINT_ROLE)
    assert not browser.model.data(browser.model.index(5), FAINT_ROLE)
    choose(browser.filters.features, False)
    assert listed(browser) == ["new.png"]


@pytest.mark.slow
def test_folders_and_days(plugin, browsing, tmp_path, photographs):
    for name, day in (("one", "2023:05:12"), ("two", "2022:01:02")):
        photographs(tmp_path / "dive" / name, 2)
        exif = Image.Exif()
        exif[0x0112] = 1
        exif.get_ifd(0x8769)[0x9003] = f"{day} 10:20:30"
        path = tmp_path / "dive" / name / "frame001.png"
        with Image.open(path) as image:
            image.load()
            image.save(path, exif=exif)
    _, widget = plugin()
    widget.open(tmp_path / "dive", tmp_path / "dive.stego")
    browser = browsing(widget)
    assert not browser.bar.colours.isEnabled()
    assert not browser.bar.neighbours.isEnabled()
    QTest.mouseClick(browser.bar.filter, LEFT)
    browsing(widget)
    choose(browser.filters.folder, "two")
    assert browser.model.places.tolist() == [2, 3]
    choose(browser.filters.day, np.datetime64("2022-01-02"))
    assert browser.model.places.tolist() == [3]
    QTest.mouseClick(browser.filters.clear, LEFT)
    choose(browser.bar.sort, Sort.DATE)
    assert browser.model.places[:2].tolist() == [3, 1]  # the files are of today
    assert browser.model.data(browser.model.index(1), NOTE_ROLE) == "2023-05-12 10:20"


def test_class_colours_follow_the_classes(opened, browser, browsing):
    _, widget = opened
    session = widget.session
    for _ in range(2):  # after which it comes from the disk, where it is a JPEG
        QTest.mouseClick(browser.bar.colours, LEFT)
        browsing(widget)
    plain = pixels(picture(browser, 0))
    QTest.mouseClick(browser.bar.colours, LEFT)
    browsing(widget)
    coloured = pixels(picture(browser, 0))
    segmentation = session.segmentation
    grid = segmentation.patch_clusters(session.corpus.images[0])
    largest = int(np.bincount(segmentation.table.lut()[grid].ravel()).argmax())
    session.edit(RecolourClass(id=largest, colour="#ff0000"))
    browsing(widget)
    red = pixels(picture(browser, 0))
    assert np.abs(coloured - plain).mean() > 10
    height, width = grid.shape
    row, column = np.argwhere(segmentation.table.lut()[grid] == largest)[0]
    place = (int((row + 0.5) * 96 / height), int((column + 0.5) * 128 / width))
    np.testing.assert_allclose(red[place], 0.45 * plain[place] + [140, 0, 0], atol=3)
    QTest.mouseClick(browser.bar.colours, LEFT)
    browsing(widget)
    np.testing.assert_array_equal(pixels(picture(browser, 0)), plain)


def drop(panel, path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    action, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), action, data, LEFT, none)
    QApplication.sendEvent(panel, enter)
    if enter.isAccepted():
        QApplication.sendEvent(panel, QDropEvent(QPointF(5, 5), action, data, LEFT, none))
    return enter.isAccepted()


def test_folders_and_projects_are_dropped(plugin, browsing, clustered, images, tmp_path):
    _, widget = plugin()
    browser = widget.corpus_panel.browser
    assert "drop" in browser.view._words
    (tmp_path / "notes.txt").write_text("no photograph")
    assert not drop(widget.corpus_panel, tmp_path / "notes.txt")
    assert drop(widget.corpus_panel, clustered)
    browsing(widget)
    assert widget.session.folder == clustered
    assert widget.session.segmentation is not None
    copy = shutil.copytree(images, tmp_path / "others")
    assert drop(widget.corpus_panel, copy)
    browsing(widget)
    assert widget.session.folder == tmp_path / "others.stego"
    assert len(listed(browser)) == 6


@pytest.mark.slow
def test_photographs_that_cannot_be_read_say_so(plugin, browsing, images, cut_jpg, tmp_path):
    cut_jpg(images / "cut.jpg")
    _, widget = plugin()
    widget.open(images, tmp_path / "cut.stego")
    browser = browsing(widget)
    assert "cannot be decoded" in picture(browser, 0)
    tip = browser.model.data(browser.model.index(0), Qt.ItemDataRole.ToolTipRole)
    assert "cannot be decoded" in tip
    assert isinstance(picture(browser, 1), QPixmap)


@pytest.mark.slow
def test_no_thread_is_left_when_it_is_closed_in_the_middle(plugin, until, images, tmp_path):
    _, widget = plugin()
    widget.open(images, tmp_path / "dive.stego")
    browser = widget.corpus_panel.browser
    until(lambda: browser.loader.busy)
    widget.shut_down()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if "thumbnails" in name or "dates" in name]


@pytest.mark.slow
def test_many_photographs_cost_little(browser, until):
    """Tiles are drawn for what is on show only, and where they are is known without asking."""
    images = browser._facts.images * 20_000
    model, view = browser.model, browser.view
    asked = []
    data = model.data
    model.data = lambda index, role=0: asked.append(index.row()) or data(index, role)
    browser.loader.open(None, images)
    browser._facts = Facts(images)
    model.show(images, np.arange(len(images)), lambda place: "")
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_End)
    until(lambda: not view._settling.isActive())
    view.viewport().repaint()
    first, last = view.rows_on_show()
    assert last == 120_000
    assert last - first < 60
    assert view.visualRect(model.index(119_999)).bottom() <= view.viewport().height()
    assert view.indexAt(view.visualRect(model.index(119_998)).center()).row() == 119_998
    assert len(set(asked)) < 120
    assert model.index(119_999) == view.currentIndex()


def names_of(tmp_path, photographs):
    folder = tmp_path / "dive"
    for name in ("Reef 1/a", "Reef 1", "Reef 10"):
        photographs(folder / name, 2, size=(16, 16), first=len(name))
    return discover(folder).images


def test_queries(tmp_path, photographs):
    images = names_of(tmp_path, photographs)
    names = Names(images)
    found = lambda query, **facts: [  # noqa: E731
        images[i].name for i in arrange(query, Facts(images, **facts), names)
    ]
    everything = [image.name for image in images]
    assert found(Query()) == everything
    assert found(Query(backwards=True)) == everything[::-1]
    assert set(names.folders) == {"Reef 1", "Reef 1/a", "Reef 10"}
    below = found(Query(folder="Reef 1"))
    assert len(below) == 4
    assert not any(name.startswith("Reef 10") for name in below)
    # What is not known comes last, whichever way it is sorted.
    margins = np.array([0.3, np.nan, 0.1, 0.2, np.nan, 0.3], np.float32)
    for backwards, order in ((True, [2, 3, 0, 5, 1, 4]), (False, [0, 5, 3, 2, 1, 4])):
        query = Query(sort=Sort.UNCERTAINTY, backwards=backwards)
        assert found(query, margins=margins) == [everything[i] for i in order]
    assert found(Query(uncertain=0.5), margins=margins) == [everything[2], everything[3]]
    # A filter by what is not known at all yet leaves none out.
    assert found(Query(uncertain=0.5)) == everything
