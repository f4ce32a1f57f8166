"""Small photographs and small backbones for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of the GUI, the longest, first, so that processes end at about one time."""
    items.sort(key=lambda item: item.path.parent.name != "gui")


SMALL_BACKBONE = "test_vit"
"""A vision transformer of timm with 6 blocks of 64 channels and patches of 16 pixels."""


@pytest.fixture(scope="session")
def small_backbone() -> str:
    return SMALL_BACKBONE


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory) -> Path:
    """A file of random weights for the small backbone."""
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = timm.create_model(SMALL_BACKBONE, num_classes=0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_file(model.state_dict(), path)
    return path


def seabed(seed: int, size: tuple[int, int]) -> np.ndarray:
    """A picture of two textures with an upright border between them."""
    rng = np.random.default_rng(seed)
    height, width = size
    colours = rng.permutation([(200, 60, 40), (40, 160, 90), (50, 70, 190)])[:2]
    picture = np.where((np.arange(width) < width // 2)[None, :, None], *colours)
    noise = rng.normal(0, 12, (height, width, 3))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photographs() -> Callable[..., Path]:
    """Write ``count`` photographs into a folder."""

    def write(folder: Path, count: int, size: tuple[int, int] = (64, 96), first: int = 0) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(first, first + count):
            Image.fromarray(seabed(index, size)).save(folder / f"frame{index:03d}.png")
        return folder

    return write


@pytest.fixture(scope="session")
def cut_jpg() -> Callable[[Path], Path]:
    """Write a photograph of which half is missing: its header can be read, its pixels cannot."""

    def write(path: Path) -> Path:
        Image.fromarray(seabed(7, (64, 96))).save(path, "JPEG")
        path.write_bytes(path.read_bytes()[:-1000])
        return path

    return write
