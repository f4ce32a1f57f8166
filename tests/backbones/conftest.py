from __future__ import annotations

import pytest

from napari_stego.backbones import DEFAULT_BACKBONE, Weights, resolve_weights


@pytest.fixture(scope="session")
def real_weights() -> Weights:
    """The real ViT-S/14, from the user's own cache, fetched there once if need be."""
    return resolve_weights(DEFAULT_BACKBONE)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no network."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NAPARI_STEGO_CACHE", str(folder))
    monkeypatch.setenv("NAPARI_STEGO_OFFLINE", "1")
    return folder
