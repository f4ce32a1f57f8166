from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from napari_stego.clustering import ClusterSettings
from napari_stego.features import FeatureSettings
from napari_stego.project import Project, cluster, extract, train
from napari_stego.stego import StegoSettings


@pytest.fixture(scope="session")
def features() -> FeatureSettings:
    return FeatureSettings(backbone="test_vit", layer="final", long_side=96)


@pytest.fixture(scope="session")
def short() -> StegoSettings:
    return StegoSettings(dim=8, steps=12, batch_size=4, positions=20)


@pytest.fixture(scope="session")
def extracted(photographs, small_weights, features) -> Callable[..., Project]:
    """Make a project of a few photographs, with their features."""

    def make(folder: Path, count: int = 5) -> Project:
        project = Project.create(folder / "reef.stego")
        images = photographs(folder / "images", count)
        extract(project, features, images, weights_file=small_weights, device="cpu")
        return project

    return make


@pytest.fixture(scope="session")
def clustered(extracted, short) -> Callable[..., Project]:
    """Make a project that has gone through all stages."""

    def make(folder: Path, count: int = 5, clusters: int = 4) -> Project:
        project = extracted(folder, count)
        train(project, short, device="cpu")
        cluster(project, ClusterSettings(clusters=clusters))
        return project

    return make
