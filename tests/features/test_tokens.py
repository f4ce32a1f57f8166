from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stego.features import (
    DamagedStoreError,
    FeatureStore,
    Preparation,
    TokenSet,
    corpus_mean,
)
from napari_stego.progress import Cancelled, CancelToken

CHANNELS = 6
BYTES = 12 * 10 * CHANNELS * 2


@pytest.fixture
def written(tmp_path):
    rng = np.random.default_rng(0)
    images = [
        (str(i), rng.normal(size=(12, 10 + i, CHANNELS)).astype(np.float16)) for i in range(6)
    ]
    FeatureStore(tmp_path).write(images)
    return dict(images)


@pytest.fixture
def reads(tmp_path, monkeypatch):
    """Which images were read whole from the disk, and of which only rows."""
    seen = {"tokens": [], "rows": []}
    for name, found in seen.items():
        read = getattr(FeatureStore, name)

        def spy(self, key, *args, read=read, found=found):
            found.append(key)
            return read(self, key, *args)

        monkeypatch.setattr(FeatureStore, name, spy)
    return seen


@pytest.mark.parametrize("budget", [0, BYTES, 3 * BYTES, None])
def test_what_is_returned_does_not_depend_on_the_budget(tmp_path, written, budget):
    tokens = TokenSet(FeatureStore(tmp_path), list(written), budget)
    assert tokens.n_channels == CHANNELS
    rng = np.random.default_rng(1)
    for _ in range(2):
        for index, array in enumerate(written.values()):
            assert tokens.grid_shape(index) == array.shape[:2]
            positions = rng.integers(0, array.shape[0] * array.shape[1], 30)
            expected = array.reshape(-1, CHANNELS)[positions]
            np.testing.assert_array_equal(tokens.rows(index, positions), expected)
            out = np.zeros_like(expected)
            assert tokens.rows(index, positions, out) is out
            np.testing.assert_array_equal(out, expected)
            for outside in (-1, array.shape[0] * array.shape[1]):
                with pytest.raises(IndexError):
                    tokens.rows(index, np.array([outside]))
        for array, found in zip(written.values(), tokens, strict=True):
            np.testing.assert_array_equal(found, array)


def test_what_fits_is_read_once_and_the_rest_once_a_pass(tmp_path, written, reads):
    keys = list(written)
    tokens = TokenSet(FeatureStore(tmp_path), keys, budget_bytes=int(3.5 * BYTES))
    for _ in range(3):
        list(tokens)
    assert [reads["tokens"].count(key) for key in keys] == [1, 1, 1, 3, 3, 3]
    assert reads["rows"] == []


def test_beyond_the_budget_only_rows_are_read(tmp_path, written, reads):
    keys = list(written)
    tokens = TokenSet(FeatureStore(tmp_path), keys, budget_bytes=int(1.5 * BYTES))
    for _ in range(2):
        for index in (4, 0, 1):
            tokens.rows(index, np.array([5, 7]))
    # The first that was wanted stays, and the others have no room.
    assert reads == {"tokens": ["4"], "rows": ["0", "1", "0", "1"]}


def test_memory_is_a_quarter_of_what_is_available_at_most(tmp_path, written, reads, monkeypatch):
    class Short:
        available = 4 * 2 * BYTES

    monkeypatch.setattr("psutil.virtual_memory", Short)
    tokens = TokenSet(FeatureStore(tmp_path), list(written))
    list(tokens)
    list(tokens)
    assert len(reads["tokens"]) == 11


def test_tokens_of_several_lengths_are_not_mixed(tmp_path, written):
    store = FeatureStore(tmp_path)
    store.write([("other", np.ones((3, 4, 5), np.float16))])
    with pytest.raises(DamagedStoreError, match=r"lengths are 5, 6\. Delete that folder"):
        TokenSet(store, [*written, "other"])


def test_corpus_mean_counts_every_position_once_and_reads_every_image_once(
    tmp_path, written, reads
):
    mean, pooled = corpus_mean(TokenSet(FeatureStore(tmp_path), list(written), budget_bytes=0))
    rows = np.concatenate([a.reshape(-1, CHANNELS) for a in written.values()]).astype(np.float64)
    np.testing.assert_allclose(mean, rows.mean(axis=0), atol=1e-5)
    expected = [a.astype(np.float64).mean(axis=(0, 1)) for a in written.values()]
    np.testing.assert_allclose(pooled, expected, atol=1e-5)
    assert reads == {"tokens": list(written), "rows": []}


def test_corpus_mean_can_be_cancelled(tmp_path, written):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        corpus_mean(TokenSet(FeatureStore(tmp_path), list(written)), cancel=token)


@pytest.mark.parametrize("mean", [None, np.linspace(-3, 3, CHANNELS, dtype=np.float32)])
def test_tokens_are_prepared_alike_on_a_device(written, mean):
    tokens = written["3"].copy()
    preparation = Preparation(mean)
    found = preparation.apply_on_device(torch.from_numpy(tokens))
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy(), preparation.apply(tokens))
    np.testing.assert_array_equal(tokens, written["3"])
