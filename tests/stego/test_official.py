"""Checkpoints of the official code: made here in its layout, read, used and refitted."""

from __future__ import annotations

import io
import os
import pickle
import sys
import types
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from napari_stego.errors import StegoError
from napari_stego.stego import (
    CheckpointError,
    StegoSettings,
    load_official,
    load_run,
    save_run,
    train_stego,
)

CHANNELS, DIM, CLASSES = 32, 6, 5
CONFIG = {
    "dataset_name": "cocostuff27",
    "arch": "dino",
    "model_type": "vit_small",
    "dino_patch_size": 8,
    "dino_feat_type": "feat",
    "projection_type": "nonlinear",
    "dim": DIM,
    "max_steps": 7000,
    "batch_size": 32,
    "num_neighbors": 6,
    "neg_samples": 4,
    "feature_samples": 10,
    "pointwise": False,
    "zero_clamp": True,
    "stabalize": True,
    "lr": 1e-4,
    "neg_inter_weight": 0.154,
    "pos_inter_weight": 1,
    "pos_intra_weight": 0.1,
    "neg_inter_shift": 1,
    "pos_inter_shift": 0.2,
    "pos_intra_shift": 0.12,
    "model_paths": ["a.ckpt", "b.ckpt"],
    "pretrained_weights": None,
}


