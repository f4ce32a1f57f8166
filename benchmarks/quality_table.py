"""Score raw features, the official defaults of STEGO and ours on a data set.

Everything is fitted on the training photographs without their masks; masks only
score. Run::

    python benchmarks/quality_table.py SET --project FOLDER

where SET holds ``train`` and ``test``, each with ``images`` and ``masks``.
What is in FOLDER already is used again, rows of seeds that were scored
included: take another folder for other options, or after a change. All heads
train for 800 steps of 32 images, unlike the official code with its 5,000 steps
of 16. The rows:

- raw features of the final layer and of the layer that was chosen without
  labels, with and without the corpus mean subtracted;
- the official defaults: final layer, tokens as they are, fixed shifts, D = 70;
- ours with everything automatic: chosen layer, controlled shifts; the best of
  several trials where --trials asks for some.

All heads sample positions in the same way.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from pathlib import Path

from napari_stego.clustering import CrfSettings
from napari_stego.features import FeatureSettings
from napari_stego.project import (
    Project,
    evaluate,
    extract,
    judge_run,
    open_photographs,
    score_layers,
    train,
    train_best,
)
from napari_stego.stego import COLLAPSE_MARGIN, StegoSettings, load_run

OURS = "ours, automatic"
OFFICIAL = "official defaults"
SAVED = "quality_table.json"
KINDS = ("", "joined_", "named_", "probe_")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--project", type=Path, required=True, help="folder for the projects")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=1, help="heads that ours is chosen from")
    parser.add_argument("--named", type=int, default=64, help="clusters that are named")
    parser.add_argument("--crf", action="store_true", help="score ours and raw with the CRF too")
    options = parser.parse_args()
    images = options.set / "train" / "images"

    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    if (options.project / SAVED).exists():
        rows |= json.loads((options.project / SAVED).read_text())
    official = open_photographs(options.project / "final.stego", images)
    extract(official, FeatureSettings(layer="final"))
    ours = open_photographs(options.project / "chosen.stego", images)
    start = time.perf_counter()
    layer = score_layers(ours, FeatureSettings(layer="final")).best
    print(f"layer {layer} chosen in {time.perf_counter() - start:.0f} s", flush=True)
    extract(ours, FeatureSettings(layer=layer))
    where = "final layer" if layer == "final" else f"block {layer}"
    preset = StegoSettings.preset("official-defaults")
    for seed in range(options.seeds):
        common = StegoSettings(seed=100 * seed)
        fixed = {"shifts": preset.shifts, "dim": preset.dim, "subtract_mean": False}
        if len(rows[f"{OFFICIAL}, final layer"]) <= seed:
            train(official, common.model_copy(update=fixed))
            _report_run(official, OFFICIAL, seed)
            _score(options, rows, official, seed, OFFICIAL, "final layer")
        start = time.perf_counter()
        if options.trials > 1:
            train_best(ours, common, options.trials)
        else:
            train(ours, common)
        print(f"  trained {options.trials} heads in {time.perf_counter() - start:.0f} s")
        if len(rows[f"{OURS}, {where}"]) <= seed:
            _report_run(ours, OURS, seed)
            _score(options, rows, ours, seed, OURS, where)
        if options.crf and len(rows[f"{OURS}, {where}, CRF"]) <= seed:
            crf = CrfSettings(method="exact")
            _score(options, rows, ours, seed, OURS, f"{where}, CRF", crf)
        (options.project / SAVED).write_text(json.dumps(rows, indent=1))
    print(_table(rows, options.named))


def _report_run(project: Project, name: str, seed: int) -> None:
    run = load_run(project.run_path)[0]
    mean = statistics.mean(r.correspondence["random"] for r in run.history[-50:])
    state = "collapsed" if mean >= COLLAPSE_MARGIN else "no collapse"
    verdict = judge_run(project)
    settings = f"D {run.settings.dim}, seed {run.settings.seed}"
    print(f"seed {seed}, {name} ({settings}): random pairs {mean:.3f}: {state}. {verdict.text}")


def _score(
    options: argparse.Namespace,
    rows: dict[str, list[dict[str, float]]],
    project: Project,
    seed: int,
    name: str,
    where: str,
    crf: CrfSettings | None = None,
) -> None:
    start = time.perf_counter()
    naming = None if crf else options.set / "train" / "masks"
    found = evaluate(
        project,
        options.set / "test" / "masks",
        options.set / "test" / "images",
        naming_masks=naming,
        named_clusters=options.named,
        linear_probe=naming is not None,
        raw=len(rows[f"raw features, {where}"]) <= seed,
        seed=seed,
        crf=crf,
    )
    print(f"  scored in {time.perf_counter() - start:.0f} s", flush=True)
    for row in found.rows:
        of_row = (row.matched, row.joined, row.named, row.linear_probe)
        scores = {
            f"{kind}{score}": getattr(each, score)
            for kind, each in zip(KINDS, of_row, strict=True)
            if each is not None
            for score in ("miou", "accuracy")
        }
        key = f"{name if row.name == 'STEGO codes' else row.name}, {where}"
        rows[key].append({column: 100 * value for column, value in scores.items()})
        print(f"    {key}: " + " ".join(f"{100 * value:.1f}" for value in scores.values()))


def _table(rows: dict[str, list[dict[str, float]]], named: int) -> str:
    def cell(scores: list[dict[str, float]], column: str) -> str:
        if column not in scores[0]:
            return ""
        values = [score[column] for score in scores]
        return f"{statistics.mean(values):.1f} ± {statistics.pstdev(values):.1f}"

    titles = [
        f"{kind} {score}"
        for kind in (
            "matched",
            f"K = {named} joined, matched",
            f"K = {named} named",
            "linear probe",
        )
        for score in ("mIoU", "accuracy")
    ]
    lines = [f"| | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    keys = [f"{kind}{score}" for kind in KINDS for score in ("miou", "accuracy")]
    for name, scores in rows.items():
        lines.append(f"| {name} | {' | '.join(cell(scores, key) for key in keys)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
