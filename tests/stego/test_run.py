"""The file of a run: exact, and refused where it is not as it should be."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from napari_stego.features import Preparation
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.stego import (
    HISTOGRAM_EDGES,
    CheckpointError,
    ClusterProbe,
    CorrespondenceHistograms,
    LinearProbe,
    RoleValues,
    StegoRun,
    StegoSettings,
    StepRecord,
    load_run,
    save_run,
    train_stego,
)
from napari_stego.stego.head import StegoHead

SHORT = StegoSettings(dim=8, steps=32, batch_size=4, positions=10, cluster_probe=3)
STOPPED_AFTER = 27
numbers = st.floats(allow_nan=False, allow_infinity=False)


def cancelled(tokens, about, path, labels=None):
    token = CancelToken()

    def stop(record):
        if record.step == STOPPED_AFTER:
            token.cancel()

    with pytest.raises(Cancelled):
        train_stego(tokens, about, checkpoint=path, labels=labels, on_step=stop, cancel=token)


@pytest.fixture(scope="module")
def half_done(token_set, textures, tmp_path_factory):
    path = tmp_path_factory.mktemp("half") / "run.safetensors"
    cancelled(token_set(6), SHORT, path, textures(6))
    return path


@pytest.fixture
def half(half_done, tmp_path):
    """File of a training with both probes that was cancelled after its first histograms."""
    return Path(shutil.copy(half_done, tmp_path))


def contents(path):
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name).clone() for name in list(file.keys())}
        return tensors, dict(file.metadata())


@given(
    roles=st.sets(st.sampled_from(["random", "knn", "self"])),
    probes=st.sets(st.sampled_from(["cluster", "linear"])),
    rows=st.lists(st.lists(numbers, min_size=9, max_size=9), min_size=1, max_size=9),
    warnings=st.lists(st.text(max_size=20), max_size=2),
    counts=st.none() | st.lists(st.integers(0, 2**40), min_size=6, max_size=6),
    start=st.sampled_from(["", "0123456789abcdef"]),
)
@settings(deadline=None)
def test_a_run_comes_back_exactly(tmp_path_factory, roles, probes, rows, warnings, counts, start):
    path = tmp_path_factory.mktemp("runs") / "run.safetensors"
    rng = np.random.default_rng(0)
    history = [
        StepRecord(
            step,
            row[0],
            dict(zip(roles, row[1:4])),  # noqa: B905
            dict(zip(roles, row[4:7])),  # noqa: B905
            dict(zip(probes, row[7:])),  # noqa: B905
        )
        for step, row in enumerate(rows, start=1)
    ]
    histograms = None
    if counts is not None and roles:
        bins = [np.full(len(HISTOGRAM_EDGES) - 1, count) for count in counts]
        features, codes = (dict(zip(roles, part)) for part in (bins[:3], bins[3:]))  # noqa: B905
        histograms = CorrespondenceHistograms(len(rows), features, codes)
    mean = np.arange(5, dtype=np.float32)
    about = StegoSettings(dim=3, steps=len(rows), cluster_probe=4 if "cluster" in probes else 0)
    run = StegoRun(
        about,
        StegoHead(5, 3),
        Preparation(mean),
        history,
        warnings,
        ClusterProbe.drawn(4, 3, rng) if "cluster" in probes else None,
        LinearProbe.drawn(6, 3, rng) if "linear" in probes else None,
        histograms,
        start=start,
    )
    save_run(path, run)
    again = load_run(path)[0]
    assert again.history == history
    assert (again.settings, again.warnings) == (about, warnings)
    assert (again.source, again.start, again.histograms) == ("trained", start, histograms)
    np.testing.assert_array_equal(again.preparation.mean, mean)
    assert_equal_parameters(again.head, run.head)
    for mine, theirs in [
        (again.cluster_probe, run.cluster_probe),
        (again.linear_probe, run.linear_probe),
    ]:
        assert (mine is None) == (theirs is None)
        if mine is not None:
            assert_equal_parameters(mine, theirs)


def assert_equal_parameters(first, second):
    for name, value in first.state_dict().items():
        torch.testing.assert_close(value, second.state_dict()[name], rtol=0, atol=0)


def test_the_file_of_a_large_run_stays_small(tmp_path):
    """ViT-B, as many steps as were published, all that can be in the file."""
    rng = np.random.default_rng(0)
    roles = ("self", "knn", "random")
    values = dict(zip(roles, rng.random(3).tolist(), strict=True))
    losses = {"cluster": 1 / 3, "linear": 1 / 7}
    history = [StepRecord(step + 1, 1 / 9, values, values, losses) for step in range(7000)]
    counts = {role: np.arange(80) for role in roles}
    run = StegoRun(
        StegoSettings.preset("cityscapes-vitb8").model_copy(update={"cluster_probe": 27}),
        StegoHead(768, 100),
        Preparation(),
        history,
        [],
        ClusterProbe.drawn(27, 100, rng),
        LinearProbe.drawn(27, 100, rng),
        CorrespondenceHistograms(7000, counts, counts),
    )
    save_run(tmp_path / "run.safetensors", run)
    assert (tmp_path / "run.safetensors").stat().st_size < 5_000_000


def earlier(path):
    """Make of a file what the previous format had."""
    tensors, metadata = contents(path)
    about = json.loads(metadata["settings"])
    about.pop("cluster_probe", None)
    control = json.loads(metadata["control"]) if "control" in metadata else None
    if control is not None:
        names = ("targets", "shifts", "bounds", "spread", "smoothed")
        metadata["control"] = json.dumps({name: control[name] for name in names})
    for name in ("source", "start", "histograms", "targets"):
        metadata.pop(name, None)
    metadata |= {"format": "napari-stego run 2", "settings": json.dumps(about)}
    kept = {n: v for n, v in tensors.items() if not n.startswith(("histograms", "linear"))}
    save_file(kept, path, metadata=metadata)


@pytest.mark.parametrize("finished", [True, False])
def test_the_previous_format_is_read_but_not_gone_on_with(token_set, tmp_path, finished):
    path = tmp_path / "run.safetensors"
    plain = SHORT.model_copy(update={"cluster_probe": 0})
    if finished:
        train_stego(token_set(6), plain, checkpoint=path)
    else:
        cancelled(token_set(6), plain, path)
    expected = load_run(path)[0]
    earlier(path)
    run, state, control = load_run(path)
    asked = [replace(record, targets={"random": 0.0}) for record in expected.history]
    assert (run.settings, run.history, run.finished) == (plain, asked, finished)
    assert (state, control) == ({}, None)
    assert (run.source, run.start, run.histograms) == ("trained", "", None)
    np.testing.assert_array_equal(run.encode(token_set(6)[0]), expected.encode(token_set(6)[0]))
    steps = []
    again = train_stego(token_set(6), plain, checkpoint=path, on_step=steps.append)
    assert again.finished
    assert len(steps) == (0 if finished else plain.steps)


def test_the_header_does_not_grow_with_the_steps(tmp_path):
    def header_bytes(steps):
        values = {"self": 1 / 3, "random": 1 / 7}
        history = [StepRecord(step + 1, 1 / 9, values, values) for step in range(steps)]
        about = StegoSettings(dim=3, steps=steps, subtract_mean=False)
        path = tmp_path / "run.safetensors"
        save_run(path, StegoRun(about, StegoHead(5, 3), Preparation(), history))
        return int.from_bytes(path.read_bytes()[:8], "little")

    assert header_bytes(20_000) < header_bytes(10) + 100


def test_a_run_cancelled_right_after_its_last_step_is_finished(token_set, tmp_path):
    path, token = tmp_path / "run.safetensors", CancelToken()

    def stop(done, total, message):
        if message == "training" and done == total:
            token.cancel()
            token.raise_if_cancelled()

    with pytest.raises(Cancelled):
        train_stego(token_set(6), SHORT, checkpoint=path, progress=stop, cancel=token)
    run, state, control = load_run(path)
    assert run.finished
    assert (state, control) == ({}, None)


def no_training_state(tensors, metadata):
    for name in [name for name in tensors if name.startswith("training.")]:
        del tensors[name]


def one_moment_less(tensors, metadata):
    del tensors["training.2.exp_avg"]


def other_moment(tensors, metadata):
    tensors["training.0.exp_avg"] = torch.zeros(3)


def another_tensor(tensors, metadata):
    tensors["more"] = torch.zeros(3)


def no_history(tensors, metadata):
    del tensors["history"]


def no_step(tensors, metadata):
    tensors["history"] = tensors["history"][:0]


def too_many_steps(tensors, metadata):
    tensors["history"] = tensors["history"].repeat(2, 1)


def a_column_less(tensors, metadata):
    tensors["history"] = tensors["history"][:, 1:].contiguous()


def half_precision(tensors, metadata):
    tensors["history"] = tensors["history"].half()


def not_a_number(tensors, metadata):
    tensors["history"][2, 1] = math.nan


def infinite(tensors, metadata):
    tensors["history"][2, 0] = math.inf


def no_mean(tensors, metadata):
    del tensors["preparation.mean"]


def short_mean(tensors, metadata):
    tensors["preparation.mean"] = torch.zeros(3)


def no_bias(tensors, metadata):
    del tensors["head.linear.bias"]


def scalar_weight(tensors, metadata):
    tensors["head.linear.weight"] = torch.tensor(1.0)


def other_dim(tensors, metadata):
    metadata["settings"] = SHORT.model_copy(update={"dim": 9}).model_dump_json(by_alias=True)


def no_control(tensors, metadata):
    del metadata["control"]


def control_of(**changes):
    def damage(tensors, metadata):
        metadata["control"] = json.dumps({**json.loads(metadata["control"]), **changes})

    damage.__name__ = f"control with other {', '.join(changes)}"
    return damage


def other_clusters(tensors, metadata):
    tensors["cluster_probe.centres"] = torch.zeros(4, SHORT.dim)


def no_clusters(tensors, metadata):
    del tensors["cluster_probe.centres"]


def other_classes(tensors, metadata):
    tensors["linear_probe.bias"] = torch.zeros(9)


def no_class(tensors, metadata):
    tensors["linear_probe.bias"] = torch.tensor(1.0)
    tensors["linear_probe.weight"] = torch.zeros(SHORT.dim)


def narrow_histograms(tensors, metadata):
    tensors["histograms.codes"] = tensors["histograms.codes"][:, :5].contiguous()


def half_of_the_histograms(tensors, metadata):
    del tensors["histograms.codes"]


def histograms_without_step(tensors, metadata):
    metadata["histograms"] = "soon"


def histograms_of_a_step_to_come(tensors, metadata):
    metadata["histograms"] = "28"


def negative_count(tensors, metadata):
    tensors["histograms.codes"][0, 3] = -1


def unknown_source(tensors, metadata):
    metadata["source"] = '"found"'


def official_with_history(tensors, metadata):
    metadata["source"] = '"official"'


def unknown_role(tensors, metadata):
    metadata["roles"] = json.dumps(["self", "knn", "other"])


def role_twice(tensors, metadata):
    metadata["roles"] = json.dumps(["self", "knn", "self"])


def warnings_of_another_kind(tensors, metadata):
    metadata["warnings"] = "[1]"


def deep_json(tensors, metadata):
    metadata["control"] = "[" * 100_000


def huge_metadata(tensors, metadata):
    metadata["warnings"] = json.dumps(["x" * 2_000_000])


def older_format(tensors, metadata):
    metadata["format"] = "napari-stego run 1"


def saved_targets(**targets):
    def damage(tensors, metadata):
        metadata["targets"] = json.dumps(targets)

    return damage


DAMAGES = [
    no_training_state,
    one_moment_less,
    other_moment,
    another_tensor,
    no_history,
    no_step,
    too_many_steps,
    a_column_less,
    half_precision,
    not_a_number,
    infinite,
    no_mean,
    short_mean,
    no_bias,
    scalar_weight,
    other_dim,
    no_control,
    control_of(shifts={}),
    control_of(shifts={"self": 0.1, "knn": 0.1, "random": math.nan}),
    control_of(bounds={"self": [0, 1]}),
    control_of(spread=[1, 2]),
    control_of(smoothed={"self": "high"}),
    control_of(targets={"self": 0.1}),
    control_of(targets={"self": math.nan, "knn": 0.1, "random": 0.0}),
    control_of(targets={"self": 0.1, "knn": 0.1, "random": 0.2}),  # 0 was asked for
    saved_targets(self="high", knn=0.1, random=0),
    saved_targets(self=0.1, knn=0.1),
    saved_targets(self=0.1, knn=0.1, random=7),
    control_of(weights={"self": 0.1}),
    control_of(integral={"self": 0.1}),
    control_of(mean={"self": 0.1}),
    control_of(updates=-1),
    other_clusters,
    no_clusters,
    other_classes,
    no_class,
    narrow_histograms,
    half_of_the_histograms,
    histograms_without_step,
    histograms_of_a_step_to_come,
    negative_count,
    unknown_source,
    official_with_history,
    unknown_role,
    role_twice,
    warnings_of_another_kind,
    deep_json,
    huge_metadata,
    older_format,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_file_that_is_not_as_it_should_be_is_refused(half, token_set, textures, damage):
    tensors, metadata = contents(half)
    damage(tensors, metadata)
    save_file(tensors, half, metadata=metadata)
    with pytest.raises(CheckpointError, match="Delete it and train again"):
        load_run(half)
    with pytest.raises(CheckpointError):
        train_stego(token_set(6), SHORT, checkpoint=half, labels=textures(6))


def test_no_layer_is_made_as_large_as_one_tensor_claims(half):
    tensors, metadata = contents(half)
    # A head for a million channels would take a square of that: four terabytes.
    tensors["head.linear.weight"] = torch.zeros(SHORT.dim, 1_000_000)
    save_file(tensors, half, metadata=metadata)
    with pytest.raises(CheckpointError, match=r"head\.\S+ is missing, or not as its settings"):
        load_run(half)


def test_a_run_of_another_kind_of_corpus_is_not_gone_on_with(half, token_set, textures):
    """One image has pairs with itself only; the shifts of other pairs would be missing."""
    tensors, metadata = contents(half)
    tensors["history"] = tensors["history"][:, :5].contiguous()
    for kind in ("features", "codes"):
        tensors[f"histograms.{kind}"] = tensors[f"histograms.{kind}"][:1].contiguous()
    metadata["roles"] = '["self"]'
    save_file(tensors, half, metadata=metadata)
    assert load_run(half)[0].steps_done == STOPPED_AFTER
    run = train_stego(token_set(6), SHORT, checkpoint=half, labels=textures(6))
    assert set(run.history[0].correspondence) == {"self", "knn", "random"}


def test_fixed_shifts_need_no_bounds(token_set, tmp_path):
    path = tmp_path / "run.safetensors"
    fixed = SHORT.model_copy(update={"shifts": RoleValues(random=0.2, knn=0.1, self=0.1)})
    cancelled(token_set(6), fixed, path)
    run = train_stego(token_set(6), fixed, checkpoint=path)
    assert run.finished
    assert all(record.targets == {} for record in run.history)


@pytest.mark.parametrize(("images", "roles"), [(1, {"self"}), (6, {"self", "knn", "random"})])
def test_targets_of_the_tokens_are_kept_in_the_file(token_set, tmp_path, images, roles):
    path = tmp_path / "run.safetensors"
    run = train_stego(token_set(images), SHORT, checkpoint=path)
    assert run.history[0].targets.keys() == roles
    assert load_run(path)[0].history == run.history
