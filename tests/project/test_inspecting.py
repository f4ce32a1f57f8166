from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from napari_stego.classes import Batch, ClassEditError, LockClass, ReassignRegion
from napari_stego.clustering import unit
from napari_stego.correspondence import Prompt, PromptError, Queries, heatmap
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Encodings, Project, Segmentation
from napari_stego.project.giving import give_mask, give_regions
from napari_stego.project.inspecting import Inspector


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clustered) -> Path:
    made = tmp_path_factory.mktemp("inspecting")
    clustered(made, 6).close()
    return made / "reef.stego"


@pytest.fixture
def project(folder) -> Project:
    return Project.open(folder, writable=False)


@pytest.fixture
def inspector(project) -> Inspector:
    return Inspector(project, Encodings(project))


@pytest.fixture
def images(project):
    return project.corpus.images


def point(image, row=30, column=20, **kind):
    return Prompt.point(image.content_hash, row, column, **kind)


@pytest.mark.parametrize("source", ["codes", "features"])
def test_one_prompt_gives_the_heatmap_of_a_click(project, inspector, images, source):
    queries = inspector.queries([point(images[0])], source)
    heat = inspector.heatmap(images[0], queries, source)
    grid, shape = Encodings(project).grid(images[0], source), (images[0].height, images[0].width)
    scores = Queries.of([point(images[0])], lambda _: (grid, shape)).scores(unit(grid))
    np.testing.assert_allclose(heat, heatmap(scores, shape), atol=1e-6)
    assert heat.shape == (images[0].height, images[0].width)
    small = inspector.heatmap(images[0], queries, source, longest=48)
    assert small.shape == (32, 48)


def test_prompts_of_other_images_count(inspector, images):
    both = inspector.queries([point(images[1]), point(images[2])], "codes")
    each = [inspector.queries([point(image)], "codes") for image in images[1:3]]
    scores = [inspector.scores(images[0], queries, "codes") for queries in each]
    np.testing.assert_allclose(
        inspector.scores(images[0], both, "codes"), np.maximum(*scores), atol=1e-6
    )


def test_centred_heatmaps_have_no_mean(inspector, images):
    queries = inspector.queries([point(images[0])], "features")
    plain = inspector.scores(images[1], queries, "features")
    centred = inspector.scores(images[1], queries, "features", centred=True)
    assert abs(plain.mean()) > 0.01
    np.testing.assert_allclose(centred, plain - plain.mean(), atol=1e-5)


def test_the_gallery_is_of_the_same_scores(inspector, images):
    queries = inspector.queries([point(images[0]), point(images[3], positive=False)], "codes")
    items = list(inspector.gallery(images, queries, "codes", longest=40))
    assert [item.image for item in items] == list(images)
    for item in items:
        scores = inspector.scores(item.image, queries, "codes")
        assert item.score == scores.max()
        place = np.unravel_index(scores.argmax(), scores.shape)
        height, width = item.image.height / scores.shape[0], item.image.width / scores.shape[1]
        assert (item.row // height, item.column // width) == place
        assert item.heat.shape == (27, 40)
        assert -1 <= item.heat.min() <= item.heat.max() <= 1


def test_the_gallery_can_be_left(inspector, images):
    queries = inspector.queries([point(images[0])], "codes")
    token = CancelToken()
    items = inspector.gallery(images, queries, "codes", cancel=token)
    next(items)
    token.cancel()
    with pytest.raises(Cancelled):
        next(items)


def test_neighbours_are_those_of_the_training(project, inspector, images):
    store = project.store
    means = np.array(
        [store.tokens(i.content_hash).mean(axis=(0, 1), dtype=np.float32) for i in images]
    )
    units = unit(means - means.mean(axis=0))
    for place, image in enumerate(images):
        order = [k for k in np.argsort(-units @ units[place]) if k != place]
        found = inspector.neighbours(image, 3)
        assert [each.name for each in found] == [images[k].name for k in order[:3]]
    assert len(inspector.neighbours(images[0], 100)) == len(images) - 1


def test_prompts_on_unknown_photographs_are_refused(inspector):
    with pytest.raises(PromptError, match="not in this project"):
        inspector.queries([Prompt.point("f" * 64, 1, 1)], "codes")


def test_hovering_over_an_image_that_is_remembered_is_quick(inspector, images, monkeypatch):
    codes = np.random.default_rng(0).normal(size=(34, 46, 70)).astype(np.float32)
    monkeypatch.setattr(inspector._encodings, "grid", lambda image, source: codes)
    times = []
    for column in range(20):
        start = time.thread_time()
        queries = inspector.queries([point(images[0], 5, column)], "codes")
        inspector.heatmap(images[0], queries, "codes")
        times.append(time.thread_time() - start)
    assert np.median(times) < 0.02


@pytest.fixture
def segmentation(tmp_path, clustered):
    """Classes that can be changed."""
    project = clustered(tmp_path, 3)
    yield Segmentation(project)
    project.close()


def test_a_mask_becomes_an_edit_that_can_be_undone(segmentation):
    image = next(iter(segmentation._project.corpus.images))
    before = segmentation.label_image(image)
    mask = np.zeros(before.shape, bool)
    mask[5:20, 10:40] = True
    other = next(i for i in (1, 2, 3, 4) if i != before[10, 20])
    painted = give_mask(segmentation, image, mask, other)
    assert isinstance(painted.edit, ReassignRegion)
    segmentation.history.do(painted.edit)
    after = segmentation.label_image(image)
    np.testing.assert_array_equal(after, np.where(mask, other, before))
    assert give_mask(segmentation, image, mask, other).edit is None
    segmentation.history.undo()
    np.testing.assert_array_equal(segmentation.label_image(image), before)


def test_masks_leave_locked_classes_alone(segmentation):
    image = next(iter(segmentation._project.corpus.images))
    labels = segmentation.label_image(image)
    present = np.unique(labels).tolist()
    locked, wanted = present[0], next(i for i in (1, 2, 3, 4) if i != present[0])
    segmentation.history.do(LockClass(id=locked, locked=True))
    painted = give_mask(segmentation, image, np.ones(labels.shape, bool), wanted)
    assert len(painted.kept) == (labels == locked).sum()
    with pytest.raises(ClassEditError):
        give_mask(segmentation, image, np.ones(labels.shape, bool), locked)


def test_regions_of_hits_are_given_in_one_step(segmentation):
    project = segmentation._project
    inspector = Inspector(project, segmentation.encodings)
    images = project.corpus.images
    queries = inspector.queries([point(images[0])], "codes")
    hits = list(inspector.gallery(images, queries, "codes"))
    before = {image.name: segmentation.label_image(image) for image in images}
    given = give_regions(segmentation, inspector, hits, queries, "codes", 3, threshold=0.5)
    assert isinstance(given.edit, Batch | ReassignRegion)
    segmentation.history.do(given.edit)
    changed = 0
    for hit in hits:
        heat = inspector.heatmap(hit.image, queries, "codes")
        after = segmentation.label_image(hit.image)
        different = after != before[hit.image.name]
        assert (heat[different] >= 0.5).all()
        assert after[hit.row, hit.column] == 3 or heat[hit.row, hit.column] < 0.5
        changed += int(different.sum())
    assert changed == given.pixels
    segmentation.history.undo()
    for image in images:
        np.testing.assert_array_equal(segmentation.label_image(image), before[image.name])
    less = give_regions(segmentation, inspector, hits, queries, "codes", 3, threshold=0.95)
    assert less.pixels < given.pixels
