"""Teaching by example: what is proposed, the next useful click, and taking it over."""

from __future__ import annotations

import time

import numpy as np
import pytest
from panel_user import CTRL, KEY, LEFT, SHIFT, PanelUser, threads
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_stego.classes import LockClass, RenameClass
from napari_stego.project import Project, Segmentation
from napari_stego.project.proposed_changes import count_changes
from napari_stego.project.proposing import propose
from napari_stego.project.reviewing import Review
from napari_stego.project.teaching import Teaching
from napari_stego.project.teaching_examples import NOT_SAID, said_map


class User(PanelUser):
    """Somebody who teaches."""

    def __init__(self, viewer, widget, until):
        super().__init__(viewer, widget, widget.review_panel, until)
        self.box = self.panel.teach

    def teaching(self):
        """The core, apart from that of the panel."""
        return Teaching(self.session.project, self.session.segmentation)

    def row(self, class_id):
        table = self.box.table
        (row,) = [
            r
            for r in range(table.rowCount())
            if table.item(r, 0).data(Qt.ItemDataRole.UserRole) == class_id
        ]
        return [table.item(row, column).text() for column in range(3)], row


@pytest.fixture
def user(opened, until):
    return User(*opened, until)


def test_proposals_show_what_would_change_and_accepting_a_photograph_is_one_step_but_for_locks(
    user, messages
):
    box, before = user.box, user.labels
    sand, _ = user.name("sand", "coral")
    done = user.position
    user.key(KEY.Key_P)
    image = user.session.image
    expected = propose(user.teaching(), image)
    assert expected.changing.any()
    np.testing.assert_array_equal(user.shown, np.where(expected.changing, expected.labels, 0))
    assert f"{100 * expected.changing.mean():.1f}% of this photograph" in box.hint.text()
    np.testing.assert_array_equal(user.labels, before)
    assert user.position == done

    whole = list(count_changes(user.teaching(), user.session.corpus.images))[-1]
    assert box.counted == whole
    gained = (expected.changing & (expected.labels == sand)).mean()
    texts, _ = user.row(sand)
    assert texts[0] == "sand"
    assert f"+{100 * gained:.1f}%" in texts[1]
    assert f"+{100 * whole.gained[sand]:.1f}%" in texts[2]
    assert "without a name" in box.table.item(box.table.rowCount() - 1, 0).text()

    user.press(box.views.button("proposed"))
    np.testing.assert_array_equal(user.shown, expected.labels)
    user.key(KEY.Key_C)
    layer = user.viewer.layers["confidence"]
    assert layer.visible
    np.testing.assert_array_equal(layer.data, expected.confidence)
    assert not user.shown.any()
    assert "probably right" in box.hint.text()
    user.key(KEY.Key_C)
    assert not layer.visible
    np.testing.assert_array_equal(user.shown, before)
    user.key(KEY.Key_D)
    assert box.views.view == "changes"

    user.press(box.accepting.here)
    assert user.position == done + 1
    np.testing.assert_array_equal(user.labels, expected.labels)
    assert f"{expected.changing.sum():,} pixels on 1 photograph" in user.panel.given.words.text()
    assert not box.accepting.here.isEnabled()
    assert box.proposed.proposal.changes == {}
    user.press(user.panel.given.undo)
    assert user.position == done
    user.key(KEY.Key_Z, CTRL | SHIFT)
    assert user.position == done + 1
    user.key(KEY.Key_Z, CTRL)
    assert user.position == done
    np.testing.assert_array_equal(user.labels, before)
    assert box.proposed.proposal.changes == expected.changes

    losing = next(a for a, b in expected.changes if b == sand)
    assert expected.changing[before == losing].any()
    user.session.edit(LockClass(id=losing, locked=True))
    user.settle()
    user.press(box.accepting.all)
    done = user.position
    np.testing.assert_array_equal(user.labels == losing, before == losing)
    box.click(np.argwhere(before == losing)[0].tolist())
    user.panel.choose(sand)
    user.key(KEY.Key_Return)
    assert "locked" in messages[-1]
    assert user.position == done
    assert box.spot.spot is not None


