"""One story of classes by mouse and keyboard: clusters, edits, a kill, and all of it again."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import class_story
import numpy as np
import pytest
import tifffile
from class_story import EDITS, Plot
from PIL import Image
from story_user import User, hexadecimal

PROGRAM = Path(sys.executable).with_name("napari-stego")


def check_export(folder, seen, colours):
    """Compare all masks with what was over the photographs."""
    assert len(list((folder / "masks").glob("*.png"))) == len(seen)
    for image, labels in seen.items():
        stem = Path(image).stem
        with Image.open(folder / "masks" / f"{stem}.png") as mask:
            np.testing.assert_array_equal(np.asarray(mask), labels)
            palette = np.array(mask.getpalette(), np.uint8).reshape(-1, 3)
        for class_id in np.unique(labels[labels > 0]).tolist():
            assert hexadecimal(palette[class_id]) == colours[class_id]
        tiff = tifffile.imread(folder / "masks_tiff" / f"{stem}.tif")
        np.testing.assert_array_equal(tiff, labels)
        with Image.open(folder / "panoptic" / f"{stem}.png") as ids:
            np.testing.assert_array_equal(np.asarray(ids) @ [1, 256, 256**2], labels)


def keys_of(actions):
    """Keys of menus, and of the menus in them."""
    for action in actions:
        yield action.shortcut().toString()
        if action.menu() is not None:
            yield from keys_of(action.menu().actions())


def check_keys(user):
    """Keys that napari's menus have too would do nothing at all."""
    taken = set(keys_of(user.viewer.window._qt_window.menuBar().actions())) - {""}
    assert len(taken) > 5
    assert taken.isdisjoint(action.shortcut().toString() for action in user.panel.actions())


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def tell(plot, plugin):
    """Have the story happen elsewhere, and find all of it here."""
    project, notes = Path(plot.project), Path(plot.notes)
    notes.mkdir()
    done = subprocess.run(
        [sys.executable, class_story.__file__, json.dumps(asdict(plot), default=str)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-4000:]
    with np.load(notes / "seen.npz") as read:
        seen = dict(read)
    table, colours, last = json.loads((notes / "told.json").read_text())
    colours = {int(class_id): colour for class_id, colour in colours.items()}
    check_export(project / "export", seen, colours)
    seen[last] = np.load(notes / "last.npy")

    # All edits are there, for somebody who may make more.
    user = User(*plugin())
    user.widget.corpus_panel.project.value = project
    user.press(user.widget.corpus_panel.open)
    user.settle()
    assert user.session.read_only == ""
    assert user.session.project.note == ""
    assert user.edits == EDITS + 1
    assert [[r.id, r.name, r.code] for r in user.session.table.rows] == table
    assert user.colours() == colours
    again = user.walk()
    assert again.keys() == seen.keys()
    for image, labels in seen.items():
        np.testing.assert_array_equal(again[image], labels, err_msg=image)

    check_keys(user)

    # The history can be jumped in: to the start, and back to the end.
    user.go_to(user.panel)
    user.unfold("History")
    while user.widget.corpus_panel.previous.isEnabled():
        user.step(user.widget.corpus_panel.previous)
    first = user.session.image.name
    for row, edits, expected in (
        (0, 0, np.load(notes / "start.npy")),
        (-1, EDITS + 1, seen[first]),
    ):
        user.jump(row)
        assert user.edits == edits
        np.testing.assert_array_equal(user.overlay(), expected)

    # Both ways to export write the same files, of what is over the photographs.
    user.export()
    check_export(project / "export", seen, colours)
    other = notes / "export"
    command = [PROGRAM, "export", "--project", project, "--out", other]
    subprocess.run(command, check=True, capture_output=True)
    assert files(other) == files(project / "export")
    with (other / "classes.csv").open(encoding="utf-8-sig") as file:
        rows = [[int(line["id"]), line["name"], line["code"]] for line in csv.DictReader(file)]
    assert rows == [[0, "unlabelled", ""], *table]


@pytest.mark.slow
def test_the_story(plugin, photographs, small_backbone, small_weights, tmp_path):
    images = photographs(tmp_path / "dive", 4, size=(96, 128))
    features = {"backbone": small_backbone, "layer": 3, "long_side": 128}
    project, notes = tmp_path / "dive.stego", tmp_path / "notes"
    plot = Plot(images, project, notes, features, small_weights, steps=20, clusters=10)
    tell(plot, plugin)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_story_on_real_photographs(plugin, suim, tmp_path):
    """With DINOv2, on 24 photographs of SUIM."""
    images = suim(24)
    project, notes = tmp_path / "suim.stego", tmp_path / "notes"
    plot = Plot(images, project, notes, {"layer": 8, "long_side": 224}, None, steps=60, clusters=24)
    tell(plot, plugin)