class Featurizer(nn.Module):
    """The two heads of the official ``DinoFeaturizer`` under its names, and its dropout."""

    def __init__(self, n_channels: int, dim: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout2d(0.1)
        self.cluster1 = nn.Sequential(nn.Conv2d(n_channels, dim, 1))
        self.cluster2 = nn.Sequential(
            nn.Conv2d(n_channels, n_channels, 1), nn.ReLU(), nn.Conv2d(n_channels, dim, 1)
        )


class Segmenter(nn.Module):
    """The parameters of the official ``LitUnsupervisedSegmenter`` under its names."""

    def __init__(self, n_channels: int = CHANNELS, dim: int = DIM, classes: int = CLASSES) -> None:
        super().__init__()
        self.net = Featurizer(n_channels, dim)
        for name in ("train_cluster_probe", "cluster_probe"):
            probe = nn.Module()
            probe.clusters = nn.Parameter(torch.randn(classes, dim))
            self.add_module(name, probe)
        self.linear_probe = nn.Conv2d(dim, classes, 1)
        self.decoder = nn.Conv2d(dim, n_channels, 1)


@pytest.fixture
def libraries(monkeypatch):
    """Play omegaconf and PyTorch Lightning while a file is written, and only then."""
    names = {
        "omegaconf.dictconfig": ["DictConfig"],
        "omegaconf.listconfig": ["ListConfig"],
        "omegaconf.nodes": ["AnyNode"],
        "omegaconf.base": ["ContainerMetadata", "Metadata"],
        "pytorch_lightning.callbacks.model_checkpoint": ["ModelCheckpoint"],
        "pytorch_lightning.utilities.parsing": ["AttributeDict"],
    }
    made: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        for module, classes in names.items():
            patch.setitem(sys.modules, module.split(".")[0], types.ModuleType(module))
            fake = types.ModuleType(module)
            for name in classes:
                bases = (dict,) if name == "AttributeDict" else ()
                made[name] = type(name, bases, {"__module__": module})
                setattr(fake, name, made[name])
            patch.setitem(sys.modules, module, fake)
        yield types.SimpleNamespace(**made)
    assert not any(name.startswith(("omegaconf", "pytorch_lightning")) for name in sys.modules)


def wrapped(libraries: Any, value: Any, parent: Any = None) -> Any:
    """Wrap settings as omegaconf does: a node for each value, each with its metadata."""
    kind = {dict: "DictConfig", list: "ListConfig"}.get(type(value), "AnyNode")
    node = getattr(libraries, kind)()
    about = getattr(libraries, "Metadata" if kind == "AnyNode" else "ContainerMetadata")()
    about.ref_type, about.key_type = Any, int
    about.object_type = None if kind == "AnyNode" else type(value)
    about.flags, about.resolver_cache = {}, defaultdict(dict, {"now": {}})
    node._metadata, node._parent = about, parent
    if kind == "DictConfig":
        node._content = {key: wrapped(libraries, inner, node) for key, inner in value.items()}
    elif kind == "ListConfig":
        node._content = [wrapped(libraries, inner, node) for inner in value]
    else:
        node._val = value
    return node


@pytest.fixture
def write(libraries, tmp_path):
    """Write a checkpoint in the layout of PyTorch Lightning 1."""

    def write(state: dict[str, torch.Tensor], config: dict[str, Any] = CONFIG, **more: Any) -> Path:
        content = {
            "epoch": 3,
            "global_step": 7000,
            "pytorch-lightning_version": "1.4.2",
            "state_dict": OrderedDict(state),
            "callbacks": {libraries.ModelCheckpoint: {"best_model_path": "x", "monitor": None}},
            "optimizer_states": [{"state": {0: {"step": 7000, "exp_avg": torch.zeros(4)}}}],
            "lr_schedulers": [],
            "hparams_name": "kwargs",
            "hyper_parameters": libraries.AttributeDict(
                n_classes=CLASSES, cfg=wrapped(libraries, config)
            ),
            **more,
        }
        path = tmp_path / "official.ckpt"
        torch.save(content, path)
        return path

    return write


@pytest.fixture
def segmenter():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Segmenter().eval()


def test_head_and_probes_answer_as_the_official_ones(write, segmenter):
    official = load_official(write(segmenter.state_dict()))
    features = np.random.default_rng(0).normal(size=(7, 9, CHANNELS)).astype(np.float32)
    grid = torch.from_numpy(features).permute(2, 0, 1)[None]
    with torch.no_grad():
        codes = segmenter.net.cluster1(grid) + segmenter.net.cluster2(grid)
        logits = segmenter.linear_probe(codes)
    found = official.head.encode(features)
    np.testing.assert_allclose(found, codes[0].permute(1, 2, 0), atol=1e-5)
    np.testing.assert_allclose(
        official.linear_probe.scores(found), logits[0].permute(1, 2, 0), atol=1e-5
    )
    clusters = segmenter.cluster_probe.clusters.detach()
    np.testing.assert_allclose(
        official.cluster_probe.centroids, nn.functional.normalize(clusters, dim=1), atol=1e-6
    )
    assert official.dim == DIM


def test_settings_are_told(write, segmenter):
    official = load_official(write(segmenter.state_dict()))
    expected = StegoSettings.preset("cocostuff27-vitb8").model_copy(
        update={
            "dim": DIM,
            "cluster_probe": CLASSES,
            "neighbours": 6,
            "negatives": 4,
            "positions": 100,
            "centre": False,
            "stabilise": True,
            "learning_rate": 1e-4,
        }
    )
    assert official.settings == expected
    assert (official.data_set, official.facet) == ("cocostuff27", "tokens")
    # No backbone of timm has 32 channels, and none is in the file.
    assert (official.backbone, official.backbone_weights) == (None, None)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"batch_size": -3, "pos_inter_shift": "high", "max_steps": 10**30, "lr": float("nan")},
        {"feature_samples": 10**9, "neg_inter_weight": 10**400, "pointwise": [1], "dim": 10**6},
    ],
)
def test_settings_that_cannot_be_used_are_the_official_defaults(write, segmenter, config):
    official = load_official(write(segmenter.state_dict(), config))
    defaults = StegoSettings.preset("official-defaults")
    ours = {"dim": DIM, "cluster_probe": CLASSES, "steps": official.settings.steps}
    assert official.settings == defaults.model_copy(update=ours)


@pytest.mark.parametrize("place", ["plain", "flat", "deeper", "none"])
def test_settings_are_found_in_other_wrappings(write, libraries, segmenter, place):
    hyper_parameters = {
        "plain": {"n_classes": CLASSES, "cfg": CONFIG},
        "flat": wrapped(libraries, CONFIG),
        "deeper": {"cfg": wrapped(libraries, {"train": CONFIG, "eval": {}})},
        "none": None,
    }[place]
    official = load_official(write(segmenter.state_dict(), {}, hyper_parameters=hyper_parameters))
    assert official.settings.steps == (5000 if place == "none" else 7000)


