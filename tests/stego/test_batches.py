from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stego.features import FeatureStore, Preparation, TokenSet
from napari_stego.stego import StegoSettings, train_stego
from napari_stego.stego.batches import BatchSampler, Sampled
from napari_stego.stego.head import StegoHead
from napari_stego.stego.loss import centred, correspondence, correspondence_loss
from napari_stego.stego.sampling import random_partners

IMAGES, GRID, CHANNELS, DIM = 6, (6, 5), 8, 4
SHIFT = 0.1


@pytest.fixture(scope="module")
def layered(tmp_path_factory):
    """Images with the same layers from top to bottom, each in a tint of its own."""
    rng = np.random.default_rng(0)
    layers = rng.normal(size=(GRID[0], 1, CHANNELS))
    tints = rng.normal(size=(IMAGES, 1, 1, CHANNELS))
    noise = rng.normal(size=(IMAGES, *GRID, CHANNELS))
    arrays = (layers + 0.7 * tints + 0.5 * noise).astype(np.float16)
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    keys = [str(index) for index in range(IMAGES)]
    store.write(list(zip(keys, arrays, strict=True)))
    return TokenSet(store, keys)


@pytest.fixture(scope="module")
def head():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return StegoHead(CHANNELS, DIM)


def pair_losses(pairs):
    """Loss of each pair, first without spatial centring and then with it."""
    losses = []
    for first, second in pairs:
        features = correspondence(first.features, second.features)
        codes = correspondence(first.codes, second.codes)
        losses += [
            correspondence_loss(found, codes, SHIFT).mean()
            for found in (features, centred(features))
        ]
    return torch.stack(losses).tolist()


def z_score(one, other):
    one, other = np.array(one), np.array(other)
    error = np.sqrt(one.var(axis=0) / len(one) + other.var(axis=0) / len(other))
    return (one.mean(axis=0) - other.mean(axis=0)) / error


def test_sampling_an_image_once_for_all_roles_leaves_the_expected_loss_as_it_is(layered, head):
    # All images are in each batch, and each is the neighbour of one and a partner of two, so that
    # nothing is drawn for one role alone. Few positions make any dependence within a pair large.
    settings = StegoSettings(dim=DIM, batch_size=IMAGES, positions=4, negatives=2, dropout=0)
    nearest = (np.arange(IMAGES)[:, None] + 1) % IMAGES
    sampler = BatchSampler(layered, Preparation(), nearest, settings)
    rng = np.random.default_rng(2)
    tokens = torch.from_numpy(np.stack(list(layered)).reshape(IMAGES, -1, CHANNELS)).float()
    codes = head(tokens).detach()
    every = np.arange(IMAGES)

    def drawn():
        return rng.integers(0, tokens.shape[1], (IMAGES, settings.positions))

    def at(images, positions):
        rows = torch.from_numpy(images)[:, None], torch.from_numpy(positions)
        return Sampled(tokens[rows], codes[rows])

    reused, independent, wrong = [], [], []
    with torch.no_grad():
        for step in range(300):
            draw = sampler.draw(step, head)
            partners = [draw.images.of(torch.from_numpy(p)) for p in draw.partners]
            others = [draw.images, draw.neighbours, *partners]
            reused.append(pair_losses([(draw.images, other) for other in others]))
            own = at(every, drawn())
            others = [nearest[:, 0], *(random_partners(IMAGES, rng) for _ in draw.partners)]
            anew = [(at(every, drawn()), at(other, drawn())) for other in others]
            independent.append(pair_losses([(own, own), *anew]))
            same = drawn()
            wrong.append(pair_losses([(at(every, same), at(nearest[:, 0], same))]))
    assert np.abs(z_score(reused, independent)).max() < 3
    # What the test would see: the same positions on both sides of a pair.
    assert np.abs(z_score(wrong, np.array(independent)[:, 2:4])).min() > 10


@pytest.mark.parametrize("sampling", ["tokens", "bilinear"])
def test_an_image_is_sampled_once_whatever_its_roles(layered, head, sampling):
    settings = StegoSettings(dim=DIM, batch_size=IMAGES, positions=7, sampling=sampling)
    nearest = (np.arange(IMAGES)[:, None] + 1) % IMAGES
    seen = []
    draw = BatchSampler(layered, Preparation(), nearest, settings).draw(0, head)
    for one in draw.neighbours.features:
        same = [index for index, other in enumerate(draw.images.features) if one.equal(other)]
        assert len(same) == 1
        seen += same
    assert sorted(seen) == list(range(IMAGES))
    np.testing.assert_array_equal(
        draw.neighbours.codes.detach(), draw.images.codes.detach()[torch.tensor(seen)]
    )


def test_neighbours_outside_the_batch_are_sampled_too(layered, head):
    # Image 0 to 2 have the neighbours 3 to 5 and these the first three again.
    nearest = (np.arange(IMAGES)[:, None] + 3) % IMAGES
    settings = StegoSettings(dim=DIM, batch_size=2, positions=400, dropout=0)
    sampler = BatchSampler(layered, Preparation(), nearest, settings)
    means = np.stack([array.mean(axis=(0, 1), dtype=np.float64) for array in layered])

    def which(sampled):
        found = sampled.features.mean(dim=1).numpy()
        return np.linalg.norm(found[:, None] - means, axis=2).argmin(axis=1)

    for step in range(10):
        draw = sampler.draw(step, head)
        np.testing.assert_array_equal(which(draw.neighbours), (which(draw.images) + 3) % IMAGES)


@pytest.mark.parametrize("sampling", ["tokens", "bilinear"])
def test_a_training_is_the_same_whatever_the_budget(layered, sampling):
    settings = StegoSettings(
        dim=DIM, steps=5, batch_size=4, positions=9, sampling=sampling, neighbours=2
    )
    one = layered[0].nbytes
    runs = [
        train_stego(TokenSet(layered._store, layered.content_hashes, budget), settings)
        for budget in (0, 2 * one, 2**30)
    ]
    for run in runs[1:]:
        assert run.history == runs[0].history
        for name, value in run.head.state_dict().items():
            assert value.equal(runs[0].head.state_dict()[name])


def test_gradients_are_the_same_to_the_last_bit_with_several_threads():
    torch.manual_seed(0)
    values, factor = torch.randn(32, 120, 90), torch.randn(160, 120, 90)
    places = torch.randint(0, 32, (160,))

    def gradient():
        codes = values.clone().requires_grad_()
        (Sampled(values, codes).of(places).codes * factor).sum().backward()
        return codes.grad

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first = gradient()
        assert all(torch.equal(gradient(), first) for _ in range(20))
    finally:
        torch.set_num_threads(before)
