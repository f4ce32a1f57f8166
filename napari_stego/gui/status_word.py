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
            self._label = self._added()
        if self._label is not None:
            self._label.setText(text)
            self._label.setVisible(bool(text))

    def leave(self) -> None:
        """Leave the status bar."""
        if self._label is not None:
            self._label.deleteLater()
            self._label = None

    def _added(self) -> QLabel | None:
        """Add a label to the bar; that of a dock which floats is in the window it came from."""
        window: QWidget | None = self._owner.window()
        while window is not None:
            bar = window.findChild(QStatusBar)
            if bar is not None:
                label = QLabel(bar)
                bar.addPermanentWidget(label)
                return label
            window = window.parentWidget()
        return None
