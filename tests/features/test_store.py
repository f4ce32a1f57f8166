from __future__ import annotations

import multiprocessing
import resource

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_stego.errors import StegoError
from napari_stego.features import DamagedStoreError, FeatureStore, TokenSet, corpus_mean

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


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_damage_is_noticed_set_aside_and_filled_again(tmp_path, damage):
    store = FeatureStore(tmp_path)
    store.write(some(seed=0))
    store.write(some(seed=1))
    shard = max(next(tmp_path.iterdir()).rglob("c/0/0"), key=lambda p: p.stat().st_size)
    if damage == "flipped":
        raw = bytearray(shard.read_bytes())
        raw[100] ^= 0xFF
        shard.write_bytes(raw)
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
    # A missing file is noticed at once, the others when they are read; then the segment is away.
    assert hit == (0 if damage == "gone" else 1)
    lost = [key for key in keys if key not in fresh]
    assert len(lost) == 4
    assert FeatureStore(tmp_path)._entries.keys() == set(keys) - set(lost)
    fresh.write([entry for seed in (0, 1) for entry in some(seed=seed) if entry[0] in lost])
    assert all(key in FeatureStore(tmp_path) for key in keys)
    fresh.sweep()
    assert len(list(tmp_path.iterdir())) == 2


def test_damaged_header_is_set_aside(tmp_path):
    store = FeatureStore(tmp_path)
    store.write(some())
    next(tmp_path.rglob("zarr.json")).write_text("{")
    assert len(FeatureStore(tmp_path)) == 0


def _write_many(folder, seed):
    store = FeatureStore(folder)
    for part in range(3):
        store.write(some(seed=10 * seed + part))


def test_several_processes_write_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(tmp_path, seed)) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    store = FeatureStore(tmp_path)
    for seed in (10, 11, 12, 20, 21, 22):
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


def test_token_set_keeps_to_its_budget(tmp_path):
    store = FeatureStore(tmp_path)
    written = some(count=6)
    store.write(written)
    one = written[0][1].nbytes
    held = TokenSet(store, [key for key, _ in written], budget_bytes=3 * one)
    for _ in range(2):
        for (_, expected), found in zip(written, held, strict=True):
            np.testing.assert_array_equal(found, expected)
            assert sum(a.nbytes for a in held._held.values()) <= 3 * one


def test_corpus_mean_counts_every_position_once(tmp_path):
    store = FeatureStore(tmp_path)
    written = some(count=3)
    store.write(written)
    mean, pooled = corpus_mean(TokenSet(store, [key for key, _ in written]))
    rows = np.concatenate([a.reshape(-1, CHANNELS) for _, a in written]).astype(np.float64)
    np.testing.assert_allclose(mean, rows.mean(axis=0), atol=1e-5)
    expected = [a.astype(np.float64).mean(axis=(0, 1)) for _, a in written]
    np.testing.assert_allclose(pooled, expected, atol=1e-5)
