"""The choice of how clicks become a region: a cut, or regions of a size."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QRadioButton, QSlider, QVBoxLayout, QWidget

_STEPS = 100
_PAGE = 5
_FIRST = 50


class WayChoice(QWidget):
    """Asks whether clicks cut a region out, or take the regions that they are in.

    Signals: ``changed``, when it is another way, or size.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.cut = QRadioButton("Cu&t", self)
        self.cut.setToolTip(
            "Cut along the edges of the photograph: one region around all clicks that has none of "
            "the Ctrl+clicks (Alt+T)"
        )
        self.region = QRadioButton("Regio&n", self)
        self.region.setToolTip(
            "Take the whole region that each click is in, from small patches to large things "
            "(Alt+N)"
        )
        self.cut.setChecked(True)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, _STEPS)
        self.slider.setPageStep(_PAGE)
        self.slider.setValue(_FIRST)
        self.slider.setAccessibleName("Size of the regions, from fine to coarse")
        self.slider.setToolTip("To the left smaller regions, to the right larger ones ([ and ])")
        self.count = QLabel(self)
        self.count.setAccessibleName("Number of regions in the photograph")
        row, sizes = QHBoxLayout(), QHBoxLayout()
        row.addWidget(self.cut)
        row.addWidget(self.region)
        row.addStretch(1)
        row.addWidget(self.count)
        self.fine, self.coarse = QLabel("fine", self), QLabel("coarse", self)
        for widget in (self.fine, self.slider, self.coarse):
            sizes.addWidget(widget, 1 if widget is self.slider else 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addLayout(sizes)
        self.region.toggled.connect(self._tell)
        self.slider.valueChanged.connect(lambda *_: self.changed.emit())
        self._tell()

    @property
    def level(self) -> float | None:
        """Level of the regions, in ``[0, 1]``; None for a cut."""
        return self.slider.value() / _STEPS if self.region.isChecked() else None

    def step(self, steps: int) -> None:
        """Make regions larger or smaller.

        Parameters
        ----------
        steps : int
            How often; negative for smaller.
        """
        self.slider.setValue(self.slider.value() + steps * _PAGE)

    def tell(self, regions: int | None) -> None:
        """Tell how many regions there are.

        Parameters
        ----------
        regions : int, optional
            None to tell nothing.
        """
        wanted = regions is not None and self.region.isChecked()
        self.count.setText(f"{regions:,} region{'s' * (regions != 1)}" if wanted else "")

    def _tell(self, *_: object) -> None:
        for widget in (self.fine, self.slider, self.coarse):
            widget.setEnabled(self.region.isChecked())
        self.changed.emit()
