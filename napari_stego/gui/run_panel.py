"""The panel that makes clusters: settings, start and cancel, progress, live curves."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_stego.gui.curves import TrainingCurves
from napari_stego.gui.forms import RunForm
from napari_stego.gui.jobs import Jobs
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.session import Session
from napari_stego.stego import StegoSettings, StepRecord, collapse_warning


class RunPanel(QWidget):
    """Starts runs and shows how they go.

    Signals: ``wanted`` (`RunSettings`), when a run is asked for.

    Parameters
    ----------
    session : Session
        What is open.
    jobs : Jobs
        What is running, be it a run or something else.
    parent : QWidget
        Owner.
    """

    wanted = Signal(object)

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._jobs = jobs
        self._settings = StegoSettings()
        self.form = RunForm()
        self.start = QPushButton("&Train and cluster", self)
        self.start.setToolTip(
            "Extract features, train a STEGO head and cluster its codes. What was done before "
            "with the same settings is not done again. (Alt+T)"
        )
        self.start.clicked.connect(self._start)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setToolTip("Stop at the next safe point; what is finished is kept")
        self.cancel.clicked.connect(jobs.cancel)
        self.bar = QProgressBar(self)
        self.status = QLabel(self)
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.warning = QLabel(self)
        self.warning.setWordWrap(True)
        self.warning.setStyleSheet("color: #d55e00; font-weight: bold")
        self.warning.hide()
        self.curves = TrainingCurves(self)
        self.advanced = QCollapsible("More settings", self, expandedIcon="-", collapsedIcon="+")
        self.advanced.addWidget(self.form.advanced.native)
        self._lay_out()
        jobs.started.connect(self._started)
        jobs.progressed.connect(self._progressed)
        jobs.stepped.connect(self._stepped)
        jobs.ended.connect(self._ended)
        session.corpus_changed.connect(self._follow)
        session.segmentation_changed.connect(self._follow)
        self._follow()

    def _lay_out(self) -> None:
        self.form.main.margins = (0, 0, 0, 0)
        self.form.advanced.margins = (0, 0, 0, 0)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start, 1)
        buttons.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form.main.native)
        layout.addWidget(self.advanced)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        layout.addWidget(self.warning)
        layout.addWidget(self.curves)

    def _start(self) -> None:
        with problems_shown():
            settings = self.form.values()
            self._settings = settings.stego
            self.curves.start(settings.stego)
            self._warn(None)
            self.wanted.emit(settings)

    def _follow(self) -> None:
        """Show the opened project's settings and the history of its run."""
        project, encodings = self._session.project, self._session.encodings
        self._update_buttons()
        if project is None or self._jobs.busy:
            return
        run = encodings.run if encodings is not None else None
        state = project.state
        self.form.show(
            state.features.settings if state.features else None,
            run.settings if run else None,
            state.result.settings if state.result else None,
        )
        if run is not None:
            self.curves.start(run.settings, run.history)
        else:
            self.curves.start(StegoSettings())
        self._warn("\n".join(run.warnings) if run is not None else None)

    def _warn(self, warning: str | None) -> None:
        self.warning.setText(warning or "")
        self.warning.setVisible(bool(warning))

    def _update_buttons(self) -> None:
        self.start.setEnabled(self._session.corpus is not None and not self._jobs.busy)
        self.cancel.setEnabled(self._jobs.busy)

    def _started(self, title: str) -> None:
        self.bar.setRange(0, 0)
        self.status.setText(f"{title}…")
        self._update_buttons()

    def _progressed(self, done: int, total: int, message: str) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setFormat(f"{message} %p%")

    def _stepped(self, records: list[StepRecord]) -> None:
        self.curves.extend(records)
        self._warn(collapse_warning(self.curves.records, self._settings))

    def tell(self, sentence: str) -> None:
        """Show a sentence below the progress.

        Parameters
        ----------
        sentence : str
            What came of a job.
        """
        self.status.setText(sentence)

    def _ended(self, sentence: str) -> None:
        self.bar.setRange(0, 1)
        self.bar.setValue(0)
        self.bar.setFormat("")
        self.status.setText(sentence)
        self._update_buttons()