def test_a_linear_head_and_keys(write, segmenter):
    state = {n: v for n, v in segmenter.state_dict().items() if "cluster2" not in n}
    official = load_official(write(state, CONFIG | {"dino_feat_type": "KK"}))
    features = np.random.default_rng(0).normal(size=(3, 4, CHANNELS)).astype(np.float32)
    with torch.no_grad():
        codes = segmenter.net.cluster1(torch.from_numpy(features).permute(2, 0, 1)[None])
    np.testing.assert_allclose(official.head.encode(features), codes[0].permute(1, 2, 0), atol=1e-5)
    assert official.facet == "keys"


def dino_names(dim: int, patch: int, depth: int = 12) -> dict[str, tuple[int, ...]]:
    """Names and shapes in DINO's own ``vision_transformer.py`` at 224 pixels."""
    shapes = {
        "cls_token": (1, 1, dim),
        "pos_embed": (1, (224 // patch) ** 2 + 1, dim),
        "patch_embed.proj.weight": (dim, 3, patch, patch),
        "patch_embed.proj.bias": (dim,),
        "norm.weight": (dim,),
        "norm.bias": (dim,),
    }
    for block in range(depth):
        layers = {
            "norm1": (dim,),
            "attn.qkv": (3 * dim, dim),
            "attn.proj": (dim, dim),
            "norm2": (dim,),
            "mlp.fc1": (4 * dim, dim),
            "mlp.fc2": (dim, 4 * dim),
        }
        for name, shape in layers.items():
            shapes[f"blocks.{block}.{name}.weight"] = shape
            shapes[f"blocks.{block}.{name}.bias"] = shape[:1]
    return shapes


def test_the_backbone_in_the_file_is_recognised_and_complete(write):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = Segmenter(384).state_dict()
    backbone = {name: torch.rand(shape) for name, shape in dino_names(384, 8).items()}
    state |= {f"net.model.{name}": value for name, value in backbone.items()}
    # Shapes go before what the settings say.
    official = load_official(write(state, CONFIG | {"dino_patch_size": 16}))
    assert official.backbone == "vit_small_patch8_224.dino"
    assert official.backbone_weights.keys() == backbone.keys()
    for name, value in backbone.items():
        torch.testing.assert_close(official.backbone_weights[name], value, rtol=0, atol=0)
    # Without weights in the file, its settings tell.
    state = {name: value for name, value in state.items() if "net.model." not in name}
    official = load_official(write(state, CONFIG | {"dino_patch_size": 16}))
    assert (official.backbone, official.backbone_weights) == ("vit_small_patch16_224.dino", None)


def test_it_is_a_finished_run_that_can_be_saved_and_used(write, segmenter, token_set, tmp_path):
    run = load_official(write(segmenter.state_dict())).run()
    assert (run.finished, run.source, run.history) == (True, "official", [])
    path = tmp_path / "run.safetensors"
    save_run(path, run)
    again, state, control = load_run(path)
    assert (again.finished, again.source, again.settings) == (True, "official", run.settings)
    assert (again.history, again.histograms, state, control) == ([], None, {}, None)
    tokens = token_set(4)[0]
    np.testing.assert_array_equal(again.encode(tokens), run.encode(tokens))
    np.testing.assert_array_equal(again.cluster_probe.centroids, run.cluster_probe.centroids)
    np.testing.assert_array_equal(again.linear_probe.bias.detach(), run.linear_probe.bias.detach())


FURTHER = {"steps": 4, "batch_size": 4, "positions": 20}


def test_it_can_be_refitted(write, segmenter, token_set, tmp_path):
    start = load_official(write(segmenter.state_dict())).run()
    before = {name: value.clone() for name, value in start.head.state_dict().items()}
    settings = start.settings.model_copy(update={**FURTHER, "shifts": None})
    still = settings.model_copy(update={"learning_rate": 1e-12})
    tokens, path = token_set(6), tmp_path / "run.safetensors"
    np.testing.assert_allclose(
        train_stego(tokens, still, start=start).encode(tokens[0]),
        start.encode(tokens[0]),
        atol=1e-5,
    )
    run = train_stego(tokens, settings, start=start, checkpoint=path)
    assert (run.source, len(run.history), len(run.start)) == ("trained", 4, 64)
    assert not np.allclose(run.encode(tokens[0]), start.encode(tokens[0]), atol=1e-5)
    with torch.no_grad():
        cosine = start.cluster_probe(torch.from_numpy(start.encode(tokens[0]))).item()
    assert run.history[0].probes["cluster"] == pytest.approx(cosine, abs=0.2)
    # What it was started from stays as it was.
    for name, value in before.items():
        torch.testing.assert_close(start.head.state_dict()[name], value, rtol=0, atol=0)
    assert start.history == []
    # A run is only taken up again for the same start.
    for other, done in ((start, 0), (None, 4), (run, 4)):
        steps = []
        train_stego(tokens, settings, start=other, checkpoint=path, on_step=steps.append)
        assert len(steps) == done


def test_a_refit_resumed_equals_one_uninterrupted(write, segmenter, token_set, tmp_path):
    start = load_official(write(segmenter.state_dict())).run()
    settings = start.settings.model_copy(update={**FURTHER, "shifts": None})
    tokens, path = token_set(6), tmp_path / "run.safetensors"
    whole = train_stego(tokens, settings, start=start)

    def stop(record):
        if record.step == 2:
            raise RuntimeError("the lights went out")

    with pytest.raises(RuntimeError, match="lights"):
        train_stego(tokens, settings, start=start, checkpoint=path, on_step=stop)
    resumed = train_stego(tokens, settings, start=start, checkpoint=path)
    assert resumed.history == whole.history
    np.testing.assert_array_equal(resumed.encode(tokens[0]), whole.encode(tokens[0]))
    np.testing.assert_array_equal(resumed.cluster_probe.centroids, whole.cluster_probe.centroids)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dim": 7}, "codes of 6 numbers .* codes of 7 are wanted"),
        ({"subtract_mean": True}, "without the corpus mean subtracted. Set subtract_mean to False"),
    ],
)
def test_a_start_that_does_not_fit_says_why(write, segmenter, token_set, changes, message):
    start = load_official(write(segmenter.state_dict())).run()
    settings = start.settings.model_copy(update={**FURTHER, **changes})
    with pytest.raises(StegoError, match=message):
        train_stego(token_set(6), settings, start=start)


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("where", ["hyper_parameters", "callbacks", "state_dict"])
def test_code_in_the_file_does_not_run(write, segmenter, tmp_path, where):
    fired = tmp_path / "fired"
    bomb = Bomb(fired)
    more = {where: {**segmenter.state_dict(), "x": bomb} if where == "state_dict" else bomb}
    with pytest.raises(CheckpointError, match=r"it asks for .*Nothing in it was executed"):
        load_official(write(segmenter.state_dict(), **more))
    assert not fired.exists()


