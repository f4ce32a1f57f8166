"""A word about what is under the mouse, in the status bar of the window."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel, QStatusBar, QWidget


class StatusWord:
    """Tells something at the right end of the status bar.

    napari's own places are taken by what it says of the pixel and of the
    selected layer.

    Parameters
    ----------
    owner : QWidget
        A widget in the window.
    """

    def __init__(self, owner: QWidget) -> None:
        self._owner = owner
        self._label: QLabel | None = None

    def tell(self, text: str) -> None:
        """Tell it.

        Parameters
        ----------
        text : str
            Empty for nothing.
        """
        if self._label is None and text:
            bar = self._owner.window().findChild(QStatusBar)
            if bar is None:
                return  # the dock floats
            self._label = QLabel(bar)
            bar.addPermanentWidget(self._label)
        if self._label is not None:
            self._label.setText(text)
            self._label.setVisible(bool(text))

    def leave(self) -> None:
        """Leave the status bar."""
        if self._label is not None:
            self._label.deleteLater()
            self._label = None
