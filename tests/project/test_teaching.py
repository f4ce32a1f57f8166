from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_stego.classes import (
    AcceptProposal,
    AddClass,
    ClassEditError,
    LockClass,
    MergeClasses,
    RemoveStrokes,
    RenameClass,
    encode_runs,
    paint,
)
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Project, ProjectError, Segmentation, edit_steps
from napari_stego.project.proposing import accept, propose, take_over
from napari_stego.project.teaching import Teaching
from napari_stego.project.teaching_examples import (
    NOT_SAID,
    TAUGHT,
    TaughtClick,
    said_map,
    said_positions,
)
from napari_stego.teaching import TeachingError


@pytest.fixture(scope="module")
def made(tmp_path_factory, clustered) -> Path:
    folder = tmp_path_factory.mktemp("teaching")
    clustered(folder, 6).close()
    return folder / "reef.stego"


@pytest.fixture
def teaching(made, tmp_path) -> Teaching:
    """A classifier over two named clusters of four, in a copy of the project."""
    folder = shutil.copytree(made, tmp_path / "reef.stego")
    (tmp_path / "images").symlink_to(made.parent / "images")
    found = Teaching(Project.open(folder))
    for class_id, name in ((1, "sand"), (2, "coral")):
        found.segmentation.history.do(RenameClass(id=class_id, name=name))
    return found


@pytest.fixture
def images(teaching):
    return teaching.project.corpus.images


def test_named_clusters_teach(teaching, images):
    model = teaching.classifier()
    assert model.classes == (1, 2)
    labels = teaching.segmentation.label_image(images[0])
    found = propose(teaching, images[0])
    assert set(np.unique(found.labels)) <= {1, 2}
    named = np.isin(labels, (1, 2))
    assert (found.labels == labels)[named].mean() > 0.7
    assert found.labels.dtype == np.uint16
    assert found.confidence.dtype == np.float32
    assert 0.5 <= found.confidence.min() <= found.confidence.max() <= 1


def test_without_names_or_clicks_there_is_nothing_to_learn(made):
    project = Project.open(made, writable=False)
    with pytest.raises(TeachingError, match="two classes"):
        Teaching(project).classifier()


def test_the_same_project_teaches_the_same(teaching):
    other = Teaching(Project.open(teaching.project.folder, writable=False))
    np.testing.assert_array_equal(teaching.classifier().weight, other.classifier().weight)


def test_a_click_is_kept_teaches_and_can_be_undone(teaching, images):
    history = teaching.segmentation.history
    before = teaching.classifier()
    teaching.click([TaughtClick(images[0], 30, 20, 3)])
    assert history.table.name(3) == "class 3"
    assert teaching.classifier().classes == (1, 2, 3)
    assert teaching.examples().said.sum() == 1
    assert teaching.segmentation.label_image(images[0])[30, 20] == 3
    reopened = Segmentation(Project.open(teaching.project.folder, writable=False))
    assert len(reopened.history.strokes(images[0].content_hash)) == 1
    history.undo()
    np.testing.assert_array_equal(teaching.classifier().weight, before.weight)


def test_several_clicks_are_one_step(teaching, images):
    history = teaching.segmentation.history
    position = history.position
    teaching.click([TaughtClick(images[i], 5, 5 + i, 3 + i) for i in range(2)])
    assert history.position == position + 1
    assert history.undo_text == "Teach 2 examples"


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (0, 10_000)])
def test_a_click_beside_the_photograph_is_refused(teaching, images, row, column):
    with pytest.raises(ProjectError, match="outside"):
        teaching.click([TaughtClick(images[0], row, column, 1)])


def test_a_click_on_a_locked_class_is_refused(teaching, images):
    locked = int(teaching.segmentation.label_image(images[0])[30, 20])
    other = 1 if locked != 1 else 2
    teaching.segmentation.history.do(LockClass(id=locked, locked=True))
    with pytest.raises(ClassEditError, match="locked"):
        teaching.click([TaughtClick(images[0], 30, 20, other)])


