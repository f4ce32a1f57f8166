"""How a training goes, in three tabs: its curves, its histograms, and a preview."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QTabWidget, QWidget

from napari_stego.gui.curves import TrainingCurves
from napari_stego.gui.histograms import HistogramPlots
from napari_stego.gui.live_preview import LivePreview
from napari_stego.stego import CorrespondenceHistograms, StegoRun, StepRecord

_HEIGHT = 220


class TrainingView(QTabWidget):
    """The plots of a training; not there while there is nothing to show.

    Parameters
    ----------
    parent : QWidget
        Owner.

    Attributes
    ----------
    curves : TrainingCurves
        The first tab.
    histograms : HistogramPlots
        The second.
    preview : LivePreview
        The third.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.curves = TrainingCurves(self)
        self.histograms = HistogramPlots(self)
        self.addTab(self.curves, "Curves")
        self.preview = LivePreview(self)
        self.addTab(self.histograms, "Histograms")
        self.addTab(self.preview, "Preview")
        self.setTabToolTip(0, "Loss and mean correspondence, step by step")
        self.setTabToolTip(1, "How often correspondences have which value")
        self.setTabToolTip(2, "Clusters of the photograph on show, while the head is trained")
        self.setFixedHeight(_HEIGHT)
        self.hide()

    def start(self) -> None:
        """Clear, for another training; plots that are there stay where they are."""
        self.curves.start()
        self.histograms.show_counts(None)
        self.preview.clear()

    def show_run(self, run: StegoRun | None) -> None:
        """Show a run that is there already.

        Parameters
        ----------
        run : StegoRun or None
            The run; None for nothing.
        """
        if run is None:
            self.start()
            self.hide()
            return
        self.curves.start(run.history)
        self.histograms.show_counts(run.histograms)
        self.setVisible(bool(run.history))

    def extend(self, records: Sequence[StepRecord]) -> None:
        """Draw further steps.

        Parameters
        ----------
        records : sequence of StepRecord
            The steps, in order.
        """
        self.curves.extend(records)
        self.show()

    def show_counts(self, histograms: CorrespondenceHistograms) -> None:
        """Draw newer histograms.

        Parameters
        ----------
        histograms : CorrespondenceHistograms
            The histograms.
        """
        self.histograms.show_counts(histograms)