def test_no_function_of_the_libraries_runs_even_if_they_are_installed(
    libraries, segmenter, tmp_path, monkeypatch
):
    """A file may name any function of theirs: what it names is not looked up at all."""
    fired = tmp_path / "fired"
    module = types.ModuleType("omegaconf.trap")
    module.spring = lambda path: Path(path).touch()
    module.spring.__module__, module.spring.__qualname__ = "omegaconf.trap", "spring"
    monkeypatch.setitem(sys.modules, "omegaconf.trap", module)

    class Trap:
        def __reduce__(self):
            return module.spring, (str(fired),)

    path = tmp_path / "official.ckpt"
    torch.save({"state_dict": segmenter.state_dict(), "hyper_parameters": Trap()}, path)
    assert load_official(path).settings.steps == 5000
    assert not fired.exists()
    monkeypatch.undo()


def opcodes(path: Path, pickled: bytes) -> None:
    """Put another pickle into a checkpoint."""
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, pickled if name.endswith("data.pkl") else content)


PICKLES = {
    "a call": b"cos\nsystem\n(S'touch'\ntR.",
    "a call named on the stack": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.",
    "nothing": b"",
    "an end that is missing": b"\x80\x02",
    "no pickle": b"garbage",
    "a list that holds itself": b"\x80\x02]q\x00h\x00a.",
    "a dictionary that holds itself": b"\x80\x02}q\x00X\x0a\x00\x00\x00state_dicth\x00s.",
}


