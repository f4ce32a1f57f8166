"""The dialog that helps to choose the number of clusters: how stable they are, drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QLabel, QProgressBar, QVBoxLayout, QWidget

from napari_stego.clustering import StabilityCurve
from napari_stego.gui import work
from napari_stego.gui.jobs import Job, Jobs
from napari_stego.gui.plots import SmallPlots, small_plot
from napari_stego.gui.session import Session
from napari_stego.project import Source

_TITLE = "Measuring how stable clusters are"
# Okabe and Ito, and a grey that is seen on light and dark ground.
_CURVE, _SUGGESTED, _CHOSEN, _CHANCE = "#56b4e9", "#009e73", "#d55e00", "#808080"
_BAND_ALPHA = 70
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}

_MEANING = (
    "<b>Stable</b> means that different photographs lead to the same clusters. Your photographs "
    "are parted at random into two halves, and each half is clustered by itself. Then both sort "
    "the patches of photographs that neither has seen. Agreement is 1 where they sort alike, and "
    "0 where no better than by chance."
)
_MERGING = (
    "Clusters that are one thing to you can be merged afterwards in a moment; too few are harder "
    "to put right."
)
_NOTHING = (
    "<b>No number stands out</b>: your photographs agree no better than patches without any "
    f"groups would. Choose by eye and rather many, or add photographs. {_MERGING}"
)
_MEASURED: dict[Source, str] = {
    "codes": "Measured on the STEGO codes of the trained head.",
    "features": "Measured on the raw features: there is no trained head yet.",
}
_LEGEND = (
    f"<span style='color:{_CURVE}'>■</span> agreement, band: spread between splits &nbsp; "
    f"<span style='color:{_CHANCE}'>╌</span> patches without groups<br>"
    f"<span style='color:{_SUGGESTED}'>◆</span> suggested &nbsp; "
    f"<span style='color:{_CHOSEN}'>○</span> chosen: click, or use the arrow keys ← →"
)


class StabilityPlot(SmallPlots):
    """Agreement against K, of which one is chosen with the mouse or the arrow keys.

    Signals: ``chosen`` (int), the K, when another one is.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        self.plot = small_plot("", bottom="clusters (K)", left="agreement")
        super().__init__((self.plot,), parent)
        self._curve: StabilityCurve | None = None
        self._row = -1
        colour = pg.mkColor(_CURVE)
        colour.setAlpha(_BAND_ALPHA)
        # A PlotDataItem without a pen draws nothing, and there would be no band.
        self._edges = (pg.PlotCurveItem(pen=None), pg.PlotCurveItem(pen=None))
        self._band = pg.FillBetweenItem(*self._edges, brush=colour)
        self.plot.addItem(self._band)
        self._chance = self.plot.plot(
            pen=pg.mkPen(_CHANCE, width=2, style=Qt.PenStyle.DashLine),
        )
        self._mean = self.plot.plot(
            pen=pg.mkPen(_CURVE, width=2), symbol="o", symbolSize=6, symbolBrush=_CURVE
        )
        self._suggested = pg.ScatterPlotItem(symbol="d", size=13, brush=_SUGGESTED, pen=None)
        self._line = pg.InfiniteLine(angle=90, pen=pg.mkPen(_CHOSEN, width=1))
        # A ring, so that what is suggested can be seen within it.
        self._ring = pg.ScatterPlotItem(
            symbol="o", size=20, brush=None, pen=pg.mkPen(_CHOSEN, width=2)
        )
        for item in (self._line, self._suggested, self._ring):
            self.plot.addItem(item)
        self._line.hide()
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it would take the arrow keys
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Agreement for each number of clusters")
        self.plot.scene().sigMouseClicked.connect(self._clicked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.setMinimumSize(360, 220)

    @property
    def k(self) -> int | None:
        """The K that is chosen."""
        return (
            int(self._curve.ks[self._row]) if self._curve is not None and self._row >= 0 else None
        )

    def show_curve(self, curve: StabilityCurve, suggested: int | None) -> None:
        """Draw a curve; no K is chosen yet.

        Parameters
        ----------
        curve : StabilityCurve
            The curve.
        suggested : int or None
            One of its K, to be marked.
        """
        self._curve, self._row = curve, -1
        places = np.arange(len(curve.ks))
        chance = curve.baseline.mean(axis=1)
        self._mean.setData(places, curve.mean)
        self._chance.setData(places, chance)
        low, high = curve.mean - curve.spread, curve.mean + curve.spread
        for edge, values in zip(self._edges, (low, high), strict=True):
            edge.setData(places, values)
        marked = np.flatnonzero(curve.ks == suggested)
        self._suggested.setData(marked, curve.mean[marked])
        self._ring.setData([], [])
        self._line.hide()
        # At equal distances: small numbers would lie on top of each other.
        ticks = list(zip(places.tolist(), map(str, curve.ks.tolist()), strict=True))
        self.plot.getAxis("bottom").setTicks([ticks])
        self.plot.setXRange(-0.4, len(places) - 0.6, padding=0)
        self.plot.setYRange(min(low.min(), chance.min()), max(high.max(), chance.max()))

    def choose(self, k: int | None) -> None:
        """Choose a K.

        Parameters
        ----------
        k : int or None
            The K; one that was not measured changes nothing.
        """
        if self._curve is not None and k in self._curve.ks:
            self._go_to(int(np.flatnonzero(self._curve.ks == k)[0]))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the next K with the arrow keys, and leave other keys to the dialog."""
        step = _STEPS.get(Qt.Key(event.key()))
        if step is None or self._curve is None:
            super().keyPressEvent(event)
        elif self._row < 0:
            self._go_to(0 if step > 0 else len(self._curve.ks) - 1)
        else:
            self._go_to(self._row + step)

    def _clicked(self, event: Any) -> None:
        if self._curve is not None and event.button() == Qt.MouseButton.LeftButton:
            self.setFocus()
            self._go_to(round(self.plot.getViewBox().mapSceneToView(event.scenePos()).x()))

    def _go_to(self, row: int) -> None:
        if self._curve is None:
            return
        row = min(max(row, 0), len(self._curve.ks) - 1)
        if row == self._row:
            return
        self._row = row
        self._ring.setData([row], [self._curve.mean[row]])
        self._line.setValue(row)
        self._line.show()
        self.chosen.emit(int(self._curve.ks[row]))


class KDialog(QDialog):
    """Measures how stable clusters are for some K, and lets the user choose one.

    The measuring begins at once, as one of the jobs; the viewer stays usable.
    Closing the dialog cancels it. What was measured before comes back at once.

    Signals: ``used`` (int), the K that is to be used, when the dialog is
    accepted.

    Parameters
    ----------
    session : Session
        What is open: a project with features.
    jobs : Jobs
        Runs the measuring; nothing else is running.
    parent : QWidget
        Owner.
    """

    used = Signal(int)

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._jobs = jobs
        self._measuring = False
        self._ended = False
        self._curve: StabilityCurve | None = None
        self.setWindowTitle("How many clusters?")
        self.plot = StabilityPlot(self)
        self.legend = self._label(_LEGEND)
        self.meaning = self._label(_MEANING)
        self.suggestion = self._label("")
        self.detail = self._label("")
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 0)
        choices = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(choices.Ok | choices.Cancel, self)
        self.use = self.buttons.button(choices.Ok)
        self.use.setToolTip("Put it into the form; nothing is trained or clustered yet (Enter)")
        self._name_use(None)
        layout = QVBoxLayout(self)
        for widget in (self.meaning, self.plot, self.legend, self.suggestion, self.detail):
            layout.addWidget(widget, 1 if widget is self.plot else 0)
        layout.addWidget(self.bar)
        layout.addWidget(self.buttons)
        self.resize(500, 560)
        for widget in (self.plot, self.legend):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
            widget.hide()  # axes without a curve say nothing
        self.plot.chosen.connect(self._choose)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        jobs.progressed.connect(self._progressed)
        jobs.ended.connect(self._job_ended)
        session.segmentation_changed.connect(self._follow)
        self._measure()

    def _follow(self) -> None:
        """End when there is another head, or none: the curve may not be of it."""
        self.reject()

    def _label(self, text: str) -> QLabel:
        label = QLabel(text, self)
        label.setWordWrap(True)
        return label

    def _measure(self) -> None:
        folder = self._session.folder
        if folder is not None:
            self.suggestion.setText("Comparing photographs. This can take minutes, but only once.")
            self._measuring = self._jobs.start(
                Job(
                    _TITLE,
                    lambda reports, token: work.measure_clusters(folder, reports, token),
                    self._take,
                )
            )

    def _progressed(self, done: int, total: int, message: str) -> None:
        if self._measuring:
            self.bar.setRange(0, total)
            self.bar.setValue(done)
            self.bar.setFormat(f"{message} %p%")

    def _job_ended(self, sentence: str) -> None:
        """Say what came of the measuring; a curve, if there is one, comes after it."""
        if self._measuring:
            self._measuring = False
            self.bar.hide()
            self.suggestion.setText(sentence)

    def _take(self, measured: tuple[Source, StabilityCurve]) -> None:
        if self._ended:
            return
        source, curve = measured
        self._curve = curve
        suggested = curve.suggest()
        self.plot.show_curve(curve, suggested)
        self.suggestion.setText(
            f"{_NOTHING if suggested is None else _reason(suggested)} {_MEASURED[source]}"
        )
        for widget in (self.plot, self.legend):
            widget.show()
        self.plot.choose(suggested)
        self.plot.setFocus()

    def _choose(self, k: int) -> None:
        self._name_use(k)
        if self._curve is None:
            return
        row = int(np.flatnonzero(self._curve.ks == k)[0])
        self.detail.setText(
            f"{k} clusters: agreement {self._curve.mean[row]:.2f} ± {self._curve.spread[row]:.2f}; "
            f"patches without groups {self._curve.baseline[row].mean():.2f}."
        )

    def _name_use(self, k: int | None) -> None:
        self.use.setText("Use K" if k is None else f"Use K = {k}")
        self.use.setEnabled(k is not None)

    def accept(self) -> None:
        """Hand the chosen K over and close; without one nothing happens."""
        k = self.plot.k
        if k is not None:
            self.used.emit(k)
            super().accept()

    def done(self, result: int) -> None:
        """End, in whatever way: what is being measured for it is cancelled."""
        if self._ended:
            return
        self._ended = True
        self._session.segmentation_changed.disconnect(self._follow)
        self._jobs.progressed.disconnect(self._progressed)
        self._jobs.ended.disconnect(self._job_ended)
        if self._measuring:
            self._measuring = False
            self._jobs.cancel()
        super().done(result)


def _reason(k: int) -> str:
    return (
        f"<b>{k} clusters are suggested</b>: the largest number for which the gap between "
        "agreement and the dashed line is as wide as it gets, within the error of measuring. "
        f"{_MERGING}"
    )
