"""Reading a segment: the same tokens whether by images, by rows or by zarr."""

from __future__ import annotations

import google_crc32c
import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_stego.features import DamagedStoreError, FeatureStore

CHANNELS = 6
half = st.floats(-100, 100, width=16)
grids = st.tuples(st.integers(1, 30), st.integers(1, 30))
tokens = grids.flatmap(lambda g: arrays(np.float16, (*g, CHANNELS), elements=half, fill=half))


def some(count=4):
    rng = np.random.default_rng(0)
    return [
        (f"0-{i}", rng.normal(size=(12, 10 + i, CHANNELS)).astype(np.float16)) for i in range(count)
    ]


def flip(path, place):
    raw = bytearray(path.read_bytes())
    raw[place] ^= 0xFF
    path.write_bytes(raw)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), segment=st.lists(tokens, min_size=1, max_size=3))
def test_rows_are_those_of_the_whole_image(tmp_path_factory, data, segment):
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    written = [(str(index), array) for index, array in enumerate(segment)]
    store.write(written)
    for key, array in written:
        flat = array.reshape(-1, CHANNELS)
        places = st.lists(st.integers(0, len(flat) - 1), max_size=20)
        positions = np.array(data.draw(places), np.int64)
        np.testing.assert_array_equal(store.rows(key, positions), flat[positions])
        out = np.zeros((len(positions), CHANNELS), np.float16)
        assert store.rows(key, positions, out) is out
        np.testing.assert_array_equal(out, flat[positions])


def test_zarr_reads_the_same_tokens(tmp_path):
    written = some(count=5)
    store = FeatureStore(tmp_path)
    store.write(written)
    array = zarr.open_array(next(tmp_path.iterdir()), mode="r")
    rows = np.concatenate([tokens.reshape(-1, CHANNELS) for _, tokens in written])
    np.testing.assert_array_equal(array[:], rows)
    assert store.n_channels("0-0") == CHANNELS


@pytest.mark.parametrize("position", [-1, 120, 2**40])
def test_positions_outside_the_grid_are_refused_and_nothing_is_set_aside(tmp_path, position):
    store = FeatureStore(tmp_path)
    store.write(some())
    with pytest.raises(IndexError, match="from 0 to 119"):
        store.rows("0-0", np.array([0, position]))
    assert len(store) == 4


def test_of_rows_only_their_chunks_are_read(tmp_path):
    # 24 x 32 tokens lie in three chunks of 256; a flipped bit in the first leaves the others.
    array = np.random.default_rng(0).normal(size=(24, 32, CHANNELS)).astype(np.float16)
    store = FeatureStore(tmp_path)
    store.write([("a", array)])
    flip(next(tmp_path.rglob("c/0/0")), 100)
    positions = np.array([700, 256, 511, 700])
    flat = array.reshape(-1, CHANNELS)
    np.testing.assert_array_equal(store.rows("a", positions), flat[positions])
    with pytest.raises(DamagedStoreError, match=r"checksum.*Extract features again"):
        store.rows("a", np.array([700, 255]))
    assert "a" not in store


@pytest.mark.parametrize("damage", ["index", "missing chunk", "foreign place", "cut"])
def test_damage_of_the_index_of_chunks_is_noticed(tmp_path, damage):
    written = some()
    FeatureStore(tmp_path).write(written)
    store = FeatureStore(tmp_path)
    shard = next(tmp_path.rglob("c/0/0"))
    raw = shard.read_bytes()
    if damage == "index":
        flip(shard, -6)
    elif damage == "cut":
        shard.write_bytes(raw[:10])
    else:
        # Two chunks: 2 * 2 numbers of 8 bytes and a checksum.
        index = np.frombuffer(raw[-36:-4], "<u8").copy()
        index[2] = 2**64 - 1 if damage == "missing chunk" else len(raw) - 40
        checksum = google_crc32c.value(index.tobytes()).to_bytes(4, "little")
        shard.write_bytes(raw[:-36] + index.tobytes() + checksum)
    with pytest.raises(DamagedStoreError, match="Extract features again"):
        store.tokens("0-0")
    assert len(store) == 0
