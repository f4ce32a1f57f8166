"""Evaluations as tables: columns, JSON values, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_stego.evaluation.matching import Scores
from napari_stego.evaluation.pairs import PairKind
from napari_stego.evaluation.published import PROTOCOL, PublishedResult
from napari_stego.evaluation.results import Curves, Evaluation, EvaluationRow

PAIR_NAMES: dict[PairKind, str] = {
    "self": "same image",
    "knn": "neighbours",
    "random": "random images",
}
"""What each kind of pair is called in tables and plots."""


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    title : str
        What a reader sees; accuracies and mIoUs come in pairs of columns.
    key : str
        Unique, for CSV.
    of_row : callable
        The value of one of our rows, a fraction of 1; None for none.
    of_published : callable
        The value of a published result.
    """

    title: str
    key: str
    of_row: Callable[[EvaluationRow], float | None]
    of_published: Callable[[PublishedResult], float | None] = lambda result: None


def columns(evaluation: Evaluation) -> tuple[Column, ...]:
    """List the columns that an evaluation has values for.

    Parameters
    ----------
    evaluation : Evaluation
        The scores.

    Returns
    -------
    tuple of Column
        Matched clusters first.
    """
    rows = evaluation.rows
    found = [
        Column(
            f"accuracy (K={len(evaluation.classes)}, Hungarian)",
            "hungarian_accuracy",
            lambda row: row.matched.accuracy,
            lambda result: result.accuracy,
        ),
        Column(
            "mIoU",
            "hungarian_miou",
            lambda row: row.matched.miou,
            lambda result: result.miou,
        ),
        *_scores("many-to-one", "many_to_one", lambda row: row.many_to_one),
    ]
    if evaluation.named_clusters is not None:
        title = f"K={evaluation.named_clusters}, named"
        found += _scores(title, "named", lambda row: row.named)
        title = f"K={evaluation.named_clusters}, joined to {len(evaluation.classes)}, Hungarian"
        found += _scores(title, "joined", lambda row: row.joined)
    has_linear = any(result.linear_accuracy is not None for result in evaluation.published)
    if has_linear or any(row.linear_probe is not None for row in rows):
        found += _scores(
            "linear probe",
            "linear_probe",
            lambda row: row.linear_probe,
            lambda result: result.linear_accuracy,
            lambda result: result.linear_miou,
        )
    if any(row.curves is not None for row in rows):
        found += [_precision(kind, lambda row: row.curves) for kind in PAIR_NAMES]
    if any(row.refined_curves is not None for row in rows):
        found += [_precision(kind, lambda row: row.refined_curves, "CRF") for kind in PAIR_NAMES]
    return tuple(found)


def _scores(
    title: str,
    key: str,
    scores: Callable[[EvaluationRow], Scores | None],
    accuracy: Callable[[PublishedResult], float | None] = lambda result: None,
    miou: Callable[[PublishedResult], float | None] = lambda result: None,
) -> list[Column]:
    def value(name: str) -> Callable[[EvaluationRow], float | None]:
        def of_row(row: EvaluationRow) -> float | None:
            found = scores(row)
            return None if found is None else float(getattr(found, name))

        return of_row

    return [
        Column(f"accuracy ({title})", f"{key}_accuracy", value("accuracy"), accuracy),
        Column("mIoU", f"{key}_miou", value("miou"), miou),
    ]


def _precision(
    kind: PairKind, curves: Callable[[EvaluationRow], Curves | None], suffix: str = ""
) -> Column:
    def of_row(row: EvaluationRow) -> float | None:
        found = (curves(row) or {}).get(kind)
        if found is None or math.isnan(found.average_precision):
            return None
        return found.average_precision

    title = f"AP ({PAIR_NAMES[kind]}{', ' + suffix if suffix else ''})"
    return Column(title, "_".join(filter(None, ("ap", kind, suffix.lower()))), of_row)


def table_lines(evaluation: Evaluation) -> list[list[str]]:
    """Lay out the table as text: a header, our rows, published rows.

    Parameters
    ----------
    evaluation : Evaluation
        The scores.

    Returns
    -------
    list of list of str
        Lines of equal length; scores in percent, an empty cell for none.
    """

    def percent(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.1f}"

    wanted = columns(evaluation)
    return [
        ["", *(column.title for column in wanted)],
        *(
            [row.name, *(percent(column.of_row(row)) for column in wanted)]
            for row in evaluation.rows
        ),
        *(
            [f"published: {result.name}", *(percent(c.of_published(result)) for c in wanted)]
            for result in evaluation.published
        ),
    ]


