from __future__ import annotations

import os

import numpy as np
import pytest

from napari_stego.errors import StegoError
from napari_stego.features import FeatureStore
from napari_stego.files import write_json


@pytest.fixture
def events(monkeypatch):
    """What was forced to the disk, as inode numbers, and where something was renamed."""
    happened = []
    fsync, replace, rename = os.fsync, os.replace, os.rename

    def note_sync(descriptor):
        happened.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def note_move(move):
        def moved(source, target):
            happened.append("moved")
            move(source, target)

        return moved

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_move(replace))
    monkeypatch.setattr(os, "rename", note_move(rename))
    return happened


def test_a_replaced_file_is_on_the_disk_before_its_name_and_its_name_before_the_return(
    tmp_path, events
):
    path = tmp_path / "project.json"
    write_json(path, {"format": 1})
    assert events == [path.stat().st_ino, "moved", tmp_path.stat().st_ino]


def test_a_segment_is_on_the_disk_before_its_name_and_its_name_before_the_return(tmp_path, events):
    store = FeatureStore(tmp_path / "store")
    store.write([("a", np.ones((3, 4, 5), np.float16))])
    segment = next(store.folder.iterdir())
    parts = {path.stat().st_ino for path in (segment, *segment.rglob("*"))}
    # zarr moves its own files into place within the segment.
    *before, moved, after = events[-len(parts) - 2 :]
    assert set(before) == parts
    assert (moved, after) == ("moved", store.folder.stat().st_ino)


def test_what_is_no_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    with pytest.raises(StegoError, match="it is no file"):
        write_json(pipe, {})
    assert pipe.is_fifo()
    with pytest.raises(StegoError, match="it is no file"):
        write_json(tmp_path, {})
    assert tmp_path.is_dir()
