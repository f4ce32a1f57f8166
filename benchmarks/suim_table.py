"""Score raw features and STEGO codes on SUIM: the tables in the README.

Clusters are fitted on the training photographs, masks only score. Run::

    python benchmarks/suim_table.py SUIM --project FOLDER

where SUIM holds ``train`` and ``test``, each with ``images`` and ``masks``.
What is in FOLDER already is used again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from pathlib import Path

from napari_stego.backbones import Layer
from napari_stego.clustering import ClusterSettings, CrfSettings
from napari_stego.features import FeatureSettings
from napari_stego.project import Evaluation, Project, cluster, evaluate, extract, train
from napari_stego.stego import COLLAPSE_MARGIN, StegoSettings, load_run

LAYERS: tuple[Layer, ...] = ("final", 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suim", type=Path)
    parser.add_argument("--project", type=Path, required=True, help="folder for the projects")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--named", type=int, default=64, help="clusters that are named")
    parser.add_argument(
        "--crf", action="store_true", help="score the CRF too, for block 8 and seed 0"
    )
    options = parser.parse_args()

    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    crf_rows: dict[str, dict[str, float]] = {}
    for layer in LAYERS:
        where = "final layer" if layer == "final" else f"block {layer}"
        project = Project.create(options.project / f"{layer}.stego")
        settings = FeatureSettings(layer=layer)
        times = {"features": _timed(extract, project, settings, options.suim / "train" / "images")}
        for seed in range(options.seeds):
            times["training"] = _timed(train, project, StegoSettings(seed=seed))
            times["clustering"] = _timed(cluster, project, ClusterSettings(seed=seed))
            _report_run(project, where, seed, times)
            found = _evaluate(options, project, seed)
            for row in found.rows:
                rows[f"{row.name}, {where}"].append(_scores(row))
                print(f"  seed {seed}: {row.name}, {where}: {_scores(row)}", flush=True)
            if options.crf and seed == 0 and layer == LAYERS[-1]:
                crf_rows |= _crf_rows(options, project, where, found)
    (options.project / "suim_table.json").write_text(
        json.dumps({"rows": rows, "crf": crf_rows}, indent=1)
    )
    print(_table(rows, options.named))
    if crf_rows:
        print(_crf_table(crf_rows))


def _timed(stage, *args) -> float:
    start = time.perf_counter()
    stage(*args)
    return time.perf_counter() - start


def _report_run(project: Project, where: str, seed: int, times: dict[str, float]) -> None:
    run = load_run(project.run_path)[0]
    recent = [record.correspondence["random"] for record in run.history[-50:]]
    mean = statistics.mean(recent)
    state = "collapsed" if mean >= COLLAPSE_MARGIN else "no collapse"
    seconds = ", ".join(f"{stage} {value:.0f} s" for stage, value in times.items())
    print(f"{where}, seed {seed}: {seconds}; random pairs correspond by {mean:.3f}: {state}")


def _evaluate(options: argparse.Namespace, project: Project, seed: int) -> Evaluation:
    return evaluate(
        project,
        options.suim / "test" / "masks",
        options.suim / "test" / "images",
        naming_masks=options.suim / "train" / "masks",
        named_clusters=options.named,
        seed=seed,
    )


def _scores(row) -> dict[str, float]:
    return {
        "miou": 100 * row.matched.miou,
        "accuracy": 100 * row.matched.accuracy,
        "named_miou": 100 * row.named.miou,
        "named_accuracy": 100 * row.named.accuracy,
    }


def _crf_rows(
    options: argparse.Namespace, project: Project, where: str, plain: Evaluation
) -> dict[str, dict[str, float]]:
    where_scored = (options.suim / "test" / "masks", options.suim / "test" / "images")
    start = time.perf_counter()
    evaluate(project, *where_scored)
    middle = time.perf_counter()
    refined = evaluate(project, *where_scored, crf=CrfSettings())
    added = (time.perf_counter() - middle) - (middle - start)
    seconds = added / (refined.images * len(refined.rows))
    return {
        f"{row.name}, {where}": {
            "miou": 100 * before.matched.miou,
            "accuracy": 100 * before.matched.accuracy,
            "crf_miou": 100 * row.matched.miou,
            "crf_accuracy": 100 * row.matched.accuracy,
            "seconds": seconds,
        }
        for before, row in zip(plain.rows, refined.rows, strict=True)
    }


def _table(rows: dict[str, list[dict[str, float]]], named: int) -> str:
    def cell(values: list[float]) -> str:
        return f"{statistics.mean(values):.1f} ± {statistics.pstdev(values):.1f}"

    lines = [
        f"| | K = 8 mIoU | K = 8 accuracy | K = {named} mIoU | K = {named} accuracy |",
        "|---|---|---|---|---|",
    ]
    for name, scores in rows.items():
        keys = ("miou", "accuracy", "named_miou", "named_accuracy")
        cells = [cell([score[key] for score in scores]) for key in keys]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _crf_table(rows: dict[str, dict[str, float]]) -> str:
    lines = [
        "| | mIoU | with CRF | accuracy | with CRF | seconds an image |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        keys = ("miou", "crf_miou", "accuracy", "crf_accuracy", "seconds")
        lines.append(f"| {name} | {' | '.join(f'{row[key]:.1f}' for key in keys)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
