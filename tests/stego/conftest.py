from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from napari_stego.features import FeatureStore, TokenSet

CHANNELS = 32


def planted(n_images: int, seed: int = 0, classes: int = 4) -> list[tuple[str, np.ndarray]]:
    """Tokens of images made of a few textures, on a common background direction."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, CHANNELS))
    background = 3 * rng.normal(size=CHANNELS)
    images = []
    for index in range(n_images):
        height, width = 8, 8 + 2 * (index % 3)
        here = rng.choice(classes, size=2, replace=False)
        split = rng.integers(2, width - 2)
        labels = np.where(np.arange(width) < split, here[0], here[1])
        labels = np.broadcast_to(labels, (height, width))
        noise = 0.7 * rng.normal(size=(height, width, CHANNELS))
        images.append((f"{index:03d}", (background + centres[labels] + noise).astype(np.float16)))
    return images


@pytest.fixture(scope="session")
def token_set(tmp_path_factory):
    @cache
    def make(n_images: int, seed: int = 0) -> TokenSet:
        store = FeatureStore(tmp_path_factory.mktemp("store"))
        images = planted(n_images, seed)
        store.write(images)
        return TokenSet(store, [key for key, _ in images])

    return make
