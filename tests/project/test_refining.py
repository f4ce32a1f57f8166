"""Cleaning up the classes of photographs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_stego.classes import LockClass
from napari_stego.clustering import CrfSettings
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Segmentation
from napari_stego.project.refining import RefineSettings, refine

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


def smallest(image):
    """Pixels of the smallest region of a class."""
    sizes = [np.bincount(ndimage.label(image == i)[0].ravel())[1:] for i in np.unique(image)]
    return np.concatenate(sizes).min()


def test_small_regions_go_in_one_step_that_can_be_undone(segmentation, project):
    before = labels(segmentation, project)
    assert min(map(smallest, before)) < SMALLEST
    found = refine(segmentation, project.corpus.images, SPECKS)
    assert all(map(np.array_equal, labels(segmentation, project), before))  # not done yet
    segmentation.history.do(found.edit)
    after = labels(segmentation, project)
    assert min(map(smallest, after)) >= SMALLEST
    changes = [int((a != b).sum()) for a, b in zip(before, after, strict=True)]
    assert (found.images, found.pixels) == (np.count_nonzero(changes), sum(changes))
    segmentation.history.undo()
    assert all(map(np.array_equal, labels(segmentation, project), before))


def test_what_is_clean_stays_and_there_is_no_edit(segmentation, project):
    assert refine(segmentation, project.corpus.images, RefineSettings()).edit is None
    segmentation.history.do(refine(segmentation, project.corpus.images, SPECKS).edit)
    assert refine(segmentation, project.corpus.images, SPECKS).edit is None


def test_only_the_photographs_that_were_named_change(segmentation, project):
    before = labels(segmentation, project)
    place = next(i for i, image in enumerate(before) if smallest(image) < SMALLEST)
    segmentation.history.do(refine(segmentation, [project.corpus.images[place]], SPECKS).edit)
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
    if found.edit is not None:
        segmentation.history.do(found.edit)
    np.testing.assert_array_equal(segmentation.label_image(image) == locked, before == locked)


def test_it_can_be_cancelled(segmentation, project):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        refine(segmentation, project.corpus.images, SPECKS, cancel=token)
