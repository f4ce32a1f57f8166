"""Every backbone of the registry at work, with random weights."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stego.backbones import BACKBONES, get_backbone_spec, load_backbone

SAM = "samvit_base_patch16.sa1b"
BASE = [name for name, spec in BACKBONES.items() if spec.dim > 384 and name != SAM]
SMALL = [name for name in BACKBONES if name not in BASE]
OTHERS = [
    "test_vit",
    "vit_tiny_patch16_dinov3_qkvb",  # rotary positions, biases apart from the fused weights
]


@pytest.mark.parametrize(
    "name",
    [*SMALL, *OTHERS, *(pytest.param(name, marks=pytest.mark.slow) for name in BASE)],
)
def test_a_backbone_gives_tokens_and_keys_of_every_patch(name):
    spec = get_backbone_spec(name)
    backbone = load_backbone(name, random_seed=0, device="cpu", precision="float32")
    patch, last = spec.patch_size, spec.depth - 1
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 3 * patch, 5 * patch, 3), dtype=np.uint8)
    images[1] = images[0]
    images[1, patch : 2 * patch, 3 * patch : 4 * patch] ^= 255
    first, deep, final = backbone.encode(images, (0, last, spec.default_layer))
    keys, deep_keys = backbone.encode(images, (0, "final"), "keys")
    n_final = 256 if name == SAM else spec.dim  # its neck ends in fewer channels
    for tokens in (first, deep, keys, deep_keys, final):
        assert tokens.shape[:3] == (2, 3, 5)
        assert tokens.shape[3] == (n_final if tokens is final else spec.dim)
        assert tokens.dtype == np.float16
        assert np.isfinite(tokens).all()
    # In its place: the keys of the first block know of no other patch.
    changed = np.abs(keys[0].astype(float) - keys[1]).max(axis=-1) > 1e-3
    assert np.argwhere(changed).tolist() == [[1, 3]]
