"""What the small plots of a training have in common: colours, size, napari's theme."""

from __future__ import annotations

from collections.abc import Iterable

import pyqtgraph as pg
from qtpy.QtCore import QEvent
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QWidget

# Okabe and Ito: told apart by colour-blind eyes, on light and dark ground.
ROLE_COLOURS = {"self": "#009e73", "knn": "#56b4e9", "random": "#e69f00"}
"""Colour of each kind of image pair."""
ROLE_MEANINGS = {
    "self": "an image with itself",
    "knn": "an image with one of its nearest neighbours",
    "random": "two random images: should stay low, or the codes collapse",
}
"""What the kinds of image pairs are, for the user."""
_TICK_HEIGHT = 10


class SmallPlots(QWidget):
    """A widget with plots in the colours of napari's theme.

    Parameters
    ----------
    plots : iterable of pyqtgraph.PlotWidget
        The plots.
    parent : QWidget
        Owner.
    """

    def __init__(self, plots: Iterable[pg.PlotWidget], parent: QWidget) -> None:
        super().__init__(parent)
        self._plots = tuple(plots)
        self._follow_theme()

    def changeEvent(self, event: QEvent) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.StyleChange}:
            self._follow_theme()

    def _follow_theme(self) -> None:
        palette = self.palette()
        ink = palette.color(QPalette.ColorRole.WindowText)
        for plot in self._plots:
            plot.setBackground(palette.color(QPalette.ColorRole.Window))
            item = plot.getPlotItem()
            item.titleLabel.setText(item.titleLabel.text, color=ink.name())
            for side in ("left", "bottom"):
                item.getAxis(side).setPen(ink)
                item.getAxis(side).setTextPen(ink)


def small_plot(title: str, bottom: str = "", left: str = "") -> pg.PlotWidget:
    """Make a plot with small letters that does not react to the mouse.

    Parameters
    ----------
    title : str
        Above the plot; may be HTML, or empty for none.
    bottom, left : str
        What the axes show; by default the axes have no names.

    Returns
    -------
    pyqtgraph.PlotWidget
        An empty plot.
    """
    plot = pg.PlotWidget()
    item = plot.getPlotItem()
    item.setTitle(title or None, size="7pt")
    item.hideButtons()
    item.setMenuEnabled(False)
    item.setMouseEnabled(False, False)
    font = plot.font()
    font.setPointSize(7)
    for side, name in (("left", left), ("bottom", bottom)):
        axis = item.getAxis(side)
        axis.setTickFont(font)
        axis.setStyle(tickTextHeight=_TICK_HEIGHT)  # pyqtgraph's leaves a gap below small letters
        if name:
            axis.enableAutoSIPrefix(False)
            item.setLabel(side, name, **{"font-size": "7pt"})
    return plot
