"""Measure on SUIM what an action of a person buys: a click, or the name of a cluster.

Run::

    python benchmarks/simulated_user.py SUIM --project PROJECT [--part test] [--seeds 5]

`SUIM` has the folders ``train`` and ``test`` with ``images`` and ``masks``;
`PROJECT` is a project whose features hold the images of both, found by
content, and that has a trained head. A simulated user answers with the masks
of the training images: a click tells the class of a patch, a name that of
most of a cluster. The masks of the images that are scored do nothing else.
With ``--part train`` a third of the training images is scored, and the user
answers on the rest only: that is what settings are chosen by.

The methods: (a) clicks at random, the same number of each class, and the
classifier of `napari_stego.teaching`; (b) clicks where it asks; (c) names for
clusters, the largest first, what has none being wrong; (d) the tree of clusters
is cut into a few parts, each part gets a name, the largest first, which merges
those of the same name, then clicks where it asks. The classifier is refitted
after each action at first, and after a twelfth more actions later on. Scores
are those of bilinearly interpolated maps at every fourth pixel of each fourth
row; that confidence is off is the expected calibration error, from 30 actions on.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_stego.clustering import ClusterModel, cluster_map, merge_tree, probable_map
from napari_stego.clustering.spherical import spherical_kmeans
from napari_stego.evaluation import confusion_matrix
from napari_stego.evaluation.matching import named_scores
from napari_stego.evaluation.patches import patch_counts
from napari_stego.project import Encodings, Project
from napari_stego.project.teaching_sample import TokenView
from napari_stego.teaching import (
    ExampleSet,
    PatchClassifier,
    Pool,
    TeachingSettings,
    calibration_error,
    fit_classifier,
    most_useful,
    of_clusters,
    said_of,
)

CLASSES = 8
COUNTS = (8, 16, 30, 64, 100, 200, 400)
CLUSTERS = 64
POSITIONS = 16_000
FOLDS = TeachingSettings().folds
Score = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Scored:
    """Images to score: what is seen of them, and the class of every fourth pixel."""

    vectors: list[npt.NDArray[np.float32]]
    codes: list[npt.NDArray[np.float32]]
    masks: list[npt.NDArray[np.int64]]

    def confusion(self, model: ClusterModel) -> npt.NDArray[np.int64]:
        """Count pixels by class and cluster, ``(8, K)``."""
        total = np.zeros((CLASSES, len(model)), np.int64)
        for grid, mask in zip(self.codes, self.masks, strict=True):
            found = cluster_map(model.scores(grid), (mask.shape[0], mask.shape[1]))
            total += confusion_matrix(mask, found, CLASSES, len(model))
        return total

    def score_alone(self, class_id: int) -> Score:
        """Score one class everywhere, which is all that there is while no other one is known."""
        total = np.zeros((CLASSES, 1), np.int64)
        for mask in self.masks:
            total += confusion_matrix(mask, np.zeros_like(mask), CLASSES, 1)
        return (*_percent(total, np.array([class_id - 1])), np.nan)

    def score(self, model: PatchClassifier) -> Score:
        """Score a classifier: mIoU, accuracy, and by how much its confidence is off, in percent."""
        total = np.zeros((CLASSES, len(model)), np.int64)
        sure: list[npt.NDArray[np.float32]] = []
        right: list[npt.NDArray[np.bool_]] = []
        for grid, mask in zip(self.vectors, self.masks, strict=True):
            scores = model.scores(grid) / np.float32(model.temperature)
            found, confidence = probable_map(scores, (mask.shape[0], mask.shape[1]))
            total += confusion_matrix(mask, found, CLASSES, len(model))
            sure.append(confidence.ravel())
            right.append((np.array(model.classes)[found] - 1 == mask).ravel())
        off = calibration_error(np.concatenate(sure), np.concatenate(right))
        return (*_percent(total, np.array(model.classes) - 1), 100 * off)


@dataclass(frozen=True, eq=False)
class World:
    """What the simulated user works on: a sample of the training images' patches."""

    pool: Pool
    codes: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int64]
    scored: Scored

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """The class of each patch, from 1, by most of its pixels."""
        return self.counts.argmax(axis=1) + 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suim", type=Path)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--part", choices=("train", "test"), default="test")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--names", type=int, default=16, help="parts of the tree that (d) names")
    parser.add_argument("--methods", nargs="+", choices="abcd", default=list("abcd"))
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="of settings")
    options = parser.parse_args()
    values = dict(each.split("=") for each in options.set)
    settings = TeachingSettings.model_validate({"folds": 0, **values})
    world = load(options.suim, Project.open(options.project, writable=False), options.part)
    print(f"{options.part}, {options.seeds} seeds: mIoU / accuracy in percent, ± between seeds\n")
    print("| method | " + " | ".join(map(str, COUNTS)) + " | confidence is off by | s, a fit |")
    print("|---" * (len(COUNTS) + 3) + "|")
    for method in options.methods:
        begin, fits = time.process_time(), 0
        curves = []
        for seed in range(options.seeds):
            curve, fitted = simulate(world, method, options.names, settings, seed)
            curves.append(curve)
            fits += fitted
        spent = (time.process_time() - begin) / max(fits, 1)
        mean, spread = np.mean(curves, axis=0), np.std(curves, axis=0)
        cells = [
            f"{m[0]:.1f} ± {s[0]:.1f} / {m[1]:.1f} ± {s[1]:.1f}"
            for m, s in zip(mean, spread, strict=True)
        ]
        off = f"{mean[2:, 2].min():.1f} to {mean[2:, 2].max():.1f}" if method != "c" else ""
        print(f"| ({method}) | " + " | ".join(cells) + f" | {off} | {spent:.2f} |", flush=True)