@pytest.mark.parametrize("pickled", PICKLES.values(), ids=PICKLES)
def test_pickles_by_hand_are_refused(write, segmenter, tmp_path, monkeypatch, pickled):
    monkeypatch.setattr(os, "system", lambda _: (tmp_path / "fired").touch())
    path = write(segmenter.state_dict())
    opcodes(path, pickled)
    with pytest.raises(CheckpointError, match="Nothing in it was executed"):
        load_official(path)
    assert not (tmp_path / "fired").exists()


def compressed(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": {}}))


def legacy(path: Path) -> None:
    torch.save({"state_dict": {}}, path, _use_new_zipfile_serialization=False)


def script(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save([1, 2], buffer)
    path.write_bytes(buffer.getvalue())


@pytest.mark.parametrize("damage", [compressed, cut, plain_pickle, legacy, script])
def test_files_of_another_kind_are_refused(write, segmenter, damage):
    path = write(segmenter.state_dict())
    damage(path)
    with pytest.raises(CheckpointError, match=r"official\.ckpt.*Nothing in it was executed"):
        load_official(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match="no file"):
        load_official(tmp_path / "official.ckpt")


def huge(*shape: int) -> torch.Tensor:
    """One value that claims to be many."""
    return torch.zeros(1).expand(shape)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"net.cluster1.0.weight": None}, r"net\.cluster1\.0\.weight is missing"),
        ({"net.cluster1.0.bias": None}, r"net\.cluster1\.0\.bias is missing"),
        ({"net.cluster2.2.weight": None}, r"net\.cluster2\.2\.weight is missing"),
        ({"net.cluster1.0.weight": torch.zeros(DIM, CHANNELS)}, r"weight is \(6, 32\)"),
        ({"net.cluster1.0.weight": torch.zeros(DIM, CHANNELS, 3, 3)}, r"\(6, 32, 3, 3\)"),
        ({"net.cluster1.0.weight": huge(10**7, 10**7, 1, 1)}, r"\(10000000, 10000000, 1, 1\)"),
        ({"net.cluster2.0.weight": huge(CHANNELS, CHANNELS, 1, 1)}, "does not hold the values"),
        ({"net.cluster2.0.weight": torch.zeros(9, CHANNELS, 1, 1)}, r"\(9, 32, 1, 1\) instead"),
        ({"net.cluster1.0.bias": torch.full((DIM,), torch.nan)}, "not finite"),
        ({"net.cluster1.0.bias": torch.zeros(DIM, dtype=torch.int32)}, "does not hold"),
        ({"net.cluster1.0.bias": torch.zeros(DIM).to_sparse()}, "does not hold"),
        ({"net.cluster1.0.bias": torch.zeros(DIM, device="meta")}, "does not hold"),
        ({"cluster_probe.clusters": torch.zeros(3, DIM + 1)}, r"\(3, 7\) instead of \(3, 6\)"),
        ({"cluster_probe.clusters": torch.ones(2000, DIM)}, "cluster_probe: .* 1000"),
        ({"linear_probe.bias": torch.zeros(2)}, r"\(2,\) instead of \(5,\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
def test_tensors_that_are_not_as_they_should_be(write, segmenter, changes, message):
    state = {k: v for k, v in (segmenter.state_dict() | changes).items() if v is not None}
    with pytest.raises(CheckpointError, match=message):
        load_official(write(state))


def test_a_backbone_that_lacks_something_is_named(write):
    state = Segmenter(384).state_dict()
    backbone = {name: torch.ones(shape) for name, shape in dino_names(384, 16, depth=1).items()}
    state |= {f"net.model.{name}": value for name, value in backbone.items()}
    with pytest.raises(CheckpointError, match=r"\d+ of 150 tensors are missing, blocks\.1\."):
        load_official(write(state))


@pytest.mark.parametrize("content", [[1, 2], {"state_dict": [1]}, {"model": {}}])
def test_other_content_is_no_checkpoint(tmp_path, content):
    path = tmp_path / "official.ckpt"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="state_dict"):
        load_official(path)