def test_what_was_merged_teaches_its_heir(teaching, images):
    teaching.click([TaughtClick(images[0], 30, 20, 3)])
    assert 3 in teaching.classifier().classes
    teaching.segmentation.history.do(MergeClasses(ids=(2, 3), into=2))
    assert teaching.classifier().classes == (1, 2)
    assert teaching.examples().said.sum() == 1


def test_proposals_change_nothing_and_know_what_they_would(teaching, images):
    history, image = teaching.segmentation.history, images[0]
    position = history.position
    before = teaching.segmentation.label_image(image)
    found = propose(teaching, image)
    np.testing.assert_array_equal(found.before, before)
    assert history.position == position
    counted = {
        (a, b): int(((before == a) & (found.labels == b)).sum())
        for a in np.unique(before).tolist()
        for b in (1, 2)
        if a != b
    }
    assert found.changes == {pair: n for pair, n in counted.items() if n}


def test_what_the_user_said_stays(teaching, images):
    image = images[0]
    teaching.click([TaughtClick(image, 30, 20, 4)])
    found = propose(teaching, image)
    said = said_map(teaching.segmentation, image)
    inside = said != NOT_SAID
    assert (found.labels[inside] == 4).all()
    assert (found.confidence[inside] == 1).all()


def test_all_is_accepted_in_one_step(teaching, images):
    history = teaching.segmentation.history
    position = history.position
    expected = {image: propose(teaching, image) for image in images}
    made = accept(teaching, images)
    assert history.position == position
    take_over(teaching, made)
    assert history.position == position + 1
    assert history.undo_text == f"Accept what was taught on {made.images} photographs"
    assert made.pixels == sum(sum(each.changes.values()) for each in expected.values())
    for image, proposal in expected.items():
        after = teaching.segmentation.label_image(image)
        np.testing.assert_array_equal(after, proposal.labels)
    history.undo()
    for image, proposal in expected.items():
        np.testing.assert_array_equal(teaching.segmentation.label_image(image), proposal.before)


def test_what_was_taken_over_teaches_nothing(teaching, images):
    before = teaching.classifier()
    take_over(teaching, accept(teaching, images))
    assert teaching.examples().said.sum() == 0
    np.testing.assert_array_equal(teaching.classifier().weight, before.weight)
    assert accept(teaching, images).steps == ()


def test_accepting_one_class_and_one_photograph(teaching, images):
    image, history = images[0], teaching.segmentation.history
    found = propose(teaching, image)
    target = max(found.changes, key=found.changes.get)[1]
    made = accept(teaching, [image], target)
    assert {to for _, to in made.changes} == {target}
    take_over(teaching, made)
    after = teaching.segmentation.label_image(image)
    expected = np.where(found.labels == target, target, found.before)
    np.testing.assert_array_equal(after, expected)
    assert set(history.state.painted_images) == {image.content_hash}


def test_locked_classes_neither_lose_nor_get(teaching, images):
    image, history = images[0], teaching.segmentation.history
    before = teaching.segmentation.label_image(image)
    losing = next(iter(propose(teaching, image).changes))[0]
    history.do(LockClass(id=losing, locked=True))
    take_over(teaching, accept(teaching, images))
    after = teaching.segmentation.label_image(image)
    np.testing.assert_array_equal(after == losing, before == losing)
    with pytest.raises(ClassEditError, match="locked"):
        accept(teaching, images, losing)


def test_what_is_too_long_for_a_line_is_several_steps(teaching, images, monkeypatch):
    whole = accept(teaching, images)
    monkeypatch.setattr(edit_steps, "_STEP_EDITS", 2)
    parts = accept(teaching, images)
    assert all(len(step.edits) <= 2 for step in parts.steps)
    assert [e for step in parts.steps for e in step.edits] == list(whole.steps[0].edits)
    history = teaching.segmentation.history
    take_over(teaching, parts)
    assert history.undo_text.endswith(f"part {len(parts.steps)} of {len(parts.steps)}")


