from __future__ import annotations

import numpy as np
import pytest

from napari_stego.classes import AddClass, LockClass, MergeClasses, RenameClass, paint
from napari_stego.clustering import ClusterSettings
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Project, Segmentation, cluster, train


@pytest.fixture
def project(tmp_path, clustered):
    return clustered(tmp_path)


def again(project, **changes):
    """Cluster with other settings; return what was told, and the new segmentation."""
    told = []
    settings = project.result.settings.model_copy(update=changes)
    cluster(project, settings, tell=told.append)
    return told, Segmentation(Project.open(project.folder))


def test_clusters_that_were_not_edited_make_way_for_new_ones(project):
    told, segmentation = again(project, clusters=6)
    assert told == []
    assert len(segmentation.table.rows) == 6
    assert not segmentation.history.edits


def test_names_strokes_and_ids_go_over_to_other_clusters(project):
    segmentation = Segmentation(project)
    history = segmentation.history
    history.do(MergeClasses(ids=(1, 2), into=2))
    history.do(RenameClass(id=2, name="Größe 鱼"))
    history.do(LockClass(id=3))
    image = project.corpus.images[1]
    labels = segmentation.label_image(image)
    mask = np.zeros(labels.shape, bool)
    mask[:9, :9] = True
    history.do(paint(history.table, image.content_hash, labels, mask, 4).edit)
    before = {each.name: segmentation.label_image(each) for each in project.corpus.images}

    told, after = again(project, clusters=9)
    assert len(told) == 1
    assert "carried over" in told[0]
    assert {row.id for row in after.table.rows} >= {2, 3, 4}
    assert after.table.name(2) == "Größe 鱼"
    assert after.table.row(3).locked
    assert after.table.now(1) == 2  # ids that are gone stay gone
    assert after.table.next_id >= history.table.next_id
    assert (after.label_image(image)[:9, :9] == before[image.name][:9, :9]).all()
    same = [
        float((after.label_image(each) == before[each.name]).mean())
        for each in project.corpus.images
    ]
    assert np.mean(same) > 0.5
    # The carrying over is a step of its own, and can be taken back.
    assert after.history.text(0).startswith("Carry classes over")
    # The earlier clusters still have all edits.
    told, earlier = again(project, clusters=4)
    assert told == []  # nothing was edited since
    assert len(earlier.history.edits) == 4


def test_edits_of_both_stay_where_they_were_made_and_are_told_of(project):
    Segmentation(project).history.do(RenameClass(id=2, name="sand"))
    _, after = again(project, clusters=9)
    after.history.do(RenameClass(id=3, name="rock"))
    told, earlier = again(project, clusters=4)
    assert "come back with their classes of then" in told[0]
    assert "(1 edit)" in told[0]
    assert {row.name for row in earlier.table.rows} == {"class 1", "sand", "class 3", "class 4"}


def test_finer_clusters_are_not_joined_again_by_classes_nobody_worked_on(project):
    Segmentation(project).history.do(RenameClass(id=1, name="sand"))
    _, after = again(project, clusters=12)
    plain = [row for row in after.table.rows if row.name != "sand"]
    assert len(plain) > 4
    assert all(len(row.clusters) == 1 for row in plain)


def test_coarser_clusters_leave_no_empty_class_that_nobody_worked_on(project):
    again(project, clusters=12)
    Segmentation(project).history.do(RenameClass(id=1, name="sand"))
    _, after = again(project, clusters=3)
    assert [row.name for row in after.table.rows if not row.clusters] in ([], ["sand"])


def test_names_go_over_to_clusters_made_before_that_nobody_worked_on(project):
    again(project, clusters=5)
    Segmentation(project).history.do(RenameClass(id=2, name="sand"))
    told, earlier = again(project, clusters=4)
    assert "carried over" in told[0]
    assert "sand" in {row.name for row in earlier.table.rows}


@pytest.mark.parametrize("lost", ["the run", "the edits"])
def test_classes_that_cannot_be_read_are_told_of_and_do_not_block(project, short, lost):
    Segmentation(project).history.do(RenameClass(id=1, name="sand"))
    result = project.result
    if lost == "the run":
        train(project, short.model_copy(update={"seed": 9}), device="cpu")
        project.run_file(result.run).unlink()
    else:
        log = project.clusters_file(result.clusters).with_name("edits.jsonl")
        log.write_bytes(log.read_bytes().replace(b"class 1", b"class 9", 1))
    told, after = again(project, clusters=5)
    assert "not carried over" in told[0]
    assert len(after.table.rows) == 5


def test_a_class_without_a_cluster_is_kept_and_reported(project):
    history = Segmentation(project).history
    history.do(RenameClass(id=1, name="rare"))
    history.do(RenameClass(id=2, name="rarer"))
    history.do(RenameClass(id=3, name="rarest"))
    told, after = again(project, clusters=2)
    names = {row.name for row in after.table.rows}
    assert names >= {"rare", "rarer", "rarest"}
    empty = [row.name for row in after.table.rows if not row.clusters and row.id <= 3]
    assert empty
    assert all(name in told[0] for name in empty)


def test_names_go_over_to_the_clusters_of_another_run(project, short):
    Segmentation(project).history.do(RenameClass(id=2, name="sand"))
    train(project, short.model_copy(update={"seed": 5}), device="cpu")
    told, after = again(project)
    assert "carried over" in told[0]
    assert "sand" in {row.name for row in after.table.rows}


def test_names_whose_carrying_over_was_undone_are_not_dropped(project):
    Segmentation(project).history.do(RenameClass(id=2, name="sand"))
    _, after = again(project, clusters=9)
    after.history.undo()
    told, last = again(project, clusters=7)
    assert "carried over" in told[0]
    assert "sand" in {row.name for row in last.table.rows}


def test_no_id_is_given_again_when_earlier_clusters_come_back(project):
    history = Segmentation(project).history
    history.do(AddClass(id=history.table.next_id, name="coral", colour="#ff8800"))
    coral = history.table.rows[-1].id
    _, finer = again(project, clusters=9)
    assert finer.table.name(coral) == "coral"
    sponge = finer.table.next_id
    finer.history.do(AddClass(id=sponge, name="sponge", colour="#8800ff"))
    _, earlier = again(project, clusters=4)
    assert earlier.table.next_id > sponge
    earlier.history.undo()
    assert earlier.table.next_id > sponge


def test_cancelled_it_leaves_the_classes_in_use(project):
    Segmentation(project).history.do(RenameClass(id=2, name="sand"))
    token, state = CancelToken(), project.state

    def stop(done, total, message):
        if message == "carrying classes over":
            token.cancel()

    settings = ClusterSettings(clusters=7)
    with pytest.raises(Cancelled):
        cluster(project, settings, progress=stop, cancel=token)
    assert project.state == state
    told, after = again(project, clusters=7)
    assert "carried over" in told[0]
    assert "sand" in {row.name for row in after.table.rows}
