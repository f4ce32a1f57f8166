"""Histograms of feature and code correspondences, live and of a finished run."""

from __future__ import annotations

import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_stego.gui.plots import ROLE_COLOURS, ROLE_MEANINGS, SmallPlots, small_plot
from napari_stego.stego import HISTOGRAM_EDGES, CorrespondenceHistograms

_FILL_ALPHA = 30
_TICKS = [[(value, f"{value:g}") for value in (-1.0, -0.5, 0.0, 0.5, 1.0)]]


class HistogramPlots(SmallPlots):
    """Two small plots: what the head is shown, and what it makes of it.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    def __init__(self, parent: QWidget) -> None:
        features = small_plot("", "feature correspondence", "% of pairs")
        codes = small_plot("", "code correspondence")
        super().__init__((features, codes), parent)
        self._histograms: CorrespondenceHistograms | None = None
        roles = "\n".join(f"{role}: {meaning}" for role, meaning in ROLE_MEANINGS.items())
        features.setToolTip(
            "How often patches of two images have which cosine, by the backbone's features as "
            f"they enter the loss.\n{roles}"
        )
        codes.setToolTip(
            "The same pairs of patches, by the codes of the head. Training should part the self "
            "and knn pairs into a heap near 0 and one near 1, and leave random pairs near 0.\n"
            f"{roles}"
        )
        for plot in (features, codes):
            plot.setXRange(-1.0, 1.0, padding=0.06)
            plot.getAxis("bottom").setTicks(_TICKS)
            plot.setLimits(yMin=0.0)
        self._bars = {
            "features": {role: _bars(features, colour) for role, colour in ROLE_COLOURS.items()},
            "codes": {role: _bars(codes, colour) for role, colour in ROLE_COLOURS.items()},
        }
        self._legend = QLabel(self)
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setToolTip(roles)
        font = self._legend.font()
        font.setPointSize(8)
        self._legend.setFont(font)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._legend, 0, 0, 1, 2)
        layout.addWidget(features, 1, 0)
        layout.addWidget(codes, 1, 1)
        layout.setRowStretch(1, 1)
        self.show_counts(None)

    @property
    def histograms(self) -> CorrespondenceHistograms | None:
        """What is on show."""
        return self._histograms

    def show_counts(self, histograms: CorrespondenceHistograms | None) -> None:
        """Draw histograms in place of those before.

        Parameters
        ----------
        histograms : CorrespondenceHistograms or None
            The counts; None for nothing.
        """
        self._histograms = histograms
        for name, bars in self._bars.items():
            counts = {} if histograms is None else getattr(histograms, name)
            for role, curve in bars.items():
                total = counts[role].sum() if role in counts else 0
                curve.setVisible(bool(total))
                if total:
                    curve.setData(HISTOGRAM_EDGES, 100.0 * counts[role] / total)
        if histograms is None:
            self._legend.setText("None yet: the first come after some steps of training.")
            return
        squares = "&nbsp; ".join(
            f"<span style='color:{colour}'>■</span> {role}"
            for role, colour in ROLE_COLOURS.items()
            if role in histograms.codes
        )
        self._legend.setText(f"{squares} &nbsp; at step {histograms.step}")


def _bars(plot: pg.PlotWidget, colour: str) -> pg.PlotDataItem:
    outline = pg.mkColor(colour)
    fill = pg.mkBrush(outline.red(), outline.green(), outline.blue(), _FILL_ALPHA)
    empty = [0.0] * (len(HISTOGRAM_EDGES) - 1)
    return plot.plot(
        HISTOGRAM_EDGES, empty, stepMode="center", fillLevel=0.0, pen=outline, brush=fill
    )
