from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from timm.models.eva import Eva

from napari_stego.backbones import BackboneError, BackboneSpec, load_backbone
from napari_stego.backbones.encoder import Backbone


def pictures(count, height, width):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def eva(**options):
    """A small transformer with rotary positions, a class token and 2 registers."""
    torch.manual_seed(0)
    model = Eva(
        img_size=32,
        patch_size=8,
        embed_dim=32,
        depth=3,
        num_heads=4,
        num_classes=0,
        num_reg_tokens=2,
        use_rot_pos_emb=True,
        dynamic_img_size=True,
        **options,
    )
    return Backbone(BackboneSpec("eva", 8, 32, depth=3), model, "0" * 64, "cpu", "float32")


def vit():
    return load_backbone("test_vit", random_seed=0, device="cpu", precision="float32")


BACKBONES = {
    "vit, fused": vit,
    "eva, fused, biases apart": lambda: eva(qkv_fused=True),
    "eva, separate projections": lambda: eva(qkv_fused=False),
}


@pytest.mark.parametrize("make", BACKBONES.values(), ids=BACKBONES)
def test_keys_are_a_projection_of_each_position_by_itself(make):
    """In the first block they know nothing of other patches, so a change stays where it is."""
    backbone = make()
    patch = backbone.spec.patch_size
    images = np.repeat(pictures(1, 3 * patch, 5 * patch), 2, axis=0)
    images[1, patch : 2 * patch, 3 * patch : 4 * patch] ^= 255
    keys = backbone.encode(images, (0,), "keys")[0]
    assert keys.shape == (2, 3, 5, backbone.spec.dim)
    changed = np.abs(keys[0].astype(float) - keys[1]).max(axis=-1) > 1e-3
    assert np.argwhere(changed).tolist() == [[1, 3]]


def test_keys_are_those_that_the_attention_uses(monkeypatch):
    """Heads one after another, as in the K of the fused projection; no class token."""
    backbone = vit()
    images = pictures(2, 48, 80)
    found = backbone.encode(images, (2, "final", 5), "keys")
    seen = []
    attend = torch.nn.functional.scaled_dot_product_attention

    def spy(query, key, value, **options):
        seen.append(key)
        return attend(query, key, value, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", spy)
    backbone.encode(images, ("final",))
    assert len(seen) == 6
    for keys, block in zip(found, (2, 5, 5), strict=True):
        expected = seen[block][:, :, 1:].permute(0, 2, 1, 3).reshape(2, 3, 5, 64)
        np.testing.assert_allclose(keys, expected.numpy(), atol=2e-3)


def test_keys_leave_the_backbone_as_it_was():
    backbone = vit()
    images = pictures(1, 32, 48)
    before = backbone.encode(images, (5, "final"))
    backbone.encode(images, ((2, 5),), "keys")
    with pytest.raises(BackboneError, match="no block 6"):
        backbone.encode(images, (6,), "keys")
    for one, other in zip(before, backbone.encode(images, (5, "final")), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_backbone_whose_attention_has_no_keys_of_its_own_says_so():
    torch.manual_seed(0)
    block = timm.models.vision_transformer.ParallelScalingBlock
    model = timm.models.VisionTransformer(
        img_size=32,
        patch_size=16,
        embed_dim=32,
        depth=2,
        num_heads=2,
        num_classes=0,
        block_fn=block,
        dynamic_img_size=True,
    )
    spec = BackboneSpec("parallel", 16, 32, depth=2)
    backbone = Backbone(spec, model, "0" * 64, "cpu", "float32")
    assert backbone.encode(pictures(1, 32, 48), (0,))[0].shape == (1, 2, 3, 32)
    with pytest.raises(BackboneError, match=r"parallel .* Use its tokens"):
        backbone.encode(pictures(1, 32, 48), (0,), "keys")
