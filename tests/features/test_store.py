from __future__ import annotations

import errno
import json
import multiprocessing
import os
import resource
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_stego.errors import StegoError
from napari_stego.features import DamagedStoreError, FeatureStore

CHANNELS = 6
half = st.floats(-100, 100, width=16)
grids = st.tuples(st.integers(1, 30), st.integers(1, 30))
tokens = grids.flatmap(lambda g: arrays(np.float16, (*g, CHANNELS), elements=half, fill=half))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(segments=st.lists(st.lists(tokens, min_size=1, max_size=3), min_size=1, max_size=3))
def test_what_is_written_is_read_again(tmp_path_factory, segments):
    folder = tmp_path_factory.mktemp("store")
    store = FeatureStore(folder)
    written = {}
    for number, segment in enumerate(segments):
        named = [(f"{number}-{index}", array) for index, array in enumerate(segment)]
        store.write(named)
        written |= dict(named)
    for reader in (store, FeatureStore(folder)):
        assert len(reader) == len(written)
        for key, array in written.items():
            assert key in reader
            assert reader.grid_shape(key) == array.shape[:2]
            np.testing.assert_array_equal(reader.tokens(key), array)


def some(count=4, seed=0):
    rng = np.random.default_rng(seed)
    return [
        (f"{seed}-{i}", rng.normal(size=(12, 10 + i, CHANNELS)).astype(np.float16))
        for i in range(count)
    ]


def flip(path, place):
    raw = bytearray(path.read_bytes())
    raw[place] ^= 0xFF
    path.write_bytes(raw)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_damage_is_noticed_set_aside_and_filled_again(tmp_path, damage):
    store = FeatureStore(tmp_path)
    store.write(some(seed=0))
    store.write(some(seed=1))
    shard = max(next(tmp_path.iterdir()).rglob("c/0/0"), key=lambda p: p.stat().st_size)
    if damage == "flipped":
        flip(shard, 100)
    elif damage == "cut":
        shard.write_bytes(shard.read_bytes()[:1000])
    else:
        shard.unlink()
    fresh = FeatureStore(tmp_path)
    keys = [key for seed in (0, 1) for key, _ in some(seed=seed)]
    hit = 0
    for key in keys:
        if key in fresh:
            try:
                fresh.tokens(key)
            except DamagedStoreError as error:
                hit += 1
                assert "Extract features again" in str(error)
    # Missing data is noticed at once, other data when it is read; then the segment is away.
    assert hit == (1 if damage == "flipped" else 0)
    lost = [key for key in keys if key not in fresh]
    assert len(lost) == 4
    again = FeatureStore(tmp_path)
    assert [key for key in keys if key not in again] == lost
    fresh.write([entry for seed in (0, 1) for entry in some(seed=seed) if entry[0] in lost])
    assert all(key in FeatureStore(tmp_path) for key in keys)
    fresh.sweep()
    assert len(list(tmp_path.iterdir())) == 3
    an_hour_later(tmp_path)
    fresh.sweep()
    assert len(list(tmp_path.iterdir())) == 2


def an_hour_later(folder):
    for path in folder.rglob("*"):
        os.utime(path, (0, time.time() - 3700))


def test_damaged_header_is_set_aside(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(some())
    next(tmp_path.rglob("zarr.json")).write_text("{")
    assert len(FeatureStore(tmp_path)) == 0


def image(start=0, height=12, width=10, content_hash="0-0"):
    return {"hash": content_hash, "start": start, "height": height, "width": width}


ABSURD_IMAGES = [
    [],
    "images",
    [{"hash": "0-0"}],
    [image(start=-120)],
    [image(start=120)],
    [image(height=-12, width=-10)],
    [image(height=0)],
    [image(height=10**15)],
    [image(height=13)],
    [image(height=6)],
    [image(height=12.0)],
    [image(height="12")],
    [image(height=True, width=120)],
    [image(content_hash=7)],
    [image(content_hash=None)],
    [image(height=6), image(start=60, height=6)],
    [image(height=6), image(start=59, height=6, content_hash="other")],
]


@pytest.mark.parametrize("images", ABSURD_IMAGES)
def test_absurd_places_of_images_are_damage(tmp_path, images):
    assert_header_is_damage(tmp_path, lambda header: header["attributes"].update(images=images))


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [10**15, CHANNELS]},
        {"shape": [120, 10**15]},
        {"shape": [119, CHANNELS]},
        {"shape": [-120, CHANNELS]},
        {"shape": [120]},
        {"shape": [120, CHANNELS, 1]},
        {"data_type": "float32"},
        {"data_type": "uint16", "fill_value": 0},
        {"data_type": "nonsense"},
        {"codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]},
        {"codecs": []},
        {"chunk_grid": None},
        {"attributes": {}},
        {"node_type": "group"},
    ],
)
def test_an_absurd_array_is_damage(tmp_path, change):
    assert_header_is_damage(tmp_path, lambda header: header.update(change))


def test_absurd_shards_are_damage(tmp_path):
    def enlarge(header):
        header["chunk_grid"]["configuration"]["chunk_shape"] = [256 * 10**12, CHANNELS]
        header["codecs"][0]["configuration"]["chunk_shape"] = [256 * 10**12, CHANNELS]

    assert_header_is_damage(tmp_path, enlarge)