def test_cancelling_leaves_all_as_it_was(teaching, images):
    position = teaching.segmentation.history.position
    cancel = CancelToken()

    def stop(done, total, message):
        if done == 1:
            cancel.cancel()

    with pytest.raises(Cancelled):
        accept(teaching, images, progress=stop, cancel=cancel)
    assert teaching.segmentation.history.position == position


def test_the_next_click_says_where_and_why(teaching, images):
    found = teaching.next_clicks(3)
    assert len(found) == 3
    assert len({each.image for each in found}) == 3
    for each in found:
        assert 0 <= each.row < each.image.height
        assert 0 <= each.column < each.image.width
        assert "of all patches are like it" in each.why
    assert "“sand”" in found[0].why
    assert "“coral”" in found[0].why
    first = found[0]
    teaching.click([TaughtClick(first.image, first.row, first.column, 1)])
    again = teaching.next_clicks(3)
    assert (first.image, first.row, first.column) not in [
        (each.image, each.row, each.column) for each in again
    ]


def test_before_anything_is_known_typical_places_are_asked_for(made):
    (found,) = Teaching(Project.open(made, writable=False)).next_clicks(1)
    assert found.why.endswith("of all patches are like it")
    assert "“" not in found.why


def test_a_photograph_is_the_less_certain_the_more_its_classes_are_not_what_is_proposed(
    teaching, images
):
    image = images[0]
    before = teaching.certainty(image)
    labels = teaching.segmentation.label_image(image)
    assert 0 < before < np.isin(labels, (1, 2)).mean() + 0.1  # the rest has no name
    take_over(teaching, accept(teaching, [image]))
    as_proposed = teaching.certainty(image)
    assert max(before, 0.5) < as_proposed <= 1


def stroke_map(teaching, image, mask, class_id):
    labels = teaching.segmentation.label_image(image)
    edit = paint(teaching.segmentation.table, image.content_hash, labels, mask, class_id).edit
    teaching.segmentation.history.do(edit)


def test_strokes_count_where_they_are_most_of_a_patch(teaching, images):
    image = images[0]
    grid = teaching.segmentation.encodings.store.grid_shape(image.content_hash)
    mask = np.zeros((image.height, image.width), bool)
    mask[: image.height // 2] = True
    stroke_map(teaching, image, mask, 3)
    thin = np.zeros_like(mask)
    thin[-1, :3] = True
    stroke_map(teaching, image, thin, 4)
    places, classes = said_positions(said_map(teaching.segmentation, image), grid)
    rows = places // grid[1]
    assert set(classes.tolist()) == {3, 4}
    assert rows[classes == 3].max() < grid[0] / 2
    assert rows[classes == 4].tolist() == [grid[0] - 1]


def test_strokes_that_were_removed_or_proposed_say_nothing(teaching, images):
    image, history = images[0], teaching.segmentation.history
    teaching.click([TaughtClick(image, 30, 20, 3)])
    shape = (image.height, image.width)
    everywhere = encode_runs(np.arange(image.height * image.width))
    history.do(RemoveStrokes(image=image.content_hash, shape=shape, runs=everywhere))
    history.do(
        AcceptProposal(
            image=image.content_hash, shape=shape, runs=everywhere, class_id=4, source=TAUGHT
        )
    )
    assert (said_map(teaching.segmentation, image) == NOT_SAID).all()
    assert not teaching.examples().said.any()


def test_a_new_class_is_learned_from_clicks_alone(teaching, images):
    history = teaching.segmentation.history
    fish = history.table.next_id
    history.do(AddClass(id=fish, name="fish", colour="#ff0000"))
    teaching.click([TaughtClick(images[i], 30, 40, fish) for i in range(3)])
    assert fish in teaching.classifier().classes
