"""The review queue: photographs one by one, by keyboard, and how accurate that tells they are."""

from __future__ import annotations

import time

import numpy as np
import pytest
import tifffile
from panel_user import KEY, PanelUser, threads

from napari_stego.classes import paint
from napari_stego.project import Project
from napari_stego.project.proposing import propose
from napari_stego.project.review_file import read_review
from napari_stego.project.reviewing import Review
from napari_stego.project.teaching import Teaching


class User(PanelUser):
    """Somebody who reviews."""

    def __init__(self, viewer, widget, until):
        super().__init__(viewer, widget, widget.review_panel, until)
        self.box = self.panel.review

    def paint(self, class_id):
        """Paint the upper half of the photograph on show."""
        image, table, labels = self.session.image, self.session.table, self.labels
        mask = np.zeros(labels.shape, bool)
        mask[: len(mask) // 2] = True
        painted = paint(table, image.content_hash, labels, mask, class_id)
        self.session.edit(painted.edit)
        self.settle()
        return float((labels[mask] == class_id).sum() + (~mask).sum()) / mask.size

    @property
    def records(self):
        return read_review(self.session.project)


@pytest.fixture
def user(opened, until):
    return User(*opened, until)


def test_a_review_by_keyboard_to_its_end(user):
    box, session = user.box, user.session
    ids = user.name("sand", "coral")
    core = Review(session.project, session.segmentation)
    queue = core.queue(Teaching(session.project, session.segmentation))
    total = len(queue)
    assert box.bar.format() == f"0 of {total} reviewed"
    assert not box.accept_button.isEnabled()
    user.key(KEY.Key_R)
    assert box.current == queue[0]
    assert session.image == queue[0].image
    assert f"{queue[0].image.name}, {100 * queue[0].certainty:.1f}% certain" in box.line.text()

    user.key(KEY.Key_A)
    assert user.records[queue[0].image.content_hash].state == "accepted"
    assert session.image == queue[1].image
    user.key(KEY.Key_S)
    assert user.records[queue[1].image.content_hash].state == "skipped"
    assert box.bar.format() == f"1 of {total - 1} reviewed, 1 skipped"
    # Back: what was decided last is forgotten.
    user.key(KEY.Key_Backspace)
    assert queue[1].image.content_hash not in user.records
    assert session.image == queue[1].image
    user.key(KEY.Key_S)

    user.key(KEY.Key_F)
    assert user.widget.tabs.shows(user.widget.correct_panel)
    assert session.image == queue[2].image
    right = user.paint(ids[1])
    user.widget.tabs.show_panel(user.panel)
    user.settle()
    user.key(KEY.Key_Return)
    record = user.records[queue[2].image.content_hash]
    assert (record.state, record.right) == ("fixed", pytest.approx(right))
    assert "every 4th" in box.accuracy.text()

    # One that is not on show cannot be judged unseen.
    assert box.current == queue[3]
    assert "drawn at random" in box.line.text()
    session.select(session.corpus.images.index(queue[0].image))
    user.settle()
    user.key(KEY.Key_A)
    assert queue[3].image.content_hash not in user.records
    assert "Go there" in box.line.text()
    user.key(KEY.Key_R)
    assert session.image == queue[3].image
    user.key(KEY.Key_A)
    found = Review(session.project, session.segmentation).progress()
    assert found == box.progress
    estimate = found.estimate
    assert estimate.drawn == 1
    low, high = f"{100 * estimate.low:.0f}", f"{100 * estimate.high:.0f}"
    told = f"Estimated accuracy {100 * estimate.accuracy:.0f} % ({low} to {high})"
    assert told in box.accuracy.text()
    for _ in range(2):
        user.key(KEY.Key_A)
    assert box.current is None
    assert box.line.text() == "All photographs are reviewed."
    assert box.bar.value() == box.bar.maximum() == total - 1
    assert not box.start_button.isEnabled()


@pytest.mark.parametrize(
    ("button", "state"), [("accept_button", "accepted"), ("skip_button", "skipped")]
)
def test_the_buttons_do_what_the_keys_do(user, button, state):
    box, session = user.box, user.session
    user.name("sand", "coral")
    user.press(box.start_button)
    image = box.current.image
    assert session.image == image
    user.press(getattr(box, button))
    assert user.records[image.content_hash].state == state
    assert session.image == box.current.image != image
    user.press(box.back_button)
    assert not user.records
    assert session.image == image
    user.press(box.fix_button)
    assert user.widget.tabs.shows(user.widget.correct_panel)


def test_a_review_needs_names_can_be_cancelled_and_writes_confidence(user, messages):
    user.key(KEY.Key_R)
    assert "name clusters of two classes" in messages[-1]
    assert user.box.current is None
    user.name("sand", "coral")
    user.key(KEY.Key_R, wait=False)
    user.widget.job_bar.cancel.click()
    user.settle()
    assert user.box.current is None
    assert user.box.start_button.isEnabled()
    user.key(KEY.Key_R)
    assert user.box.on_show

    user.press(user.box.files_button)
    folder, images = user.session.folder / "export" / "confidence", user.session.corpus.images
    told = user.panel.given.words.text()
    assert told.startswith(f"Confidence of {len(images)} photographs is in {folder}.")
    assert "not yet tested" in told  # nothing was clicked
    found = tifffile.imread(folder / f"{images[1].name}.tif")
    teaching = Teaching(user.session.project, user.session.segmentation)
    np.testing.assert_array_equal(found, propose(teaching, images[1]).confidence)


def test_what_was_decided_is_there_again_and_a_project_that_is_only_read_keeps_nothing(
    user, clustered
):
    box = user.box
    user.name("sand", "coral")
    user.key(KEY.Key_R)
    first = box.current.image.content_hash
    user.key(KEY.Key_A)
    user.widget.open(None, clustered)
    user.settle()
    user.widget.tabs.show_panel(user.panel)
    user.settle()
    assert box.progress.accepted == 1
    assert box.current is None
    user.key(KEY.Key_R)
    assert first not in [each.image.content_hash for each in box._queue]
    user.session.project.close()  # as if another program had taken it
    box.follow()
    assert user.session.read_only in box.line.text()
    assert not box.accept_button.isEnabled()
    user.key(KEY.Key_A)
    user.key(KEY.Key_S)
    assert list(read_review(Project.open(clustered, writable=False))) == [first]


@pytest.mark.slow
def test_the_viewer_closes_while_a_decision_is_kept(user, clustered, monkeypatch):
    user.name("sand", "coral")
    user.key(KEY.Key_R)
    accept = Review.accept

    def slow(review, *args):
        time.sleep(0.5)  # else it may be over before anything can be closed
        return accept(review, *args)

    monkeypatch.setattr(Review, "accept", slow)
    image = user.box.current.image.content_hash
    user.key(KEY.Key_A, wait=False)
    assert threads()
    user.viewer.close()
    user.until(lambda: not threads(), 20)
    # What was decided is kept, for it was on its way to the disk, or it is not: never a half.
    assert list(read_review(Project.open(clustered, writable=False))) in ([], [image])
