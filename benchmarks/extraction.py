"""Measure the extraction of features beside the bare backbone, in float32 and bfloat16.

Run::

    python benchmarks/extraction.py FOLDER

where FOLDER holds photographs. The bare backbone gets the same batches, ready
in memory, and its tokens are thrown away; the extraction reads, scales and
writes, too. Both take turns, and the fastest turn of each counts, which is the
one that other programs disturbed least. Processor time tells more than wall
time on a machine that does other work. The cosines are those of each token of
bfloat16 with that of float32, over the first batch.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from napari_stego.backbones import DEFAULT_BACKBONE, load_backbone
from napari_stego.backbones.encoder import Backbone
from napari_stego.corpus import Corpus, discover
from napari_stego.features import FeatureSettings, FeatureStore, extract_features

LAYERS = (8, "final")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE)
    parser.add_argument("--limit", type=int, default=96, help="photographs that are used")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--random", action="store_true", help="random weights")
    options = parser.parse_args()
    found = discover(options.images)
    corpus = Corpus(found.root, found.images[: options.limit])
    settings = FeatureSettings(backbone=options.backbone)

    rows, first = {}, {}
    for precision in ("float32", "bfloat16"):
        backbone = load_backbone(
            options.backbone,
            device="cpu",
            precision=precision,
            random_seed=0 if options.random else None,
        )
        batches = _batches(corpus, backbone, settings, options.batch)
        first[precision] = backbone.encode(batches[0], LAYERS)  # warms it up, too
        turns = [
            (
                _seconds(_encode, batches, backbone, settings),
                _seconds(_extract, corpus, backbone, settings, options.batch),
            )
            for _ in range(options.turns)
        ]
        # Wall and processor seconds an image, each of the bare backbone and of the extraction.
        rows[precision] = np.array(turns).min(axis=0).T / len(corpus)

    print(f"{len(corpus)} photographs, {options.backbone}, long side {settings.long_side},")
    print(f"batches of {options.batch}, {torch.get_num_threads()} threads\n")
    print("| | bare backbone, images/s | extract_features, images/s | ratio | ", end="")
    print("bare backbone, processor s/image | extract_features, processor s/image | ratio |")
    print("|---|---|---|---|---|---|---|")
    for precision, ((bare, whole), (bare_cpu, whole_cpu)) in rows.items():
        wall = f"{1 / bare:.2f} | {1 / whole:.2f} | {bare / whole:.2f}"
        cpu = f"{bare_cpu:.3f} | {whole_cpu:.3f} | {bare_cpu / whole_cpu:.2f}"
        print(f"| {precision} | {wall} | {cpu} |")
    gain = rows["float32"][:, 0] / rows["bfloat16"][:, 0]
    print(f"\nbfloat16 is {gain[0]:.2f} times as fast, {gain[1]:.2f} by processor time.")
    for layer, *tokens in zip(LAYERS, *first.values(), strict=True):
        print(f"Layer {layer}: smallest cosine {_cosines(*tokens).min():.5f}.")


def _seconds(call, *args) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    call(*args)
    return time.perf_counter() - wall, time.process_time() - cpu


def _encode(batches: list[np.ndarray], backbone: Backbone, settings: FeatureSettings) -> None:
    for batch in batches:
        backbone.encode(batch, (settings.layer,))


def _batches(
    corpus: Corpus, backbone: Backbone, settings: FeatureSettings, batch_size: int
) -> list[np.ndarray]:
    by_grid: dict[tuple[int, int], list[np.ndarray]] = {}
    for image in corpus.images:
        grid = backbone.grid_shape(image.height, image.width, settings.long_side)
        by_grid.setdefault(grid, []).append(backbone.resize(image.read(), grid))
    return [
        np.stack(pixels[first : first + batch_size])
        for pixels in by_grid.values()
        for first in range(0, len(pixels), batch_size)
    ]


def _extract(
    corpus: Corpus, backbone: Backbone, settings: FeatureSettings, batch_size: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(Path(folder))
        report = extract_features(corpus, store, backbone, settings, batch_size=batch_size)
        assert report.extracted == len(corpus)


def _cosines(tokens: np.ndarray, others: np.ndarray) -> np.ndarray:
    tokens, others = tokens.astype(np.float64), others.astype(np.float64)
    norms = np.linalg.norm(tokens, axis=-1) * np.linalg.norm(others, axis=-1)
    return (tokens * others).sum(axis=-1) / norms


if __name__ == "__main__":
    main()
