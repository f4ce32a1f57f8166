"""Plots of an evaluation, drawn by matplotlib, which is only imported here and when needed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_stego.errors import StegoError
from napari_stego.evaluation.matching import Scores
from napari_stego.evaluation.results import Evaluation
from napari_stego.evaluation.table import PAIR_NAMES
from napari_stego.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plots_available() -> bool:
    """Tell whether matplotlib is installed.

    Returns
    -------
    bool
        True if plots can be drawn.
    """
    return importlib.util.find_spec("matplotlib") is not None


def plot_curves(evaluation: Evaluation, path: Path) -> tuple[Path, ...]:
    """Plot the precision-recall curves of correspondences.

    Parameters
    ----------
    evaluation : Evaluation
        With curves.
    path : Path
        The files to write, but for their suffixes.

    Returns
    -------
    tuple of Path
        A PNG and an SVG.

    Raises
    ------
    StegoError
        If matplotlib is not installed, or a file cannot be written.
    """
    drawn = [
        (name, curves)
        for row in evaluation.rows
        for name, curves in (
            (row.name, row.curves),
            (f"{row.name}, CRF", row.refined_curves),
        )
        if curves is not None
    ]
    kinds = [kind for kind in PAIR_NAMES if any(kind in curves for _, curves in drawn)]
    figure = _figure(5 * len(kinds), 4.5)
    for number, kind in enumerate(kinds, start=1):
        axes = figure.add_subplot(1, len(kinds), number)
        for name, curves in drawn:
            curve = curves[kind]
            label = f"{name} (AP {100 * curve.average_precision:.1f})"
            axes.plot(curve.recall, curve.precision, label=label)
        guess = drawn[0][1][kind].base_rate
        axes.axhline(guess, color="grey", linestyle=":", label=f"guessing ({100 * guess:.1f})")
        axes.set(
            title=PAIR_NAMES[kind], xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1)
        )
        axes.legend(fontsize=7)
    return _save(figure, path)


def plot_confusion(
    scores: Scores, class_names: Sequence[str], title: str, path: Path
) -> tuple[Path, ...]:
    """Plot a confusion matrix, each row as shares of its class.

    Parameters
    ----------
    scores : Scores
        With the matrix.
    class_names : sequence of str
        Names of the classes.
    title : str
        Above the plot.
    path : Path
        The files to write, but for their suffixes.

    Returns
    -------
    tuple of Path
        A PNG and an SVG.

    Raises
    ------
    StegoError
        If matplotlib is not installed, or a file cannot be written.
    """
    matrix = scores.confusion
    columns = [*class_names, "none"]
    if not matrix[:, -1].any():
        matrix, columns = matrix[:, :-1], columns[:-1]
    shares = matrix / np.maximum(scores.confusion.sum(axis=1, keepdims=True), 1)
    side = 3 + 0.35 * len(class_names)
    figure = _figure(side + 1, side)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=8)
    axes.set_yticks(range(len(class_names)), class_names, fontsize=8)
    axes.set(title=title, xlabel="found", ylabel="class of the mask")
    figure.colorbar(image, label="share of the class")
    return _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    if not plots_available():
        raise StegoError(
            'Plots need matplotlib. Install it with `pip install "napari-stego[plots]"`.'
        )
    # Not pyplot, which would choose a window system and keep every figure.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, path: Path) -> tuple[Path, ...]:
    from matplotlib import rc_context

    written = []
    for suffix in (".png", ".svg"):
        file = path.with_name(path.name + suffix)
        # Without a date and with names that are not drawn by lot, equal plots are equal files.
        metadata = {"Date": None} if suffix == ".svg" else {}
        with replacing(file) as temporary, rc_context({"svg.hashsalt": file.name}):
            figure.savefig(temporary, dpi=150, metadata=metadata)
        written.append(file)
    return tuple(written)
