from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_stego.errors import StegoError
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.stego import (
    CheckpointError,
    RoleValues,
    StegoSettings,
    StepRecord,
    Targets,
    collapse_warning,
    load_run,
    train_stego,
)
from napari_stego.stego.batches import BatchSampler
from napari_stego.stego.neighbours import nearest_images
from napari_stego.stego.sampling import random_partners

SHORT = StegoSettings(dim=8, steps=30, batch_size=8, positions=25)


def unfinished(tokens, path, settings=SHORT):
    """Cancel a training after five steps."""
    token = CancelToken()

    def stop(record):
        if record.step == 5:
            token.cancel()

    with pytest.raises(Cancelled):
        train_stego(tokens, settings, checkpoint=path, on_step=stop, cancel=token)


def weights(run):
    return {name: value.numpy() for name, value in run.head.state_dict().items()}


def assert_equal_runs(first, second):
    for name, value in weights(first).items():
        np.testing.assert_array_equal(value, weights(second)[name])
    for mine, theirs in [
        (first.cluster_probe, second.cluster_probe),
        (first.linear_probe, second.linear_probe),
    ]:
        assert (mine is None) == (theirs is None)
        if mine is not None:
            for name, value in mine.state_dict().items():
                np.testing.assert_array_equal(value, theirs.state_dict()[name])
    assert first.history == second.history
    assert first.histograms == second.histograms


def recent(run, role):
    return np.mean([record.correspondence[role] for record in run.history[-50:]])


def test_control_keeps_random_pairs_apart_and_others_together(token_set):
    settings = SHORT.model_copy(update={"steps": 300, "negatives": 2, "batch_size": 6})
    run = train_stego(token_set(24), settings)
    assert abs(recent(run, "random") - settings.targets.random) < 0.1
    assert recent(run, "self") > recent(run, "random") + 0.15
    assert run.warnings == []


def test_collapse_is_told(token_set):
    # A shift far below all correspondences lets every pair attract.
    shifts = RoleValues(random=-2.0, knn=-2.0, self=-2.0)
    settings = SHORT.model_copy(update={"steps": 60, "shifts": shifts, "subtract_mean": False})
    run = train_stego(token_set(12), settings)
    assert recent(run, "random") > 0.9
    assert run.warnings == [collapse_warning(run.history, settings)]
    assert "collapsing" in run.warnings[0]
    assert "leave the shifts to the control" in run.warnings[0]
    assert "subtract the corpus mean" in run.warnings[0]


def agreeing(*values):
    """Records of steps whose random pairs agree by these values."""
    return [
        StepRecord(step, -1.0, {"self": 0.5, "random": value}, {"self": 0.1, "random": 0.1})
        for step, value in enumerate(values, start=1)
    ]


@pytest.mark.parametrize(
    ("values", "steps", "told"),
    [
        ([0.11] * 100, 800, True),
        ([0.09] * 100, 800, False),
        ([0.3] * 99, 800, False),  # random codes agree before they are trained
        ([0.3] * 99 + [0.0] * 50, 800, True),  # as of step 100
        ([0.3] * 99 + [0.0] * 51, 800, False),  # as of step 150
        ([0.0] * 130 + [0.3] * 19, 800, False),  # step 150 is still to come
        ([0.0] * 130 + [0.3] * 20, 800, True),
        ([0.0] * 130 + [0.3] * 19, 149, True),  # but a last step is a check
        ([0.3] * 19, 19, False),
        ([0.3] * 20, 20, True),
        ([0.3] * 50, 60, False),
    ],
)
def test_a_collapse_is_told_at_every_50th_step_and_at_the_last(values, steps, told):
    warning = collapse_warning(agreeing(*values), SHORT.model_copy(update={"steps": steps}))
    assert (warning is not None) == told


def test_the_warning_says_by_how_much_and_what_to_do():
    wanted = SHORT.model_copy(update={"steps": 800})

    def aiming(value):
        return [replace(r, targets={"random": 0.3}) for r in agreeing(*[value] * 100)]

    assert collapse_warning(aiming(0.39), wanted) is None
    warning = collapse_warning(aiming(0.456), wanted)
    for part in ["up to step 100", "0.46 on average", "more than 0.40", "train for more steps"]:
        assert part in warning


def test_one_image_has_no_random_pairs_to_collapse(token_set):
    run = train_stego(token_set(1), SHORT)
    assert run.warnings == []


def test_a_training_that_diverges_says_what_to_do(token_set, tmp_path):
    path = tmp_path / "run.safetensors"
    settings = SHORT.model_copy(update={"learning_rate": 1e30})
    for _ in range(2):
        with pytest.raises(StegoError, match=r"diverged.*Lower the learning rate"):
            train_stego(token_set(4), settings, checkpoint=path)


def test_same_seed_same_run_and_another_seed_another(token_set):
    tokens = token_set(10)
    first = train_stego(tokens, SHORT)
    assert_equal_runs(first, train_stego(tokens, SHORT))
    other = train_stego(tokens, SHORT.model_copy(update={"seed": 1}))
    assert not np.array_equal(weights(first)["linear.weight"], weights(other)["linear.weight"])


