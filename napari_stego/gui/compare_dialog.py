"""Runs side by side: clusters on a photograph, quality, and curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QDialog, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_stego.gui.plots import ROLE_COLOURS, SmallPlots, small_plot
from napari_stego.project import KeptRun
from napari_stego.project.comparing import SIDE, Comparison

_COLUMNS = 3
_PLOT_HEIGHT = 130


class CompareDialog(QDialog):
    """Shows a comparison; stays open beside the viewer.

    Parameters
    ----------
    name : str
        Name of the photograph.
    comparison : Comparison
        The maps.
    runs : sequence of KeptRun
        The runs of the maps.
    parent : QWidget
        Owner.
    """

    def __init__(
        self, name: str, comparison: Comparison, runs: Sequence[KeptRun], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Runs on {name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        by_key = {kept.key: kept for kept in runs}
        content = QWidget(self)
        grid = QGridLayout(content)
        grid.addWidget(_tile("photograph", comparison.photograph, None, content), 0, 0)
        self.titles = [each.title for each in comparison.maps]
        for place, each in enumerate(comparison.maps, start=1):
            tile = _tile(each.title, comparison.overlay(place - 1), by_key.get(each.key), content)
            grid.addWidget(tile, place // _COLUMNS, place % _COLUMNS)
        scrolling = QScrollArea(self)
        scrolling.setWidget(content)
        scrolling.setWidgetResizable(True)
        words = QLabel(
            "Alike clusters have one colour. They are made quickly, from a part of the "
            "photographs; below each map is how its training went.",
            self,
        )
        words.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addWidget(words)
        layout.addWidget(scrolling, 1)
        self.resize(min(_COLUMNS, len(comparison.maps) + 1) * (SIDE + 20) + 40, 640)


def _tile(
    title: str, pixels: npt.NDArray[np.uint8], kept: KeptRun | None, parent: QWidget
) -> QWidget:
    tile = QWidget(parent)
    layout = QVBoxLayout(tile)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(QLabel(title, tile))
    picture = QLabel(tile)
    held = np.ascontiguousarray(pixels)
    height, width = held.shape[:2]
    image = QImage(held.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    picture.setPixmap(QPixmap.fromImage(image))
    picture.setAccessibleName(f"Clusters: {title}")
    layout.addWidget(picture)
    if kept is not None and kept.run.history:
        layout.addWidget(_RunCurves(kept, tile))
    layout.addStretch(1)
    return tile


class _RunCurves(SmallPlots):
    """Mean code correspondence of a run, step by step."""

    def __init__(self, kept: KeptRun, parent: QWidget) -> None:
        names = " ".join(f"<span style='color:{c}'>{r}</span>" for r, c in ROLE_COLOURS.items())
        plot = small_plot(f"correspondence: {names}")
        super().__init__((plot,), parent)
        history = kept.run.history
        for role, colour in ROLE_COLOURS.items():
            if role in history[-1].correspondence:
                plot.plot(
                    [record.step for record in history],
                    [record.correspondence[role] for record in history],
                    pen=pg.mkPen(colour),
                )
        plot.setYRange(-0.1, 1.0)
        self.setFixedSize(SIDE, _PLOT_HEIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(plot)
