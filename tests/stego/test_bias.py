"""Control of the shifts: by itself, and of trainings on corpora of very different statistics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_stego.stego import StegoSettings, Targets, train_stego
from napari_stego.stego.bias import BiasControl, targets_of

TARGETS = {"random": 0.0, "knn": 0.3, "self": 0.4}
WEIGHTS = {"random": 0.63, "knn": 0.25, "self": 0.67}
correspondences = st.floats(-1, 1, width=32)


def started(
    roles=("self", "knn", "random"), weights=WEIGHTS, targets=TARGETS, seed=0
) -> BiasControl:
    control, rng = BiasControl(targets, weights), np.random.default_rng(seed)
    for role in roles:
        control.start(role, rng.normal(0.1, 0.2, 5000).astype(np.float32))
    return control


def test_the_running_mean_has_no_bias_to_its_start():
    control, values = started(), np.random.default_rng(0).uniform(-1, 1, 30)
    for count, value in enumerate(values, start=1):
        control.update({"self": value, "knn": 0.7, "random": 0.0})
        powers = 0.9 ** np.arange(count)[::-1]
        assert control.smoothed["self"] == pytest.approx(powers @ values[:count] / powers.sum())
        assert control.smoothed["knn"] == pytest.approx(0.7)


@given(
    steps=st.lists(st.tuples(correspondences, correspondences, correspondences), max_size=60),
    roles=st.sets(st.sampled_from(["random", "knn", "self"]), min_size=1),
)
def test_shifts_stay_within_the_bulk_of_the_feature_correspondences(steps, roles):
    control = started(sorted(roles))
    for values in steps:
        control.update(dict(zip(sorted(roles), values, strict=False)))
        for role in roles:
            low, high = control.bounds[role]
            assert low <= control.shifts[role] <= high


def test_a_limit_that_was_long_in_force_is_left_at_once():
    control = started(["self"])
    for _ in range(5000):
        control.update({"self": -1.0})
    assert control.shifts["self"] == control.bounds["self"][0]
    for _ in range(30):
        control.update({"self": 0.6})
    low, high = control.bounds["self"]
    assert control.shifts["self"] > low + 0.2 * (high - low)


def test_while_random_pairs_agree_too_much_the_others_attract_less():
    """Their targets are given up for that of random pairs, at once, and only then."""
    calm, alarmed = started(), started()
    for _ in range(5):
        calm.update({"self": 0.2, "knn": 0.1, "random": 0.0})
        alarmed.update({"self": 0.2, "knn": 0.1, "random": 0.8})
    for role in ("self", "knn"):
        assert calm.shifts[role] < calm.mean[role]
        assert alarmed.shifts[role] > calm.shifts[role] + calm.spread[role]
    for _ in range(300):
        alarmed.update({"self": 0.2, "knn": 0.1, "random": 0.0})
    assert alarmed.shifts["self"] < alarmed.mean["self"]


def test_random_pairs_can_all_repel():
    control = started(["random"])
    for _ in range(1000):
        control.update({"random": 0.2})
    seen = np.random.default_rng(0).normal(0.1, 0.2, 5000).astype(np.float32)
    assert control.shifts["random"] > seen.max()


@pytest.mark.parametrize("scale", [1e-3, 1.0])
@pytest.mark.parametrize("offset", [0.0, 0.97])
def test_only_the_shape_of_the_feature_correspondences_counts(scale, offset):
    """A common part and a narrow spread move and scale all shifts, and change nothing else."""
    plain, other = BiasControl(TARGETS, WEIGHTS), BiasControl(TARGETS, WEIGHTS)
    rng = np.random.default_rng(1)
    for role in TARGETS:
        values = rng.normal(0, 0.2, 4000)
        plain.start(role, values)
        other.start(role, offset + scale * values)
    for values in rng.uniform(-0.2, 0.6, (50, 3)):
        for control in (plain, other):
            control.update(dict(zip(TARGETS, values, strict=True)))
        for role in TARGETS:
            expected = offset + scale * plain.shifts[role]
            assert other.shifts[role] == pytest.approx(expected, abs=1e-9)


def textures(
    n_images: int,
    *,
    classes: int = 6,
    channels: int = 32,
    grid: tuple[int, int] = (6, 6),
    separation: float = 1.0,
    common: float = 3.0,
    chances: list[float] | None = None,
) -> list[np.ndarray]:
    """Images of two textures each, side by side, on a common background direction."""
    rng = np.random.default_rng(0)
    centres = separation * rng.normal(size=(classes, channels))
    background = common * rng.normal(size=channels)
    images = []
    for _ in range(n_images):
        here = rng.choice(classes, size=2, p=chances)
        labels = np.where(np.arange(grid[1]) < grid[1] // 2, *here)
        noise = 0.7 * rng.normal(size=(*grid, channels))
        images.append(background + np.broadcast_to(centres[labels], noise.shape) + noise)
    return images


def whitened(images: list[np.ndarray]) -> list[np.ndarray]:
    rows = np.concatenate([image.reshape(-1, image.shape[-1]) for image in images])
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    return [(image - rows.mean(axis=0)) @ (vectors / np.sqrt(values)) for image in images]


def with_an_outlier(images: list[np.ndarray]) -> list[np.ndarray]:
    """One channel far larger than all others, as some backbones have it."""
    return [np.concatenate([image, np.full((*image.shape[:2], 1), 60.0)], -1) for image in images]


AS_THEY_ARE = {"subtract_mean": False}
CORPORA = {
    "textures": (lambda: textures(30), {}),
    "large common part": (lambda: textures(30, common=12), AS_THEY_ARE),
    "large common part, not centred": (
        lambda: textures(30, common=12),
        {**AS_THEY_ARE, "centre": False},
    ),
    "an outlier among the channels": (lambda: with_an_outlier(textures(30)), AS_THEY_ARE),
    "whitened": (lambda: whitened(textures(60)), {}),
    "whitened, many channels": (lambda: whitened(textures(40, channels=192)), {}),
    "noise": (lambda: textures(30, separation=0), {}),
    "one texture nearly everywhere": (
        lambda: textures(30, chances=[0.9, 0.02, 0.02, 0.02, 0.02, 0.02]),
        {},
    ),
    "two images": (lambda: textures(2), {}),
    "five images": (lambda: textures(5), {}),
    "four patches an image": (lambda: textures(60, grid=(2, 2)), {}),
    "2000 images": (lambda: textures(2000, classes=30, grid=(2, 2)), {}),
    "short codes": (lambda: textures(30, classes=3), {"dim": 2}),
    "fast learning": (lambda: textures(30), {"learning_rate": 3e-3}),
    "another target": (
        lambda: textures(30),
        {"targets": Targets(random=0.2, knn=0.4, self=0.5)},
    ),
}


ALWAYS = {"textures", "large common part", "two images", "one texture nearly everywhere"}


@pytest.mark.parametrize(
    "corpus",
    [pytest.param(c, marks=() if c in ALWAYS else pytest.mark.slow) for c in CORPORA],
)
def test_random_pairs_end_near_their_target_and_codes_never_collapse(stored, corpus):
    make, changes = CORPORA[corpus]
    settings = StegoSettings.model_validate(
        {
            **{"dim": 12, "steps": 300, "batch_size": 10, "positions": 20, "negatives": 3},
            **changes,
        }
    )
    history = train_stego(stored(make()), settings).history
    random = np.array([record.correspondence["random"] for record in history])
    target = settings.targets.random
    assert abs(random[-50:].mean() - target) < 0.1
    # Codes of a random head agree as much as features do; what counts is what comes of it.
    over_20_steps = np.convolve(random, np.full(20, 1 / 20), "valid")
    assert over_20_steps[-100:].max() < target + 0.15


def test_constant_tokens_have_nothing_to_control(stored):
    settings = StegoSettings(dim=4, steps=30, batch_size=4, positions=5)
    run = train_stego(stored([np.ones((3, 4, 16))] * 6), settings)
    assert all(np.isfinite(list(record.shifts.values())).all() for record in run.history)


@given(common=st.floats(-0.2, 0.9), knn=st.floats(-0.2, 1), own=st.floats(-0.2, 1))
def test_targets_are_what_pairs_have_in_common_beyond_random_ones(common, knn, own):
    found = targets_of({"random": common, "knn": knn, "self": own})
    assert found["random"] == 0
    for role, mean in (("knn", knn), ("self", own)):
        expected = (mean - common) / (1 - common)
        assert found[role] == pytest.approx(np.clip(expected, 0, 0.9))
    assert (found["self"] >= found["knn"]) == (own >= knn) or found["self"] == found["knn"]
    assert targets_of({"self": own}) == {"self": np.clip(own, 0, 0.9)}


def test_codes_hold_images_together_as_much_as_their_tokens_do(stored):
    corpora = [stored(textures(30, common=0, separation=s)) for s in (0.4, 1.5)]
    settings = StegoSettings(dim=12, steps=300, batch_size=10, positions=20, negatives=3)
    means = []
    for tokens in corpora:
        last = train_stego(tokens, settings).history[-50:]
        targets = last[-1].targets
        means.append(targets["self"])
        found = np.mean([record.correspondence["self"] for record in last])
        assert found == pytest.approx(targets["self"], abs=0.1)
        assert targets["random"] == 0
    assert means[1] > means[0] + 0.1
