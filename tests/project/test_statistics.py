"""Counted statistics equal what the label images hold, whatever was edited."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_stego.classes import (
    AddClass,
    ClassEditError,
    ClassHistory,
    ClassTable,
    DeleteClass,
    MergeClasses,
    MoveClusters,
    PaintStroke,
    RemoveStrokes,
    ResetStrokes,
    encode_runs,
)
from napari_stego.classes.palette import PALETTES, palette_colours
from napari_stego.clustering import ClusterModel
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Project, Segmentation
from napari_stego.project.examples import example_patches
from napari_stego.project.pixel_counts import PixelCounts, count_pixels
from napari_stego.project.statistics import CorpusStatistics, count_painted

CLUSTERS = 5
SHAPE = (6, 7)
IMAGES = tuple(f"{i:064x}" for i in range(4))

ids = st.integers(1, CLUSTERS + 1)
pixels = st.sets(st.integers(0, SHAPE[0] * SHAPE[1] - 1), min_size=1)
images = st.sampled_from(IMAGES)


def stroke(kind, image, chosen, **more):
    return kind(image=image, shape=SHAPE, runs=encode_runs(np.array(sorted(chosen))), **more)


edits = st.lists(
    st.one_of(
        st.builds(lambda a, b: MergeClasses(ids=(a,), into=b), ids, ids),
        st.builds(lambda c, i: MoveClusters(clusters=(c,), into=i), st.integers(0, 4), ids),
        st.builds(lambda i: DeleteClass(id=i), ids),
        st.builds(
            lambda i, p, c: stroke(PaintStroke, i, p, class_id=c), images, pixels, ids | st.just(0)
        ),
        st.builds(lambda i, p: stroke(RemoveStrokes, i, p), images, pixels),
        st.builds(lambda i: ResetStrokes(image=i), images),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(edits=edits, seed=st.integers(0, 100))
def test_statistics_are_those_of_the_label_images(edits, seed):
    rng = np.random.default_rng(seed)
    maps = dict(
        zip(IMAGES, rng.integers(0, CLUSTERS, (len(IMAGES), *SHAPE)).astype(np.uint16), strict=True)
    )
    history = ClassHistory(ClassTable.from_clusters(CLUSTERS))
    history.do(AddClass(id=CLUSTERS + 1, name="painted", colour="#ff0000"))
    for edit in edits:
        try:
            history.do(edit)
        except ClassEditError:
            continue
    counts = PixelCounts(
        IMAGES,
        (),
        np.stack([np.bincount(maps[i].ravel(), minlength=CLUSTERS) for i in IMAGES]).astype(
            np.uint32
        ),
        np.ones(len(IMAGES), bool),
    )
    painted = {
        i: count_painted(maps[i], history.strokes(i), CLUSTERS)
        for i in history.state.painted_images
    }
    found = CorpusStatistics(counts, painted).of(history.table)
    labels = np.stack([history.label_image(i, maps[i]) for i in IMAGES])
    assert set(found) == {0, *(row.id for row in history.table.rows)}
    for class_id, each in found.items():
        mine = labels == class_id
        assert each.pixels == mine.sum()
        assert each.images == mine.any(axis=(1, 2)).sum()
        assert each.cover == pytest.approx(mine.mean())
        rows = CorpusStatistics(counts, painted).images_of(history.table, class_id)
        assert rows.tolist() == np.flatnonzero(mine.any(axis=(1, 2))).tolist()


def test_coherence_of_merged_clusters_is_the_mean_cosine_with_their_common_direction():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(300, 6)) + np.repeat(rng.normal(size=(3, 6)) * 3, 100, axis=0)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    means = codes.reshape(3, 100, 6).mean(axis=1)
    lengths = np.linalg.norm(means, axis=1)
    model = ClusterModel(
        (means / lengths[:, None]).astype(np.float32), np.full(3, 100), lengths.astype(np.float32)
    )
    counts = PixelCounts((IMAGES[0],), (), np.array([[1, 1, 1]], np.uint32), np.ones(1, bool))
    table = ClassTable.from_clusters(3).merge((1, 2), 1).add(4, "painted", "#000000")
    found = CorpusStatistics(counts, clusters=model).of(table)
    common = codes[:200].mean(axis=0)
    common /= np.linalg.norm(common)
    assert found[1].coherence == pytest.approx((codes[:200] @ common).mean(), abs=1e-5)
    assert found[3].coherence == pytest.approx(lengths[2], abs=1e-5)
    assert found[4].coherence is None
    older = CorpusStatistics(counts, clusters=ClusterModel(model.centroids)).of(table)
    assert older[1].coherence is None


def counts_files(project):
    return sorted(project.clusters_file(project.result.clusters).parent.glob("pixels-*"))


@pytest.fixture
def opened(clustered, tmp_path):
    project = clustered(tmp_path)
    return project, Segmentation(project)


def test_counts_are_kept_and_only_new_images_are_counted(opened, monkeypatch):
    project, segmentation = opened
    counts = count_pixels(project, segmentation)
    assert counts.complete
    for row, image in zip(counts.table, project.corpus.images, strict=True):
        expected = np.bincount(segmentation.cluster_map(image).ravel(), minlength=4)
        np.testing.assert_array_equal(row, expected)
    (file,) = counts_files(project)
    labelled = []
    real = Segmentation.cluster_map

    def watched(self, image, *args, **kwargs):
        labelled.append(image.name)
        return real(self, image, *args, **kwargs)

    monkeypatch.setattr(Segmentation, "cluster_map", watched)
    again = count_pixels(project, segmentation)
    assert labelled == []
    np.testing.assert_array_equal(again.table, counts.table)
    file.unlink()
    count_pixels(project, segmentation)
    assert len(labelled) == len(project.corpus)


def test_a_cancelled_count_keeps_what_it_has(opened):
    project, segmentation = opened
    token = CancelToken()

    def cancel_at_third(done, total, message):
        if done == 2:
            token.cancel()

    with pytest.raises(Cancelled):
        count_pixels(project, segmentation, progress=cancel_at_third, cancel=token)
    seen = []
    count_pixels(project, segmentation, on_counts=lambda counts: seen.append(counts.counted.copy()))
    assert 0 < seen[0].sum() < len(project.corpus)


def test_a_project_that_is_only_read_is_counted_and_not_written(opened):
    project, _ = opened
    reading = Project.open(project.folder, writable=False)
    assert count_pixels(reading, Segmentation(reading)).complete
    assert counts_files(project) == []


@pytest.mark.parametrize("damage", ["noise", "empty", "huge", "link", "other sums"])
def test_damaged_counts_are_counted_again(opened, damage, tmp_path):
    project, segmentation = opened
    expected = count_pixels(project, segmentation).table
    (file,) = counts_files(project)
    content = file.read_bytes()
    if damage == "noise":
        file.write_bytes(b"\x08\0\0\0\0\0\0\0noise!!!" + content[16:])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "huge":
        os.truncate(file, 2**33)
    elif damage == "link":
        elsewhere = tmp_path / "elsewhere"
        file.rename(elsewhere)
        file.symlink_to(elsewhere)
    else:
        file.write_bytes(content[:-4] + b"\xff\xff\0\0")
    if damage == "link":
        with pytest.raises(Exception, match="link"):
            count_pixels(project, segmentation)
        assert elsewhere.read_bytes() == content
        return
    np.testing.assert_array_equal(count_pixels(project, segmentation).table, expected)


def test_other_splits_do_not_fit(opened):
    project, segmentation = opened
    statistics = CorpusStatistics(count_pixels(project, segmentation))
    other = ClassTable.from_clusters(7)
    assert statistics.fits(segmentation.table)
    assert not statistics.fits(other)
    with pytest.raises(ValueError, match="splits"):
        statistics.of(other)


def test_examples_are_in_the_class_most_typical_first_and_spread_over_images(opened):
    project, segmentation = opened
    statistics = CorpusStatistics(count_pixels(project, segmentation)).of(segmentation.table)
    class_id = max((i for i in statistics if i), key=lambda i: statistics[i].pixels)
    patches = example_patches(segmentation, class_id, project.corpus.images, 8)
    names = [patch.image.name for patch in patches]
    first = len(set(names))
    assert first == statistics[class_id].images or first > 1
    assert len(set(names[:first])) == first
    for patch in patches:
        assert 0 < patch.size <= min(patch.image.height, patch.image.width)
        labels = segmentation.label_image(patch.image)
        around = labels[
            max(patch.row - 8, 0) : patch.row + 9, max(patch.column - 8, 0) : patch.column + 9
        ]
        assert class_id in around
    assert len(example_patches(segmentation, class_id, project.corpus.images, 2)) == 2
    new = segmentation.table.next_id
    segmentation.history.do(AddClass(id=new, name="painted", colour="#123456"))
    assert example_patches(segmentation, new, project.corpus.images) == []


def test_the_parts_of_a_split_have_numbers_and_examples_of_their_own(opened):
    project, segmentation = opened
    before = CorpusStatistics(count_pixels(project, segmentation)).of(segmentation.table)
    class_id = max((i for i in before if i), key=lambda i: before[i].pixels)
    ids = segmentation.split(segmentation.propose_split(class_id, 2))
    counts = count_pixels(project, segmentation)
    after = CorpusStatistics(counts, clusters=segmentation.clusters).of(segmentation.table)
    labels = [segmentation.label_image(image) for image in project.corpus.images]
    for part in ids:
        assert after[part].pixels == sum((each == part).sum() for each in labels) > 0
        assert 0 < after[part].coherence <= 1
        patches = example_patches(segmentation, part, project.corpus.images)
        assert patches
        for patch in patches:
            clusters = segmentation.patch_clusters(patch.image)
            row = patch.row * clusters.shape[0] // patch.image.height
            column = patch.column * clusters.shape[1] // patch.image.width
            assert segmentation.table.lut()[clusters[row, column]] == part
    assert sum(after[part].pixels for part in ids) == before[class_id].pixels
    segmentation.history.undo()
    counts = count_pixels(project, segmentation)
    assert CorpusStatistics(counts).of(segmentation.table) == before


@pytest.mark.parametrize("palette", PALETTES)
def test_palettes_give_as_many_different_colours_as_are_asked_for(palette):
    colours = palette_colours(palette, 1000)
    assert len(set(colours)) == 1000
    assert colours[: len(PALETTES[palette])] == PALETTES[palette]
    assert palette_colours(palette, 3) == PALETTES[palette][:3]
