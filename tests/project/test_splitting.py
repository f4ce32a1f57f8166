from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_stego.classes import (
    ClassEditError,
    ClassHistory,
    ClassTable,
    LockClass,
    MergeClasses,
    MoveClusters,
    RenameClass,
    paint,
)
from napari_stego.clustering import ClusterModel, unit
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import ClassTree, Project, ProjectError, Segmentation, export
from napari_stego.project.splitting import propose


@pytest.fixture
def project(tmp_path, clustered):
    return clustered(tmp_path)


def label_images(segmentation, project):
    return [segmentation.label_image(image) for image in project.corpus.images]


def largest(segmentation, project):
    """Find the class of the most pixels."""
    labels = np.concatenate([each.ravel() for each in label_images(segmentation, project)])
    return int(np.bincount(labels).argmax())


def test_a_split_parts_the_pixels_of_one_class_and_of_no_other(project):
    segmentation = Segmentation(project)
    target = largest(segmentation, project)
    before = label_images(segmentation, project)
    proposal = segmentation.propose_split(target, 3)
    assert len(proposal) == 3
    assert proposal.shares.sum() == pytest.approx(1)
    assert (np.diff(proposal.shares) <= 0).all()
    np.testing.assert_allclose(np.diag(proposal.similarity), 1, atol=1e-5)
    previews = [segmentation.preview_split(image, proposal) for image in project.corpus.images]
    np.testing.assert_array_equal(label_images(segmentation, project), before)  # nothing yet

    ids = segmentation.split(proposal, ["sand", ""])
    assert ids[0] == target
    assert [segmentation.table.name(each) for each in ids[1:]] == ["sand", f"class {ids[2]}"]
    after = label_images(segmentation, project)
    for old, new, preview in zip(before, after, previews, strict=True):
        np.testing.assert_array_equal(new[old != target], old[old != target])
        np.testing.assert_array_equal(np.array([0, *ids])[preview], np.where(old == target, new, 0))
    assert set(np.unique(after)) >= set(ids)

    # On the disk, and back and forth.
    again = Segmentation(Project.open(project.folder))
    np.testing.assert_array_equal(label_images(again, project), after)
    assert len(again.clusters) == len(again.table.lut())
    again.history.undo()
    np.testing.assert_array_equal(label_images(again, project), before)
    again.history.redo()
    np.testing.assert_array_equal(label_images(again, project), after)


def test_parts_can_be_split_again_merged_and_painted_over(project):
    segmentation = Segmentation(project)
    target = largest(segmentation, project)
    image = project.corpus.images[0]
    before = segmentation.label_image(image)
    _, second = segmentation.split(segmentation.propose_split(target, 2))
    between = segmentation.label_image(image)
    parts = segmentation.split(segmentation.propose_split(second, 2, seed=3))
    clusters = segmentation.patch_clusters(image)
    assert not np.isin(clusters, [c for s in segmentation.table.splits for c in s.clusters]).any()
    inner = segmentation.label_image(image)
    np.testing.assert_array_equal(inner[between != second], between[between != second])
    edit = paint(segmentation.table, image.content_hash, inner, np.ones(inner.shape, bool), target)
    segmentation.history.do(edit.edit)
    assert (segmentation.label_image(image) == target).all()
    segmentation.history.undo()
    segmentation.history.do(MergeClasses(ids=(target, *parts), into=target))
    np.testing.assert_array_equal(segmentation.label_image(image), before)


def test_what_cannot_be_split_is_told(project):
    segmentation = Segmentation(project)
    with pytest.raises(ClassEditError, match="at least two"):
        segmentation.propose_split(1, 1)
    with pytest.raises(ClassEditError, match="no class"):
        segmentation.propose_split(99, 2)
    with pytest.raises(ClassEditError, match="too few"):
        segmentation.propose_split(1, 1000)
    target = largest(segmentation, project)
    locked, spare = [row.id for row in segmentation.table.rows if row.id != target][:2]
    segmentation.history.do(LockClass(id=locked))
    with pytest.raises(ClassEditError, match="Unlock"):
        segmentation.propose_split(locked, 2)
    proposal = segmentation.propose_split(target, 2)
    with pytest.raises(ClassEditError, match="names"):
        segmentation.split(proposal, ["a", "b"])
    segmentation.history.do(MoveClusters(clusters=proposal.clusters, into=spare))
    edits = len(segmentation.history)
    with pytest.raises(ClassEditError):
        segmentation.split(proposal)
    assert len(segmentation.history) == edits
    with pytest.raises(ClassEditError, match="no clusters"):
        segmentation.propose_split(target, 2)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        segmentation.propose_split(spare, 2, cancel=token)


def test_an_edit_that_comes_while_an_image_is_labelled_does_no_harm(project, monkeypatch):
    segmentation = Segmentation(project)
    image = project.corpus.images[0]
    segmentation.split(segmentation.propose_split(largest(segmentation, project), 3))
    before = segmentation.label_image(image)
    grid = segmentation.encodings.grid

    def undone_meanwhile(*args):
        codes = grid(*args)
        segmentation.history.undo()
        return codes

    monkeypatch.setattr(segmentation.encodings, "grid", undone_meanwhile)
    np.testing.assert_array_equal(segmentation.label_image(image), before)


def test_parts_without_a_position_are_no_parts(project):
    table = ClassTable.from_clusters(2)
    rng = np.random.default_rng(0)
    two = np.repeat(rng.normal(size=(2, 8)), 50, axis=0).astype(np.float32)

    def codes_of(codes):
        return propose(table, 1, 4, project.corpus.images, lambda *_: codes)

    assert len(codes_of(two)) == 2
    with pytest.raises(ClassEditError, match="same code"):
        codes_of(two[:50])


