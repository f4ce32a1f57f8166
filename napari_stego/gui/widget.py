"""The dock widget: wires the panels to the session, the jobs and the layers."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QObject, QSize
from qtpy.QtGui import QKeySequence, QShortcut, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_stego.gui import work
from napari_stego.gui.class_panel import ClassPanel
from napari_stego.gui.compare_dialog import CompareDialog
from napari_stego.gui.corpus_panel import (
    NEXT_KEY,
    PREVIOUS_KEY,
    CorpusPanel,
    project_in_documents,
)
from napari_stego.gui.correct_panel import CorrectPanel
from napari_stego.gui.export_panel import ExportPanel
from napari_stego.gui.inspect_panel import InspectPanel
from napari_stego.gui.job_bar import JobBar
from napari_stego.gui.jobs import Job, Jobs, Work
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.notify import show_problem
from napari_stego.gui.opened import Opened
from napari_stego.gui.pointing import Pointing
from napari_stego.gui.preload import preload
from napari_stego.gui.reader import prefer_for_projects
from napari_stego.gui.review_panel import ReviewPanel
from napari_stego.gui.run_panel import RunPanel
from napari_stego.gui.session import Session
from napari_stego.gui.tabs import PanelTabs
from napari_stego.gui.view_bar import ViewBar
from napari_stego.project import (
    ExportReport,
    ExportSettings,
    Project,
    Source,
    export,
)
from napari_stego.project.comparing import compare_runs
from napari_stego.project.examples import Patch
from napari_stego.samples import reef_folder

_PATIENCE_SECONDS = 5.0


class StegoWidget(QWidget):
    """From a folder of photographs to named classes.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._window_closing = False
        prefer_for_projects()
        self.session = Session()
        self.jobs = Jobs(self)
        self.layers = LayerStack(napari_viewer, self.session, self)
        self.corpus_panel = CorpusPanel(self.session, self)
        self.run_panel = RunPanel(self.session, self.jobs, self)
        self.class_panel = ClassPanel(self.session, self.layers, self)
        self.inspect_panel = InspectPanel(
            napari_viewer,
            self.session,
            self.layers,
            self.jobs,
            lambda: self.class_panel.current_id,
            self,
        )
        self.correct_panel = CorrectPanel(self.session, self.layers, self.jobs, self)
        self.review_panel = ReviewPanel(self.session, self.layers, self.jobs, self)
        self.export_panel = ExportPanel(self.session, self)
        self.job_bar = JobBar(self.jobs, self)
        self.view_bar = ViewBar(self)
        self.tabs = PanelTabs(self)
        self.reset_button = QPushButton("&Reset strokes", self)
        self.reset_button.setToolTip(
            "Take back all that was painted on this photograph; can be undone (Alt+R)"
        )
        self._pointing = Pointing(napari_viewer, self.layers, self)
        self._lay_out()
        self._connect()
        self._follow()
        self._spares = gc.get_freeze_count() == 0
        if self._spares:
            # What is loaded by now stays, and to look through it again and again would hold up
            # everything for a third of a second each time.
            gc.freeze()
        preload(lambda: self._spares and self.session.project is None)

    def _lay_out(self) -> None:
        classes = QWidget(self)
        row = QHBoxLayout(classes)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(self.reset_button)
        self.tabs.add(
            "Photographs",
            "Open photographs, and find your way among them",
            [self.corpus_panel],
            self.corpus_panel,
        )
        self.tabs.add("Train", "From photographs to clusters", [self.run_panel], None)
        self.tabs.add(
            "Inspect", "Click, and see where else it is", [self.inspect_panel], self.inspect_panel
        )
        self.tabs.add(
            "Classes",
            "Name, merge, split and paint",
            [self.class_panel, classes],
            self.class_panel,
        )
        self.tabs.add("Correct", "Settle it with a few clicks", [self.correct_panel], None)
        self.tabs.add("Review", "Teach and check", [self.review_panel], self.review_panel)
        self.tabs.add("Export", "Masks, tables and pictures", [self.export_panel], None)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.view_bar)
        layout.addWidget(self.job_bar)

    def sizeHint(self) -> QSize:
        """Leave the photograph most of the window."""
        return QSize(420, 760)

    def _connect(self) -> None:
        self.corpus_panel.wanted.connect(self.open)
        self.corpus_panel.sample_wanted.connect(self.open_sample)
        self.run_panel.wanted.connect(self.run)
        self.run_panel.other_wanted.connect(self.use)
        self.run_panel.run_wanted.connect(self.pick)
        self.run_panel.comparison_wanted.connect(self.compare)
        self.view_bar.changed.connect(self.layers.set_view)
        self.view_bar.blinked.connect(self.layers.blink)
        self.inspect_panel.place_wanted.connect(self._go)
        self.corpus_panel.browser.selected.connect(self.inspect_panel.near.choose)
        self.class_panel.alone.connect(self.layers.highlight)
        self.class_panel.hidden.connect(self.layers.hide)
        self.class_panel.place_wanted.connect(self._go)
        self.layers.working.connect(self.view_bar.show_working)
        self.layers.shown.connect(self._follow_strokes)
        self.layers.strokes.picked.connect(self.class_panel.select)
        self.class_panel.view.selectionModel().currentRowChanged.connect(self._paint_with)
        self.reset_button.clicked.connect(self.layers.reset_strokes)
        self.correct_panel.picked.connect(self.class_panel.select)
        self.correct_panel.began.connect(self.class_panel.tree.restore)
        self.review_panel.picked.connect(self.class_panel.select)
        self.review_panel.began.connect(self.class_panel.tree.restore)
        self.review_panel.place_wanted.connect(lambda patch: self._go(patch, marked=False))
        self.review_panel.fix_wanted.connect(lambda: self.tabs.show_panel(self.correct_panel))
        self.export_panel.wanted.connect(self.export)
        for key, button in (
            (PREVIOUS_KEY, self.corpus_panel.previous),
            (NEXT_KEY, self.corpus_panel.next),
        ):
            # In all tabs: the button's own key would sleep with its tab.
            QShortcut(QKeySequence(key), self, activated=button.click)
        self.tabs.currentChanged.connect(lambda *_: self.job_bar.suggest(""))
        self.session.corpus_changed.connect(self._follow)
        self.session.segmentation_changed.connect(self._follow)
        self.jobs.started.connect(self._follow)
        self.jobs.ended.connect(self._follow)

    def open(self, images: Path | None, project: Path) -> None:
        """Open photographs in a project.

        Parameters
        ----------
        images : Path, optional
            Folder of photographs; by default those of the project.
        project : Path
            The project folder; made if it is not there.
        """
        self._start(
            "Opening",
            lambda reports, token: work.open_project(images, project, reports, token),
            self._adopt_and_begin,
        )

    def open_sample(self) -> None:
        """Open the synthetic reef, in a project in the user's own folders."""
        images = reef_folder() / "images"
        self.open(images, project_in_documents("sample reef"))

    def run(self, settings: work.RunSettings) -> None:
        """Extract, train and cluster; the clusters on show stay until there are new ones.

        Parameters
        ----------
        settings : RunSettings
            All settings.
        """
        folder = self.session.folder
        if folder is not None:
            self._start(
                "Training and clustering",
                lambda reports, token: work.run(folder, settings, reports, token),
                self._adopt_and_judge,
            )

    def use(self, source: Source) -> None:
        """Cluster the codes instead of the features, or the other way round.

        Parameters
        ----------
        source : "codes" or "features"
            What to cluster.
        """
        folder = self.session.folder
        if folder is not None:
            self._start(
                "Clustering",
                lambda reports, token: work.use(folder, source, reports, token),
                self._adopt,
            )

    def pick(self, key: str) -> None:
        """Cluster the codes of another run.

        Parameters
        ----------
        key : str
            Key of the run.
        """
        folder = self.session.folder
        if folder is not None:
            self._start(
                "Clustering",
                lambda reports, token: work.pick(folder, key, reports, token),
                self._adopt_and_judge,
            )

    def compare(self, keys: tuple[str, ...]) -> None:
        """Show runs side by side on the photograph on show.

        Parameters
        ----------
        keys : tuple of str
            Keys of the runs.
        """
        folder, image = self.session.folder, self.session.image
        runs = self.session.runs
        if folder is not None and image is not None:
            self._start(
                "Comparing runs",
                lambda reports, token: compare_runs(
                    Project.open(folder, writable=False), image.name, keys=keys, cancel=token
                ),
                lambda compared: CompareDialog(image.name, compared, runs, self).show(),
            )

    def export(self, folder: Path, settings: ExportSettings) -> None:
        """Write the classes of all photographs.

        Parameters
        ----------
        folder : Path
            Where.
        settings : ExportSettings
            What.
        """
        project = self.session.folder
        if project is not None:
            self._start(
                "Exporting",
                lambda reports, token: export(
                    Project.open(project, writable=False),
                    folder,
                    settings,
                    progress=reports.progress,
                    cancel=token,
                ),
                self._tell_export,
            )

    def _tell_export(self, report: ExportReport) -> None:
        text = f"{report.images} photographs exported to {report.folder}."
        if report.skipped:
            first = "".join(f"\n{file.name}: {file.reason}" for file in report.skipped[:10])
            text += f"\n{len(report.skipped)} are left out:{first}"
        if report.stale:
            first = "".join(f"\n{name}" for name in report.stale[:10])
            text += (
                f"\n{len(report.stale)} files are of an earlier export and not of this one; "
                f"delete them, or export to an empty folder:{first}"
            )
        self.job_bar.tell(text)
        show_info(text)

    def _start(self, title: str, call: Work, on_success: Any) -> None:
        if self.jobs.start(Job(title, call, on_success)):
            self.job_bar.forget()
        else:
            show_info("Something else is running. Wait for it, or cancel it first.")

    def _adopt(self, opened: Opened) -> None:
        self.session.adopt(opened)
        if opened.problem is not None:
            show_problem(opened.problem)

    def _adopt_and_begin(self, opened: Opened) -> None:
        """Begin where the work was left: at the classes, if there are some."""
        self._adopt(opened)
        if opened.segmentation is None:
            self.tabs.show_panel(self.corpus_panel)
            self.job_bar.suggest("Next: “Train and cluster”, in the tab Train (Alt+2).")
        else:
            self.tabs.show_panel(self.class_panel)

    def _adopt_and_judge(self, opened: Opened) -> None:
        """Show the clusters, and only then find out whether the codes were worth it."""
        self._adopt(opened)
        self.job_bar.suggest(
            "Next: point at things in Inspect (Alt+3), and say what the clusters are in Classes "
            "(Alt+4)."
        )
        folder = opened.project.folder
        if self.session.source == "codes" and opened.judgeable and opened.verdict is None:
            self.jobs.start(
                Job(
                    "Comparing codes with raw features",
                    lambda reports, token: work.judge(folder, reports, token),
                    self.session.judge,
                )
            )

    def _go(self, patch: Patch, *, marked: bool = True) -> None:
        """Go to a place in a photograph."""
        corpus = self.session.corpus
        names = [image.name for image in corpus.images] if corpus is not None else []
        if patch.image.name in names:
            pixel = patch.row, patch.column
            self.layers.look_at(patch.image.name, pixel, patch.size, marked)
            self.session.select(names.index(patch.image.name))

    def _follow(self, *_: Any) -> None:
        self.class_panel.counter.set_paused(self.jobs.busy)
        self.export_panel.set_busy(self.jobs.busy)
        self.corpus_panel.set_busy(self.jobs.busy)
        self._follow_strokes()

    def _follow_strokes(self) -> None:
        self.reset_button.setEnabled(self.layers.has_strokes and not self.session.read_only)

    def _paint_with(self, *_: Any) -> None:
        self.layers.strokes.choose(self.class_panel.current_id)
        self.correct_panel.choose(self.class_panel.current_id)
        self.review_panel.choose(self.class_panel.current_id)

    def event(self, event: QEvent) -> bool:
        """Shut down when napari takes the widget out of its dock, which is how it closes it."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.shut_down()
        return super().event(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Watch the window that the widget has come to be in."""
        super().showEvent(event)
        if self.window() is not self:
            self.window().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Shut down with the window: it is hidden after a close that was not refused."""
        if event.type() == QEvent.Type.Close:
            self._window_closing = True
        elif event.type() == QEvent.Type.Show:
            self._window_closing = False
        elif event.type() == QEvent.Type.Hide and self._window_closing and not event.spontaneous():
            self.shut_down()
        return super().eventFilter(watched, event)

    def shut_down(self) -> None:
        """Cancel what is running and let go of the viewer; harmless when done twice."""
        self._pointing.stop()
        self.run_panel.shut_down(_PATIENCE_SECONDS)
        self.jobs.shut_down(_PATIENCE_SECONDS)
        self.inspect_panel.shut_down(_PATIENCE_SECONDS)
        self.correct_panel.shut_down(_PATIENCE_SECONDS)
        self.review_panel.shut_down(_PATIENCE_SECONDS)
        self.layers.shut_down(_PATIENCE_SECONDS)
        self.corpus_panel.shut_down(_PATIENCE_SECONDS)
        self.class_panel.shut_down(_PATIENCE_SECONDS)
        if self.session.project is not None:
            self.session.project.close()
        if self._spares:
            self._spares = False
            gc.unfreeze()
