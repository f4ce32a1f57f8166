"""Weight files in the layouts of DINO's authors."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import torch

from napari_stego.backbones import WeightsError, resolve_weights
from napari_stego.backbones.state_dicts import read_state_dict


def dino(dim: int, patch: int) -> dict[str, torch.Tensor]:
    """Weights under the names in DINO's ``vision_transformer.py``, as many as at 224 pixels.

    One value stands for all of a tensor, so that the files are small.
    """
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, dim),
        "pos_embed": (1, (224 // patch) ** 2 + 1, dim),
        "patch_embed.proj.weight": (dim, 3, patch, patch),
        "patch_embed.proj.bias": (dim,),
    }
    layers = {
        "norm1": (dim,),
        "attn.qkv": (3 * dim, dim),
        "attn.proj": (dim, dim),
        "norm2": (dim,),
        "mlp.fc1": (4 * dim, dim),
        "mlp.fc2": (dim, 4 * dim),
    }
    for block in range(12):
        for name, shape in layers.items():
            shapes[f"blocks.{block}.{name}.weight"] = shape
            shapes[f"blocks.{block}.{name}.bias"] = shape[:1]
    shapes |= {"norm.weight": (dim,), "norm.bias": (dim,)}
    return {
        name: torch.full((1,), float(index)).expand(shape)
        for index, (name, shape) in enumerate(shapes.items())
    }


def prefixed(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    heads = {"mlp.0.weight": torch.zeros(2), "last_layer.weight_g": torch.zeros(2)}
    return {prefix.replace("backbone.", "head.") + name: value for name, value in heads.items()} | {
        prefix + name: value for name, value in tensors.items()
    }


def full(tensors: dict[str, torch.Tensor], teacher: str, student: str) -> dict[str, object]:
    """What ``main_dino.py`` saves: both networks, the optimiser and the command line."""
    wrong = {name: value + 1 for name, value in tensors.items() if name == "cls_token"}
    return {
        "student": prefixed(wrong, student),
        "teacher": prefixed(tensors, teacher),
        "optimizer": {"state": {0: {"step": 7, "exp_avg": torch.ones(2)}}, "param_groups": []},
        "epoch": 100,
        "args": argparse.Namespace(arch="vit_small", patch_size=8, lr=5e-4),
        "dino_loss": {"center": torch.zeros(1, 4)},
    }


LAYOUTS = {
    "dino_deitsmall8_pretrain.pth": lambda tensors: tensors,
    "full checkpoint": lambda t: full(t, "backbone.", "module.backbone."),
    "full checkpoint of several GPUs": lambda t: full(
        t, "module.backbone.", "module.module.backbone."
    ),
    "flat": lambda t: prefixed(t, "teacher.backbone.") | prefixed({}, "student.backbone."),
    "flat, of several GPUs": lambda t: prefixed(t, "module.teacher.backbone."),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("new", [True, False])
def test_dino_weights_load_in_every_layout(tmp_path, layout, new):
    expected, path = dino(384, 8), tmp_path / "dino.pth"
    torch.save(layout(expected), path, _use_new_zipfile_serialization=new)
    found = read_state_dict(path)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize(
    ("name", "dim", "patch"),
    [("vit_small_patch8_224.dino", 384, 8), ("vit_small_patch16_224.dino", 384, 16)],
)
def test_dino_weights_are_those_of_timm(tmp_path, name, dim, patch):
    expected, path = dino(dim, patch), tmp_path / "dino.pth"
    torch.save(full(expected, "backbone.", "module.backbone."), path)
    weights = resolve_weights(name, path)
    assert weights.tensors.keys() == expected.keys()
    for key, value in expected.items():
        assert weights.tensors[key].shape == value.shape
        assert weights.tensors[key].flatten()[0] == value.flatten()[0]


def test_dino_weights_of_another_patch_size_are_refused(tmp_path):
    path = tmp_path / "dino.pth"
    torch.save(dino(384, 16), path)
    with pytest.raises(WeightsError, match="another architecture"):
        resolve_weights("vit_small_patch8_224.dino", path)


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_options_are_passed_over_and_not_run(tmp_path):
    """Only the class of the options is known, and no code in them."""
    path, fired = tmp_path / "dino.pth", tmp_path / "fired"
    torch.save(
        full(dino(384, 8), "", "module.") | {"args": argparse.Namespace(x=Bomb(fired))}, path
    )
    with pytest.raises(WeightsError, match="holds more than tensors"):
        read_state_dict(path)
    assert not fired.exists()
    # What is let in here is let in nowhere else.
    torch.save({"args": argparse.Namespace(x=1)}, path)
    with pytest.raises(Exception, match="Unsupported global"):
        torch.load(path, weights_only=True)
    assert read_state_dict(path) == {}


@pytest.mark.parametrize("content", [[1, 2], 7, None])
def test_content_without_names_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "dino.pth")
    with pytest.raises(WeightsError, match="named tensors"):
        read_state_dict(tmp_path / "dino.pth")


def test_a_dictionary_that_holds_itself_ends(tmp_path):
    content: dict[str, object] = {"norm.bias": torch.ones(2)}
    content["model"] = content
    torch.save(content, tmp_path / "dino.pth")
    assert read_state_dict(tmp_path / "dino.pth").keys() == {"norm.bias"}
