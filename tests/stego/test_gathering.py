"""How tokens get to a device. No GPU is at hand: the processor stands for one."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch

from napari_stego.features import FeatureStore, Preparation, TokenSet
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.stego import StegoSettings, gathering
from napari_stego.stego.batches import BatchSampler
from napari_stego.stego.gathering import DeviceGatherer, HostGatherer, gatherer
from napari_stego.stego.head import StegoHead

CPU = torch.device("cpu")


@pytest.fixture
def corpus(tmp_path):
    """Tokens of five images that number their positions, and what they are."""
    images, start = [], 0
    for index in range(5):
        size = 4 * (3 + index)
        values = np.arange(start, start + size, dtype=np.float16).reshape(4, 3 + index, 1)
        images.append((str(index), np.concatenate([values, -values], axis=2)))
        start += size
    store = FeatureStore(tmp_path)
    store.write(images)
    return TokenSet(store, [key for key, _ in images]), [array for _, array in images]


@pytest.mark.parametrize("make", [HostGatherer, DeviceGatherer])
def test_what_is_collected_is_what_was_asked_for(corpus, make):
    tokens, arrays = corpus
    gather = make(tokens, CPU)
    rng = np.random.default_rng(0)
    for count, positions in ((3, 7), (5, 12), (1, 4)):
        images = rng.choice(5, size=count, replace=False)
        places = rng.integers(0, 12, (count, positions))
        found = gather(images, places)
        assert found.dtype == torch.float16
        expected = [arrays[i].reshape(-1, 2)[p] for i, p in zip(images, places, strict=True)]
        np.testing.assert_array_equal(found.numpy(), np.stack(expected))


def test_a_corpus_is_kept_on_the_device_if_half_of_its_memory_is_enough(corpus, monkeypatch):
    tokens, arrays = corpus
    needed = sum(array.nbytes for array in arrays)
    for memory, kind in ((2 * needed, DeviceGatherer), (2 * needed - 1, HostGatherer)):
        monkeypatch.setattr(gathering, "free_memory", lambda device, memory=memory: memory)
        assert type(gatherer(tokens, CPU)) is kind


def test_the_processor_has_no_memory_of_its_own(corpus):
    assert type(gatherer(corpus[0], CPU)) is HostGatherer


def test_a_device_that_is_full_after_all_gets_what_is_wanted(corpus, monkeypatch):
    def full(*args):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(gathering, "free_memory", lambda device: 2**40)
    monkeypatch.setattr(gathering, "DeviceGatherer", full)
    assert type(gatherer(corpus[0], CPU)) is HostGatherer


def test_moving_a_corpus_reports_and_can_be_cancelled(corpus, monkeypatch):
    monkeypatch.setattr(gathering, "free_memory", lambda device: 2**40)
    token = CancelToken()
    reports = []

    def stop(done, total, message):
        reports.append((done, total))
        if done == 3:
            token.cancel()

    with pytest.raises(Cancelled):
        gatherer(corpus[0], CPU, stop, token)
    assert reports == [(1, 5), (2, 5), (3, 5)]


@pytest.mark.parametrize("sampling", ["tokens", "bilinear"])
def test_a_batch_is_the_same_wherever_its_tokens_are_and_they_are_moved_once(
    corpus, monkeypatch, sampling
):
    tokens = corpus[0]
    settings = StegoSettings(dim=3, batch_size=3, positions=6, sampling=sampling)
    mean = np.array([1.5, -0.25], np.float32)
    nearest = np.array([[1], [2], [3], [4], [0]])

    def draws():
        torch.manual_seed(0)
        head = StegoHead(2, 3)
        sampler = BatchSampler(tokens, Preparation(mean), nearest, settings)
        drawn = [sampler.draw(step, head) for step in range(4)]
        sampler.close()
        return drawn

    expected = draws()
    moved = []
    monkeypatch.setattr(gathering, "free_memory", lambda device: 2**40)
    monkeypatch.setattr(
        gathering,
        "DeviceGatherer",
        lambda *args: moved.append(args[1]) or DeviceGatherer(*args),
    )
    for one, other in zip(draws(), expected, strict=True):
        for found, wanted in ((one.images, other.images), (one.neighbours, other.neighbours)):
            torch.testing.assert_close(found.features, wanted.features, rtol=0, atol=0)
            torch.testing.assert_close(found.codes, wanted.codes, rtol=0, atol=0)
    assert moved == [CPU]


def test_memory_is_let_go_of_when_a_training_ends(corpus, monkeypatch):
    released = []
    kept = []
    monkeypatch.setattr(gathering, "free_memory", lambda device: 2**40)
    monkeypatch.setattr(
        "napari_stego.stego.batches.release_memory", lambda device: released.append(device)
    )
    monkeypatch.setattr(
        gathering,
        "DeviceGatherer",
        lambda *args: kept.append(weakref.ref(made := DeviceGatherer(*args))) or made,
    )
    sampler = BatchSampler(
        corpus[0],
        Preparation(),
        np.array([[1], [2], [3], [4], [0]]),
        StegoSettings(dim=3, positions=6),
    )
    head = StegoHead(2, 3)
    sampler.draw(0, head)
    assert kept[0]() is not None
    sampler.close()
    assert kept[0]() is None
    assert released == [CPU]
    sampler.draw(1, head)
    assert len(kept) == 2
