"""The panel that makes clusters: settings, start, plots, verdict."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_stego.backbones import pick_device
from napari_stego.gui.buttons import WAIT_TIP
from napari_stego.gui.cooccurrence_dialog import CooccurrenceDialog
from napari_stego.gui.forms import RunForm
from napari_stego.gui.jobs import Jobs
from napari_stego.gui.k_dialog import KDialog
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.runs_table import RunsTable
from napari_stego.gui.session import Session
from napari_stego.gui.training_facts import TrainingFacts
from napari_stego.gui.training_view import TrainingView
from napari_stego.gui.verdict_line import VerdictLine
from napari_stego.stego import StegoSettings, StepRecord, collapse_warning

_START_TIP = (
    "Extract features, train a STEGO head, cluster its codes and tell whether it helps. What was "
    "done before with the same settings is not done again. (Alt+T)"
)


class RunPanel(QWidget):
    """Starts runs and shows how they go.

    Signals: ``wanted`` (`RunSettings`), when a run is asked for;
    ``other_wanted`` (`Source`), when only other clusters are; ``run_wanted``
    (key), when those of another run are; ``comparison_wanted`` (keys of runs).

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
    other_wanted = Signal(str)
    run_wanted = Signal(str)
    comparison_wanted = Signal(object)

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._jobs = jobs
        self._settings = StegoSettings()
        self.form = RunForm()
        self.k_dialog: KDialog | None = None
        self.apart: CooccurrenceDialog | None = None
        self.ask_k = QPushButton("How many?", self)
        self.ask_k.setToolTip(
            "Measure for which numbers of clusters different photographs agree, and choose one. "
            "Needs features: train and cluster once before."
        )
        self.ask_k.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.ask_k.clicked.connect(self._ask_k)
        self.start = QPushButton("&Train and cluster", self)
        self.start.clicked.connect(self._start)
        self.warning = QLabel(self)
        self.warning.setWordWrap(True)
        self.warning.setStyleSheet("color: #d55e00; font-weight: bold")
        self.warning.hide()
        self.training = TrainingView(self)
        self.curves, self.histograms = self.training.curves, self.training.histograms
        self.facts = TrainingFacts(self)
        self.verdict = VerdictLine(self)
        self.verdict.wanted.connect(self.other_wanted)
        self.ask_apart = QPushButton("Does it tell things apart?", self)
        self.ask_apart.setToolTip(
            "Precision and recall of correspondences against masks, or against the classes that "
            "you have named"
        )
        self.ask_apart.clicked.connect(self._ask_apart)
        self.runs = RunsTable(self)
        self.runs.picked.connect(self.run_wanted)
        self.runs.compared.connect(self.comparison_wanted)
        self.advanced = QCollapsible("More settings", self, expandedIcon="-", collapsedIcon="+")
        self.advanced.addWidget(self.form.advanced.native)
        self._lay_out()
        jobs.started.connect(self._update_buttons)
        jobs.stepped.connect(self._stepped)
        jobs.counted.connect(self.training.show_counts)
        jobs.looked.connect(self.training.preview.show_look)
        jobs.ended.connect(self._ended)
        session.corpus_changed.connect(self._follow)
        session.segmentation_changed.connect(self._follow)
        session.verdict_changed.connect(self._show_verdict)
        session.image_changed.connect(lambda: jobs.watch(session.image))
        self._follow()

    def _lay_out(self) -> None:
        self.form.main.margins = (0, 0, 0, 0)
        self.form.advanced.margins = (0, 0, 0, 0)
        self.form.add_beside_clusters(self.ask_k)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form.main.native)
        layout.addWidget(self.advanced)
        layout.addWidget(self.start)
        layout.addWidget(self.warning)
        layout.addWidget(self.training)
        layout.addWidget(self.facts)
        layout.addWidget(self.verdict)
        layout.addWidget(self.runs)
        layout.addWidget(self.ask_apart)

    def _start(self) -> None:
        with problems_shown():
            settings = self.form.values()
            self._settings = settings.stego
            if settings.clusters.source == "codes":
                self.training.start()
                self.facts.start(pick_device(settings.device))
                self._warn(None)
                self.verdict.hide()  # until this run has one, or is cancelled
            self.wanted.emit(settings)

    def _ask_k(self) -> None:
        """Open the dialog on the number of clusters, or bring it to the front."""
        if self.k_dialog is None:
            self.k_dialog = KDialog(self._session, self._jobs, self)
            self.k_dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self.k_dialog.used.connect(self.form.set_clusters)
            self.k_dialog.finished.connect(self._forget_k_dialog)
        self.k_dialog.show()
        self.k_dialog.raise_()

    def _ask_apart(self) -> None:
        """Open the dialog on precision and recall, or bring it to the front."""
        if self.apart is None:
            self.apart = CooccurrenceDialog(self._session, self._jobs, self)
        self.apart.show()
        self.apart.raise_()

    def _forget_k_dialog(self) -> None:
        self.k_dialog = None

    def shut_down(self, seconds: float) -> None:
        """Close the dialog, if it is open, and stop the thread; harmless when done twice.

        Parameters
        ----------
        seconds : float
            Wait at most so long.
        """
        if self.k_dialog is not None:
            self.k_dialog.reject()
        if self.apart is not None:
            self.apart.reject()
        self.training.preview.shut_down(seconds)

    def _follow(self) -> None:
        """Show the opened project's settings and the history of its run."""
        project, run = self._session.project, self._session.run
        self._update_buttons()
        if project is None or self._jobs.busy:
            return
        state = project.state
        self.form.show(
            state.features.settings if state.features else None,
            run.settings if run else None,
            state.result.settings if state.result else None,
        )
        self.training.show_run(run)
        self.facts.hide()
        self._warn("\n".join(run.warnings) if run is not None else None)
        self._show_verdict()

    def _show_verdict(self) -> None:
        self.verdict.show_verdict(self._session.verdict, self._session.source)
        self.runs.show_runs(self._session.runs)

    def _warn(self, warning: str | None) -> None:
        self.warning.setText(warning or "")
        self.warning.setVisible(bool(warning))

    def _update_buttons(self, *_: object) -> None:
        opened = self._session.corpus is not None
        self.start.setEnabled(opened and not self._jobs.busy)
        obstacle = WAIT_TIP if self._jobs.busy else "Open photographs first (Alt+1)"
        self.start.setToolTip(_START_TIP if self.start.isEnabled() else obstacle)
        project = self._session.project
        extracted = project is not None and project.state.features is not None
        self.ask_apart.setEnabled(self._session.segmentation is not None)
        self.ask_k.setEnabled(extracted and not self._jobs.busy)
        self.verdict.switch.setEnabled(not self._jobs.busy)
        self.runs.set_busy(self._jobs.busy)

    def _stepped(self, records: list[StepRecord]) -> None:
        self.training.extend(records)
        self.facts.extend(records)
        self._warn(collapse_warning(self.curves.records, self._settings))

    def _ended(self, *_: object) -> None:
        project = self._session.project
        if project is not None and project.state.features is None:
            with problems_shown():
                project.reread()  # a training that was cancelled may have extracted features
        self._show_verdict()
        self._update_buttons()