@pytest.mark.parametrize(
    "codecs",
    [
        [{"name": "bytes", "configuration": {"endian": "little"}}],
        [{"name": "bytes", "configuration": {"endian": "big"}}, {"name": "crc32c"}],
        [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "gzip", "configuration": {"level": 1}},
        ],
    ],
)
def test_tokens_stored_in_another_way_are_damage(tmp_path, codecs):
    assert_header_is_damage(
        tmp_path, lambda header: header["codecs"][0]["configuration"].update(codecs=codecs)
    )


def test_chunks_of_half_a_token_are_damage(tmp_path):
    def halve(header):
        header["codecs"][0]["configuration"]["chunk_shape"] = [256, CHANNELS // 2]

    assert_header_is_damage(tmp_path, halve)


def test_a_cube_is_damage(tmp_path):
    def add_axis(header):
        header["shape"].append(1)
        header["chunk_grid"]["configuration"]["chunk_shape"].append(1)
        header["codecs"][0]["configuration"]["chunk_shape"].append(1)

    assert_header_is_damage(tmp_path, add_axis)


def assert_header_is_damage(folder, change):
    written = some(count=1)
    FeatureStore(folder).write(written)
    path = next(folder.rglob("zarr.json"))
    header = json.loads(path.read_text())
    change(header)
    path.write_text(json.dumps(header))
    store = FeatureStore(folder)
    assert len(store) == 0
    assert [path.suffix for path in folder.iterdir()] == [".damaged"]
    store.write(written)
    np.testing.assert_array_equal(FeatureStore(folder).tokens("0-0"), written[0][1])


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), MemoryError()])
def test_a_disk_that_does_not_answer_damages_nothing(tmp_path, monkeypatch, error):
    written = some()
    store = FeatureStore(tmp_path)
    store.write(written)
    names = sorted(tmp_path.rglob("*"))

    def fail(*args, **kwargs):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", fail)
        for read in (store.tokens, lambda key: store.rows(key, np.array([3]))):
            with pytest.raises(StegoError, match=r"Nothing is lost.*try again") as caught:
                read(written[0][0])
            assert not isinstance(caught.value, DamagedStoreError)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fail)
        with pytest.raises(StegoError, match=r"Nothing is lost.*try again"):
            FeatureStore(tmp_path)
    assert sorted(tmp_path.rglob("*")) == names
    for reader in (store, FeatureStore(tmp_path)):
        for key, array in written:
            np.testing.assert_array_equal(reader.tokens(key), array)


def test_damage_in_a_folder_that_cannot_be_changed_is_reported_all_the_same(tmp_path, monkeypatch):
    store = FeatureStore(tmp_path)
    store.write(some(seed=0))
    store.write(some(seed=1))
    shards = list(tmp_path.rglob("c/0/0"))
    flip(shards[0], 100)

    def read_only(path, target):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "rename", read_only)
    good, bad = [], []
    for seed in (0, 1):
        try:
            np.testing.assert_array_equal(store.tokens(f"{seed}-0"), some(seed=seed)[0][1])
            good.append(seed)
        except DamagedStoreError as error:
            assert "delete that folder" in str(error)
            bad.append(seed)
    assert (len(good), len(bad)) == (1, 1)
    assert f"{bad[0]}-0" not in store
    shards[0].unlink()
    assert len(FeatureStore(tmp_path)) == 4


def test_tokens_that_another_process_set_aside_are_not_read_as_zeros(tmp_path):
    reader = FeatureStore(tmp_path)
    reader.write(some())
    segment = next(tmp_path.iterdir())
    segment.rename(segment.with_name(segment.name + ".damaged"))
    with pytest.raises(DamagedStoreError, match="Extract features again"):
        reader.tokens("0-0")
    assert len(reader) == 0


def test_sweep_leaves_what_may_have_a_writer(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(some())
    for name in (".writing-live", ".writing-dead"):
        (tmp_path / name / "c").mkdir(parents=True)
        (tmp_path / name / "c" / "0").write_bytes(b"half")
    an_hour_later(tmp_path)
    # The folder is old, only its file has been written to just now.
    (tmp_path / ".writing-live" / "c" / "0").write_bytes(b"half and more")
    os.utime(tmp_path / ".writing-live" / "c", (0, time.time() - 3700))
    store.sweep()
    assert (tmp_path / ".writing-live").is_dir()
    assert not (tmp_path / ".writing-dead").exists()
    assert len(FeatureStore(tmp_path)) == 4


def _write_many(folder, seed):
    store = FeatureStore(folder)
    for part in range(20):
        store.sweep()
        store.write(some(seed=100 * seed + part))


def _sweep_forever(folder):
    store = FeatureStore(folder)
    while True:
        store.sweep()


@pytest.mark.slow
def test_several_processes_write_and_sweep_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(tmp_path, seed)) for seed in (1, 2)]
    sweeper = context.Process(target=_sweep_forever, args=(tmp_path,), daemon=True)
    for process in (sweeper, *writers):
        process.start()
    for writer in writers:
        writer.join()
    sweeper.kill()
    sweeper.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    store = FeatureStore(tmp_path)
    for seed in (*range(100, 120), *range(200, 220)):
        for key, array in some(seed=seed):
            np.testing.assert_array_equal(store.tokens(key), array)


def test_a_full_disk_is_reported_and_keeps_what_is_there(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(some(seed=0))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, before[1]))
    try:
        with pytest.raises(StegoError, match="what is finished is kept"):
            store.write(some(seed=1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    store = FeatureStore(tmp_path)
    assert len(store) == 4
    assert len(list(tmp_path.iterdir())) == 1


def test_an_unwritable_folder_is_reported(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(StegoError, match="Cannot write features"):
        FeatureStore(blocked / "features").write(some())
