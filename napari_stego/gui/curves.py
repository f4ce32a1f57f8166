"""Live curves of a training: the loss, and how much pairs of images correspond."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QGridLayout, QWidget

from napari_stego.stego import StegoSettings, StepRecord

# Okabe and Ito: told apart by colour-blind eyes, on light and dark ground.
_COLOURS = {"self": "#009e73", "knn": "#56b4e9", "random": "#e69f00"}
_LOSS_COLOUR = "#cc79a7"
_MEANINGS = {
    "self": "an image with itself",
    "knn": "an image with one of its nearest neighbours",
    "random": "two random images: should stay low, or the codes collapse",
}


class TrainingCurves(QWidget):
    """Two small plots that grow while a head is trained.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._records: list[StepRecord] = []
        self._loss_plot = _plot("loss")
        # A legend would cover the curves: the title names them in their colours.
        names = " ".join(f"<span style='color:{c}'>{role}</span>" for role, c in _COLOURS.items())
        self._pairs_plot = _plot(f"correspondence: {names}")
        self._pairs_plot.setToolTip(
            "Mean code correspondence.\n"
            + "\n".join(f"{role}: {meaning}" for role, meaning in _MEANINGS.items())
            + "\nDashed: what the control of the shifts aims at."
        )
        self._loss_plot.setToolTip("Weighted sum of the three terms of the STEGO loss.")
        self._loss = self._loss_plot.plot(pen=_LOSS_COLOUR)
        self._pairs = {role: self._pairs_plot.plot(pen=colour) for role, colour in _COLOURS.items()}
        self._targets = {
            role: pg.InfiniteLine(
                angle=0, pen=pg.mkPen(colour, style=Qt.PenStyle.DashLine, width=1)
            )
            for role, colour in _COLOURS.items()
        }
        for line in self._targets.values():
            line.setVisible(False)
            self._pairs_plot.addItem(line)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._loss_plot, 0, 0)
        layout.addWidget(self._pairs_plot, 0, 1)
        layout.setColumnStretch(0, 2)
        layout.setColumnStretch(1, 3)
        self.setFixedHeight(120)
        self._follow_theme()

    @property
    def records(self) -> list[StepRecord]:
        """The steps on show."""
        return self._records

    def start(self, settings: StegoSettings, records: Sequence[StepRecord] = ()) -> None:
        """Clear, for another training.

        Parameters
        ----------
        settings : StegoSettings
            Of the training.
        records : sequence of StepRecord
            Steps that were done already.
        """
        self._records = []
        targets = settings.targets.model_dump(by_alias=True)
        for role, line in self._targets.items():
            line.setValue(targets[role])
            line.setVisible(settings.shifts is None)
        self.extend(records)

    def extend(self, records: Sequence[StepRecord]) -> None:
        """Draw further steps.

        Parameters
        ----------
        records : sequence of StepRecord
            The steps, in order.
        """
        if self._records and records and records[0].step <= self._records[-1].step:
            self._records = []
        self._records.extend(records)
        steps = [record.step for record in self._records]
        self._loss.setData(steps, [record.loss for record in self._records])
        for role, curve in self._pairs.items():
            points = [
                (r.step, r.correspondence[role]) for r in self._records if role in r.correspondence
            ]
            curve.setData([x for x, _ in points], [y for _, y in points])
        self.setVisible(bool(self._records))

    def changeEvent(self, event: QEvent) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.StyleChange}:
            self._follow_theme()

    def _follow_theme(self) -> None:
        palette = self.palette()
        ink = palette.color(QPalette.ColorRole.WindowText)
        for plot in (self._loss_plot, self._pairs_plot):
            plot.setBackground(palette.color(QPalette.ColorRole.Window))
            item = plot.getPlotItem()
            item.titleLabel.setText(item.titleLabel.text, color=ink.name())
            for side in ("left", "bottom"):
                item.getAxis(side).setPen(ink)
                item.getAxis(side).setTextPen(ink)


def _plot(title: str) -> pg.PlotWidget:
    plot = pg.PlotWidget()
    item = plot.getPlotItem()
    item.setTitle(title, size="7pt")
    item.hideButtons()
    item.setMenuEnabled(False)
    item.setMouseEnabled(False, False)
    for side in ("left", "bottom"):
        axis = item.getAxis(side)
        font = plot.font()
        font.setPointSize(7)
        axis.setTickFont(font)
    return plot
