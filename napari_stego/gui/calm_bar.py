"""A progress bar that does not hold up the window."""

from __future__ import annotations

from qtpy.QtWidgets import QProgressBar


class CalmBar(QProgressBar):
    """A progress bar that is painted when all else is.

    Qt's own paints each change at once, and with it the whole window.
    """

    def fill(self, done: int, total: int, text: str) -> None:
        """Show how far it is.

        Parameters
        ----------
        done, total : int
            Of the steps; with a total of 0 it only shows that something is going on.
        text : str
            What is written in it, as Qt's format.
        """
        self.setUpdatesEnabled(False)
        self.setRange(0, total)
        self.setValue(done)
        self.setFormat(text)
        self.setUpdatesEnabled(True)
