"""Measure the peak memory of training and clustering with 1,000 and with 10,000 cached images.

Run::

    python benchmarks/memory.py

Tokens are random, on a grid of 24 x 32 with 384 channels: 6 GB for 10,000
images, written to a temporary folder and deleted afterwards. Each measurement
has a process of its own; this one stays small, because a process on Linux
starts with the peak of the one that made it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GRID, CHANNELS = (24, 32), 384
CALLS = ("training", "clustering")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--steps", type=int, default=100, help="steps of the training")
    parser.add_argument("--folder", type=Path, help="where to make the temporary folder")
    parser.add_argument("--child", nargs=3, metavar=("CALL", "STORE", "IMAGES"), help="internal")
    options = parser.parse_args()
    if options.child:
        call, store, count = options.child
        child(call, Path(store), int(count), options.steps)
        return
    found: dict[str, list[tuple[float, float]]] = {call: [] for call in CALLS}
    for count in options.images:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            run("writing", folder, count, options.steps)
            for call, values in found.items():
                values.append(run(call, folder, count, options.steps))
                print(f"{call} {count}: {values[-1]}", file=sys.stderr, flush=True)
    heads = " | ".join(f"{count} images" for count in options.images)
    print(f"| peak memory, MB (seconds) | {heads} | ratio |")
    print(f"|{(len(options.images) + 2) * '---|'}")
    for call, values in found.items():
        cells = " | ".join(f"{peak:.0f} ({seconds:.0f})" for peak, seconds in values)
        print(f"| {call} | {cells} | {values[-1][0] / values[0][0]:.2f} |")


def run(call: str, folder: str, count: int, steps: int) -> tuple[float, float]:
    command = [sys.executable, __file__, "--steps", str(steps), "--child", call, folder, str(count)]
    peak, seconds = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.split()
    return float(peak), float(seconds)


def child(call: str, folder: Path, count: int, steps: int) -> None:
    """Do one thing and print the peak of this process in megabytes, and the seconds it took."""
    import numpy as np

    from napari_stego.clustering import ClusterSettings, fit_clusters
    from napari_stego.features import FeatureStore, Preparation, TokenSet
    from napari_stego.stego import StegoSettings, train_stego

    start = time.perf_counter()
    store = FeatureStore(folder)
    keys = [f"{index:064x}" for index in range(count)]
    if call == "writing":
        rng = np.random.default_rng(0)
        for first in range(0, count, 48):
            part = keys[first : first + 48]
            tokens = rng.standard_normal((len(part), *GRID, CHANNELS), np.float32)
            store.write(list(zip(part, tokens.astype(np.float16), strict=True)))
    elif call == "training":
        train_stego(TokenSet(store, keys), StegoSettings(steps=steps))
    else:
        fit_clusters(TokenSet(store, keys), Preparation().apply, ClusterSettings())
    unit = 1e6 if sys.platform == "darwin" else 1e3
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(peak, time.perf_counter() - start)


if __name__ == "__main__":
    main()
