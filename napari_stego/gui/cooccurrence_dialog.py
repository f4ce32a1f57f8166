"""The dialog that shows how well correspondences tell which places have one label."""

from __future__ import annotations

from pathlib import Path

import pyqtgraph as pg
from magicgui.widgets import ComboBox, Container, FileEdit
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_stego.evaluation import PairKind
from napari_stego.gui.jobs import Job, Jobs
from napari_stego.gui.plots import SmallPlots, small_plot
from napari_stego.gui.session import Session
from napari_stego.project import Source
from napari_stego.project.cooccurrence import Cooccurrence, measure_cooccurrence

# Okabe and Ito, and a grey that is seen on light and dark ground.
_COLOURS: dict[Source, str] = {"codes": "#009e73", "features": "#e69f00"}
_GUESSING = "#808080"
_NAMES: dict[Source, str] = {"codes": "STEGO codes", "features": "features"}
_KINDS: dict[PairKind, str] = {
    "self": "within a photograph",
    "knn": "with neighbours",
    "random": "with random photographs",
}
_CLASSES, _MASKS = "the classes I named", "masks in a folder"
_SIDE = 230
_MEANING = (
    "Two places are taken to be of one label if they correspond enough. <b>Precision</b>: how "
    "many of those are of one label. <b>Recall</b>: how many of all that are of one label are "
    "found. The higher a curve, the better. Named classes were made of clusters, so they favour "
    "what was clustered; masks do not."
)


class CooccurrenceDialog(QDialog):
    """Draws precision and recall of correspondences; stays open beside the viewer.

    Parameters
    ----------
    session : Session
        What is open.
    jobs : Jobs
        Measures it.
    parent : QWidget
        Owner.

    Attributes
    ----------
    measured : Cooccurrence or None
        What is drawn.
    """

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Do correspondences tell things apart?")
        self._session, self._jobs = session, jobs
        self.measured: Cooccurrence | None = None
        self.form = Container(
            widgets=[
                ComboBox(
                    name="truth",
                    label="Truth",
                    choices=[_CLASSES, _MASKS],
                    value=_CLASSES,
                    tooltip="What the labels are",
                ),
                FileEdit(
                    name="masks",
                    label="Masks",
                    mode="d",
                    nullable=True,
                    value=None,
                    enabled=False,
                    tooltip="Folder of indexed or grey images of class ids, named as the "
                    "photographs",
                ),
            ],
            labels=True,
        )
        self.form["truth"].changed.connect(
            lambda value: setattr(self.form["masks"], "enabled", value == _MASKS)
        )
        self.words = QLabel(_MEANING, self)
        self.words.setWordWrap(True)
        self.plots = _Curves(self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.measure = buttons.addButton("Measure", QDialogButtonBox.ButtonRole.ActionRole)
        self.measure.setDefault(True)
        self.measure.clicked.connect(self._measure)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (self.words, self.form.native, self.plots, buttons):
            layout.addWidget(widget)
        jobs.started.connect(self._follow)
        jobs.ended.connect(self._follow)
        self._follow()

    def _follow(self, *_: object) -> None:
        self.measure.setEnabled(self._session.segmentation is not None and not self._jobs.busy)

    def _measure(self) -> None:
        segmentation, project = self._session.segmentation, self._session.project
        if segmentation is None or project is None:
            return
        chosen = self.form["masks"].value
        masks = Path(chosen) if self.form["truth"].value == _MASKS and chosen else None
        self._jobs.start(
            Job(
                "Comparing correspondences with labels",
                lambda reports, token: measure_cooccurrence(
                    segmentation, project, masks, progress=reports.progress, cancel=token
                ),
                self._show,
            )
        )

    def _show(self, measured: Cooccurrence) -> None:
        self.measured = measured
        self.plots.draw(measured)
        self.adjustSize()


class _Curves(SmallPlots):
    """One plot for each kind of pair."""

    def __init__(self, parent: QWidget) -> None:
        self._by_kind = {
            kind: small_plot(title, bottom="recall", left="precision")
            for kind, title in _KINDS.items()
        }
        super().__init__(self._by_kind.values(), parent)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        for plot in self._by_kind.values():
            plot.setXRange(0, 1)
            plot.setYRange(0, 1)
            plot.setFixedSize(_SIDE, _SIDE)
            row.addWidget(plot)
        self.legend = QLabel(self)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.legend)

    def draw(self, measured: Cooccurrence) -> None:
        for kind, plot in self._by_kind.items():
            plot.clear()
            for source, curves in measured.curves.items():
                if kind in curves:
                    pen = pg.mkPen(_COLOURS[source], width=2)
                    plot.plot(curves[kind].recall, curves[kind].precision, pen=pen)
                    rate = curves[kind].base_rate
                    pen = pg.mkPen(_GUESSING, style=Qt.PenStyle.DashLine)
                    plot.addItem(pg.InfiniteLine(rate, angle=0, pen=pen))
        lines = []
        for source, curves in measured.curves.items():
            means = ", ".join(
                f"{_KINDS[kind]} {100 * curve.average_precision:.0f} %"
                for kind, curve in curves.items()
            )
            lines.append(
                f"<span style='color:{_COLOURS[source]}'>■</span> {_NAMES[source]}: average "
                f"precision {means}"
            )
        lines.append(f"<span style='color:{_GUESSING}'>╌</span> guessing")
        lines.append(f"{measured.classes} labels in {measured.images} photographs")
        self.legend.setText("<br>".join(lines))
