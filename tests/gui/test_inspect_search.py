"""The galleries: similar photographs, and the search whose hits are given to a class."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QInputDialog, QLineEdit
from story_user import as_soon_as

from napari_stego.corpus import discover
from napari_stego.gui.inspect_colours import overlaid
from napari_stego.project import Project, extract
from napari_stego.project.inspecting import Inspector
from napari_stego.project.searching import CorpusSearch

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def panel(opened):
    _, widget = opened
    widget.tabs.show_panel(widget.inspect_panel)
    QApplication.processEvents()
    return widget.inspect_panel


@pytest.fixture
def settle(opened, until):
    _, widget = opened
    return lambda: until(lambda: not (widget.jobs.busy or widget.inspect_panel.busy))


@pytest.fixture
def click(opened, settle):
    """Click a pixel of the photograph."""
    viewer, _ = opened
    canvas = viewer.window._qt_viewer.canvas.native

    def press(row, column, modifiers=NONE):
        centre, zoom = viewer.camera.center[-2:], viewer.camera.zoom
        x = canvas.width() / 2 + (column - centre[1]) * zoom
        y = canvas.height() / 2 + (row - centre[0]) * zoom
        QTest.mouseClick(canvas, LEFT, modifiers, QPoint(round(x), round(y)))
        settle()

    return press


def click_tile(view, row, modifiers=NONE):
    index = view.tiles.index(row)
    view.scrollTo(index)
    place = view.visualRect(index).center()
    QTest.mouseClick(view.viewport(), LEFT, modifiers, place)


def marked(viewer):
    """Rows, columns and sides of the squares that mark a place."""
    layer = viewer.layers["place"]
    places = zip(layer.data.tolist(), layer.size.tolist(), strict=True)
    return [(row, column, size) for (row, column), size in places]


def test_the_gallery_shows_the_nearest_photographs_and_leads_there(opened, panel, settle, click):
    _, widget = opened
    session, image = widget.session, widget.layers.image
    click(40, 30)
    inspector = Inspector(session.project, session.encodings)
    queries = inspector.queries(panel.prompts.prompts, "codes")
    expected = [image, *inspector.neighbours(image, 24)]
    tiles = panel.near.view.tiles.tiles
    assert [tile.place.image for tile in tiles] == expected
    items = list(inspector.gallery(expected, queries, "codes"))
    assert [tile.score for tile in tiles] == [item.score for item in items]
    pixels, heat = expected[1].read(), items[1].heat
    assert np.abs(tiles[1].picture.astype(int) - overlaid(pixels, heat)).mean() < 6

    click_tile(panel.near.view, 2)
    settle()
    assert widget.layers.image == expected[2]
    np.testing.assert_array_equal(
        widget.layers._layers._layers["correspondence"].data,
        inspector.heatmap(expected[2], queries, "codes"),
    )
    # Where it leads to is one of those shown: they stay as they are.
    assert panel.near.view.tiles.tiles == tiles

    panel.near.choose((expected[3], expected[1]))
    QTest.keyClick(panel.near.which, Qt.Key.Key_Down)
    settle()
    assert [t.place.image for t in panel.near.view.tiles.tiles] == [expected[3], expected[1]]


def test_a_search_is_given_to_a_new_class_and_undone(opened, panel, settle, click, until):
    """From an opened project to a corpus search whose hits are given to a class."""
    viewer, widget = opened
    session = widget.session
    click(40, 30)
    click(20, 100, SHIFT)
    panel.results.setCurrentWidget(panel.search)
    QTest.mouseClick(panel.search.search, LEFT)
    settle()
    assert "done" in widget.job_bar.status.text()  # the index was made
    search = CorpusSearch(session.project, session.encodings, "codes")
    assert search.missing == 0
    inspector = Inspector(session.project, session.encodings)
    queries = inspector.queries(panel.prompts.prompts, "codes")
    hits = [tile.place for tile in panel.search.view.tiles.tiles]
    assert hits == search.search(queries)
    assert f"{len(hits)} hits" in panel.search.line.text()

    # With the keyboard: to the second hit, and there.
    view = panel.search.view
    view.setFocus()
    click_tile(view, 0)
    settle()
    QTest.keyClick(view, Qt.Key.Key_Right)
    QTest.keyClick(view, Qt.Key.Key_Return)
    settle()
    assert widget.layers.image == hits[1].image
    assert marked(viewer) == [(hits[1].row, hits[1].column, hits[1].size)]
    # With Ctrl several are selected, and the photograph stays.
    click_tile(view, 3, CTRL)
    settle()
    assert widget.layers.image == hits[1].image
    assert view.selected == (hits[1], hits[3])
    QTest.mouseClick(panel.search.all, LEFT)
    assert view.selected == tuple(hits)

    panel.mask.slider.setValue(100)
    assert "0 at the threshold of 1.00 or above" in panel.search.line.text()
    panel.mask.slider.setValue(60)
    assert min(hit.score for hit in hits) > 0.6
    assert "threshold" not in panel.search.line.text()
    before = {image: session.segmentation.label_image(image) for image in session.corpus.images}

    def choose_new():
        menu = panel.search.give.menu()
        (new,) = [action for action in menu.actions() if action.text() == "New class…"]
        menu.setActiveAction(new)  # the mouse may be over another one
        QTest.keyClick(menu, Qt.Key.Key_Return)

    def name_it():
        line = QApplication.activeModalWidget().findChild(QLineEdit)
        line.selectAll()
        QTest.keyClicks(line, "sponge")
        QTest.keyClick(line, Qt.Key.Key_Return)

    opened_menu = as_soon_as(panel.search.give.menu().isVisible, choose_new)
    asked = as_soon_as(lambda: isinstance(QApplication.activeModalWidget(), QInputDialog), name_it)
    panel.search.give.setFocus()
    QTest.mouseClick(panel.search.give, LEFT)
    until(lambda: not (opened_menu.isActive() or asked.isActive()))
    settle()
    new = session.table.rows[-1]
    assert new.name == "sponge"
    assert "given to sponge" in panel.given.words.text()
    given = 0
    for hit in hits:
        labels = session.segmentation.label_image(hit.image)
        heat = inspector.heatmap(hit.image, queries, "codes")
        assert (labels[hit.row, hit.column] == new.id) == (heat[hit.row, hit.column] >= 0.6)
        changed = labels != before[hit.image]
        assert (labels[changed] == new.id).all()
        assert (heat[changed] >= 0.6).all()
        given += int(changed.sum())
    assert f"{given:,} pixels" in panel.given.words.text()
    np.testing.assert_array_equal(
        viewer.layers["classes"].data, session.segmentation.label_image(widget.layers.image)
    )

    session.undo()
    settle()
    assert new.id not in session.table
    for image, labels in before.items():
        np.testing.assert_array_equal(session.segmentation.label_image(image), labels)

    assert marked(viewer)
    click(48, 64)
    assert not marked(viewer)


def test_marks_stay_above_a_heatmap_that_was_deleted(opened, panel, settle, click):
    viewer, widget = opened
    click(40, 30)
    click(20, 100, SHIFT)
    panel.results.setCurrentWidget(panel.search)
    QTest.mouseClick(panel.search.search, LEFT)
    settle()
    click_tile(panel.search.view, 1)
    settle()
    viewer.layers.remove("correspondence")
    click_tile(panel.search.view, 2)
    settle()
    names = [layer.name for layer in viewer.layers]
    assert names == ["photograph", "classes", "correspondence", "prompts", "place"]

    # A photograph that was deleted comes back where one goes to it again.
    viewer.layers.remove("photograph")
    click_tile(panel.search.view, 2)
    settle()
    assert [layer.name for layer in viewer.layers] == names
    np.testing.assert_array_equal(viewer.layers["photograph"].data, widget.layers.image.read())

    # What is opened next has no place to be marked.
    widget.open_sample()
    settle()
    assert "place" not in viewer.layers


def test_keys_step_through_the_photographs_in_all_tabs(opened, panel, settle):
    _, widget = opened
    images = widget.session.corpus.images
    ALT = Qt.KeyboardModifier.AltModifier
    for key, place in ((Qt.Key.Key_Right, 1), (Qt.Key.Key_Right, 2), (Qt.Key.Key_Left, 1)):
        QTest.keyClick(panel, key, ALT)
        settle()
        assert widget.layers.image == images[place]
    widget.tabs.show_panel(widget.corpus_panel)
    QTest.keyClick(widget.corpus_panel, Qt.Key.Key_Right, ALT)
    settle()
    assert widget.layers.image == images[2]


def test_other_prompts_make_hits_old_and_a_search_anew(opened, panel, settle, click):
    click(40, 30)
    panel.results.setCurrentWidget(panel.search)
    QTest.mouseClick(panel.search.search, LEFT)
    settle()
    first = panel.search.view.tiles.tiles
    click(80, 100)
    assert panel.search.view.tiles.tiles == first
    assert "search again" in panel.search.line.text()
    panel.search.per_image.setValue(2)
    QTest.mouseClick(panel.search.search, LEFT)
    settle()
    names = [tile.place.image.name for tile in panel.search.view.tiles.tiles]
    assert max(map(names.count, names)) == 2
    assert "search again" not in panel.search.line.text()


def test_photographs_that_were_added_are_searched(
    opened, panel, settle, settled, click, photographs, clustered, images, features, small_weights
):
    _, widget = opened
    click(40, 30)
    panel.results.setCurrentWidget(panel.search)
    QTest.mouseClick(panel.search.search, LEFT)
    settle()
    assert len(panel.search.view.tiles.tiles) == len(discover(images))
    photographs(images / "more", 2, size=(96, 128))
    widget.session.project.close()
    extract(Project.open(clustered), features, images, weights_file=small_weights, device="cpu")
    widget.open(None, clustered)
    settled(widget)
    settle()
    assert panel.search.view.tiles.tiles == []
    click(40, 30)
    QTest.mouseClick(panel.search.search, LEFT)
    settle()
    search = CorpusSearch(widget.session.project, widget.session.encodings, "codes")
    assert search.missing == 0
    assert len(panel.search.view.tiles.tiles) == search.images