def test_a_class_and_all_photographs_are_each_accepted_in_one_step(user):
    box, session = user.box, user.session
    _, coral = user.name("sand", "coral")
    done, images = user.position, session.corpus.images
    user.key(KEY.Key_P)
    assert not box.accepting.of_class.isEnabled()
    expected = {image: propose(user.teaching(), image) for image in images}
    _, row = user.row(coral)
    QTest.mouseClick(
        box.table.viewport(), LEFT, pos=box.table.visualItemRect(box.table.item(row, 0)).center()
    )
    user.key(KEY.Key_C, SHIFT)
    assert user.position == done + 1
    for image, each in expected.items():
        after = session.segmentation.label_image(image)
        np.testing.assert_array_equal(after, np.where(each.labels == coral, coral, each.before))
    user.key(KEY.Key_A, SHIFT)
    assert user.position == done + 2
    for image, each in expected.items():
        np.testing.assert_array_equal(session.segmentation.label_image(image), each.labels)
    assert "Nothing would change" in box.hint.text()
    assert not box.accepting.all.isEnabled()
    session.jump(done)
    user.settle()
    for image, each in expected.items():
        np.testing.assert_array_equal(session.segmentation.label_image(image), each.before)

    # Classes that change while all is accepted are not written over.
    user.press(box.accepting.all, wait=False)
    session.edit(RenameClass(id=user.largest()[2], name="rubble"))
    user.settle()
    assert user.position == done + 1
    assert "have changed meanwhile" in user.panel.given.words.text()


def test_a_reviewed_photograph_stays_with_all_and_is_accepted_alone_by_its_key(user):
    box, session, before = user.box, user.session, user.labels
    user.name("sand", "coral")
    Review(session.project, session.segmentation).accept(session.image)
    expected = propose(user.teaching(), session.image).labels
    user.key(KEY.Key_P)
    user.press(box.accepting.all)
    np.testing.assert_array_equal(user.labels, before)
    words = user.panel.given.words.text()
    assert words.endswith("1 photograph that was reviewed as right stays as it is.")
    done = user.position
    user.key(KEY.Key_P, SHIFT)
    assert user.position == done + 1
    np.testing.assert_array_equal(user.labels, expected)


def test_the_button_asks_for_the_next_useful_click(user):
    user.name("sand", "coral")
    (first,) = user.teaching().next_clicks(1)
    user.press(user.box.ask_button)
    spot = user.box.spot.spot
    assert (spot.image, spot.row, spot.column) == (first.image, first.row, first.column)


def test_the_next_useful_click_is_gone_to_and_answered_by_a_number(user):
    box, session = user.box, user.session
    user.name("sand", "coral")
    done = user.position
    first, second = user.teaching().next_clicks(2)
    user.key(KEY.Key_N)
    spot = box.spot.spot
    assert (spot.image, spot.row, spot.column) == (first.image, first.row, first.column)
    assert session.image == first.image == user.widget.layers.image
    np.testing.assert_allclose(user.viewer.camera.center[-2:], (first.row, first.column), atol=1)
    assert [b.isVisible() for b in box.spot.guesses] == [True, True, False]
    best = first.guesses[0][0]
    name, share = session.table.name(best), first.guesses[0][1]
    assert box.spot.guesses[0].text() == f"1   {name}, {share:.0%}"
    # The frame is around the place, and not on it.
    assert user.shown[spot.row, spot.column] < 2**16 - 64
    assert (user.shown >= 2**16 - 64).any()

    user.key(KEY.Key_N)  # another place
    assert box.spot.spot.image == second.image
    assert user.position == done
    other = second.guesses[1][0]
    user.key(KEY.Key_2)
    assert user.position == done + 1
    said = said_map(session.segmentation, second.image)
    assert said[second.row, second.column] == other
    assert set(np.unique(said)) == {other, NOT_SAID}
    assert "pixels given to" in user.panel.given.words.text()
    # It goes on by itself, with what was learned.
    (third,) = user.teaching().next_clicks(1)
    spot = box.spot.spot
    assert (spot.image, spot.row, spot.column) == (third.image, third.row, third.column)
    user.key(KEY.Key_Escape)
    assert box.spot.spot is None
    assert not box.spot.isVisible()

    # A click asks about the place that the user has chosen, and stays there.
    session.select(0)
    user.settle()
    user.click(40, 30)
    spot, image = box.spot.spot, session.image
    assert spot.image == image
    np.testing.assert_allclose((spot.row, spot.column), (40, 30), atol=1)
    target = user.largest()[2]
    user.panel.choose(target)
    user.key(KEY.Key_Return)
    assert user.position == done + 2
    assert user.labels[spot.row, spot.column] == target
    assert box.spot.spot is None
    assert session.image == image


