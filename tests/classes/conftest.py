"""A small edit log, and a simple model of classes to compare with."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stego.classes import (
    AddClass,
    Batch,
    ClassTable,
    DeleteClass,
    EditLog,
    LockClass,
    MergeClasses,
    MoveClusters,
    PaintStroke,
    RecolourClass,
    RenameClass,
    SetCode,
    SetParent,
    SplitClass,
    create_log,
    encode_runs,
)


@pytest.fixture
def stroke():
    """Make a stroke of five pixels on an image of 30 x 40."""

    def make(class_id=1, first=0):
        runs = encode_runs(np.arange(first, first + 5))
        return PaintStroke(image="5e" * 32, shape=(30, 40), runs=runs, class_id=class_id)

    return make


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "edits.jsonl"
    create_log(path, ClassTable.from_clusters(4))
    return path


@pytest.fixture
def edited(path, stroke):
    """A log of four lines after the first."""
    history = EditLog(path).history
    history.do(RenameClass(id=1, name="Größe 鱼"))
    history.do(MergeClasses(ids=(2, 3), into=2))
    history.do(stroke())
    history.undo()
    return path


@pytest.fixture
def model_class():
    return Model


class Refused(Exception):
    """The model does not take the edit."""


class Model:
    """Classes as dictionaries with sets of clusters; strokes are rewritten with each merge."""

    Refused = Refused

    def __init__(self, n_clusters, cluster_maps):
        self.n_clusters, self.cluster_maps = n_clusters, cluster_maps
        start = ClassTable.from_clusters(n_clusters)
        self.classes = {
            row.id: {
                "name": row.name,
                "colour": row.colour,
                "code": "",
                "parent": None,
                "locked": False,
                "clusters": {row.id - 1},
            }
            for row in start.rows
        }
        self.dead = set()
        self.splits = []
        self.strokes = {image: [] for image in cluster_maps}

    def refined(self, image):
        """Stand in for re-clustering: each pixel of a split cluster goes to the next new one."""
        found = self.cluster_maps[image].copy()
        for split in self.splits:
            for place, cluster in enumerate(found.ravel()):
                if cluster in split[0]:
                    found.ravel()[place] = split[1][place % len(split[1])]
        return found

    def known(self, class_id):
        if class_id not in self.classes:
            raise Refused
        return self.classes[class_id]

    def unlocked(self, class_id):
        if self.known(class_id)["locked"]:
            raise Refused
        return self.classes[class_id]

    def owner(self, cluster):
        if cluster in self.dead or (
            cluster >= self.n_clusters and not any(cluster in s[1] for s in self.splits)
        ):
            raise Refused
        return next((i for i, row in self.classes.items() if cluster in row["clusters"]), 0)

    def above(self, class_id):
        found = []
        while (class_id := self.classes[class_id]["parent"]) is not None:
            found.append(class_id)
        return found

    def retire(self, gone, heir):
        above = {i: self.above(i) for i in self.classes}
        for i, row in self.classes.items():
            if row["parent"] in gone:
                stays = [each for each in above[i] if each not in gone]
                climbs = heir == 0 or i == heir or i in above[heir]
                row["parent"] = (stays[0] if stays else None) if climbs else heir
        for i in gone:
            row = self.classes.pop(i)
            if heir:
                self.classes[heir]["clusters"] |= row["clusters"]
        for image, strokes in self.strokes.items():
            self.strokes[image] = [(s, heir if what in gone else what) for s, what in strokes]

    def beneath(self, image):
        found = self.refined(image)
        for place, cluster in enumerate(found.ravel().copy()):
            found.ravel()[place] = self.owner(cluster)
        return found

    def labels(self, image):
        beneath = self.beneath(image).ravel()
        labels = beneath.copy()
        for pixels, what in self.strokes[image]:
            for pixel in pixels:
                labels[pixel] = beneath[pixel] if what == "beneath" else what
        return labels.reshape(self.cluster_maps[image].shape)

    def is_locked(self, class_id):
        return class_id != 0 and self.classes[class_id]["locked"]

    def may_change(self, image, mask, *, beneath_too=False):
        labels, beneath = self.labels(image).ravel(), self.beneath(image).ravel()
        return {
            p
            for p in mask
            if not self.is_locked(labels[p]) and not (beneath_too and self.is_locked(beneath[p]))
        }

    def apply(self, edit):
        if isinstance(edit, Batch):
            for each in edit.edits:
                self.apply(each)
        elif isinstance(edit, MergeClasses):
            gone = set(edit.ids) - {edit.into}
            for each in {edit.into, *gone}:
                self.unlocked(each)
            if not gone:
                raise Refused
            self.retire(gone, edit.into)
        elif isinstance(edit, DeleteClass):
            self.unlocked(edit.id)
            self.retire({edit.id}, 0)
        elif isinstance(edit, MoveClusters):
            owners = {self.owner(cluster) for cluster in edit.clusters}
            for each in (owners | {edit.into}) - {0}:
                self.unlocked(each)
            if owners <= {edit.into}:
                raise Refused
            for row in self.classes.values():
                row["clusters"] -= set(edit.clusters)
            if edit.into:
                self.classes[edit.into]["clusters"] |= set(edit.clusters)
        elif isinstance(edit, SplitClass):
            row = self.unlocked(edit.id)
            if not edit.clusters or not set(edit.clusters) <= row["clusters"]:
                raise Refused
            row["clusters"] -= set(edit.clusters)
            row["clusters"].add(edit.new_clusters[0])
            for new, cluster in zip(edit.new_classes, edit.new_clusters[1:], strict=True):
                self.apply(AddClass(id=new.id, name=new.name, colour=new.colour))
                self.classes[new.id]["clusters"] = {cluster}
            self.dead |= set(edit.clusters)
            self.splits.append((edit.clusters, edit.new_clusters))
        elif isinstance(edit, AddClass):
            self.classes[edit.id] = {
                "name": None,
                "colour": edit.colour,
                "code": edit.code,
                "parent": None,
                "locked": False,
                "clusters": set(),
            }
            self.apply(RenameClass(id=edit.id, name=edit.name))
            self.apply(SetParent(id=edit.id, parent=edit.parent))
        elif isinstance(edit, RenameClass):
            row, name = self.known(edit.id), edit.name.strip()
            others = {r["name"] for i, r in self.classes.items() if i != edit.id}
            if not name or name in others:
                raise Refused
            row["name"] = name
        elif isinstance(edit, RecolourClass):
            self.known(edit.id)["colour"] = edit.colour
        elif isinstance(edit, SetCode):
            self.known(edit.id)["code"] = edit.code.strip()
        elif isinstance(edit, LockClass):
            self.known(edit.id)["locked"] = edit.locked
        elif isinstance(edit, SetParent):
            row = self.known(edit.id)
            if edit.parent is not None:
                self.known(edit.parent)
                if edit.id == edit.parent or edit.id in self.above(edit.parent):
                    raise Refused
            row["parent"] = edit.parent
        else:
            raise AssertionError(edit)

    def rows(self):
        return [
            {"id": i, **row, "clusters": sorted(row["clusters"])}
            for i, row in sorted(self.classes.items())
        ]
