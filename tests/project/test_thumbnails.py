"""Thumbnails are kept in the project folder, and what is found there is not trusted."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from PIL import Image

from napari_stego.corpus import ImageReadError, discover
from napari_stego.project import thumbnails
from napari_stego.project.layout import ProjectFolder
from napari_stego.project.thumbnails import SIDE, ThumbnailStore

ENTRY = 48


@pytest.fixture
def images(tmp_path, photographs):
    return discover(photographs(tmp_path / "dive", 5, size=(150, 200))).images


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dive.stego").mkdir()
    return ProjectFolder(tmp_path / "dive.stego")


@pytest.fixture
def decoded(monkeypatch):
    """Names of the photographs that are read, in their order."""
    read: list[str] = []
    whole = thumbnails.read_thumbnail

    def note(path, side):
        read.append(path.name)
        return whole(path, side)

    monkeypatch.setattr(thumbnails, "read_thumbnail", note)
    return read


def test_each_photograph_is_read_once(images, folder, decoded):
    store = ThumbnailStore(folder, True)
    made = [store.make(image) for image in images]
    assert made[0].shape == (144, SIDE, 3)
    again = ThumbnailStore(folder, False)
    assert all(image.content_hash in again for image in images)
    for image, first in zip(images, made, strict=True):
        kept = again.make(image).astype(int)
        assert np.abs(kept - first).mean() < 12  # a JPEG of what was made
    assert decoded == [image.path.name for image in images]
    assert sorted(p.name for p in (folder.folder / "thumbnails").iterdir()) == [
        "001.index",
        "001.pack",
    ]


def test_a_project_that_can_only_be_read_keeps_them_in_memory(images, folder, decoded, monkeypatch):
    store = ThumbnailStore(folder, False)
    sizes = []
    for image in images[:2]:
        store.make(image)
        sizes.append(store._held_bytes - sum(sizes))
    store.make(images[0])
    assert len(decoded) == 2
    assert not (folder.folder / "thumbnails").exists()
    # Those used longest ago are let go of.
    monkeypatch.setattr(thumbnails, "_MEMORY_BYTES", sum(sizes))
    store.make(images[2])
    assert images[1].content_hash not in store
    assert images[2].content_hash in store


def test_a_full_disk_is_no_problem(images, folder, monkeypatch):
    store = ThumbnailStore(folder, True)
    store.make(images[0])
    written = os.write

    def full(descriptor, content):
        return written(descriptor, content[: len(content) // 2])

    monkeypatch.setattr(os, "write", full)
    store.make(images[1])
    assert not store.keeps
    assert store.get(images[1].content_hash) is not None
    monkeypatch.undo()
    again = ThumbnailStore(folder, True)
    assert images[0].content_hash in again
    assert images[1].content_hash not in again
    again.make(images[1])
    assert images[1].content_hash in ThumbnailStore(folder, False)


@pytest.mark.parametrize("left", [0, ENTRY - 1, 2 * ENTRY + 7, 3 * ENTRY])
def test_an_index_that_was_cut_short_is_read_as_far_as_it_goes(images, folder, left):
    store = ThumbnailStore(folder, True)
    for image in images:
        store.make(image)
    index = folder.folder / "thumbnails" / "001.index"
    index.write_bytes(index.read_bytes()[:left])
    again = ThumbnailStore(folder, True)
    assert sum(image.content_hash in again for image in images) == max(left // ENTRY - 1, 0)
    for image in images:
        again.make(image)
    last = ThumbnailStore(folder, False)
    assert all(last.get(image.content_hash) is not None for image in images)


def test_damaged_thumbnails_are_made_again(images, folder, decoded):
    store = ThumbnailStore(folder, True)
    for image in images:
        store.make(image)
    pack = folder.folder / "thumbnails" / "001.pack"
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content)
    again = ThumbnailStore(folder, True)
    for image in images:
        again.make(image)
    assert len(decoded) == 6
    # The newer of two entries counts.
    last = ThumbnailStore(folder, False)
    assert all(last.get(image.content_hash) is not None for image in images)


def forged(folder, content, **changes):
    """An index and a pack as a stranger might make them, with one entry."""
    import google_crc32c

    values = {"offset": 0, "bytes": len(content), "crc": google_crc32c.value(content)} | changes
    entry = np.zeros(1, thumbnails._ENTRY)
    entry["hash"] = np.frombuffer(bytes.fromhex("ab" * 32), "V32")
    for name, value in values.items():
        entry[name] = value
    (folder.folder / "thumbnails").mkdir()
    (folder.folder / "thumbnails" / "001.pack").write_bytes(content)
    index = thumbnails._HEADER + entry.tobytes()
    (folder.folder / "thumbnails" / "001.index").write_bytes(index)


def jpeg(tmp_path, height, width):
    Image.new("RGB", (width, height)).save(tmp_path / "one.jpg")
    return (tmp_path / "one.jpg").read_bytes()


def test_a_forged_thumbnail_is_taken_if_it_is_one(tmp_path, folder):
    forged(folder, jpeg(tmp_path, 50, 60))
    assert ThumbnailStore(folder, False).get("ab" * 32).shape == (50, 60, 3)


def test_a_forged_thumbnail_of_another_size_is_not(tmp_path, folder):
    forged(folder, jpeg(tmp_path, 5000, 60))
    assert ThumbnailStore(folder, False).get("ab" * 32) is None


@pytest.mark.parametrize(
    "changes", [{"bytes": 2**31}, {"bytes": 0}, {"offset": 2**63 + 5}, {"offset": 10**9}]
)
def test_a_forged_index_costs_nothing(tmp_path, folder, changes):
    forged(folder, jpeg(tmp_path, 50, 60), **changes)
    assert ThumbnailStore(folder, False).get("ab" * 32) is None


def test_links_are_not_followed(tmp_path, folder, images):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder.folder / "thumbnails").symlink_to(elsewhere)
    store = ThumbnailStore(folder, True)
    store.make(images[0])
    assert not store.keeps
    assert not list(elsewhere.iterdir())
    assert images[0].content_hash in store


def test_a_file_that_is_another_picture_now_is_not_taken_for_the_old_one(images, folder):
    store = ThumbnailStore(folder, True)
    images[1].path.write_bytes(images[0].path.read_bytes() + b" ")
    with pytest.raises(ImageReadError, match="another picture"):
        store.make(images[1])
    assert images[1].content_hash not in store


def test_several_may_write_at_once(images, folder):
    stores = [ThumbnailStore(folder, True) for _ in range(3)]
    threads = [
        threading.Thread(target=lambda s=store: [s.make(image) for image in images])
        for store in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = ThumbnailStore(folder, False)
    for image in images:
        assert np.abs(last.get(image.content_hash).astype(int) - stores[0].make(image)).max() == 0


def test_a_pack_that_is_full_is_followed_by_another(images, folder, monkeypatch):
    monkeypatch.setattr(thumbnails, "_PACK_BYTES", 1)
    store = ThumbnailStore(folder, True)
    for image in images[:4]:
        store.make(image)
    assert len(list((folder.folder / "thumbnails").glob("*.pack"))) == 2
    again = ThumbnailStore(folder, False)
    assert all(again.get(image.content_hash) is not None for image in images[:4])
