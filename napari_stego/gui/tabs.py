"""Panels side by side in tabs, each of which scrolls when the window is small."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QFrame, QScrollArea, QTabWidget, QVBoxLayout, QWidget


class PanelTabs(QTabWidget):
    """The panels, in the order of the work; Alt+1 goes to the first, and so on.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setDocumentMode(True)
        self.setUsesScrollButtons(False)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self._pages: dict[QWidget, int] = {}

    def add(self, title: str, tip: str, panels: Sequence[QWidget], growing: QWidget | None) -> None:
        """Add a tab.

        Parameters
        ----------
        title, tip : str
            What it is called, and what is done there.
        panels : sequence of QWidget
            From top to bottom; `show_panel` finds the tab by any of them.
        growing : QWidget, optional
            The panel that takes the room that is left; by default it stays empty.
        """
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(6, 6, 6, 4)
        layout.setSpacing(6)
        for panel in panels:
            layout.addWidget(panel, 1 if panel is growing else 0)
        if growing is None:
            layout.addStretch(1)
        index = self.addTab(_Scrolling(content, self), title)
        self._pages.update(dict.fromkeys(panels, index))
        key = f"Alt+{index + 1}"
        self.setTabToolTip(index, f"{tip} ({key})")
        shortcut = QShortcut(QKeySequence(key), self)
        shortcut.activated.connect(lambda: self.setCurrentIndex(index))

    def show_panel(self, panel: QWidget) -> None:
        """Go to the tab of a panel.

        Parameters
        ----------
        panel : QWidget
            One that was added.
        """
        self.setCurrentIndex(self._pages[panel])

    def shows(self, panel: QWidget) -> bool:
        """Tell whether the tab of a panel is the current one.

        Parameters
        ----------
        panel : QWidget
            One that was added.

        Returns
        -------
        bool
            Whether it is.
        """
        return self.currentIndex() == self._pages[panel]


class _Scrolling(QScrollArea):
    """Scrolls its content up and down, and is always wide enough for it."""

    def __init__(self, content: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(self.widget().minimumSizeHint().width() + bar, 200)
