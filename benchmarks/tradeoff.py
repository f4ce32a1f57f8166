"""Measure what compact clusters cost in kept information, without looking at test masks.

Run::

    python benchmarks/tradeoff.py SET --project PROJECT [--dims 12 70 128] [--seeds 2]

where SET/train holds ``images`` and ``masks`` and PROJECT is a project of these
images with features. Heads are trained on all training images without masks:
for each D, with the default targets of the controlled shifts, which are what
the tokens have in common, with lower and with higher ones. From the head with
the default D and targets come codes beside tokens, too: a share of each
vector's squared length is the code, the rest the token.

Clusters are fitted on all training images and scored, by patch, on every third
of them. The other two thirds name the clusters (K = 64) and teach the linear
probe, which tells how much of the classes can still be read from the vectors.

Quality is what trials are ranked by, without a label (`judge_run`). How well it
ranks heads is told by Spearman's correlation with each score, over all heads,
and over all heads and the raw tokens.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from napari_stego.clustering import ClusterSettings, Encode, fit_clusters
from napari_stego.evaluation import (
    MaskedImages,
    ProbeSettings,
    confusion_by_patch,
    fit_linear_probe,
    hungarian_scores,
    majority_names,
    named_scores,
)
from napari_stego.features import Preparation, corpus_mean
from napari_stego.project import Project, train
from napari_stego.project.choosing import judge_run
from napari_stego.project.masked_images import classes_in, naming_images
from napari_stego.selection import Verdict
from napari_stego.stego import StegoSettings, Targets, load_run

DEFAULT = StegoSettings()
TARGETS = {
    "default": Targets(),
    "low": Targets(knn=0.05, self=0.1),
    "high": Targets(knn=0.3, self=0.4),
}
SHARE = 0.5
NAMED = 64
RAW = "tokens"


@dataclass(frozen=True)
class Scorer:
    """Scores vectors of patches: mIoU and accuracy at K = 8 and K = 64, and of a linear probe."""

    project: Project
    teaching: MaskedImages
    scored: MaskedImages
    classes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, project: Project, masks: Path) -> Scorer:
        """Part the images with masks."""
        data = naming_images(project, masks)
        thirds = tuple(data.images[2::3])
        rest = tuple(image for image in data.images if image not in thirds)
        parts = replace(data, images=rest), replace(data, images=thirds)
        return cls(project, *parts, classes_in(data))

    def score(self, encode: Encode, seed: int) -> list[float]:
        """Score in percent."""

        def confusion(data: MaskedImages, k: int) -> npt.NDArray[np.int64]:
            return confusion_by_patch(data, self.classes, models[k], encode)

        tokens = self.project.tokens()
        models = {
            k: fit_clusters(tokens, encode, ClusterSettings(clusters=k, seed=seed))
            for k in (len(self.classes), NAMED)
        }
        names = majority_names(confusion(self.teaching, NAMED))
        probe = fit_linear_probe(self.teaching, self.classes, encode, ProbeSettings(seed=seed))
        found = (
            hungarian_scores(confusion(self.scored, len(self.classes))),
            named_scores(confusion(self.scored, NAMED), names),
            named_scores(
                confusion_by_patch(self.scored, self.classes, probe, encode),
                np.arange(len(self.classes)),
            ),
        )
        return [100 * value for each in found for value in (each.miou, each.accuracy)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--dims", type=int, nargs="+", default=[12, 70, 128])
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    project = Project.open(options.project)
    scorer = Scorer.of(project, options.set / "train" / "masks")
    token = Preparation(corpus_mean(project.tokens())[0]).apply
    rows: dict[str, list[list[float]]] = defaultdict(list)
    judged: dict[str, list[float]] = defaultdict(list)

    def add(name: str, encode: Encode, seed: int, quality: float | None = None) -> None:
        rows[name].append(scorer.score(encode, seed))
        if quality is not None:
            judged[name].append(quality)
        print(f"seed {seed}, {name}: {_cells(rows[name][-1:])}, quality {quality}", flush=True)

    train(project, DEFAULT)
    of_tokens = _judged(project).features
    for seed in range(options.seeds):
        add(RAW, Preparation().apply, seed, of_tokens)
        add("tokens, corpus mean subtracted", token, seed)
        for dim in options.dims:
            for name, targets in TARGETS.items():
                train(project, StegoSettings(dim=dim, targets=targets, seed=seed))
                code = load_run(project.run_path)[0].encode
                add(f"codes, D = {dim}, {name} targets", code, seed, _judged(project).codes)
                if dim == DEFAULT.dim and targets == DEFAULT.targets:
                    add(f"{SHARE:.0%} code, rest token", _beside(code, token), seed)
    print("| | K = 8 mIoU | accuracy | K = 64 mIoU | accuracy | probe mIoU | accuracy | quality |")
    print("|---" * 8 + "|")
    for name, scores in rows.items():
        of_name = f"{np.mean(judged[name]):.3f}" if judged[name] else ""
        print(f"| {name} | {_cells(scores)} | {of_name} |")
    heads = [name for name in rows if judged[name] and name != RAW]
    for names, what in ((heads, "heads"), ([RAW, *heads], "heads and tokens")):
        found = np.array([each for name in names for each in rows[name]]).T
        quality = [each for name in names for each in judged[name]]
        print(f"| Spearman of quality, {what} | {_correlations(found, quality)} | |")


def _judged(project: Project) -> Verdict:
    verdict = judge_run(project)
    if verdict is None:
        raise SystemExit("Judging heads needs three photographs.")
    return verdict


def _correlations(scores: npt.NDArray[np.float64], quality: list[float]) -> str:
    return " | ".join(f"{spearmanr(score, quality).statistic:.2f}" for score in scores)


def _beside(code: Encode, token: Encode) -> Encode:
    def encode(values: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
        parts = [
            weight * part / np.linalg.norm(part, axis=-1, keepdims=True).clip(1e-6)
            for weight, part in ((SHARE**0.5, code(values)), ((1 - SHARE) ** 0.5, token(values)))
        ]
        return np.concatenate(parts, axis=-1).astype(np.float32)

    return encode


def _cells(scores: list[list[float]]) -> str:
    return " | ".join(f"{value:.1f}" for value in np.mean(scores, axis=0))


if __name__ == "__main__":
    main()
