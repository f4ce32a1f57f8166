"""Cleaning up the classes of photographs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_stego.classes import AcceptProposal, LockClass, ReassignRegion, RenameClass, give_region
from napari_stego.clustering import CrfSettings
from napari_stego.corpus import CorpusImage
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Segmentation, edit_steps
from napari_stego.project.proposing import accept, propose, take_over
from napari_stego.project.refining import RefineSettings, refine
from napari_stego.project.reviewing import Review
from napari_stego.project.teaching import Teaching
from napari_stego.project.teaching_examples import TAUGHT

SMALLEST = 200
SPECKS = RefineSettings(smallest=SMALLEST)


@pytest.fixture
def project(clustered, tmp_path):
    made = clustered(tmp_path)
    yield made
    made.close()


@pytest.fixture
def segmentation(project):
    return Segmentation(project)


def labels(segmentation, project):
    return [segmentation.label_image(image) for image in project.corpus.images]


def clean(segmentation, images):
    for step in refine(segmentation, images, SPECKS).steps:
        segmentation.history.do(step)


def smallest(image):
    """Pixels of the smallest region of a class."""
    sizes = [np.bincount(ndimage.label(image == i)[0].ravel())[1:] for i in np.unique(image)]
    return np.concatenate(sizes).min()


def test_small_regions_go_in_one_step_that_can_be_undone(segmentation, project):
    before = labels(segmentation, project)
    assert min(map(smallest, before)) < SMALLEST
    found = refine(segmentation, project.corpus.images, SPECKS)
    assert all(map(np.array_equal, labels(segmentation, project), before))  # not done yet
    (step,) = found.steps
    segmentation.history.do(step)
    after = labels(segmentation, project)
    assert min(map(smallest, after)) >= SMALLEST
    changes = [int((a != b).sum()) for a, b in zip(before, after, strict=True)]
    assert (found.images, found.pixels) == (np.count_nonzero(changes), sum(changes))
    segmentation.history.undo()
    assert all(map(np.array_equal, labels(segmentation, project), before))


@pytest.mark.parametrize(("kind", "stays"), [(AcceptProposal, True), (ReassignRegion, False)])
def test_a_small_thing_that_the_user_cut_out_stays_and_specks_of_a_heatmap_go(
    segmentation, project, kind, stays
):
    image = project.corpus.images[0]
    before = segmentation.label_image(image)
    mask = np.zeros(before.shape, bool)
    mask[40:44, 50:54] = True
    class_id = next(r.id for r in segmentation.table.rows if r.id not in before[38:46, 48:56])
    painted = give_region(kind, segmentation.table, image.content_hash, before, mask, class_id)
    segmentation.history.do(painted.edit)
    clean(segmentation, [image])
    assert (segmentation.label_image(image)[mask] == class_id).all() == stays


def test_what_is_clean_stays_and_there_is_no_edit(segmentation, project):
    assert refine(segmentation, project.corpus.images, RefineSettings()).steps == ()
    clean(segmentation, project.corpus.images)
    assert refine(segmentation, project.corpus.images, SPECKS).steps == ()


def test_only_the_photographs_that_were_named_change(segmentation, project):
    before = labels(segmentation, project)
    place = next(i for i, image in enumerate(before) if smallest(image) < SMALLEST)
    clean(segmentation, [project.corpus.images[place]])
    after = labels(segmentation, project)
    same = list(map(np.array_equal, after, before))
    assert [i for i, unchanged in enumerate(same) if not unchanged] == [place]


def test_a_crf_moves_edges_but_none_of_a_locked_class(segmentation, project):
    settings = RefineSettings(crf=CrfSettings(iterations=2))
    image = project.corpus.images[0]
    before = segmentation.label_image(image)
    free = refine(segmentation, [image], settings)
    assert free.pixels > 0
    moved = segmentation.label_image(image, settings.crf) != before
    locked = int(np.bincount(before[moved]).argmax())
    segmentation.history.do(LockClass(id=locked, locked=True))
    found = refine(segmentation, [image], settings)
    assert found.pixels < free.pixels
    for step in found.steps:
        segmentation.history.do(step)
    np.testing.assert_array_equal(segmentation.label_image(image) == locked, before == locked)


def test_it_can_be_cancelled(segmentation, project):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        refine(segmentation, project.corpus.images, SPECKS, cancel=token)


def test_what_was_cleaned_is_the_machines_and_not_what_the_user_says(segmentation, project):
    for class_id, name in ((1, "sand"), (2, "coral")):
        segmentation.history.do(RenameClass(id=class_id, name=name))
    teaching, images = Teaching(project, segmentation), project.corpus.images
    before = teaching.classifier()
    clean(segmentation, images)
    assert not teaching.examples().said.any()
    np.testing.assert_array_equal(teaching.classifier().weight, before.weight)
    assert Review(project, segmentation).accept(images[0]).state == "accepted"
    wanted = propose(teaching, images[0])
    assert wanted.confidence.max() < 1
    take_over(teaching, accept(teaching, images[:1]))
    np.testing.assert_array_equal(segmentation.label_image(images[0]), wanted.labels)


def test_the_same_photograph_counts_once_and_what_is_long_is_several_steps(
    segmentation, project, monkeypatch
):
    images = project.corpus.images
    whole = refine(segmentation, images, SPECKS)
    monkeypatch.setattr(edit_steps, "_STEP_EDITS", 1)
    parts = refine(segmentation, [*images, *images], SPECKS)
    assert (parts.images, parts.pixels) == (whole.images, whole.pixels)
    assert [e for step in parts.steps for e in step.edits] == list(whole.steps[0].edits)
    assert len(parts.steps) > 1


def test_photographs_are_left_out_as_asked_for(segmentation, project):
    images = project.corpus.images
    kept = images[0].content_hash
    found = refine(segmentation, images, SPECKS, leave_out={kept})
    assert found.left_out == 1
    assert kept not in {edit.image for step in found.steps for edit in step.edits}


def test_a_crf_moves_what_was_accepted_to_the_edges_but_nothing_the_user_painted(
    segmentation, project, monkeypatch
):
    image = project.corpus.images[0]
    photograph = np.full((image.height, image.width, 3), 40, np.uint8)
    photograph[:, 40:] = 200
    monkeypatch.setattr(CorpusImage, "read", lambda _: photograph)
    whole = np.ones(photograph.shape[:2], bool)
    left, painted = whole.copy(), whole & False
    left[:, 34:] = False  # six pixels beside the edge of the photograph
    painted[:4, :] = True
    table, content = segmentation.table, image.content_hash
    for mask, class_id, kind in ((whole, 2, TAUGHT), (left, 1, TAUGHT), (painted, 1, "clicks")):
        labels = segmentation.label_image(image)
        region = give_region(AcceptProposal, table, content, labels, mask, class_id, kind)
        segmentation.history.do(region.edit)
    settings = RefineSettings(smallest=1, largest_hole=0, crf=CrfSettings())
    for step in refine(segmentation, [image], settings).steps:
        segmentation.history.do(step)
    after = segmentation.label_image(image)
    assert (after[:4] == 1).all()
    true = np.where(np.arange(image.width) < 40, 1, 2)
    assert (after[8:] == true).mean() > 0.99
