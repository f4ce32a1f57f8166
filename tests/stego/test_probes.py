from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from napari_stego.clustering import ClusterModel
from napari_stego.errors import StegoError
from napari_stego.stego import (
    ClusterProbe,
    LinearProbe,
    StegoSettings,
    Targets,
    TokenLabels,
    load_run,
    train_stego,
)

GOLDEN = Path(__file__).parents[1] / "reference" / "stego_golden.npz"
SHORT = StegoSettings(dim=8, steps=30, batch_size=8, positions=25)


def test_loss_and_assignment_of_the_official_cluster_probe():
    with np.load(GOLDEN) as file:
        golden = dict(file)
    probe = ClusterProbe(torch.from_numpy(golden["cluster_centroids"]))
    codes = np.moveaxis(golden["cluster_in"], 1, -1)
    loss = probe(torch.from_numpy(codes.copy()))
    np.testing.assert_allclose(loss.item(), golden["cluster_loss"], atol=1e-5)
    assigned = ClusterModel(probe.centroids).scores(codes).argmax(axis=-1)
    np.testing.assert_array_equal(assigned, golden["cluster_onehot"].argmax(axis=1))


def test_the_gradient_is_that_of_the_winning_cosine():
    rng = np.random.default_rng(0)
    probe = ClusterProbe.drawn(3, 5, rng)
    codes = torch.from_numpy(rng.normal(size=(7, 5)).astype(np.float32))
    probe(codes).backward()
    centres = probe.centres.detach().clone().requires_grad_()
    cosines = torch.cosine_similarity(codes[:, None], centres[None], dim=-1)
    winners = cosines.argmax(dim=1)
    (-cosines[torch.arange(7), winners].mean()).backward()
    torch.testing.assert_close(probe.centres.grad, centres.grad)


@pytest.fixture(scope="module")
def probed(token_set, textures):
    # Tokens of these are mostly noise, which few steps at their own targets leave in the codes.
    targets = Targets(random=0.0, knn=0.3, self=0.4)
    settings = SHORT.model_copy(
        update={"steps": 150, "cluster_probe": 10, "learning_rate": 2e-3, "targets": targets}
    )
    return train_stego(token_set(24), settings, labels=textures(24))


def test_probes_leave_the_head_as_it_is(token_set, textures, probed):
    plain = train_stego(token_set(24), probed.settings.model_copy(update={"cluster_probe": 0}))
    for name, value in plain.head.state_dict().items():
        torch.testing.assert_close(probed.head.state_dict()[name], value, rtol=0, atol=0)
    for with_probes, without in zip(probed.history, plain.history, strict=True):
        assert set(with_probes.probes) == {"cluster", "linear"}
        assert without.probes == {}
        assert with_probes.correspondence == without.correspondence
        assert with_probes.loss == without.loss


def test_the_linear_probe_learns_the_classes(token_set, textures, probed):
    tokens, labels = token_set(24), textures(24)
    hits = [
        (probed.linear_probe.scores(probed.encode(array)).argmax(axis=-1) == labels.of(index))[
            labels.of(index) >= 0
        ]
        for index, array in enumerate(tokens)
    ]
    assert np.concatenate(hits).mean() > 0.95
    assert probed.history[-1].probes["linear"] < 0.5 * probed.history[0].probes["linear"]


def test_the_cluster_probe_is_a_cluster_model_whose_cosines_grow(token_set, textures, probed):
    model = ClusterModel(probed.cluster_probe.centroids)
    np.testing.assert_allclose(np.linalg.norm(model.centroids, axis=1), 1, atol=1e-5)
    scores = [model.scores(probed.encode(array)) for array in token_set(24)]
    winning = np.concatenate([array.max(axis=-1).ravel() for array in scores])
    assert winning.mean() > 0.75
    assert probed.history[-1].probes["cluster"] < probed.history[0].probes["cluster"] - 0.2
    found = np.concatenate([array.argmax(axis=-1).ravel() for array in scores])
    truth = np.concatenate([textures(24).of(index).ravel() for index in range(24)])
    assert adjusted_rand_score(truth[truth >= 0], found[truth >= 0]) > 0.8


def test_a_finished_run_is_trained_again_for_labels_it_has_not_seen(token_set, textures, tmp_path):
    path, steps = tmp_path / "run.safetensors", []
    few = SHORT.model_copy(update={"steps": 3})

    def train(labels):
        steps.clear()
        return train_stego(
            token_set(6), few, checkpoint=path, labels=labels, on_step=steps.append
        ).linear_probe

    assert train(None) is None
    assert train(textures(6)).classes == 4
    assert len(steps) == 3
    assert train(textures(6)).classes == 4
    assert steps == []
    # And one that has seen labels serves where none are asked for.
    assert train(None).classes == 4
    assert steps == []
    assert load_run(path)[0].linear_probe.classes == 4


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((8, 9), np.int64), r"\(8, 9\).*Resize"),
        (np.full((8, 8), 4), "classes up to 4"),
        (np.full((8, 8), -1), "No image has a labelled position"),
    ],
)
def test_labels_that_cannot_be_used_say_why(token_set, labels, message):
    def of(index):
        return labels if index == 0 else np.full(token_set(3)[index].shape[:2], -1)

    with pytest.raises(StegoError, match=message):
        train_stego(token_set(3), SHORT, labels=TokenLabels(4, of))


def test_a_new_linear_probe_knows_nothing_and_is_drawn_from_the_seed():
    drawn = [LinearProbe.drawn(5, 16, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    torch.testing.assert_close(drawn[0].weight, drawn[1].weight, rtol=0, atol=0)
    assert not torch.equal(drawn[0].weight, drawn[2].weight)
    for probe in drawn:
        assert probe.weight.abs().max() <= 0.25
        assert probe.weight.std() > 0.1