@pytest.mark.parametrize(
    ("stop_after", "changes", "labelled"),
    [
        (1, {}, False),
        (17, {"sampling": "bilinear"}, False),
        (26, {"cluster_probe": 5}, True),
        (1, {"cluster_probe": 5, "shifts": RoleValues(random=0.2, knn=0.1, self=0.1)}, False),
        (12, {}, True),
    ],
)
def test_cancelled_and_resumed_equals_uninterrupted(
    token_set, textures, tmp_path, stop_after, changes, labelled
):
    settings = SHORT.model_copy(update={"steps": 29, "batch_size": 3, **changes})
    tokens, labels = token_set(10), textures(10) if labelled else None
    whole = train_stego(tokens, settings, labels=labels)
    path = tmp_path / "run.safetensors"
    token = CancelToken()

    def stop(record):
        if record.step == stop_after:
            token.cancel()

    with pytest.raises(Cancelled):
        train_stego(tokens, settings, checkpoint=path, labels=labels, on_step=stop, cancel=token)
    half = load_run(path)[0]
    assert half.steps_done == stop_after
    assert not half.finished
    resumed = train_stego(tokens, settings, checkpoint=path, labels=labels)
    assert_equal_runs(resumed, whole)
    assert resumed.warnings == whole.warnings


def test_a_longer_training_begins_as_a_shorter_one(token_set):
    """Neither the start of the shifts nor their control looks at the number of steps."""
    long = train_stego(token_set(10), SHORT)
    short = train_stego(token_set(10), SHORT.model_copy(update={"steps": 7}))
    assert short.history == long.history[:7]


def test_what_is_resumed_draws_nothing_twice(token_set, tmp_path, monkeypatch):
    tokens = token_set(4)
    drawn, draw = [], BatchSampler.draw

    def spy(self, step, head):
        drawn.append(step)
        return draw(self, step, head)

    monkeypatch.setattr(BatchSampler, "draw", spy)
    unfinished(tokens, tmp_path / "run.safetensors")
    drawn.clear()
    train_stego(tokens, SHORT, checkpoint=tmp_path / "run.safetensors")
    assert drawn == list(range(5, SHORT.steps))


def test_a_finished_run_is_returned_as_it_is(token_set, tmp_path):
    tokens = token_set(6)
    path = tmp_path / "Läufe" / "run.safetensors"
    first = train_stego(tokens, SHORT, checkpoint=path)
    steps = []
    again = train_stego(tokens, SHORT, checkpoint=path, on_step=steps.append)
    assert steps == []
    assert_equal_runs(first, again)
    codes = again.encode(tokens[0])
    assert codes.shape == (*tokens[0].shape[:2], SHORT.dim)
    assert codes.dtype == np.float32
    np.testing.assert_array_equal(codes, first.encode(tokens[0]))


@pytest.mark.parametrize("n_images", [1, 2, 3, 9])
def test_any_number_of_images(token_set, n_images):
    run = train_stego(token_set(n_images), SHORT)
    roles = {"self"} if n_images == 1 else {"self", "knn", "random"}
    assert set(run.history[-1].correspondence) == roles
    assert np.isfinite([record.loss for record in run.history]).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"centre": False},
        {"zero_clamp": False},
        {"stabilise": True},
        {"dropout": 0.0},
        {"subtract_mean": False},
        {"negatives": 1},
        {"neighbours": 1},
        {"weights": RoleValues(random=1.0, knn=0.0, self=1.0)},
        {"targets": Targets(random=0.2, knn=0.3, self=0.5)},
        {"learning_rate": 1e-3},
        {"sampling": "bilinear"},
        {"shifts": RoleValues(random=0.2, knn=0.1, self=0.1)},
    ],
)
def test_every_setting_matters(token_set, changes):
    tokens = token_set(4)
    few = SHORT.model_copy(update={"steps": 3, "batch_size": 4})
    plain = train_stego(tokens, few)
    changed = train_stego(tokens, few.model_copy(update=changes))
    assert not np.array_equal(weights(plain)["linear.weight"], weights(changed)["linear.weight"])


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["pickle", "torch", "noise", "foreign", "cut"])
def test_a_checkpoint_that_is_none_runs_no_code_and_says_so(token_set, tmp_path, kind):
    tokens = token_set(4)
    path = tmp_path / "run.safetensors"
    fired = tmp_path / "fired"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb(fired)))
    elif kind == "torch":
        torch.save({"state": Bomb(fired)}, path)
    elif kind == "noise":
        path.write_bytes(bytes(range(256)) * 10)
    elif kind == "foreign":
        from safetensors.numpy import save_file

        save_file({"x": np.zeros(3)}, path)
    else:
        train_stego(tokens, SHORT, checkpoint=path)
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"run\.safetensors"):
        train_stego(tokens, SHORT, checkpoint=path)
    assert not fired.exists()


@given(size=st.integers(2, 50), seed=st.integers(0, 2**32))
def test_partners_are_a_permutation_without_fixed_points(size, seed):
    partners = random_partners(size, np.random.default_rng(seed))
    assert sorted(partners) == list(range(size))
    assert (partners != np.arange(size)).all()


@given(n_images=st.integers(1, 40), wanted=st.integers(1, 10), seed=st.integers(0, 1000))
def test_nearest_images_are_the_nearest(n_images, wanted, seed):
    pooled = np.random.default_rng(seed).normal(size=(n_images, 5)).astype(np.float32)
    found = nearest_images(pooled, wanted)
    assert found.shape == (n_images, min(wanted, n_images - 1))
    unit = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    for row, columns in enumerate(found):
        assert row not in columns
        expected = np.sort(cosine[row])[::-1][: len(columns)]
        np.testing.assert_allclose(cosine[row, columns], expected, atol=1e-5)
