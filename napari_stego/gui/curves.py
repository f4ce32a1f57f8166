"""Live curves of a training: the loss, and how much pairs of images correspond."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QWidget

from napari_stego.gui.plots import ROLE_COLOURS, ROLE_MEANINGS, SmallPlots, small_plot
from napari_stego.stego import StepRecord

_LOSS_COLOUR = "#cc79a7"


class TrainingCurves(SmallPlots):
    """Two small plots that grow while a head is trained.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    def __init__(self, parent: QWidget) -> None:
        loss_plot = small_plot("loss")
        # A legend would cover the curves: the title names them in their colours.
        names = " ".join(f"<span style='color:{c}'>{r}</span>" for r, c in ROLE_COLOURS.items())
        pairs_plot = small_plot(f"correspondence: {names}")
        super().__init__((loss_plot, pairs_plot), parent)
        self._records: list[StepRecord] = []
        pairs_plot.setToolTip(
            "Mean code correspondence.\n"
            + "\n".join(f"{role}: {meaning}" for role, meaning in ROLE_MEANINGS.items())
            + "\nDashed: what the control of the shifts aims at."
        )
        loss_plot.setToolTip("Weighted sum of the three terms of the STEGO loss.")
        self._loss = loss_plot.plot(pen=_LOSS_COLOUR)
        self._pairs = {role: pairs_plot.plot(pen=colour) for role, colour in ROLE_COLOURS.items()}
        self._targets = {
            role: pg.InfiniteLine(
                angle=0, pen=pg.mkPen(colour, style=Qt.PenStyle.DashLine, width=1)
            )
            for role, colour in ROLE_COLOURS.items()
        }
        for line in self._targets.values():
            line.setVisible(False)
            pairs_plot.addItem(line)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(loss_plot, 0, 0)
        layout.addWidget(pairs_plot, 0, 1)
        layout.setColumnStretch(0, 2)
        layout.setColumnStretch(1, 3)

    @property
    def records(self) -> list[StepRecord]:
        """The steps on show."""
        return self._records

    def start(self, records: Sequence[StepRecord] = ()) -> None:
        """Clear, for another training.

        Parameters
        ----------
        records : sequence of StepRecord
            Steps that were done already.
        """
        self._records = []
        self.extend(records)

    def extend(self, records: Sequence[StepRecord]) -> None:
        """Draw further steps.

        Parameters
        ----------
        records : sequence of StepRecord
            The steps, in order. Where they start from the first again, another
            training has begun, and what was before is dropped.
        """
        for record in records:
            if self._records and record.step <= self._records[-1].step:
                self._records = []
            self._records.append(record)
        self._loss.setData(
            [record.step for record in self._records], [record.loss for record in self._records]
        )
        for role, curve in self._pairs.items():
            points = [
                (r.step, r.correspondence[role]) for r in self._records if role in r.correspondence
            ]
            curve.setData([x for x, _ in points], [y for _, y in points])
        targets = self._records[-1].targets if self._records else {}
        for role, line in self._targets.items():
            line.setVisible(role in targets)
            line.setValue(targets.get(role, 0.0))