def load(suim: Path, project: Project, part: str) -> World:
    """Read the patches the user answers on, and the images that are scored."""
    encodings = Encodings(project)
    assert encodings.run is not None and encodings.run.preparation.mean is not None
    view = TokenView(encodings, encodings.run.preparation.mean)
    rng = np.random.default_rng(0)
    train = sorted((suim / "train" / "images").glob("*.jpg"))
    test = sorted((suim / "test" / "images").glob("*.jpg"))
    if part == "train":
        order = rng.permutation(len(train))
        third = len(train) // 3
        train, test = [train[i] for i in order[third:]], [train[i] for i in order[:third]]
    vectors, codes, counts, numbers = [], [], [], []
    for number, path in enumerate(train):
        seen, code, mask = _read(encodings, view, path)
        size = seen.shape[0] * seen.shape[1]
        place = rng.choice(size, min(POSITIONS // len(train), size), replace=False)
        of_patches = patch_counts(mask, seen.shape[:2], CLASSES).reshape(size, -1)
        vectors.append(seen.reshape(size, -1)[place])
        codes.append(code.reshape(size, -1)[place])
        counts.append(of_patches[place, :CLASSES])
        numbers.append(np.full(len(place), number, np.int64))
    read = [_read(encodings, view, path) for path in test]
    scored = Scored(*(list(each) for each in zip(*read, strict=True)))
    scored = Scored(scored.vectors, scored.codes, [mask[1::4, 1::4] for mask in scored.masks])
    both = np.concatenate(vectors), np.concatenate(numbers), np.concatenate(codes)
    return World(Pool.of(*both), both[2], np.concatenate(counts), scored)


def _read(
    encodings: Encodings, view: TokenView, path: Path
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    tokens = encodings.store.tokens(hashlib.sha256(path.read_bytes()).hexdigest())
    mask = np.asarray(Image.open(path.parents[1] / "masks" / f"{path.stem}.png"))
    return (*view.vectors(tokens), mask.astype(np.int64))


def simulate(
    world: World, method: str, names: int, settings: TeachingSettings, seed: int
) -> tuple[list[Score], int]:
    """Let the user act; scores at `COUNTS`, and how often the classifier was fitted."""
    rng = np.random.default_rng([seed, 3])
    settings = settings.model_copy(update={"seed": seed})
    if method == "a":
        return _at_random(world, settings, rng)
    centroids = spherical_kmeans(world.codes, CLUSTERS, np.random.default_rng(seed))
    model = ClusterModel(centroids)
    cosines = world.codes @ centroids.T
    clusters = cosines.argmax(axis=1)
    order = np.argsort(-np.bincount(clusters, minlength=CLUSTERS), kind="stable")
    of_cluster = np.zeros((CLUSTERS, CLASSES), np.int64)
    np.add.at(of_cluster, clusters, world.counts)
    majority = of_cluster.argmax(axis=1) + 1
    if method == "c":
        confusion = world.scored.confusion(model)
        named = [
            np.where(np.isin(np.arange(CLUSTERS), order[:n]), majority - 1, -1) for n in COUNTS
        ]
        return [(*_percent(confusion, each), np.nan) for each in named], 0
    two = np.sort(cosines, axis=1)[:, -2:]
    margins = two[:, 1] - two[:, 0]
    class_of = np.zeros(CLUSTERS, np.int64)
    parts = np.arange(CLUSTERS)
    done = 0
    if method == "d":
        parts = merge_tree(model, np.bincount(clusters, minlength=CLUSTERS)).cut_into(names)
        of_part = np.zeros_like(of_cluster)
        np.add.at(of_part, parts, of_cluster)
        class_of = of_part[parts].argmax(axis=1) + 1
        done = names
    order = np.argsort(-np.bincount(parts[clusters], minlength=CLUSTERS), kind="stable")
    clicks: list[int] = []
    fitted: PatchClassifier | None = None
    tested = settings.model_copy(update={"folds": FOLDS})
    curve, fits = [], 0
    for count in COUNTS:
        if done > count:
            # Fewer actions than names: the largest parts only.
            first = np.where(np.isin(parts, order[:count]), class_of, 0)
            known = _of_clusters(world, clusters, margins, first, [], settings)
            curve.append(world.scored.score(fit_classifier(known, tested)))
            continue
        while True:
            known = _of_clusters(world, clusters, margins, class_of, clicks, settings)
            examples = ExampleSet.join([known, _clicked(world, clicks)])
            if len(np.unique(examples.classes)) > 1:
                fitted, fits = fit_classifier(examples, settings), fits + 1
            if done == count:
                break
            if fitted is None:
                # Which of the first is seen first is chance; seeds differ by it.
                unknown = np.full((len(world.pool), 2), 0.5, np.float32)
                unknown += rng.uniform(-0.2, 0.2, (len(unknown), 1)) * np.array([1, -1])
                probabilities = unknown.astype(np.float32)
            else:
                probabilities = fitted.probabilities(world.pool.vectors)
            several = min(count - done, max(1, done // 12))
            several = several if fitted is not None else min(count, 4)
            asked = most_useful(world.pool, probabilities, clicks, several)
            clicks += [each.row for each in asked]
            done += len(asked)
        if fitted is None:
            curve.append(world.scored.score_alone(int(examples.classes[0])))
        else:
            curve.append(world.scored.score(fit_classifier(examples, tested)))
    return curve, fits


def _at_random(
    world: World, settings: TeachingSettings, rng: np.random.Generator
) -> tuple[list[Score], int]:
    of_class = [
        rng.permutation(np.flatnonzero(world.classes == each + 1)) for each in range(CLASSES)
    ]
    tested = settings.model_copy(update={"folds": FOLDS})
    curve = []
    for count in COUNTS:
        rows = [int(of_class[n % CLASSES][n // CLASSES]) for n in range(count)]
        curve.append(world.scored.score(fit_classifier(_clicked(world, rows), tested)))
    return curve, len(COUNTS)


def _clicked(world: World, rows: list[int]) -> ExampleSet:
    index = np.asarray(rows, np.int64)
    return said_of(world.pool.vectors[index], world.classes[index], world.pool.images[index])


def _of_clusters(
    world: World,
    clusters: npt.NDArray[np.int64],
    margins: npt.NDArray[np.float32],
    class_of: npt.NDArray[np.int64],
    rows: list[int],
    settings: TeachingSettings,
) -> ExampleSet:
    return of_clusters(
        world.pool.vectors,
        clusters,
        margins,
        world.pool.images,
        class_of,
        clicks=np.bincount(clusters[np.asarray(rows, np.int64)], minlength=CLUSTERS).astype(float),
        halved_at=settings.names_halved_at,
        weight=settings.cluster_weight,
        each=settings.cluster_positions,
        seed=settings.seed,
    )


def _percent(confusion: npt.NDArray[np.int64], names: npt.NDArray[np.int64]) -> tuple[float, float]:
    scores = named_scores(confusion, names)
    return 100 * scores.miou, 100 * scores.accuracy


if __name__ == "__main__":
    main()