def test_sizes_of_parts_are_on_the_scale_of_all_clusters(project, monkeypatch):
    monkeypatch.setattr("napari_stego.project.splitting._PER_IMAGE", 5)
    segmentation = Segmentation(project)
    sizes = segmentation.clusters.sizes
    proposal = segmentation.propose_split(largest(segmentation, project), 2)
    segmentation.split(proposal)
    parts = segmentation.clusters.sizes[len(sizes) :]
    assert abs(parts.sum() - sizes[list(proposal.clusters)].sum()) <= 1
    assert segmentation.tree.least == 1  # parts have no names of their own yet
    assert segmentation.tree is segmentation.tree


@pytest.mark.parametrize("damage", ["gone", "garbage", "of another split"])
def test_without_its_centroids_a_split_is_shown_as_one_class(project, damage):
    segmentation = Segmentation(project)
    target = largest(segmentation, project)
    before = label_images(segmentation, project)
    segmentation.split(segmentation.propose_split(target, 2))
    folder = project.inside("clusters", project.result.clusters, "splits")
    (path,) = folder.iterdir()
    if damage == "gone":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"\x80\x04garbage")
    else:
        other = segmentation.propose_split(target, 2, seed=9)
        segmentation.split(other)
        newest = next(file for file in folder.iterdir() if file != path)
        newest.replace(path)
        segmentation.history.undo()
    again = Segmentation(Project.open(project.folder))
    assert "undo that split" in again.note
    with pytest.raises(ProjectError, match="undo that split"):
        export(project, project.folder / "export")
    assert not (project.folder / "export" / "masks").exists()
    np.testing.assert_array_equal(label_images(again, project), before)


def tree_of(codes, names=(), locked=()):
    """Make classes 1 to n, each of one cluster with this code."""
    table = ClassTable.from_clusters(len(codes))
    for class_id, name in names:
        table = table.rename(class_id, name)
    for class_id in locked:
        table = table.lock(class_id, True)
    vectors = unit(np.array(codes, np.float32))
    return ClassTree.of(table, ClusterModel(vectors, np.arange(len(codes)) + 1))


LINE = [[np.cos(a), np.sin(a)] for a in (0.0, 0.1, 0.5, 0.55, 1.5)]


def test_alike_classes_join_first_and_the_largest_keeps_its_name():
    tree = tree_of(LINE)
    assert (len(tree), tree.least) == (5, 1)
    assert tree.groups(4) == {1: (1,), 2: (2,), 4: (3, 4), 5: (5,)}
    assert tree.groups(3) == {2: (1, 2), 4: (3, 4), 5: (5,)}
    assert tree.groups(1) == {5: (1, 2, 3, 4, 5)}
    np.testing.assert_array_equal(tree.lut(3), [0, 2, 2, 4, 4, 5])
    first, second = tree.suggestions(2)
    assert (first.first, first.second) == ((3,), (4,))
    assert first.similarity == pytest.approx(np.cos(0.05), abs=1e-5)
    assert first.similarity > second.similarity
    assert tree.groups(height=1 - second.similarity) == tree.groups(3)
    with pytest.raises(ClassEditError, match="1 to 5"):
        tree.groups(6)
    with pytest.raises(ClassEditError, match="joins no classes"):
        tree.edit(height=0.0)


def test_named_classes_stay_apart_and_keep_their_names():
    tree = tree_of(LINE, names=[(3, "sand"), (4, "rock")])
    assert tree.least == 2
    groups = tree.groups(2)
    assert set(groups) == {3, 4}
    assert sorted(sum(groups.values(), ())) == [1, 2, 3, 4, 5]
    with pytest.raises(ClassEditError, match="named stay apart"):
        tree.groups(1)
    assert len(tree.suggestions()) == 3


def test_locked_and_empty_classes_are_left_alone():
    tree = tree_of(LINE, locked=[4])
    assert tree.ids == (1, 2, 3, 5)
    assert tree.lut(1)[4] == 4
    empty = ClassTree.of(tree.table.over(5), ClusterModel(np.zeros((5, 2), np.float32)))
    assert (len(empty), empty.least, empty.suggestions()) == (0, 0, [])
    np.testing.assert_array_equal(empty.lut(0), np.arange(6))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_cut_does_what_its_preview_shows(data):
    count = data.draw(st.integers(2, 9))
    codes = data.draw(
        st.lists(
            st.lists(st.integers(1, 9), min_size=3, max_size=3), min_size=count, max_size=count
        )
    )
    named = data.draw(st.sets(st.integers(1, count)))
    locked = data.draw(st.sets(st.integers(1, count), max_size=count - 1))
    tree = tree_of(codes, [(i, f"name {i}") for i in named], locked)
    parts = data.draw(st.integers(tree.least, len(tree)))
    lut = tree.lut(parts)
    assert len(np.unique(lut[list(tree.ids)])) == parts
    before = tree.table.lut()
    if parts < len(tree):
        history = ClassHistory(tree.table)
        history.do(tree.edit(parts))
        np.testing.assert_array_equal(history.table.lut(), lut[before])
        assert {row.name for row in history.table.rows} >= {f"name {i}" for i in named}
    else:
        np.testing.assert_array_equal(lut[before], before)


def test_the_tree_of_a_project_knows_its_splits(project):
    segmentation = Segmentation(project)
    target = largest(segmentation, project)
    _, part = segmentation.split(segmentation.propose_split(target, 2))
    segmentation.history.do(RenameClass(id=part, name="gravel"))
    tree = segmentation.tree
    assert set(tree.ids) == {1, 2, 3, 4, part}
    segmentation.history.do(tree.edit(1))
    assert [row.name for row in segmentation.table.rows] == ["gravel"]
