from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from napari_stego.features import FeatureStore, TokenSet
from napari_stego.stego import TokenLabels

CHANNELS = 32
CLASSES = 4


def planted(
    n_images: int, seed: int = 0, classes: int = CLASSES
) -> tuple[list[tuple[str, np.ndarray]], list[np.ndarray]]:
    """Tokens of images made of a few textures, on a common background direction; and where."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, CHANNELS))
    background = 3 * rng.normal(size=CHANNELS)
    images, textures = [], []
    for index in range(n_images):
        height, width = 8, 8 + 2 * (index % 3)
        here = rng.choice(classes, size=2, replace=False)
        split = rng.integers(2, width - 2)
        labels = np.where(np.arange(width) < split, here[0], here[1])
        labels = np.broadcast_to(labels, (height, width))
        noise = 0.7 * rng.normal(size=(height, width, CHANNELS))
        images.append((f"{index:03d}", (background + centres[labels] + noise).astype(np.float16)))
        textures.append(labels.astype(np.int64))
    return images, textures


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """Store the tokens of some images."""

    def store(images: list[np.ndarray]) -> TokenSet:
        features = FeatureStore(tmp_path_factory.mktemp("store"))
        names = [f"{index:03d}" for index in range(len(images))]
        features.write([(n, a.astype(np.float16)) for n, a in zip(names, images, strict=True)])
        return TokenSet(features, names)

    return store


@pytest.fixture(scope="session")
def token_set(stored):
    @cache
    def make(n_images: int, seed: int = 0) -> TokenSet:
        return stored([array for _, array in planted(n_images, seed)[0]])

    return make


@pytest.fixture(scope="session")
def textures():
    """Make the labels of a `token_set`; a third of the positions has none."""

    @cache
    def make(n_images: int, seed: int = 0) -> TokenLabels:
        labels = planted(n_images, seed)[1]
        for array in labels:
            array.reshape(-1)[::3] = -1
        return TokenLabels(CLASSES, lambda index: labels[index])

    return make