def caption(evaluation: Evaluation) -> str:
    """Say in a line what a table is of.

    Parameters
    ----------
    evaluation : Evaluation
        The scores.

    Returns
    -------
    str
        Without a full stop.
    """
    what = f"{evaluation.dataset}: " if evaluation.dataset is not None else ""
    left_out = len(evaluation.left_out)
    without = f" ({left_out} left out, whose masks do not fit)" if left_out else ""
    images = f"{evaluation.images} image{'' if evaluation.images == 1 else 's'}"
    return f"{what}{images}{without}, {len(evaluation.classes)} classes; percent of pixels"


def markdown(evaluation: Evaluation) -> str:
    """Write the table, the IoU of each class, and what it was made with, in Markdown.

    Parameters
    ----------
    evaluation : Evaluation
        The scores.

    Returns
    -------
    str
        The text.
    """
    header, *body = table_lines(evaluation)
    parts = [caption(evaluation) + ".", _markdown_table([header, *body])]
    if evaluation.published:
        sources = dict.fromkeys(result.source for result in evaluation.published)
        names = {s: [r.name for r in evaluation.published if r.source == s] for s in sources}
        parts.append("\n".join(f"- {', '.join(names[s])}: {s}." for s in sources))
        parts.append(PROTOCOL)
    parts.append("IoU of each class, clusters matched by the Hungarian method:")
    lines = [["", *(row.name for row in evaluation.rows)]]
    for index, name in enumerate(evaluation.class_names):
        ious = [row.matched.per_class_iou[index] for row in evaluation.rows]
        lines.append([name, *("" if math.isnan(iou) else f"{100 * iou:.1f}" for iou in ious)])
    parts.append(_markdown_table(lines))
    conditions = evaluation.conditions.items()
    parts.append("\n".join(f"- {name}: {_in_words(value)}" for name, value in conditions))
    return "\n\n".join(parts) + "\n"


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(part)}" for name, part in value.items())
    return "none" if value is None else str(value)


def _markdown_table(lines: list[list[str]]) -> str:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    header, *body = lines
    return "\n".join([line(header), "|" + "---|" * len(header), *map(line, body)])


def csv_text(evaluation: Evaluation) -> str:
    """Write the table as CSV.

    Parameters
    ----------
    evaluation : Evaluation
        The scores.

    Returns
    -------
    str
        A header, and a line for each of our rows and each published one, with
        its source; scores are fractions of 1.
    """
    wanted = columns(evaluation)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", "source", *(column.key for column in wanted)])
    for row in evaluation.rows:
        writer.writerow([row.name, "", *(column.of_row(row) for column in wanted)])
    for result in evaluation.published:
        values = (column.of_published(result) for column in wanted)
        writer.writerow([result.name, result.source, *values])
    return out.getvalue()


def json_values(evaluation: Evaluation) -> dict[str, Any]:
    """Turn an evaluation into values for JSON.

    Parameters
    ----------
    evaluation : Evaluation
        The scores.

    Returns
    -------
    dict
        Accuracies, IoUs and average precisions are fractions of 1, None for none.
    """
    return {
        "dataset": evaluation.dataset,
        "images": evaluation.images,
        "left_out": list(evaluation.left_out),
        "classes": evaluation.classes.tolist(),
        "class_names": list(evaluation.class_names),
        "conditions": evaluation.conditions,
        "rows": [
            {
                "name": row.name,
                "hungarian": _score_values(row.matched),
                "many_to_one": _score_values(row.many_to_one),
                "named": _score_values(row.named),
                "joined": _score_values(row.joined),
                "linear_probe": _score_values(row.linear_probe),
                "average_precision": _precisions(row.curves),
                "average_precision_crf": _precisions(row.refined_curves),
            }
            for row in evaluation.rows
        ],
        "published": [vars(result) for result in evaluation.published],
    }


def _score_values(scores: Scores | None) -> dict[str, Any] | None:
    if scores is None:
        return None
    return {
        "accuracy": scores.accuracy,
        "miou": scores.miou,
        "per_class_iou": [None if math.isnan(iou) else float(iou) for iou in scores.per_class_iou],
        "confusion": scores.confusion.tolist(),
    }


def _precisions(curves: Curves | None) -> dict[str, float | None] | None:
    if curves is None:
        return None
    found = {kind: curve.average_precision for kind, curve in curves.items()}
    return {kind: None if math.isnan(value) else value for kind, value in found.items()}
