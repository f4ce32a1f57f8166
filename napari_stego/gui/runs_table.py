"""The runs of the project: listed, compared over the photograph on show, one picked."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_stego.project import KeptRun

_HEADINGS = ("run", "steps", "D", "seed", "random", "knn", "self", "quality")
_TIPS = (
    "Key of the run, as the command line names it; bold: the one whose codes are clustered",
    "Steps of the training",
    "Numbers in a code",
    "Seed of the training",
    "Mean code correspondence of random pairs of photographs: near 0, or the codes collapse",
    "Mean code correspondence of a photograph with its nearest neighbours",
    "Mean code correspondence of a photograph with itself",
    "Quality of clusters from 0 to 1, told without labels; empty for a run that was not judged",
)
_ROWS = 4


class RunsTable(QWidget):
    """Lists runs; hidden while there are fewer than two.

    Signals: ``picked`` (key), to cluster that run's codes; ``compared``
    (tuple of keys), to show runs side by side.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    picked = Signal(str)
    compared = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._runs: tuple[KeptRun, ...] = ()
        self._free = True
        self.table = QTableWidget(0, len(_HEADINGS), self)
        self.table.setAccessibleName("Runs")
        self.table.setHorizontalHeaderLabels(_HEADINGS)
        for column, tip in enumerate(_TIPS):
            self.table.horizontalHeaderItem(column).setToolTip(tip)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.itemSelectionChanged.connect(self._follow)
        self.use = QPushButton("Use this run", self)
        self.use.setToolTip("Cluster the codes of the selected run; the other runs are kept")
        self.use.clicked.connect(self._pick)
        self.compare = QPushButton("Compare…", self)
        self.compare.setToolTip(
            "Show the selected runs side by side, or all if one is selected: their curves, their "
            "quality, and their clusters on the photograph on show"
        )
        self.compare.clicked.connect(self._compare)
        buttons = QHBoxLayout()
        buttons.addWidget(self.use)
        buttons.addWidget(self.compare)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        layout.addLayout(buttons)
        self.show_runs(())

    @property
    def selected(self) -> tuple[str, ...]:
        """Keys of the selected runs, from top to bottom."""
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        return tuple(self._runs[row].key for row in rows)

    def show_runs(self, runs: Sequence[KeptRun]) -> None:
        """List runs.

        Parameters
        ----------
        runs : sequence of KeptRun
            The newest first.
        """
        self._runs = tuple(runs)
        self.table.setRowCount(len(self._runs))
        for row, kept in enumerate(self._runs):
            for column, text in enumerate(_texts(kept)):
                item = QTableWidgetItem(text)
                font = item.font()
                font.setBold(kept.latest)
                item.setFont(font)
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                item.setToolTip(_tip(kept))
                self.table.setItem(row, column, item)
        height = self.table.verticalHeader().defaultSectionSize()
        shown = min(len(self._runs), _ROWS)
        self.table.setFixedHeight(
            self.table.horizontalHeader().sizeHint().height() + shown * height + 4
        )
        self.table.clearSelection()
        self.setVisible(len(self._runs) > 1)
        self._follow()

    def set_busy(self, busy: bool) -> None:
        """Tell whether a job is running, beside which no run can be picked.

        Parameters
        ----------
        busy : bool
            Whether one is.
        """
        self._free = not busy
        self._follow()

    def _follow(self) -> None:
        chosen = [kept for kept in self._runs if kept.key in self.selected]
        one = chosen[0] if len(chosen) == 1 else None
        self.use.setEnabled(self._free and one is not None and one.run.finished and not one.latest)
        self.compare.setEnabled(self._free and sum(kept.run.finished for kept in self._runs) > 1)

    def _pick(self) -> None:
        self.picked.emit(self.selected[0])

    def _compare(self) -> None:
        selected = self.selected
        keys = selected if len(selected) > 1 else tuple(kept.key for kept in self._runs)
        self.compared.emit(keys)


def _texts(kept: KeptRun) -> tuple[str, ...]:
    run, found = kept.run, kept.correspondence
    steps = str(run.steps_done) if run.finished else f"{run.steps_done} of {run.settings.steps}"
    return (
        kept.key[:6],
        steps,
        str(run.settings.dim),
        str(run.settings.seed),
        *(f"{found[role]:.2f}" if role in found else "" for role in ("random", "knn", "self")),
        f"{kept.verdict.codes:.2f}" if kept.verdict else "",
    )


def _tip(kept: KeptRun) -> str:
    begun = f"begun {kept.begun.astimezone():%Y-%m-%d %H:%M}" if kept.begun else ""
    images = f"on {kept.images} photographs" if kept.images else ""
    parts = [kept.key, begun, images, *kept.run.warnings]
    if not kept.run.finished:
        parts.append("Not finished: train with its settings again, and it goes on.")
    return "\n".join(part for part in parts if part)
