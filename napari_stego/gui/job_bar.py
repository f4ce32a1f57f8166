"""What is running, under all panels: progress, pause, cancel, and what came of it."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_stego.gui.calm_bar import CalmBar
from napari_stego.gui.jobs import Jobs

_PAUSE_TIP = (
    "Give the processor back for a while; what is running goes on where it stopped, and keeps "
    "its memory"
)


class JobBar(QWidget):
    """Shows the running job, whichever panel started it.

    Parameters
    ----------
    jobs : Jobs
        What is running.
    parent : QWidget
        Owner.
    """

    def __init__(self, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._job = ""
        self._told: list[str] = []
        self._next = ""
        self.bar = CalmBar(self)
        self.bar.setAccessibleName("Progress")
        self.pause = QPushButton("Pause", self)
        self.pause.setCheckable(True)
        self.pause.setToolTip(_PAUSE_TIP)
        self.pause.toggled.connect(self._pause)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setToolTip("Stop at the next safe point; what is finished is kept")
        self.cancel.clicked.connect(self._cancel)
        self.status = QLabel(self)
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.pause)
        row.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 0, 6, 2)
        layout.addLayout(row)
        layout.addWidget(self.status)
        jobs.started.connect(self._started)
        jobs.progressed.connect(self._progressed)
        jobs.told.connect(self.tell)
        jobs.ended.connect(self._ended)
        self._show_buttons()

    def tell(self, sentence: str) -> None:
        """Show a sentence below the progress, under those told before.

        Parameters
        ----------
        sentence : str
            What came of a job.
        """
        self._told.append(sentence)
        self._say(self._job)

    def suggest(self, step: str) -> None:
        """Say what to do next, until the user goes somewhere.

        Parameters
        ----------
        step : str
            A sentence; empty for nothing.
        """
        self._next = step
        self._say(self._job)

    def forget(self) -> None:
        """Drop what was told: something else begins."""
        self._told, self._next = [], ""
        self._say(self._job)

    def _say(self, job: str) -> None:
        self._job = job
        self.status.setText("\n".join(each for each in (job, *self._told, self._next) if each))
        self.status.setVisible(bool(self.status.text()))

    def _show_buttons(self) -> None:
        self.cancel.setEnabled(True)
        self.cancel.setText("Cancel")
        for widget in (self.bar, self.pause, self.cancel):
            widget.setVisible(self._jobs.busy)

    def _cancel(self) -> None:
        self._jobs.cancel()
        self.cancel.setEnabled(False)
        self.cancel.setText("Stopping…")

    def _pause(self, wanted: bool) -> None:
        self._jobs.set_paused(wanted)
        self.pause.setText("Go on" if wanted else "Pause")

    def _started(self, title: str) -> None:
        self.pause.setChecked(False)
        self.bar.fill(0, 0, self.bar.format())
        self._say(f"{title}…")
        self._show_buttons()

    def _progressed(self, done: int, total: int, message: str) -> None:
        left = self._jobs.time_left(done, total, message)
        self.bar.fill(done, total, f"{message} %p%" + (f", {left}" if left else ""))

    def _ended(self, sentence: str) -> None:
        self.pause.setChecked(False)
        self.bar.fill(0, 1, "")
        self._say(sentence)
        self._show_buttons()
