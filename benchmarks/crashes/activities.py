"""What a process is doing when it is killed, and what must be true of the project afterwards.

An activity runs in a process of its own and says through `tell` what it is about to do
(`intend`) and what is done (`done`); a check runs in another one, after the kill, and raises
`LostError` if anything is missing that was said to be done.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from napari_stego.classes import (
    AcceptProposal,
    AddClass,
    ClassEdit,
    ClassEditError,
    ClassHistory,
    DeleteClass,
    LockClass,
    MergeClasses,
    MoveClusters,
    RecolourClass,
    RenameClass,
    give_region,
    paint,
    reset_strokes,
)
from napari_stego.clustering import ClusterSettings
from napari_stego.errors import StegoError
from napari_stego.features import FeatureSettings
from napari_stego.project import (
    Project,
    Segmentation,
    cluster,
    export,
    extract,
    open_photographs,
    train,
)
from napari_stego.stego import StegoSettings

FEATURES = FeatureSettings(backbone="test_vit", layer="final", long_side=96)
TRAINING = StegoSettings(dim=8, steps=40, batch_size=4, positions=20)
CLUSTERS = ClusterSettings(clusters=12)


class LostError(Exception):
    """Something that was done is not there any more, or is half there."""


@dataclass
class Place:
    """Where an activity works.

    Attributes
    ----------
    project, images, weights, out : Path
        Project folder, photographs, weights of the backbone, folder for exports.
    base : Path
        The project as it was before anything was done.
    seed : int
        Of what is done.
    """

    project: Path
    images: Path
    weights: Path
    out: Path
    base: Path
    seed: int


@dataclass
class Told:
    """What a process said before it ended.

    Attributes
    ----------
    done : list of str
        What was done, in order.
    pending : set of str
        What was begun since: in flight, or refused by the disk after a part of it was written.
    refused : int
        How often an error was raised for a write that failed.
    """

    done: list[str] = field(default_factory=list)
    pending: set[str] = field(default_factory=set)
    refused: int = 0

    def may_be(self, found: str, before: str) -> bool:
        """Tell whether a state is the last that was done, or one that was begun since."""
        return found == (self.done[-1] if self.done else before) or found in self.pending


Tell = Callable[[str, str], None]


def make_project(place: Place) -> None:
    """Take a project through all stages once."""
    project = open_photographs(place.project, place.images)
    extract(project, FEATURES, weights_file=place.weights, device="cpu")
    train(project, TRAINING, device="cpu")
    cluster(project, CLUSTERS)
    project.close()


def digest(history: ClassHistory) -> str:
    """Name a history with all that can be undone and redone."""
    text = json.dumps(history.to_dict(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def edit(place: Place, tell: Tell) -> None:
    """Edit classes, paint, undo, redo and jump, at random and without end.

    In every second trial jobs open the same classes meanwhile, in a thread of
    the same process, as an export does while the window goes on.
    """
    rng = np.random.default_rng(place.seed)
    if place.seed % 4 == 1:
        threading.Thread(target=_open_again, args=(place,), daemon=True).start()
    segmentation = Segmentation(Project.open(place.project))
    history = segmentation.history
    shadow = ClassHistory.from_dict(history.to_dict())
    images = [image.content_hash for image in Project.open(place.project).corpus.images]
    while True:
        try:
            act, really = _random_act(rng, segmentation, images)
            act(shadow)
        except ClassEditError:
            continue
        tell("intend", digest(shadow))
        try:
            really(history)
        except ClassEditError:
            raise
        except StegoError:
            shadow = ClassHistory.from_dict(history.to_dict())
            tell("refused", "")
            continue
        tell("done", digest(history))


def _open_again(place: Place) -> None:
    while True:
        with contextlib.suppress(StegoError):  # the disk refuses this one, too
            Segmentation(Project.open(place.project))


Act = Callable[[ClassHistory], object]


def _random_act(
    rng: np.random.Generator, segmentation: Segmentation, images: list[str]
) -> tuple[Act, Act]:
    """Choose what to do: in memory only, and on the disk too."""
    history = segmentation.history
    kind = rng.choice(["edit", "edit", "edit", "split", "undo", "redo", "jump"])
    if kind == "split":
        one = int(rng.choice([row.id for row in history.table.rows]))
        proposal = segmentation.propose_split(one, 2, seed=int(rng.integers(1000)))
        return (
            lambda each: each.do(proposal.edit(each.table)),
            lambda _: segmentation.split(proposal),
        )
    act: Act = ClassHistory.undo if kind == "undo" else ClassHistory.redo
    if kind == "edit":
        made = _random_edit(rng, history, images)
        act = partial(ClassHistory.do, edit=made)
    elif kind == "jump":
        # Not far back, so that there is something to edit.
        position = int(rng.integers(max(0, history.position - 5), len(history) + 1))
        act = partial(ClassHistory.jump, position=position)
    return act, act


def _random_edit(rng: np.random.Generator, history: ClassHistory, images: list[str]) -> ClassEdit:
    table = history.table
    ids = [row.id for row in table.rows]
    one = int(rng.choice(ids))
    kinds = ["merge", "rename", "recolour", "delete", "move", "add", "lock", "paint", "give"]
    kind = rng.choice([*kinds, "reset"])
    if (kind in ("merge", "delete") and len(ids) > 3) or len(ids) > 40:
        if kind == "merge":
            return MergeClasses(ids=(one, int(rng.choice(ids))), into=one)
        return DeleteClass(id=one)
    if kind == "rename":
        return RenameClass(id=one, name=f"größe {rng.integers(10**9)}")
    if kind == "move":
        return MoveClusters(clusters=(int(rng.integers(CLUSTERS.clusters)),), into=one)
    if kind == "add":
        name = f"new {rng.integers(10**9)}"
        return AddClass(id=table.next_id, name=name, colour="#00ff00")
    if kind == "lock":
        return LockClass(id=one, locked=not table.row(one).locked)
    image, labels = str(rng.choice(images)), np.zeros((64, 96), np.uint16)
    painted = None
    if kind == "reset":
        painted = reset_strokes(history.state, image, labels, labels)
    elif kind in ("paint", "give"):
        mask = np.zeros(labels.shape, bool)
        y, x = rng.integers(0, 50, 2)
        mask[y : y + 10, x : x + 20] = True
        if kind == "paint":
            painted = paint(table, image, labels, mask, one)
        else:
            painted = give_region(AcceptProposal, table, image, labels, mask, one, "a cut")
    if painted is not None and painted.edit is not None:
        return painted.edit
    return RecolourClass(id=one, colour=f"#{rng.integers(0, 2**24):06x}")


def check_edits(place: Place, told: Told, before: str) -> str:
    """See that the history is the last one said to be done, or the one in flight."""
    segmentation = Segmentation(Project.open(place.project))
    if "centroids" in segmentation.note:
        raise LostError(segmentation.note)
    found = digest(segmentation.history)
    if not told.may_be(found, before):
        raise LostError(f"the history is not one of the {len(told.done)} that were done")
    return found


def saving(place: Place, tell: Tell) -> None:
    """Cluster again and again: each time project.json names another result."""
    rng = np.random.default_rng(place.seed)
    project = Project.open(place.project)
    while True:
        clusters = ClusterSettings(clusters=int(rng.integers(2, 14)), seed=int(rng.integers(3)))
        tell("intend", clusters.model_dump_json())
        try:
            cluster(project, clusters)
        except StegoError:
            tell("refused", "")
            continue
        tell("done", clusters.model_dump_json())


def check_result(place: Place, told: Told, before: str) -> str:
    """See that the result in use is the last one, whole."""
    project = Project.open(place.project)
    found = project.result.settings.model_dump_json()
    if not told.may_be(found, before):
        raise LostError(f"the result is {found}, not the last that was done")
    segmentation = Segmentation(project)
    segmentation.label_image(project.corpus.images[0])
    return found


def extracting(place: Place, tell: Tell) -> None:
    """Extract features at sizes that are not there yet."""
    project = Project.open(place.project)
    try:
        extract(project, _larger(place), weights_file=place.weights, device="cpu")
    except StegoError:
        tell("refused", "")
        return
    tell("done", "features")


def _larger(place: Place) -> FeatureSettings:
    return FEATURES.model_copy(update={"long_side": 112 + 16 * (place.seed % 20)})


def check_features(place: Place, told: Told, before: str) -> str:
    """Finish the extraction, and compare all tokens with those of an undisturbed one."""
    project = Project.open(place.project)
    settings = _larger(place)
    if told.done and project.state.features.settings != settings:
        raise LostError("features that were done are not the project's")
    extract(project, settings, weights_file=place.weights, device="cpu")
    undisturbed = place.out / f"undisturbed-{settings.long_side}.stego"
    if not Project.exists(undisturbed):
        extract(
            open_photographs(undisturbed, place.images),
            settings,
            weights_file=place.weights,
            device="cpu",
        )
    other = Project.open(undisturbed)
    for image in project.corpus.images:
        tokens = (each.store.tokens(image.content_hash) for each in (project, other))
        if not np.array_equal(*tokens):
            raise LostError(f"the tokens of {image.name} are others")
    return before


def training(place: Place, tell: Tell) -> None:
    """Train a head."""
    project = Project.open(place.project)
    try:
        train(project, TRAINING.model_copy(update={"seed": place.seed}), device="cpu")
    except StegoError:
        tell("refused", "")
        return
    tell("done", "run")


def check_run(place: Place, told: Told, before: str) -> str:
    """Finish the training, and compare the head with that of an undisturbed one."""
    project = Project.open(place.project)
    run = train(project, TRAINING.model_copy(update={"seed": place.seed}), device="cpu")
    undisturbed = place.out / "undisturbed.stego"
    if not Project.exists(undisturbed):
        shutil.copytree(place.base, undisturbed)
    other = train(
        Project.open(undisturbed), TRAINING.model_copy(update={"seed": place.seed}), device="cpu"
    )
    if run.digest != other.digest:
        raise LostError("the head is another than without the kill")
    return before


def exporting(place: Place, tell: Tell) -> None:
    """Export without end into one folder."""
    segmentation = Segmentation(Project.open(place.project))
    project = Project.open(place.project)
    while True:
        tell("intend", "export")
        try:
            export(project, place.out / "export", segmentation=segmentation)
        except StegoError:
            tell("refused", "")
            continue
        tell("done", "export")


def check_export(place: Place, told: Told, before: str) -> str:
    """See that each mask is what the project shows, and all are there if an export was done."""
    out = place.out / "export"
    project = Project.open(place.project)
    segmentation = Segmentation(project)
    for image in project.corpus.images:
        path = out / "masks" / f"{image.path.stem}.png"
        if path.exists():
            try:
                with Image.open(path) as mask:
                    labels = np.asarray(mask)
            except OSError as error:
                raise LostError(f"{path} is cut off") from error
            if not np.array_equal(labels, segmentation.label_image(image)):
                raise LostError(f"{path} shows other classes than the project")
        elif told.done:
            raise LostError(f"{path} is missing")
    table = out / "classes.csv"
    if told.done and not table.exists():
        raise LostError(f"{table} is missing")
    if table.exists() and not table.read_text("utf-8-sig").endswith("\n"):
        raise LostError(f"{table} is cut off")
    return before


@dataclass(frozen=True)
class Activity:
    """Something to be interrupted, with its check.

    Attributes
    ----------
    run : callable
        Does it, until it is killed.
    check : callable
        Given what was told and the state before, returns the state after or raises `LostError`.
    seconds : float
        Within which it is killed.
    fresh : bool
        Whether each time starts from a copy of the same project.
    """

    run: Callable[[Place, Tell], None]
    check: Callable[[Place, Told, str], str]
    seconds: float
    fresh: bool = False


ACTIVITIES: dict[str, Activity] = {
    "editing": Activity(edit, check_edits, 0.4),
    "saving and clustering": Activity(saving, check_result, 1.5),
    "extracting": Activity(extracting, check_features, 1.5, fresh=True),
    "training": Activity(training, check_run, 1.5, fresh=True),
    "exporting": Activity(exporting, check_export, 3.0),
}


def first_state(name: str, place: Place) -> str:
    """Describe a project before anything was done to it."""
    project = Project.open(place.project)
    states: dict[str, Any] = {
        "editing": lambda: digest(Segmentation(project).history),
        "saving and clustering": lambda: project.result.settings.model_dump_json(),
    }
    return str(states.get(name, str)())
