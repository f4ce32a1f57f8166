"""Compare the fast dense CRF with pydensecrf: seconds and agreement.

Run::

    python benchmarks/crf.py PHOTOGRAPHS

The photographs are resized to each size. Scores come from 27 clusters
(k-means) of random Fourier features of colour and position, one vector per
16 x 16 pixels. Seconds are CPU seconds of one thread, the child process of
pydensecrf included: they also compare on a busy machine.
"""

from __future__ import annotations

import argparse
import resource
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from sklearn.cluster import KMeans

from napari_stego.clustering import CrfSettings, refined_cluster_map

CLUSTERS, PATCH, FREQUENCIES = 27, 16, 35
SIZES = ((1024, 1024), (640, 480))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path, help="folder of photographs")
    parser.add_argument("--images", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    paths = sorted(
        path for path in options.photographs.iterdir() if path.suffix in {".jpg", ".png"}
    )
    # From all over the folder: names often go by place.
    chosen = [paths[place * len(paths) // options.images] for place in range(options.images)]
    print("| size | images | exact, s | fast, s | ratio | equal, mean | equal, least |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for size in SIZES:
        rows = np.array([compare(path, size) for path in chosen])
        exact, fast, equal = rows.T
        print(
            f"| {size[0]} x {size[1]} | {len(rows)} | {exact.mean():.1f} | {fast.mean():.1f} "
            f"| {exact.mean() / fast.mean():.1f} | {equal.mean():.2%} | {equal.min():.2%} |",
            flush=True,
        )


def compare(path: Path, size: tuple[int, int]) -> tuple[float, float, float]:
    """CPU seconds of pydensecrf, of the fast method, and the share of equal pixels."""
    image, scores = scene(path, size)
    maps, seconds = [], []
    for settings in (CrfSettings(method="exact"), CrfSettings(method="fast")):
        before = cpu_seconds()
        maps.append(refined_cluster_map(image, scores, settings))
        seconds.append(cpu_seconds() - before)
    return seconds[0], seconds[1], float((maps[0] == maps[1]).mean())


def scene(
    path: Path, size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Photograph and cosine scores."""
    picture = Image.open(path).convert("RGB").resize(size, Image.Resampling.BICUBIC)
    width, height = size[0] // PATCH, size[1] // PATCH
    colour = np.asarray(picture.resize((width, height), Image.Resampling.BOX)) / 255
    y, x = np.mgrid[:height, :width] / max(width, height)
    inputs = np.concatenate([4 * colour, 2 * np.stack([y, x], axis=-1)], axis=-1).reshape(-1, 5)
    phases = inputs @ np.random.default_rng(0).normal(size=(5, FREQUENCIES))
    codes = np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
    codes -= codes.mean(axis=0)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    centres = KMeans(CLUSTERS, n_init=1, random_state=0, max_iter=30).fit(codes).cluster_centers_
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    scores = (codes @ centres.T).reshape(height, width, CLUSTERS)
    return np.array(picture), scores.astype(np.float32)


def cpu_seconds() -> float:
    usages = (
        resource.getrusage(resource.RUSAGE_SELF),
        resource.getrusage(resource.RUSAGE_CHILDREN),
    )
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
