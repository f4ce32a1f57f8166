from __future__ import annotations

import sys

import numpy as np
import pytest

from napari_stego.errors import StegoError
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.stego import neighbours
from napari_stego.stego.neighbours import nearest_images


def pooled(n_images, channels=16, seed=0):
    """Vectors of which the first channels vary most, as those of a backbone."""
    rng = np.random.default_rng(seed)
    spread = np.arange(1, channels + 1) ** -0.8
    return (rng.standard_normal((n_images, channels)) * spread).astype(np.float32)


def brute_force(vectors, count):
    unit = vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    return np.argsort(-cosine, axis=1, kind="stable")[:, :count]


@pytest.mark.parametrize("block_values", [1, 700, 2**24])
def test_blocks_of_any_size_give_the_exact_neighbours(monkeypatch, block_values):
    monkeypatch.setattr(neighbours, "_BLOCK_VALUES", block_values)
    vectors = pooled(150)
    reports = []
    found = nearest_images(vectors, 7, progress=lambda *report: reports.append(report))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, brute_force(vectors, 7))
    assert [done for done, _, _ in reports] == sorted({done for done, _, _ in reports})
    assert reports[-1] == (150, 150, "finding neighbours")


@pytest.mark.parametrize("approximate", [False, True])
def test_equal_images_are_neighbours_and_none_is_its_own(approximate):
    if approximate:
        pytest.importorskip("faiss", reason="the approximate search is an extra")
    vectors = np.repeat(pooled(40), 4, axis=0)
    found = nearest_images(vectors, 3, approximate=approximate)
    for image, others in enumerate(found):
        assert sorted([image, *others]) == [4 * (image // 4) + i for i in range(4)]


@pytest.mark.parametrize("approximate", [False, True])
def test_a_search_can_be_cancelled_between_blocks(monkeypatch, approximate):
    if approximate:
        pytest.importorskip("faiss", reason="the approximate search is an extra")
    monkeypatch.setattr(neighbours, "_BLOCK_VALUES", 1000)
    monkeypatch.setattr(neighbours, "_QUERIES", 10)
    token = CancelToken()
    reports = []

    def stop(done, total, message):
        reports.append(done)
        token.cancel()

    with pytest.raises(Cancelled):
        nearest_images(pooled(100), 5, approximate=approximate, progress=stop, cancel=token)
    assert reports == [10]


def test_the_approximate_search_finds_most_and_always_the_same(monkeypatch):
    pytest.importorskip("faiss", reason="the approximate search is an extra")
    monkeypatch.setattr(neighbours, "_PROBES", 16)
    vectors = pooled(3000)
    exact = nearest_images(vectors, 7)
    found = nearest_images(vectors, 7, approximate=True)
    shared = [len(set(a) & set(b)) for a, b in zip(exact, found, strict=True)]
    assert 0.9 < np.mean(shared) / 7 < 1
    assert not (found == np.arange(3000)[:, None]).any()
    np.testing.assert_array_equal(found, nearest_images(vectors, 7, approximate=True))


@pytest.mark.parametrize(("n_images", "count"), [(2, 7), (30, 29), (500, 499)])
def test_the_approximate_search_fills_up_where_its_cells_are_too_small(n_images, count):
    pytest.importorskip("faiss", reason="the approximate search is an extra")
    vectors = pooled(n_images)
    found = nearest_images(vectors, count, approximate=True)
    for image, others in enumerate(found):
        assert sorted([image, *others]) == list(range(n_images))[: len(others) + 1]


def test_faiss_is_used_of_its_own_only_beyond_the_limit(monkeypatch):
    pytest.importorskip("faiss", reason="the approximate search is an extra")
    used = []
    monkeypatch.setattr(
        neighbours,
        "_approximate_search",
        lambda unit, count, exact: used.append(len(unit)) or exact,
    )
    monkeypatch.setattr(neighbours, "APPROXIMATE_BEYOND", 50)
    for n_images in (50, 51):
        np.testing.assert_array_equal(
            nearest_images(pooled(n_images), 3), brute_force(pooled(n_images), 3)
        )
    assert used == [51]


def test_without_faiss_the_search_is_exact_unless_it_was_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr(neighbours, "APPROXIMATE_BEYOND", 50)
    np.testing.assert_array_equal(nearest_images(pooled(60), 3), brute_force(pooled(60), 3))
    with pytest.raises(StegoError, match=r"pip install napari-stego\[ann\]"):
        nearest_images(pooled(60), 3, approximate=True)
