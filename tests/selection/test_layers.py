from __future__ import annotations

import numpy as np
import pytest

from napari_stego.progress import Cancelled, CancelToken
from napari_stego.selection import choose_layer


@pytest.fixture
def chain() -> dict[int | str, np.ndarray]:
    """Layers that turn step by step from one grouping of positions to another."""
    rng = np.random.default_rng(0)
    early, late = (np.eye(6)[rng.integers(0, 6, 3000)] for _ in range(2))
    mix = rng.normal(size=(12, 24))
    layers: dict[int | str, np.ndarray] = {}
    for name, angle in zip((0, 1, 2, 3, "final"), np.linspace(0, np.pi / 2, 5), strict=True):
        tokens = np.concatenate([np.cos(angle) * early, np.sin(angle) * late], axis=1) @ mix
        layers[name] = (tokens + rng.normal(0, 0.1, tokens.shape)).astype(np.float32)
    return layers


def test_the_layer_in_the_middle_tells_most_about_the_others(chain):
    scores = choose_layer(chain)
    assert scores.best == 2
    assert scores.scores[2] > max(scores.scores[0], scores.scores["final"]) + 0.05
    assert all(0 <= score <= 1.2 for score in scores.scores.values())


def test_a_common_part_and_the_scale_of_a_layer_do_not_matter(chain):
    chain[0] = chain[0] * 100
    chain["final"] = chain["final"] + 50
    assert choose_layer(chain).best == 2


def test_the_same_tokens_give_the_same_scores(chain):
    assert choose_layer(chain) == choose_layer(chain)


def test_constant_layers_and_single_ones_are_no_error():
    tokens = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    assert choose_layer({3: tokens}).best == 3
    scores = choose_layer({0: np.ones((40, 8), np.float32), 1: tokens}).scores
    assert np.isfinite(list(scores.values())).all()


def test_a_cancel_ends_the_choice(chain):
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        choose_layer(chain, progress=lambda *_: cancel.cancel(), cancel=cancel)
