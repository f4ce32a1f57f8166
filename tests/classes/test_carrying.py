from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_stego.classes import (
    AddClass,
    Batch,
    ClassHistory,
    ClassTable,
    DeleteClass,
    LockClass,
    MergeClasses,
    RecolourClass,
    RenameClass,
    SetCode,
    SetParent,
    carry_over,
    count_overlap,
)


def edited(n_clusters, *edits):
    history = ClassHistory(ClassTable.from_clusters(n_clusters))
    for edit in edits:
        history.do(edit)
    return history.table


def carried(old, overlap, threshold=0.5):
    """The table after carrying over, and the report."""
    result = carry_over(old, np.array(overlap), threshold)
    history = ClassHistory(result.start)
    if result.edits:
        history.do(Batch(edits=result.edits, label="carry over"))
    return history.table, result.report


def test_classes_keep_what_they_are_and_get_the_clusters_they_cover():
    old = edited(
        3,
        RenameClass(id=2, name="kelp"),
        RecolourClass(id=2, colour="#010203"),
        SetCode(id=2, code="CAAB 54"),
        SetParent(id=2, parent=1),
        LockClass(id=2),
    )
    overlap = [[0, 0, 0, 30], [10, 0, 0, 0], [0, 60, 51, 0], [0, 40, 49, 0]]
    table, report = carried(old, overlap)
    assert table.lut().tolist() == [1, 2, 2, 0]
    row = table.row(2)
    assert (row.name, row.colour, row.code) == ("kelp", "#010203", "CAAB 54")
    assert (row.parent, row.locked) == (1, True)
    assert report.carried == {1: (0,), 2: (1, 2)}
    assert (report.empty, report.new, report.unlabelled) == ((3,), {}, (3,))
    assert [row.id for row in table.rows] == [1, 2, 3]
    assert report.text(old) == (
        "2 classes were carried over to 3 clusters. No cluster is mostly in “class 3”: kept "
        "without clusters. 1 clusters were unlabelled and stay so."
    )


def test_a_cluster_in_no_class_for_the_most_part_gets_a_new_one():
    old = edited(2, RenameClass(id=1, name="class 3"))
    table, report = carried(old, [[0, 0, 0], [50, 0, 9], [50, 0, 1]])
    assert report.new == {0: 3, 1: 4}
    assert [table.row(i).name for i in (3, 4)] == ["class 3 2", "class 4"]
    assert table.lut().tolist() == [3, 4, 1]
    assert report.empty == (2,)


def test_the_threshold_is_the_share_that_a_class_must_have_more_of():
    overlap = [[0], [7], [3]]
    assert carried(edited(2), overlap, 0.6)[1].carried == {1: (0,)}
    assert carried(edited(2), overlap, 0.7)[1].new == {0: 3}


def test_ids_that_were_retired_or_undone_do_not_come_back():
    history = ClassHistory(edited(3, MergeClasses(ids=(1, 3), into=1), DeleteClass(id=2)))
    history.do(AddClass(id=4, name="undone", colour="#112233"))
    history.undo()
    old = history.table
    table, report = carried(old, [[0, 0]] + [[9, 0]] + [[0, 0]] * 3)
    assert report.new == {1: 5}
    assert table.gone == {2: 0, 3: 1}


@given(
    overlap=st.integers(1, 5).flatmap(
        lambda k: st.lists(
            st.lists(st.integers(0, 9), min_size=k, max_size=k), min_size=5, max_size=5
        )
    ),
    locked=st.booleans(),
)
def test_nothing_named_is_dropped_and_every_cluster_is_accounted_for(overlap, locked):
    edits = [RenameClass(id=2, name="kelp"), *[LockClass(id=2)] * locked]
    old = edited(4, *edits)
    table, report = carried(old, overlap)
    after = {row.id: row for row in table.rows}
    for row in old.rows:
        found = after[row.id]
        assert (found.name, found.colour, found.locked) == (row.name, row.colour, row.locked)
        assert (row.id in report.empty) == (not found.clusters)
        assert found.clusters == report.carried.get(row.id, ())
    n_clusters = len(overlap[0])
    told = [c for clusters in report.carried.values() for c in clusters]
    assert sorted([*told, *report.new, *report.unlabelled]) == list(range(n_clusters))
    lut, counts = table.lut(), np.array(overlap)
    for cluster in range(n_clusters):
        share = counts[:, cluster] / max(counts[:, cluster].sum(), 1)
        assert lut[cluster] == (share.argmax() if share.max() > 0.5 else report.new[cluster])


def test_overlaps_are_counted_by_pixels():
    labels = np.array([[0, 1, 1], [2, 2, 2]], np.uint16)
    clusters = np.array([[0, 0, 1], [1, 1, 0]], np.uint16)
    assert count_overlap(labels, clusters, 4, 2).tolist() == [[1, 0], [1, 1], [1, 2], [0, 0]]
    largest = np.full((1, 1), 999, np.uint16)
    assert count_overlap(largest, largest, 1000, 1000)[999, 999] == 1


@pytest.mark.parametrize(
    ("shape", "threshold"), [((2, 3), 0.5), ((3, 0), 0.5), ((3,), 0.5), ((3, 2), 0.4), ((3, 2), 1)]
)
def test_an_overlap_or_threshold_that_does_not_fit_is_an_error(shape, threshold):
    with pytest.raises(ValueError, match=r"overlap|threshold"):
        carry_over(edited(2), np.ones(shape, int), threshold)
