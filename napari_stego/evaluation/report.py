"""Writing an evaluation to a folder: tables, confusion matrices, curves and plots."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from napari_stego.evaluation.matching import Scores
from napari_stego.evaluation.plots import plot_confusion, plot_curves, plots_available
from napari_stego.evaluation.results import Evaluation, EvaluationRow
from napari_stego.evaluation.table import csv_text, json_values, markdown
from napari_stego.files import replacing, write_json
from napari_stego.progress import CancelToken


def write_report(
    evaluation: Evaluation, folder: Path, cancel: CancelToken | None = None
) -> tuple[Path, ...]:
    """Write everything that an evaluation found.

    ``evaluation.json``, ``.csv`` and ``.md`` hold the table with published
    numbers beside ours, ``per_class_iou.csv`` the IoU of each class, the
    folder ``confusion`` the confusion matrices, and ``curves.csv`` the
    precision-recall curves. Matrices and curves are also plotted, as PNG and
    SVG, if matplotlib is installed.

    Parameters
    ----------
    evaluation : Evaluation
        The scores.
    folder : Path
        Where; it is made, and files of these names are replaced.
    cancel : CancelToken, optional
        Obeyed between files.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    StegoError
        If a file cannot be written.
    Cancelled
        If `cancel` is set.
    """
    folder = folder.expanduser().absolute()
    plots = plots_available()
    written = [folder / f"evaluation{suffix}" for suffix in (".json", ".csv", ".md")]
    write_json(written[0], json_values(evaluation))
    _write(written[1], csv_text(evaluation))
    _write(written[2], markdown(evaluation))
    written.append(_write(folder / "per_class_iou.csv", _csv(_per_class(evaluation))))
    for row in evaluation.rows:
        for kind, scores in _kinds(row).items():
            if cancel is not None:
                cancel.raise_if_cancelled()
            path = folder / "confusion" / f"{_plain(row.name)}-{_plain(kind)}"
            table = _confusion(scores, evaluation.class_names)
            written.append(_write(path.with_name(path.name + ".csv"), _csv(table)))
            if plots:
                title = f"{row.name}, {kind}"
                written += plot_confusion(scores, evaluation.class_names, title, path)
    if any(row.curves is not None for row in evaluation.rows):
        written.append(_write(folder / "curves.csv", _csv(_curves(evaluation))))
        if plots:
            written += plot_curves(evaluation, folder / "curves")
    return tuple(written)


def _kinds(row: EvaluationRow) -> dict[str, Scores]:
    found = {
        "Hungarian": row.matched,
        "many-to-one": row.many_to_one,
        "named": row.named,
        "joined": row.joined,
        "linear probe": row.linear_probe,
    }
    return {kind: scores for kind, scores in found.items() if scores is not None}


def _per_class(evaluation: Evaluation) -> Iterable[Sequence[Any]]:
    scores = [
        (f"{row.name}, {kind}", found)
        for row in evaluation.rows
        for kind, found in _kinds(row).items()
    ]
    yield ["id", "class", *(name for name, _ in scores)]
    for index, name in enumerate(evaluation.class_names):
        ious = (found.per_class_iou[index] for _, found in scores)
        yield [evaluation.classes[index], name, *("" if iou != iou else iou for iou in ious)]


def _confusion(scores: Scores, class_names: Sequence[str]) -> Iterable[Sequence[Any]]:
    yield ["class of the mask", *class_names, "none"]
    for name, counts in zip(class_names, scores.confusion.tolist(), strict=True):
        yield [name, *counts]


def _curves(evaluation: Evaluation) -> Iterable[Sequence[Any]]:
    yield ["name", "score", "pairs", "recall", "precision", "threshold"]
    for row in evaluation.rows:
        for score, curves in (("cosine", row.curves), ("CRF", row.refined_curves)):
            for kind, curve in (curves or {}).items():
                points = zip(curve.recall, curve.precision, curve.threshold, strict=True)
                for point in points:
                    yield [row.name, score, kind, *(f"{value:.6g}" for value in point)]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _csv(lines: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()


def _write(path: Path, text: str) -> Path:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
