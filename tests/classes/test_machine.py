"""Any sequence of edits, undo, redo, jump, save, reopen and kill equals a simple model."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from napari_stego.classes import (
    AcceptProposal,
    AddClass,
    Batch,
    ClassEditError,
    ClassTable,
    DeleteClass,
    EditLog,
    EditLogError,
    LockClass,
    MergeClasses,
    MoveClusters,
    NewClass,
    ReassignRegion,
    RecolourClass,
    RenameClass,
    SetCode,
    SetParent,
    SplitClass,
    create_log,
    give_region,
    label_image,
    paint,
    paint_difference,
    read_edits,
    remove_strokes,
    reset_strokes,
)
from napari_stego.classes.table_json import table_to_dict

K = 5
SHAPE = (4, 6)
IMAGES = ("0a" * 32, "1b" * 32)
CLUSTER_MAPS = {
    image: np.random.default_rng(seed).integers(0, K, SHAPE).astype(np.uint16)
    for seed, image in enumerate(IMAGES)
}
BENEATH = "beneath"  # as the model says it

ids = st.integers(0, 9)
clusters = st.integers(0, 8)
names = st.sampled_from(["", "sand", " sand ", "kelp", "class 1", "rock"])
masks = st.sets(st.integers(0, SHAPE[0] * SHAPE[1] - 1), max_size=12)
images = st.sampled_from(IMAGES)


class ClassMachine(RuleBasedStateMachine):
    def __init__(self, model_class):
        super().__init__()
        self.refused = model_class.Refused
        self.folder = tempfile.TemporaryDirectory()
        self.fsync = mock.patch.object(os, "fsync")  # nothing here cuts the power
        self.fsync.start()
        self.path = Path(self.folder.name) / "edits.jsonl"
        create_log(self.path, ClassTable.from_clusters(K))
        self.log = EditLog(self.path)
        self.now = model_class(K, CLUSTER_MAPS)
        self.past, self.future = [], []
        self.before_last = None
        self.used = {row.id for row in self.log.history.table.rows}

    def teardown(self):
        self.fsync.stop()
        self.folder.cleanup()

    @property
    def history(self):
        return self.log.history

    def snapshot(self):
        return copy.deepcopy((self.now, self.past, self.future, self.used))

    def model_do(self, change):
        """Change the model; tell whether it takes it."""
        after = copy.deepcopy(self.now)
        try:
            change(after)
        except self.refused:
            return False
        self.before_last = self.snapshot()
        self.past.append(self.now)
        self.now, self.future = after, []
        return True

    def both_do(self, edit):
        before = self.history.state
        taken = self.model_do(lambda model: model.apply(edit))
        if taken:
            self.history.do(edit)
        else:
            with pytest.raises(ClassEditError):
                self.history.do(edit)
            assert self.history.state == before

    @rule(chosen=st.lists(ids, max_size=3), into=ids)
    def merge(self, chosen, into):
        self.both_do(MergeClasses(ids=tuple(chosen), into=into))

    @rule(chosen=st.lists(clusters, min_size=1, max_size=3), into=ids)
    def move(self, chosen, into):
        self.both_do(MoveClusters(clusters=tuple(chosen), into=into))

    @rule(class_id=ids)
    def delete(self, class_id):
        self.both_do(DeleteClass(id=class_id))

    @rule(name=names, parent=st.none() | ids)
    def add(self, name, parent):
        class_id = self.history.table.next_id
        assert class_id not in self.used
        edit = AddClass(id=class_id, name=name, colour="#123456", code="C1", parent=parent)
        self.both_do(edit)
        self.used |= {row.id for row in self.history.table.rows}

    @rule(class_id=ids, n=st.integers(2, 3), part=st.booleans())
    def split(self, class_id, n, part):
        table = self.history.table
        old = table.row(class_id).clusters if class_id in table else (0,)
        new = tuple(range(table.next_cluster, table.next_cluster + n))
        fresh = range(table.next_id, table.next_id + n - 1)
        assert self.used.isdisjoint(fresh)
        edit = SplitClass(
            id=class_id,
            clusters=old[:1] if part else old,
            new_clusters=new,
            new_classes=tuple(
                NewClass(id=i, name=table.free_name(f"part {i}"), colour="#aabbcc") for i in fresh
            ),
            split_id=f"{new[0]:08x}",
        )
        self.both_do(edit)
        self.used |= {row.id for row in self.history.table.rows}

    @rule(class_id=ids, name=names)
    def rename(self, class_id, name):
        self.both_do(RenameClass(id=class_id, name=name))

    @rule(class_id=ids, colour=st.sampled_from(["#000000", "#ff8800"]))
    def recolour(self, class_id, colour):
        self.both_do(RecolourClass(id=class_id, colour=colour))

    @rule(class_id=ids, code=st.sampled_from(["", " 24 ", "CAAB 80"]))
    def set_code(self, class_id, code):
        self.both_do(SetCode(id=class_id, code=code))

    @rule(class_id=ids, parent=st.none() | ids)
    def set_parent(self, class_id, parent):
        self.both_do(SetParent(id=class_id, parent=parent))

    @rule(class_id=ids, locked=st.booleans())
    def lock(self, class_id, locked):
        self.both_do(LockClass(id=class_id, locked=locked))

    @rule(chosen=st.lists(st.tuples(clusters, ids), min_size=1, max_size=3), name=names)
    def batch(self, chosen, name):
        moves = [MoveClusters(clusters=(cluster,), into=into) for cluster, into in chosen]
        self.both_do(Batch(edits=(*moves, RenameClass(id=chosen[0][1], name=name)), label="cut"))

    def both_paint(self, make, image, pixels, what):
        """Make an edit of pixels from the label image, and do it; the model has its own pixels."""
        locked = {row.id: labels_of(self.now, row.id) for row in self.history.table.rows}
        locked = {i: where for i, where in locked.items() if self.now.is_locked(i)}
        painted = make()
        if not pixels:
            assert painted.edit is None
            return
        self.model_do(lambda model: model.strokes[image].append((pixels, what)))
        self.history.do(painted.edit)
        for class_id, where in locked.items():
            assert labels_of(self.now, class_id) == where

    @rule(image=images, mask=masks, class_id=ids, kind=st.sampled_from(["stroke", "yes", "move"]))
    def paint(self, image, mask, class_id, kind):
        table, before = self.history.table, self.now.labels(image)
        chosen = as_mask(mask)

        def make():
            if kind == "stroke":
                return paint(table, image, before, chosen, class_id)
            made = AcceptProposal if kind == "yes" else ReassignRegion
            return give_region(made, table, image, before, chosen, class_id, "SAM 2")

        if class_id and (class_id not in self.now.classes or self.now.is_locked(class_id)):
            with pytest.raises(ClassEditError):
                make()
            return
        self.both_paint(make, image, self.now.may_change(image, mask), class_id)

    @rule(image=images, mask=masks, first=ids, second=ids)
    def paint_with_two(self, image, mask, first, second):
        labels = self.now.labels(image)
        after = labels.copy()
        for pixel in mask:
            after.ravel()[pixel] = first if pixel % 2 else second
        changed = {p for p in mask if after.ravel()[p] != labels.ravel()[p]}
        pixels = self.now.may_change(image, changed)
        found = {int(after.ravel()[p]) for p in pixels}
        table = self.history.table
        if any(i and (i not in self.now.classes or self.now.is_locked(i)) for i in found):
            with pytest.raises(ClassEditError):
                paint_difference(table, image, labels, after)
            return
        painted = paint_difference(table, image, labels, after)
        assert set(painted.kept.tolist()) == changed - pixels
        if not pixels:
            assert painted.edit is None
            return

        def change(model):
            for class_id in sorted(found):
                part = {p for p in pixels if after.ravel()[p] == class_id}
                model.strokes[image].append((part, class_id))

        self.model_do(change)
        self.history.do(painted.edit)

    @rule(image=images, mask=masks)
    def remove(self, image, mask):
        before, beneath = self.now.labels(image), self.now.beneath(image)
        table, pixels = self.history.table, self.now.may_change(image, mask, beneath_too=True)
        self.both_paint(
            lambda: remove_strokes(table, image, before, beneath, as_mask(mask)),
            image,
            pixels,
            BENEATH,
        )

    @rule(image=images)
    def reset(self, image):
        before, beneath = self.now.labels(image), self.now.beneath(image)
        painted = reset_strokes(self.history.state, image, before, beneath)
        if painted.edit is None:
            free = self.now.may_change(image, range(before.size), beneath_too=True)
            changing = set(np.flatnonzero(before != beneath).tolist())
            assert not self.now.strokes[image] or not free & changing
            return
        whole = painted.edit.kind == "reset_strokes"
        pixels = self.now.may_change(image, range(before.size), beneath_too=True)
        locked = {i: labels_of(self.now, i) for i in self.now.classes if self.now.is_locked(i)}

        def change(model):
            if whole:
                model.strokes[image] = []
            else:
                model.strokes[image].append((pixels, BENEATH))

        self.model_do(change)
        self.history.do(painted.edit)
        assert locked == {i: labels_of(self.now, i) for i in locked}
        if not locked:
            assert (self.now.labels(image) == self.now.beneath(image)).all()

    @rule()
    def undo(self):
        if self.past:
            self.before_last = self.snapshot()
            self.future.append(self.now)
            self.now = self.past.pop()
        self.history.undo()

    @rule()
    def redo(self):
        if self.future:
            self.before_last = self.snapshot()
            self.past.append(self.now)
            self.now = self.future.pop()
        self.history.redo()

    @rule(data=st.data())
    def jump(self, data):
        position = data.draw(st.integers(0, len(self.past) + len(self.future)))
        if position != len(self.past):
            self.before_last = self.snapshot()
        while len(self.past) > position:
            self.future.append(self.now)
            self.now = self.past.pop()
        while len(self.past) < position:
            self.past.append(self.now)
            self.now = self.future.pop()
        self.history.jump(position)

    @rule()
    def reopen(self):
        before = saved(self.history)
        assert saved(read_edits(self.path).history) == before
        self.log = EditLog(self.path)
        assert self.log.note == ""
        assert saved(self.history) == before

    @precondition(lambda self: self.before_last is not None)
    @rule(data=st.data())
    def kill(self, data):
        content = self.path.read_bytes()
        last = len(content) - content[:-1].rindex(b"\n") - 1
        cut = data.draw(st.integers(1, last))
        self.path.write_bytes(content[:-cut])
        self.now, self.past, self.future, self.used = self.before_last
        self.before_last = None
        reader = read_edits(self.path)
        assert self.path.stat().st_size == len(content) - cut
        self.log = EditLog(self.path)
        assert self.path.read_bytes() == content[:-last]
        assert bool(self.log.note) == bool(reader.note) == (cut < last)
        assert saved(reader.history) == saved(self.history)

    @rule(class_id=ids, partial=st.integers(0, 200))
    def edit_that_cannot_be_written(self, class_id, partial):
        before, content = saved(self.history), self.path.read_bytes()
        write = os.write

        def fail(descriptor, data):
            if partial < len(data):
                write(descriptor, data[:partial])
                raise OSError(28, "No space left on device")
            return write(descriptor, data)

        with (
            mock.patch.object(os, "write", fail),
            mock.patch.object(os, "fsync", side_effect=[OSError(5, "I/O error"), None]),
            pytest.raises((EditLogError, ClassEditError)),
        ):
            self.history.do(LockClass(id=class_id))
        assert saved(self.history) == before
        assert self.path.read_bytes() == content

    @invariant()
    def equals_the_model(self):
        history = self.history
        rows = [{**vars(row), "clusters": list(row.clusters)} for row in history.table.rows]
        assert rows == self.now.rows()
        splits = [(split.clusters, split.new_clusters) for split in history.table.splits]
        assert splits == self.now.splits
        assert history.position == len(self.past)
        assert len(history) == len(self.past) + len(self.future)
        assert (history.can_undo, history.can_redo) == (bool(self.past), bool(self.future))
        assert (bool(history.undo_text), bool(history.redo_text)) == (
            history.can_undo,
            history.can_redo,
        )

    @invariant()
    def label_images_are_table_then_strokes(self):
        for image in IMAGES:
            cluster_map = self.now.refined(image)
            labels = self.history.label_image(image, cluster_map)
            assert labels.dtype == np.uint16
            np.testing.assert_array_equal(labels, self.now.labels(image))
            table, strokes = self.history.table, self.history.strokes(image)
            np.testing.assert_array_equal(labels, label_image(cluster_map, table, strokes))


def as_mask(pixels):
    mask = np.zeros(SHAPE, bool)
    mask.ravel()[list(pixels)] = True
    return mask


def labels_of(model, class_id):
    return [set(np.flatnonzero(model.labels(image) == class_id)) for image in IMAGES]


def saved(history):
    """Everything that is there, as bytes."""
    return json.dumps(
        [
            table_to_dict(history.table),
            {i: [s.model_dump() for s in history.strokes(i)] for i in IMAGES},
            [history.text(i) for i in range(len(history))],
            history.position,
        ]
    ).encode()


def test_any_sequence_of_actions_equals_a_simple_model(model_class):
    run_state_machine_as_test(
        lambda: ClassMachine(model_class),
        settings=settings(max_examples=100, stateful_step_count=25, deadline=None),
    )
