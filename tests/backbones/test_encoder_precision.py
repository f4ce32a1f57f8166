from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stego.backbones import load_backbone, pick_device
from napari_stego.backbones.encoder import Backbone
from napari_stego.backbones.precision import calibration_noise, reduced_type
from napari_stego.backbones.registry import build_model, get_backbone_spec
from napari_stego.errors import StegoError


def pictures(count, height=64, width=80):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def load(precision="auto"):
    return load_backbone("test_vit", random_seed=0, device="cpu", precision=precision)


def cosines(a, b):
    a, b = a.astype(float), b.astype(float)
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


@pytest.fixture(params=[True, False], ids=["amx", "no amx"])
def amx(request, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: request.param)
    return request.param


def test_each_device_has_its_arithmetic(amx):
    assert reduced_type("auto", "cuda") == torch.float16
    assert reduced_type("auto", "cuda:1") == torch.float16
    assert reduced_type("auto", "mps") is None
    assert reduced_type("auto", "cpu") == (torch.bfloat16 if amx else None)
    for device in ("cpu", "cuda", "mps"):
        assert reduced_type("float32", device) is None
        assert reduced_type("bfloat16", device) == torch.bfloat16


def test_a_processor_with_tiles_computes_in_bfloat16_unless_told_otherwise(amx):
    images = pictures(2)
    exact, reduced, chosen = (
        load(precision).encode(images, (2, "final"))
        for precision in ("float32", "bfloat16", "auto")
    )
    for one, other, auto in zip(exact, reduced, chosen, strict=True):
        assert not np.array_equal(one, other)
        assert cosines(one, other).min() > 0.999
        np.testing.assert_array_equal(auto, other if amx else one)


@pytest.mark.parametrize("amx", [True], indirect=True)
def test_layers_that_bfloat16_would_spoil_are_computed_in_float32(amx):
    """Weights of the last block so large that rounding turns the tokens around."""

    def backbone(precision):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = build_model("test_vit")
        with torch.no_grad():
            model.blocks[5].mlp.fc1.weight *= 300
            model.blocks[5].mlp.fc2.weight *= 300
            # The sum over the hidden units all but cancels.
            model.blocks[5].mlp.fc2.weight[:, 1::2] = -model.blocks[5].mlp.fc2.weight[:, ::2]
            model.blocks[5].mlp.fc1.weight[1::2] = model.blocks[5].mlp.fc1.weight[::2] * 1.001
        return Backbone(get_backbone_spec("test_vit"), model, "0" * 64, "cpu", precision)

    images = pictures(1)
    exact, reduced, chosen = (
        backbone(precision).encode(images, (5,))[0] for precision in ("float32", "bfloat16", "auto")
    )
    assert cosines(exact, reduced).min() < 0.999
    np.testing.assert_array_equal(chosen, exact)
    # An earlier layer is not spoilt; asked for beside the last one, it shares its pass.
    early = backbone("auto").encode(images, (4,))[0]
    np.testing.assert_array_equal(early, backbone("bfloat16").encode(images, (4,))[0])
    beside = backbone("auto").encode(images, (4, 5))[0]
    np.testing.assert_array_equal(beside, backbone("float32").encode(images, (4,))[0])


def test_the_noise_is_always_the_same_and_has_both_contrasts():
    noise = calibration_noise(14)
    assert noise.shape == (2, 224, 224, 3)
    assert noise.dtype == np.uint8
    calibration_noise.cache_clear()
    np.testing.assert_array_equal(noise, calibration_noise(14))
    np.testing.assert_allclose(noise.std(axis=(1, 2, 3)), (50, 5), rtol=0.1)


def test_a_gpu_is_taken_where_there_is_one(monkeypatch):
    present = {"cuda": False, "mps": False}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present["cuda"])
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: present["mps"])
    assert pick_device("auto") == "cpu"
    for device in ("cuda", "mps"):
        with pytest.raises(StegoError, match="`auto`"):
            pick_device(device)
    present["mps"] = True
    assert pick_device("auto") == pick_device("mps") == "mps"
    present["cuda"] = True
    assert pick_device("auto") == pick_device("cuda") == "cuda"


class SmallMemory(torch.nn.Module):
    """A transformer on a device whose memory holds few images."""

    def __init__(self, limit, error):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.model = build_model("test_vit")
        self.patch_embed, self.norm = self.model.patch_embed, self.model.norm
        self.batches = []
        self.limit, self.error = limit, error

    def forward_intermediates(self, pixels, **options):
        self.batches.append(len(pixels))
        if len(pixels) > self.limit:
            raise self.error
        return self.model.forward_intermediates(pixels, **options)


def small_memory(limit, error):
    model = SmallMemory(limit, error)
    return model, Backbone(get_backbone_spec("test_vit"), model, "0" * 64, "cpu", "float32")


OUT_OF_MEMORY = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
}


@pytest.mark.parametrize("error", OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def test_a_device_with_little_memory_gets_fewer_images_at_a_time(error):
    model, backbone = small_memory(2, error)
    images = pictures(7)
    tokens = backbone.encode(images, (2, "final"))
    assert model.batches == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    for found, expected in zip(tokens, load("float32").encode(images, (2, "final")), strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-3)
    model.batches.clear()
    backbone.encode(images[:2], (2,))  # what was learnt is kept
    assert model.batches == [1, 1]


@pytest.mark.parametrize("error", OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def test_a_device_too_small_for_one_image_says_what_to_do(error):
    model, backbone = small_memory(0, error)
    with pytest.raises(StegoError, match=r"one image of 64 x 80 pixels\. Choose a smaller long"):
        backbone.encode(pictures(4), (2,))
    assert model.batches == [4, 2, 1]


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    model, backbone = small_memory(0, RuntimeError("a mistake in the code"))
    with pytest.raises(RuntimeError, match="a mistake"):
        backbone.encode(pictures(4), (2,))
    assert model.batches == [4]
