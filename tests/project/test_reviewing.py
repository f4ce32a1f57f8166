from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_stego.classes import RenameClass, paint
from napari_stego.project import Project, ProjectError, ReadOnlyError, Segmentation
from napari_stego.project.proposed_changes import count_changes
from napari_stego.project.proposing import accept, take_over
from napari_stego.project.review_file import REVIEW_FILE, read_review, reviewed_as_right
from napari_stego.project.reviewing import DRAWN_EVERY, Review
from napari_stego.project.teaching import Teaching

COUNT = 9


@pytest.fixture(scope="module")
def made(tmp_path_factory, clustered) -> Path:
    folder = tmp_path_factory.mktemp("reviewing")
    project = clustered(folder, COUNT)
    history = Segmentation(project).history
    for class_id, name in ((1, "sand"), (2, "coral")):
        history.do(RenameClass(id=class_id, name=name))
    project.close()
    return folder / "reef.stego"


@pytest.fixture
def project(made, tmp_path) -> Project:
    return Project.open(shutil.copytree(made, tmp_path / "reef.stego"))


@pytest.fixture
def segmentation(project) -> Segmentation:
    return Segmentation(project)


@pytest.fixture
def review(project, segmentation) -> Review:
    return Review(project, segmentation)


@pytest.fixture
def images(project):
    return project.corpus.images


class Certain:
    """Stands for a classifier: certain of a photograph by its place in the corpus."""

    def __init__(self, images) -> None:
        self._images = list(images)

    def certainty(self, image) -> float:
        return self._images.index(image) / 100


def test_the_least_certain_come_first_and_some_by_chance(review, images):
    queue = review.queue(Certain(images))
    assert len({each.image for each in queue}) == COUNT
    assert [k for k, each in enumerate(queue) if each.drawn] == [3, 7]
    chosen = [each.certainty for each in queue if not each.drawn]
    assert chosen == sorted(chosen)
    assert review.queue(Certain(images)) == queue


def test_every_fourth_of_the_review_is_drawn_and_not_of_the_list(project, segmentation, images):
    drawn = []
    for _ in range(COUNT):
        review = Review(project, segmentation)
        first = review.queue(Certain(images))[0]
        drawn.append(first.drawn)
        assert review.accept(first.image, first.drawn).drawn is first.drawn
    assert [k % DRAWN_EVERY for k, each in enumerate(drawn) if each] == [3, 3]


def test_what_is_drawn_does_not_depend_on_certainty(project, segmentation, images):
    def first_drawn(order):
        queue = Review(project, segmentation).queue(Certain(order))
        return next(each.image for each in queue if each.drawn)

    chance = Review(project, segmentation)._chance
    for order in (images, images[::-1]):
        taken = {
            each.image.content_hash
            for each in Review(project, segmentation).queue(Certain(order))[:3]
        }
        expected = next(h for h in chance if h not in taken)
        assert first_drawn(order).content_hash == expected


def test_a_queue_of_what_was_learned(project, segmentation, review, images):
    teaching = Teaching(project, segmentation)
    queue = review.queue(teaching)
    assert queue[0].certainty == min(each.certainty for each in queue)
    assert queue[0].certainty == pytest.approx(teaching.certainty(queue[0].image))


def test_an_image_without_strokes_is_accepted(project, review, images):
    record = review.accept(images[0], drawn=True)
    assert (record.state, record.right, record.drawn) == ("accepted", 1.0, True)
    assert read_review(project) == {images[0].content_hash: record}


