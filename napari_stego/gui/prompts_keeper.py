"""Prompts kept in the project: read when it is opened, written when they change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QObject

from napari_stego.correspondence import Prompt
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.prompts import PromptSet
from napari_stego.gui.session import Session
from napari_stego.progress import CancelToken
from napari_stego.project import Project
from napari_stego.project.prompts_file import read_prompts, write_prompts

_PATIENCE_SECONDS = 5.0


class PromptKeeper(QObject):
    """Brings back the prompts of a project that is opened, and writes those put together.

    Parameters
    ----------
    session : Session
        What is open.
    prompts : PromptSet
        Its prompts.
    parent : QObject
        Owner.
    """

    def __init__(self, session: Session, prompts: PromptSet, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._prompts = prompts
        self._folder: Path | None = None
        self._kept: tuple[Prompt, ...] | None = None
        self._unwritten: Callable[[], None] | None = None
        self._runner = LatestRunner("napari-stego prompts", self)
        session.leaving.connect(self._finish)
        session.corpus_changed.connect(self._read)
        prompts.changed.connect(self._write)

    @property
    def busy(self) -> bool:
        """Whether prompts are being read or written."""
        return self._runner.busy

    def shut_down(self, seconds: float) -> None:
        """Write what is not written yet, and stop.

        Parameters
        ----------
        seconds : float
            Wait at most so long for the thread.
        """
        self._session.leaving.disconnect(self._finish)
        self._session.corpus_changed.disconnect(self._read)
        self._finish()
        self._runner.shut_down(seconds)

    def _read(self) -> None:
        project = self._session.project
        if project is None or project.folder == self._folder:
            return
        self._folder, self._kept = project.folder, None
        self._prompts.begin(())
        self._runner.submit(lambda token: read_prompts(project), self._begin)

    def _begin(self, kept: tuple[Prompt, ...]) -> None:
        self._kept = kept
        if not self._prompts.prompts:  # somebody may have been quicker
            self._prompts.begin(kept)

    def _write(self) -> None:
        """Keep what was put together; a look is no reason to forget it."""
        project, prompts = self._session.project, self._prompts.prompts
        looks = bool(prompts) and not self._prompts.kept
        if project is None or project.read_only or looks or self._kept is None:
            return
        if prompts == self._kept:
            return
        self._kept = prompts
        self._unwritten = lambda: _keep(project, prompts)
        self._start()

    def _start(self) -> None:
        def work(token: CancelToken) -> None:
            write = self._unwritten
            if write is not None:
                write()
                if self._unwritten is write:
                    self._unwritten = None

        self._runner.submit(work, lambda _: None)

    def _finish(self) -> None:
        """Write what is not written yet: the project is about to be closed."""
        if self._unwritten is not None:
            self._runner.shut_down(_PATIENCE_SECONDS)
        write, self._unwritten = self._unwritten, None
        if write is not None:
            with problems_shown():
                write()


def _keep(project: Project, prompts: tuple[Prompt, ...]) -> None:
    if not project.read_only:  # it may have been closed in the meantime
        write_prompts(project, prompts)
