from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_stego.classes import LockClass, RenameClass
from napari_stego.errors import StegoError
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Project
from napari_stego.project.confidence_files import write_confidence
from napari_stego.project.proposed_changes import ProposedChanges, count_changes
from napari_stego.project.proposing import accept, propose, take_over
from napari_stego.project.teaching import Teaching
from napari_stego.teaching import TeachingError

COUNT = 5


@pytest.fixture(scope="module")
def made(tmp_path_factory, clustered) -> Path:
    folder = tmp_path_factory.mktemp("changes")
    clustered(folder, COUNT).close()
    return folder / "reef.stego"


@pytest.fixture
def project(made, tmp_path) -> Project:
    (tmp_path / "images").symlink_to(made.parent / "images")
    return Project.open(shutil.copytree(made, tmp_path / "reef.stego"))


@pytest.fixture
def teaching(project) -> Teaching:
    """A classifier over two named clusters of four."""
    found = Teaching(project)
    for class_id, name in ((1, "sand"), (2, "coral")):
        found.segmentation.history.do(RenameClass(id=class_id, name=name))
    return found


def test_where_a_proposal_changes_is_what_accepting_it_changes(teaching, project):
    image = project.corpus.images[0]
    before = teaching.segmentation.label_image(image)
    losing = next(a for a, b in propose(teaching, image).changes)
    teaching.segmentation.history.do(LockClass(id=losing, locked=True))
    found = propose(teaching, image)
    assert not found.changing[before == losing].any()
    take_over(teaching, accept(teaching, [image]))
    after = teaching.segmentation.label_image(image)
    np.testing.assert_array_equal(after != before, found.changing)
    assert found.changing.sum() == sum(found.changes.values()) > 0


def test_counting_to_the_end_tells_what_accepting_all_changes(teaching, project):
    images = project.corpus.images
    counts = list(count_changes(teaching, images))
    assert [each.looked_at for each in counts] == list(range(1, COUNT + 1))
    assert {each.images for each in counts} == {COUNT}
    whole, made = counts[-1], accept(teaching, images)
    assert whole.changes == made.changes
    pixels = sum(image.height * image.width for image in images)
    assert whole.pixels == pixels
    assert whole.share == made.pixels / pixels
    expected = dict.fromkeys({b for _, b in made.changes}, 0.0)
    for (_, to), each in made.changes.items():
        expected[to] += each / pixels
    assert whole.gained == pytest.approx(expected)
    assert sum(whole.lost.values()) == pytest.approx(sum(whole.gained.values()))
    assert set(whole.lost) == {a for a, _ in made.changes}


def test_a_sample_stands_for_all_and_is_the_same_each_time(teaching, project):
    images = project.corpus.images
    first, again = (list(count_changes(teaching, images, most=2))[-1] for _ in range(2))
    assert (first.looked_at, first.images) == (2, COUNT)
    assert first == again
    whole = list(count_changes(teaching, images))
    assert whole[1].changes == first.changes


def test_one_photograph_tells_of_itself(teaching, project):
    found = propose(teaching, project.corpus.images[0])
    alone = ProposedChanges.of(found)
    assert alone.changes == found.changes
    assert alone.share == found.changing.mean()


def test_counting_stops_and_needs_examples(teaching, project):
    cancel = CancelToken()
    counting = count_changes(teaching, project.corpus.images, cancel=cancel)
    next(counting)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(counting)
    teaching.segmentation.history.jump(0)
    with pytest.raises(TeachingError, match="two classes"):
        next(count_changes(teaching, project.corpus.images))


def test_confidence_files_hold_what_is_proposed(teaching, project, tmp_path):
    seen = []
    done = write_confidence(teaching, tmp_path / "sure", lambda *each: seen.append(each))
    assert done == COUNT
    assert seen[-1] == (COUNT, COUNT, "writing confidence")
    for image in project.corpus.images:
        found = tifffile.imread(tmp_path / "sure" / f"{image.name}.tif")
        np.testing.assert_array_equal(found, propose(teaching, image).confidence)


def test_confidence_files_are_refused_among_photographs_and_can_be_cancelled(teaching, tmp_path):
    with pytest.raises(StegoError, match="among the photographs"):
        write_confidence(teaching, teaching.project.corpus.root / "sure")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        write_confidence(teaching, tmp_path / "sure", cancel=cancel)
    assert not list(tmp_path.glob("sure/*.tif"))


def test_guesses_of_the_next_click_are_classes_with_their_probabilities(teaching):
    (asked,) = teaching.next_clicks(1)
    assert {class_id for class_id, _ in asked.guesses} == {1, 2}
    probabilities = [p for _, p in asked.guesses]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1, abs=1e-5)
    first, second = (teaching.segmentation.table.name(i) for i, _ in asked.guesses)
    assert asked.why.startswith(f"“{first}” or “{second}”?")
