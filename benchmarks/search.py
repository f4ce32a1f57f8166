"""Measure the search of a corpus: the index, the time of a search, and what it finds.

Run::

    python benchmarks/search.py

The codes are made for the purpose: each image holds 6 of 300 directions of
unequal frequency, in blobs, with noise of the image and noise of the patch, so
that two patches of one direction have a cosine of about 0.8, as the 20 best
hits have on SUIM. They are in a project as features would be, and all goes
through the calls that the plugin makes. Searches come from random patches; the
files are in the cache of the system. Recall is the share of the 50 best images,
by comparing all codes as they are, that is among the 50 found.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import zoom
from threadpoolctl import threadpool_limits

from napari_stego.clustering import unit
from napari_stego.correspondence import Prompt, Queries
from napari_stego.features import FeatureSettings, FeatureStore
from napari_stego.project import Encodings, Project
from napari_stego.project.inspecting import Inspector
from napari_stego.project.searching import CorpusSearch
from napari_stego.project.state import FeaturesRecord, ImageRecord

GRID, LENGTH, PATCH, TOP = (24, 32), 70, 14, 50
DIRECTIONS, IN_IMAGE, OF_IMAGE, OF_PATCH = 300, 6, 0.4, 0.3
SEGMENT = 48


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10000)
    parser.add_argument("--searches", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--probes", type=int, nargs="+", default=[16, 32, 64, 128])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(options.threads):
        project = make_project(Path(folder) / "made.stego", options.images)
        measure(project, options)


def make_project(folder: Path, count: int) -> Project:
    """Make a project of images that are nothing but codes."""
    project = Project.create(folder)
    names = [f"{place:064x}" for place in range(count)]
    height, width = (side * PATCH for side in GRID)
    record = FeaturesRecord(settings=FeatureSettings(layer=8), weights_sha256="0" * 64)
    images = tuple(
        ImageRecord(name=f"{n[-8:]}.jpg", height=height, width=width, content_hash=n) for n in names
    )
    project.update(root=str(folder), images=images, features=record)
    rng = np.random.default_rng(0)
    directions = unit(rng.standard_normal((DIRECTIONS, LENGTH), np.float32))
    frequency = 1 / np.arange(5, DIRECTIONS + 5)
    store = project.store_of(record)
    for start in range(0, count, SEGMENT):
        store.write(
            [(name, codes(rng, directions, frequency)) for name in names[start : start + SEGMENT]]
        )
    return project


def codes(rng: np.random.Generator, directions: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Make the codes of an image."""
    chosen = rng.choice(len(directions), IN_IMAGE, replace=False, p=frequency / frequency.sum())
    # Smooth noise for each direction: the largest has the patch, which makes blobs.
    smooth = zoom(rng.standard_normal((IN_IMAGE, 5, 6)), (1, GRID[0] / 5, GRID[1] / 6), order=1)
    own = directions[chosen] + noise(rng, (IN_IMAGE, LENGTH), OF_IMAGE)
    return (own[smooth.argmax(axis=0)] + noise(rng, (*GRID, LENGTH), OF_PATCH)).astype(np.float16)


def noise(rng: np.random.Generator, shape: tuple[int, ...], norm: float) -> np.ndarray:
    return rng.standard_normal(shape, np.float32) * np.float32(norm / shape[-1] ** 0.5)


def measure(project: Project, options: argparse.Namespace) -> None:
    encodings = Encodings(project)
    inspector, search = Inspector(project, encodings), CorpusSearch(project, encodings, "features")
    start, busy = time.perf_counter(), time.process_time()
    search.build()
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    files = [*project.folder.glob("index/*/*")]
    size = sum(file.stat().st_size for file in files) / 1e6
    print(
        f"{search.images} images of {GRID[0]} x {GRID[1]} patches: index built in {seconds:.0f} s "
        f"({busy:.0f} s of processor time), {size:.0f} MB in {len(files)} files.\n"
    )
    rng = np.random.default_rng(1)
    images = list(inspector.images.values())
    queries = []
    for place in rng.integers(len(images), size=options.searches).tolist():
        image = images[place]
        pixel = rng.integers((image.height, image.width)).tolist()
        prompts = [Prompt.point(image.content_hash, *pixel)]
        queries.append(inspector.queries(prompts, "features"))
    best = best_images(encodings.store, list(inspector.images), queries)
    print(
        "| cells looked into | p50 ms | p95 ms | processor ms | recall@50 |\n|---|---|---|---|---|"
    )
    for probes in (*options.probes, None):
        report(
            "all (exact)" if probes is None else str(probes),
            lambda q, p=probes: search.search(q, TOP, exact=p is None, probes=p),
            queries,
            best,
        )


def report(
    name: str,
    find: Callable[[Queries], list],
    queries: list[Queries],
    best: list[set[str]],
) -> None:
    find(queries[0])
    times, busy, recall = [], [], []
    for query, wanted in zip(queries, best, strict=True):
        start, before = time.perf_counter(), time.process_time()
        hits = find(query)
        times.append(1000 * (time.perf_counter() - start))
        busy.append(1000 * (time.process_time() - before))
        recall.append(len(wanted & {hit.image.content_hash for hit in hits}) / TOP)
    p50, p95 = np.percentile(times, [50, 95])
    row = f"{p50:.0f} | {p95:.0f} | {np.median(busy):.0f} | {np.mean(recall):.3f}"
    print(f"| {name} | {row} |", flush=True)


def best_images(store: FeatureStore, names: list[str], queries: list[Queries]) -> list[set[str]]:
    """Find the best images of each search from the codes as they are stored."""
    directions = np.concatenate([query.positives for query in queries])
    highest = np.empty((len(names), len(queries)), np.float32)
    for place, name in enumerate(names):
        tokens = store.tokens(name).reshape(-1, LENGTH).astype(np.float32)
        highest[place] = (unit(tokens) @ directions.T).max(axis=0)
    order = np.argsort(-highest, axis=0, kind="stable")[:TOP]
    return [{names[place] for place in column} for column in order.T.tolist()]


if __name__ == "__main__":
    main()
