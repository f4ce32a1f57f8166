"""Measure a training step on cached tokens against one that runs the backbone, as STEGO's loop.

Run::

    python benchmarks/training.py

The step of the official loop passes both images of each pair through the
frozen backbone and their whole grids through the head, and samples positions
between tokens. It is written here in plain PyTorch with the same loss. Weights
and photographs are random, which changes no time. All steps run in one process
with the same number of threads, and in float32 where nothing else is said.

Times of the clock only compare on a machine that does nothing else; CPU
seconds, those of all threads together, compare on a busy one too.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from torch.nn.functional import dropout2d

from napari_stego.features import FeatureStore, TokenSet
from napari_stego.stego import StegoSettings, train_stego
from napari_stego.stego.head import StegoHead
from napari_stego.stego.loss import centred, correspondence, correspondence_loss
from napari_stego.stego.sampling import sample_bilinear

BACKBONE = "vit_small_patch8_224.dino"
SIDE, PATCH, CHANNELS = 224, 8, 384
SHIFT = 0.2
WARM_UP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--images", type=int, default=480, help="cached images")
    parser.add_argument("--steps", type=int, default=60, help="steps on cached tokens")
    parser.add_argument("--slow-steps", type=int, default=3, help="steps with the backbone")
    options = parser.parse_args()
    settings = StegoSettings(
        batch_size=options.batch_size, steps=options.steps + WARM_UP, precision="float32"
    )
    automatic = settings.model_copy(update={"precision": "auto"})
    bilinear = settings.model_copy(
        update={"sampling": "bilinear", "steps": max(3, options.steps // 10) + WARM_UP}
    )
    official = official_step(settings)
    slow = [timed(official) for _ in range(options.slow_steps)]
    fastest = min(slow)
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(Path(folder))
        keys = fill(store, options.images)
        rows = {
            # The fastest of the slow steps, the median of the others.
            "backbone on both images of each pair": fastest,
            "cached tokens, bilinear samples of whole grids": cached(store, keys, bilinear),
            "cached tokens, read from disk": cached(store, keys, settings, budget=0),
            "cached tokens": cached(store, keys, settings, budget=2**40),
            "cached tokens, precision as by default": cached(store, keys, automatic, budget=2**40),
        }
    print(
        f"{BACKBONE}, {SIDE} x {SIDE}, batch {options.batch_size}, {settings.positions} positions, "
        f"{settings.negatives} random partners; torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, {platform.machine()}\n"
    )
    print("| step | ms | CPU ms | steps a second | times as fast | times less CPU |")
    print("|---|---|---|---|---|---|")
    for name, (seconds, busy) in rows.items():
        print(
            f"| {name} | {1000 * seconds:.0f} | {1000 * busy:.0f} | {1 / seconds:.3g} "
            f"| {fastest[0] / seconds:.0f} | {fastest[1] / busy:.0f} |"
        )


def clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def timed(call: Callable[[], object]) -> tuple[float, float]:
    start = clocks()
    call()
    seconds, busy = np.subtract(clocks(), start)
    return seconds, busy


def fill(store: FeatureStore, n_images: int) -> list[str]:
    """Store random tokens on the grid of the backbone."""
    rng = np.random.default_rng(0)
    grid = (SIDE // PATCH, SIDE // PATCH, CHANNELS)
    keys = [f"{index:064x}" for index in range(n_images)]
    for start in range(0, n_images, 48):
        part = keys[start : start + 48]
        tokens = rng.standard_normal((len(part), *grid), np.float32).astype(np.float16)
        store.write(list(zip(part, tokens, strict=True)))
    return keys


def cached(
    store: FeatureStore, keys: list[str], settings: StegoSettings, budget: int | None = None
) -> tuple[float, float]:
    """Give the median times of our steps, all that belongs to a step included."""
    ends: list[tuple[float, float]] = []
    train_stego(
        TokenSet(store, keys, budget),
        settings,
        on_step=lambda record: ends.append(clocks()),
    )
    seconds, busy = np.median(np.diff(ends, axis=0)[WARM_UP - 1 :], axis=0)
    return seconds, busy


def official_step(settings: StegoSettings) -> Callable[[], None]:
    """Build the step of the official loop."""
    torch.manual_seed(0)
    backbone = timm.create_model(BACKBONE, pretrained=False, num_classes=0).eval()
    head = StegoHead(CHANNELS, settings.dim).train()
    optimiser = torch.optim.Adam(head.parameters(), lr=settings.learning_rate)
    weights = settings.weights
    size, side = settings.batch_size, SIDE // PATCH
    photographs = torch.randn(2, size, 3, SIDE, SIDE)

    def encoded(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            features = backbone.forward_features(images)[:, -side * side :]
        grid = features.mT.unflatten(2, (side, side))
        dropped = [dropout2d(grid, settings.dropout) for _ in range(3)]
        rows = [each.flatten(2).mT for each in dropped[:2]]
        return dropped[2], head(*rows).mT.unflatten(2, (side, side))

    def loss(features: torch.Tensor, codes: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        return correspondence_loss(
            centred(correspondence(features, others[0])),
            correspondence(codes, others[1]),
            SHIFT,
        ).mean()

    def step() -> None:
        own, near = (encoded(images) for images in photographs)
        here, there = (torch.rand(size, settings.positions, 2) * 2 - 1 for _ in range(2))
        first = [sample_bilinear(grid, here) for grid in own]
        second = [sample_bilinear(grid, there) for grid in near]
        total = weights.self_ * loss(*first, *first) + weights.knn * loss(*first, *second)
        for _ in range(settings.negatives):
            partners = torch.roll(torch.randperm(size), 1)
            others = [sample_bilinear(grid[partners], there) for grid in own]
            total = total + weights.random / settings.negatives * loss(*first, *others)
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        optimiser.step()

    return step


if __name__ == "__main__":
    main()
