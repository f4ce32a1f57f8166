"""Measure what compact clusters cost in kept information, without looking at test masks.

Run::

    python benchmarks/tradeoff.py SET --project PROJECT [--dims 8 24 70 192] [--seeds 2]

where SET/train holds ``images`` and ``masks`` and PROJECT is a project of these
images with features. Heads are trained on all training images without masks:
for each D, with low and with default targets of the controlled shifts. From the
head with D = 70 and default targets come codes beside tokens, too: a share of
each vector's squared length is the code, the rest the token.

Clusters are fitted on all training images and scored, by patch, on every third
of them. The other two thirds name the clusters (K = 64) and teach the linear
probe, which tells how much of the classes can still be read from the vectors.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

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
from napari_stego.project.masked_images import classes_in, naming_images
from napari_stego.stego import StegoSettings, load_run
from napari_stego.stego.settings import RoleValues

DEFAULT = StegoSettings()
TARGETS = {"default": DEFAULT.targets, "low": RoleValues(random=0.0, knn=0.15, self=0.25)}
SHARES = (0.25, 0.5, 0.75)
NAMED = 64


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
    parser.add_argument("--dims", type=int, nargs="+", default=[8, 24, 70, 192])
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    project = Project.open(options.project)
    scorer = Scorer.of(project, options.set / "train" / "masks")
    token = Preparation(corpus_mean(project.tokens())[0]).apply
    rows: dict[str, list[list[float]]] = defaultdict(list)

    def add(name: str, encode: Encode, seed: int) -> None:
        rows[name].append(scorer.score(encode, seed))
        print(f"seed {seed}, {name}: {_cells(rows[name][-1:])}", flush=True)

    for seed in range(options.seeds):
        add("tokens, corpus mean subtracted", token, seed)
        for dim in options.dims:
            for name, targets in TARGETS.items():
                train(project, StegoSettings(dim=dim, targets=targets, seed=seed))
                code = load_run(project.run_path)[0].encode
                add(f"codes, D = {dim}, {name} targets", code, seed)
                if dim == DEFAULT.dim and targets == DEFAULT.targets:
                    for share in SHARES:
                        add(f"{share:.0%} code, rest token", _beside(code, token, share), seed)
    print("| | K = 8 mIoU | accuracy | K = 64 mIoU | accuracy | probe mIoU | accuracy |")
    print("|---" * 7 + "|")
    for name, scores in rows.items():
        print(f"| {name} | {_cells(scores)} |")


def _beside(code: Encode, token: Encode, share: float) -> Encode:
    def encode(values: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
        parts = [
            weight * part / np.linalg.norm(part, axis=-1, keepdims=True).clip(1e-6)
            for weight, part in ((share**0.5, code(values)), ((1 - share) ** 0.5, token(values)))
        ]
        return np.concatenate(parts, axis=-1).astype(np.float32)

    return encode


def _cells(scores: list[list[float]]) -> str:
    return " | ".join(f"{value:.1f}" for value in np.mean(scores, axis=0))


if __name__ == "__main__":
    main()
