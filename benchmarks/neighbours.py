"""Measure the search for the nearest images: seconds, memory and recall.

Run::

    python benchmarks/neighbours.py

The vectors are normally distributed. The variance of their i-th channel is in
proportion to i ** -1.6, as the i-th principal component of the pooled tokens
of 300 SUIM training photographs (DINOv2 ViT-S/14, last layer, corpus mean
subtracted). Each search has a process of its own; its memory is the peak
during the search beyond what the process held before, vectors included. CPU
seconds are those of all threads: they also compare on a busy machine.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHANNELS, COUNT = 384, 7
METHODS = {
    "exact": "exact, in blocks",
    "faiss": "approximate (faiss)",
    "sklearn": "scikit-learn, brute force",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[10000, 50000])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--child", nargs=3, metavar=("METHOD", "IMAGES", "FILE"), help="internal")
    options = parser.parse_args()
    if options.child:
        method, count, file = options.child
        child(method, int(count), Path(file))
        return
    print("| images | search | seconds | CPU seconds | MB | recall |")
    print("|---|---|---|---|---|---|", flush=True)
    for count in options.images:
        with tempfile.TemporaryDirectory() as folder:
            for method in options.methods:
                command = [sys.executable, __file__, "--child", method, str(count), folder]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                seconds, busy, megabytes, recall = map(float, done.stdout.split())
                print(
                    f"| {count} | {METHODS[method]} | {seconds:.1f} | {busy:.1f} "
                    f"| {megabytes:.0f} | {recall:.4f} |",
                    flush=True,
                )


def child(method: str, count: int, folder: Path) -> None:
    """Search once; print both times, megabytes and the share of the exact neighbours found."""
    import numpy as np

    from napari_stego.stego.neighbours import nearest_images

    rng = np.random.default_rng(0)
    spread = np.arange(1, CHANNELS + 1, dtype=np.float32) ** -0.8
    vectors = rng.standard_normal((count, CHANNELS), np.float32) * spread
    nearest_images(vectors[:3000], COUNT, approximate=method == "faiss")  # imports and threads
    before = peak()
    start, busy_before = time.perf_counter(), time.process_time()
    if method == "sklearn":
        from sklearn.neighbors import NearestNeighbors

        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        found = NearestNeighbors(n_neighbors=COUNT, algorithm="brute").fit(unit)
        nearest = found.kneighbors(return_distance=False)
    else:
        nearest = nearest_images(vectors, COUNT, approximate=method == "faiss")
    seconds, busy = time.perf_counter() - start, time.process_time() - busy_before
    megabytes = peak() - before
    exact = folder / "exact.npy"
    if not exact.exists():
        np.save(exact, nearest)
    shared = [np.isin(a, b).mean() for a, b in zip(np.load(exact), nearest, strict=True)]
    print(seconds, busy, megabytes, np.mean(shared))


def peak() -> float:
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
