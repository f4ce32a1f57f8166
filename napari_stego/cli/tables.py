"""Evaluations as text and as JSON values."""

from __future__ import annotations

from typing import Any

from napari_stego.evaluation import Scores
from napari_stego.project import Evaluation


def evaluation_values(evaluation: Evaluation) -> dict[str, Any]:
    """Turn an evaluation into values for JSON.

    Parameters
    ----------
    evaluation : Evaluation
        The scores.

    Returns
    -------
    dict
        Accuracies and IoUs are fractions of 1.
    """
    return {
        "images": evaluation.images,
        "classes": evaluation.classes.tolist(),
        "rows": [
            {
                "name": row.name,
                "hungarian": _values(row.matched),
                "named": None if row.named is None else _values(row.named),
            }
            for row in evaluation.rows
        ],
    }


def _values(scores: Scores) -> dict[str, Any]:
    per_class = [None if iou != iou else float(iou) for iou in scores.per_class_iou]
    return {
        "accuracy": float(scores.accuracy),
        "miou": float(scores.miou),
        "per_class_iou": per_class,
    }


def evaluation_text(evaluation: Evaluation, named_clusters: int) -> str:
    """Lay an evaluation out as a table.

    Parameters
    ----------
    evaluation : Evaluation
        The scores.
    named_clusters : int
        K of the named clusters.

    Returns
    -------
    str
        Lines of text, scores in percent.
    """
    n_classes = len(evaluation.classes)
    with_names = any(row.named is not None for row in evaluation.rows)
    header = ["", f"accuracy (K={n_classes}, Hungarian)", "mIoU"]
    if with_names:
        header += [f"accuracy (K={named_clusters}, named)", "mIoU"]
    lines = [header]
    for row in evaluation.rows:
        cells = [row.name, *_percent(row.matched)]
        if row.named is not None:
            cells += _percent(row.named)
        lines.append(cells)
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    body = "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
    return f"{evaluation.images} images, {n_classes} classes; percent of pixels\n{body}"


def _percent(scores: Scores) -> list[str]:
    return [f"{100 * scores.accuracy:.1f}", f"{100 * scores.miou:.1f}"]