def paint_top(segmentation, image, class_id, part=2):
    mask = np.zeros((image.height, image.width), bool)
    mask[: image.height // part] = True
    labels = segmentation.label_image(image)
    edit = paint(segmentation.table, image.content_hash, labels, mask, class_id).edit
    segmentation.history.do(edit)
    return (labels != class_id)[mask].sum() / mask.size


def test_an_image_that_was_painted_on_is_fixed(segmentation, review, images):
    changed = paint_top(segmentation, images[0], 3)
    record = review.accept(images[0])
    assert record.state == "fixed"
    assert record.right == pytest.approx(1 - changed)
    assert 0.4 < record.right < 1


def test_proposals_that_were_taken_over_are_the_machines(project, segmentation, review, images):
    teaching = Teaching(project, segmentation)
    take_over(teaching, accept(teaching, images[:1]))
    assert segmentation.history.strokes(images[0].content_hash)
    assert review.accept(images[0]).right == 1


def test_reviewed_photographs_are_left_out_of_what_is_accepted_with_all(
    project, segmentation, review, images
):
    teaching = Teaching(project, segmentation)
    paint_top(segmentation, images[0], 3)
    for image in images[:2]:
        review.accept(image)
    review.skip(images[2])
    reviewed = reviewed_as_right(project)
    assert reviewed == {image.content_hash for image in images[:2]}
    made = accept(teaching, images, leave_out=reviewed)
    assert made.left_out == 2
    changed = {edit.image for step in made.steps for edit in step.edits}
    assert images[2].content_hash in changed
    assert not changed & reviewed
    assert list(count_changes(teaching, images))[-1].changes == made.changes


def test_skipped_ones_neither_come_again_nor_count(review, images):
    review.skip(images[0])
    assert images[0] not in [each.image for each in review.queue(Certain(images))]
    found = review.progress()
    assert (found.skipped, found.left, found.estimate.reviewed) == (1, COUNT - 1, 0)
    review.forget(images[0])
    assert review.progress().left == COUNT


def test_progress_counts_and_estimates(segmentation, review, images):
    assert review.progress().estimate.accuracy is None
    changed = paint_top(segmentation, images[0], 3)
    review.accept(images[0], drawn=False)
    review.accept(images[1], drawn=True)
    found = review.progress()
    assert (found.accepted, found.fixed, found.skipped, found.left) == (1, 1, 0, COUNT - 2)
    # One chosen as it is; one drawn for itself and all others.
    assert found.estimate.accuracy == pytest.approx((1 - changed + COUNT - 1) / COUNT)
    assert found.estimate.low < found.estimate.accuracy


def test_a_second_look_keeps_that_it_was_drawn(segmentation, review, images):
    review.accept(images[0], drawn=True)
    paint_top(segmentation, images[0], 3)
    again = review.accept(images[0])
    assert (again.state, again.drawn) == ("fixed", True)


def test_reopened_a_review_goes_on(project, segmentation, review, images):
    review.accept(images[0])
    review.skip(images[1])
    again = Review(project, segmentation)
    assert again.records == review.records
    assert len(again.queue(Certain(images))) == COUNT - 2


def test_nothing_is_written_to_a_project_for_reading(made):
    project = Project.open(made, writable=False)
    with pytest.raises(ReadOnlyError):
        Review(project).skip(project.corpus.images[0])
    assert not (made / REVIEW_FILE).exists()


def record(**changes):
    return {"image": "0" * 64, "state": "accepted", "right": 1.0, "drawn": False} | changes


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": 1}',
        '{"format": "1", "records": []}',
        '{"format": true, "records": []}',
        json.dumps({"format": 1, "records": [record(image="../etc")]}),
        json.dumps({"format": 1, "records": [record(state="fine")]}),
        json.dumps({"format": 1, "records": [record(right=1.5)]}),
        '{"format":1,"records":[{"image":"' + "0" * 64 + '","state":"fixed","right":NaN,'
        '"drawn":false}]}',
        json.dumps({"format": 1, "records": [record(drawn=1)]}),
        json.dumps({"format": 1, "records": [record(more=1)]}),
        json.dumps({"format": 1, "records": [], "more": 1}),
        "[" * 5000,
    ],
)
def test_a_damaged_file_is_told_and_kept(project, content):
    path = project.folder / REVIEW_FILE
    path.write_text(content)
    with pytest.raises(ProjectError, match="Move it away"):
        read_review(project)
    assert path.read_text() == content


def test_a_newer_file_is_refused(project):
    (project.folder / REVIEW_FILE).write_text('{"format": 2, "records": []}')
    with pytest.raises(ProjectError, match="newer version"):
        read_review(project)


def test_a_link_is_not_followed(project, tmp_path):
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text('{"format": 1, "records": []}')
    (project.folder / REVIEW_FILE).symlink_to(elsewhere)
    with pytest.raises(ProjectError):
        read_review(project)


def test_images_that_are_gone_are_passed_over(project):
    content = json.dumps({"format": 1, "records": [record()]})
    (project.folder / REVIEW_FILE).write_text(content)
    assert read_review(project) == {}
