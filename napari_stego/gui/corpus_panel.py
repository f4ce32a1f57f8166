"""The panel of photographs: which folder, which project, which photograph."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
from magicgui.widgets import Container, FileEdit
from napari.utils.notifications import show_info
from qtpy.QtCore import QMimeData, Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_stego.corpus import IMAGE_SUFFIXES
from napari_stego.gui.browser_panel import BrowserPanel
from napari_stego.gui.buttons import WAIT_TIP
from napari_stego.gui.session import Session
from napari_stego.project import Project

PREVIOUS_KEY, NEXT_KEY = "Alt+Left", "Alt+Right"
"""Keys that step through the photographs, in all tabs."""

_OPEN_TIP = "Read the photographs, and what the project holds of them (Alt+O)"


class CorpusPanel(QWidget):
    """Asks for photographs and project, and steps through the photographs.

    A folder of photographs, or a project, that is dropped here is opened.

    Signals: ``wanted`` (photographs or None, project folder), when both are
    chosen; ``sample_wanted``.

    Parameters
    ----------
    session : Session
        What is open.
    parent : QWidget
        Owner.
    """

    wanted = Signal(object, object)
    sample_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.images = FileEdit(
            name="images",
            label="Photographs",
            mode="d",
            nullable=True,
            value=None,
            tooltip="Folder of photographs (jpg, png, tif, bmp); folders in it are read too.",
        )
        self.project = FileEdit(
            name="project",
            label="Project",
            mode="d",
            nullable=True,
            value=None,
            tooltip="Folder for everything that is made from the photographs. One that exists is "
            "opened again.",
        )
        self._images_chosen = False
        self._own_projects: set[Path | None] = {None}
        self.images.changed.connect(self._choose_images)
        self.open = QPushButton("&Open", self)
        self.open.setToolTip(_OPEN_TIP)
        self.open.clicked.connect(self._open)
        self.sample = QPushButton("Try the sample reef", self)
        self.sample.setToolTip("Open the 16 synthetic photographs that come with this plugin")
        self.sample.clicked.connect(lambda: self.sample_wanted.emit())
        self.previous = self._step_button("<", -1, f"Previous photograph ({PREVIOUS_KEY})")
        self.next = self._step_button(">", 1, f"Next photograph ({NEXT_KEY})")
        self.browser = BrowserPanel(session, self)
        self.list = self.browser.view
        self.counts = QElidingLabel(self)  # a long line must not make the dock wide
        self.counts.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAcceptDrops(True)
        self._lay_out()
        self.browser.said.connect(self.counts.setText)
        self.browser.listed.connect(self._follow)
        session.corpus_changed.connect(self._fill)
        session.image_changed.connect(self._follow)
        self._fill()

    def _step_button(self, text: str, step: int, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setFixedWidth(32)
        button.clicked.connect(lambda: self._step(step))
        return button

    def _step(self, step: int) -> None:
        place = self.browser.step(step)
        if place is not None:
            self._session.select(place)

    def _lay_out(self) -> None:
        folders = Container(widgets=[self.images, self.project], labels=True)
        folders.margins = (0, 0, 0, 0)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open)
        buttons.addWidget(self.sample)
        steps = QHBoxLayout()
        for widget in (self.previous, self.counts, self.next):
            steps.addWidget(widget, 1 if widget is self.counts else 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(folders.native)
        layout.addLayout(buttons)
        layout.addWidget(self.browser, 1)
        layout.addLayout(steps)

    def _choose_images(self, images: Path | None) -> None:
        self._images_chosen = True
        # A project that the user has chosen already is left alone.
        if images is not None and images != Path() and _chosen(self.project) in self._own_projects:
            self.project.value = default_project(Path(images))
            self._own_projects.add(_chosen(self.project))

    def _open(self) -> None:
        images, project = _chosen(self.images), _chosen(self.project)
        if project is None and images is not None:
            project = default_project(images)
        if project is None:
            show_info("Choose a folder of photographs, or a project, first.")
            return
        if Project.exists(project) and not self._images_chosen:
            images = None  # the photographs named are still those of the project opened before
        self.wanted.emit(images, project)

    def _fill(self) -> None:
        corpus = self._session.corpus
        if corpus is not None:
            self.images.value = corpus.root
            self.project.value = self._session.folder
            self._images_chosen = False
            self._own_projects.add(_chosen(self.project))
            lines = [f"{file.name}: {file.reason}" for file in corpus.skipped[:30]]
            title = f"{len(corpus.skipped)} files cannot be read:"
            self.counts.setToolTip("\n".join([title, *lines]) if lines else "")
        self._follow()

    def set_busy(self, busy: bool) -> None:
        """Tell whether a job is running, which keeps projects from being opened.

        Parameters
        ----------
        busy : bool
            Whether one is.
        """
        self.open.setEnabled(not busy)
        self.open.setToolTip(WAIT_TIP if busy else _OPEN_TIP)
        self.sample.setEnabled(not busy)
        self.browser.set_busy(busy)

    def _follow(self) -> None:
        self.previous.setEnabled(self.browser.step(-1) is not None)
        self.next.setEnabled(self.browser.step(1) is not None)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a folder, a project, or a photograph."""
        if _dropped(event.mimeData()) is not None:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        dropped = _dropped(event.mimeData())
        if dropped is not None:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            is_project = Project.exists(dropped)
            images, project = (None, dropped) if is_project else (dropped, default_project(dropped))
            self.wanted.emit(images, project)

    def shut_down(self, seconds: float) -> None:
        """Stop all threads; harmless when done twice.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each.
        """
        self.browser.shut_down(seconds)


def default_project(images: Path) -> Path:
    """Propose a project folder for photographs.

    Parameters
    ----------
    images : Path
        Folder of photographs, or one photograph.

    Returns
    -------
    Path
        ``NAME.stego`` beside the folder; where that cannot be written, in the
        user's own documents.
    """
    name = images.stem if images.is_file() else images.name
    beside = images.parent
    if beside.is_dir() and os.access(beside, os.W_OK):
        return beside / f"{name}.stego"
    return project_in_documents(name)


def project_in_documents(name: str) -> Path:
    """Propose a project folder in the user's documents.

    Parameters
    ----------
    name : str
        Name of the project.

    Returns
    -------
    Path
        ``NAME.stego``.
    """
    return Path(platformdirs.user_documents_dir()) / f"{name}.stego"


def _dropped(data: QMimeData) -> Path | None:
    """Return what can be opened of what is dragged: one folder, project or photograph."""
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    if len(paths) != 1:
        return None
    photograph = paths[0].is_file() and paths[0].suffix.lower() in IMAGE_SUFFIXES
    return paths[0] if photograph or paths[0].is_dir() else None


def _chosen(edit: FileEdit) -> Path | None:
    value = edit.value
    return None if value is None or Path(value) == Path() else Path(value)
