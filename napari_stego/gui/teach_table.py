"""The table of what each class would gain and lose."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_stego.classes import ClassTable
from napari_stego.gui.class_colormap import swatch
from napari_stego.gui.number_texts import share_text
from napari_stego.project.proposed_changes import ProposedChanges

_TITLES = ("Class", "This photograph", "All photographs")
_SHOWN_ROWS = 5
_ROW_HEIGHT = 22
_ID = Qt.ItemDataRole.UserRole


class ChangesTable(QTableWidget):
    """Tells, class by class, what accepting the proposals would change.

    Classes that gain come first, most of all photographs first; then those
    that only lose. What has no name yet and gains nothing is one row at the
    end. Signals: ``chosen``, when another class is.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    chosen = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(0, len(_TITLES), parent)
        self.setHorizontalHeaderLabels(_TITLES)
        self.setAccessibleName("What would change, by class")
        self.setToolTip(
            "Share of the pixels that each class would gain (+) and lose (-). Choose a class to "
            "take over what becomes it."
        )
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setMinimumHeight(_SHOWN_ROWS * _ROW_HEIGHT + 28)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.itemSelectionChanged.connect(self.chosen)

    @property
    def class_id(self) -> int | None:
        """The class that is chosen; None if there is none."""
        rows = self.selectionModel().selectedRows()
        item = self.item(rows[0].row(), 0) if rows else None
        return item.data(_ID) if item is not None else None

    def choose(self, class_id: int) -> None:
        """Choose a class.

        Parameters
        ----------
        class_id : int
            One that is not listed changes nothing.
        """
        for row in range(self.rowCount()):
            if self.item(row, 0).data(_ID) == class_id:
                self.selectRow(row)

    def tell(
        self, table: ClassTable | None, here: ProposedChanges | None, everywhere: ProposedChanges
    ) -> None:
        """Show what would change.

        Parameters
        ----------
        table : ClassTable, optional
            The classes; None for none.
        here : ProposedChanges, optional
            On the photograph on show; None if that is not known.
        everywhere : ProposedChanges
            In all photographs, as far as they were looked at.
        """
        here = here or ProposedChanges()
        before = self.class_id
        shares = [(each.gained, each.lost) for each in (here, everywhere)]
        of_class = {i: [_of(pair, i) for pair in shares] for i in _ids(shares)}
        rows = [row for row in (table.rows if table is not None else ()) if row.id in of_class]
        own = [row for row in rows if row.named or any(gain for gain, _ in of_class[row.id])]
        own.sort(
            key=lambda row: (
                *(-share for pair in reversed(of_class[row.id]) for share in pair),
                row.name.casefold(),
            )
        )
        rest = [of_class[row.id] for row in rows if row not in own]
        blocked = self.blockSignals(True)
        self.setRowCount(len(own) + bool(rest))
        for place, row in enumerate(own):
            words = f"{row.name} (locked)" if row.locked else row.name
            item = QTableWidgetItem(swatch(row.colour), words)
            item.setData(_ID, row.id)
            item.setToolTip(row.name)
            self._fill(place, item, of_class[row.id])
        if rest:
            words = f"{len(rest)} class{'es' * (len(rest) != 1)} without a name"
            lost = [(0.0, sum(each[k][1] for each in rest)) for k in range(len(shares))]
            self._fill(len(own), QTableWidgetItem(words), lost)
        self.clearSelection()
        if before is not None:
            self.choose(before)
        self.blockSignals(blocked)
        if self.class_id != before:
            self.chosen.emit()

    def _fill(self, place: int, name: QTableWidgetItem, shares: list[tuple[float, float]]) -> None:
        self.setItem(place, 0, name)
        for column, pair in enumerate(shares, 1):
            item = QTableWidgetItem(_change_text(*pair))
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(place, column, item)


_Shares = tuple[dict[int, float], dict[int, float]]


def _of(shares: _Shares, class_id: int) -> tuple[float, float]:
    gained, lost = shares
    return gained.get(class_id, 0.0), lost.get(class_id, 0.0)


def _ids(shares: list[_Shares]) -> set[int]:
    return {class_id for pair in shares for each in pair for class_id in each}


def _change_text(gained: float, lost: float) -> str:
    texts = [f"{sign}{share_text(share)}" for sign, share in (("+", gained), ("-", lost)) if share]
    return "  ".join(texts)