def test_without_names_it_says_what_to_do_and_clicks_make_the_first_classes(user):
    box, session = user.box, user.session
    user.press(box.propose_button)
    assert "Name clusters of two classes" in box.hint.text()
    assert not box.accepting.here.isEnabled()
    assert not box.accepting.all.isEnabled()
    new = session.table.next_id
    user.key(KEY.Key_N)
    assert not any(button.isVisible() for button in box.spot.guesses)
    for name, class_id in (("sand", new), ("coral", new + 1)):
        spot, done = box.spot.spot, user.position
        box.spot.target.box.setFocus()
        QTest.keyClick(box.spot.target.box, KEY.Key_End)
        box.spot.target.box.activated.emit(box.spot.target.box.currentIndex())
        box.spot.target.name.selectAll()
        QTest.keyClicks(box.spot.target.name, name)
        QTest.keyClick(box.spot.target.name, KEY.Key_Return)
        user.settle()
        assert user.position == done + 1
        assert session.table.name(class_id) == name
        assert session.segmentation.label_image(spot.image)[spot.row, spot.column] == class_id
    user.key(KEY.Key_Escape)
    assert box.proposed is not None
    assert set(np.unique(box.proposed.proposal.labels)) <= {new, new + 1}


def test_it_learns_anew_from_every_edit_while_it_is_seen_and_keeps_nothing_that_is_only_read(user):
    box, session = user.box, user.session
    ids = user.name("sand", "coral")
    user.key(KEY.Key_P)
    assert set(np.unique(box.proposed.proposal.labels)) <= set(ids)
    third = user.largest()[2]
    session.edit(RenameClass(id=third, name="rubble"))
    user.settle()
    np.testing.assert_array_equal(
        box.proposed.proposal.labels, propose(user.teaching(), session.image).labels
    )
    user.widget.tabs.show_panel(user.widget.class_panel)
    np.testing.assert_array_equal(user.shown, user.labels)
    session.undo()
    session.select(1)
    user.settle()
    assert not user.box.busy
    user.widget.tabs.show_panel(user.panel)
    user.settle()
    expected = propose(user.teaching(), session.image)
    assert box.proposed.image == session.corpus.images[1]
    np.testing.assert_array_equal(box.proposed.proposal.labels, expected.labels)

    session.project.close()  # as if another program had taken it
    assert session.read_only
    done = user.position
    user.key(KEY.Key_P)
    assert box.proposed.proposal.changing.any()
    assert session.read_only in box.hint.text()
    accepting = box.accepting
    assert not any(b.isEnabled() for b in (accepting.here, accepting.of_class, accepting.all))
    user.key(KEY.Key_N)
    assert not box.spot.give.isEnabled()
    user.key(KEY.Key_1)
    user.key(KEY.Key_Return)
    assert user.position == done


@pytest.mark.parametrize(
    ("what", "when"),
    [
        ("dock", "propose"),
        pytest.param("viewer", "propose", marks=pytest.mark.slow),
        pytest.param("dock", "ask", marks=pytest.mark.slow),
        pytest.param("viewer", "accept", marks=pytest.mark.slow),
    ],
)
def test_closing_at_any_moment_leaves_no_thread_and_no_edit(
    user, clustered, what, when, monkeypatch
):
    user.name("sand", "coral")
    done, classifier = user.position, Teaching.classifier

    def slow(teaching):
        time.sleep(0.5)  # else it may be over before anything can be closed
        return classifier(teaching)

    if when == "accept":
        user.key(KEY.Key_P)
    monkeypatch.setattr(Teaching, "classifier", slow)
    if when == "accept":
        user.press(user.box.accepting.all, wait=False)
    else:
        user.key(KEY.Key_P if when == "propose" else KEY.Key_N, wait=False)
    assert threads()
    user.close(what)
    user.until(lambda: not threads(), 20)
    project = Project.open(clustered, writable=False)
    assert Segmentation(project).history.position == done
