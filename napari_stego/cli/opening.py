"""Opening a project for a command that changes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_stego.cli.reporting import Reporter

if TYPE_CHECKING:
    from napari_stego.project import Project


def open_to_change(reporter: Reporter, folder: Path) -> Project:
    """Open a project that is to be changed.

    Parameters
    ----------
    reporter : Reporter
        Tells what the user should know of the project.
    folder : Path
        The project folder.

    Returns
    -------
    Project
        The project, which no other program changes meanwhile.

    Raises
    ------
    StegoError
        If it cannot be opened, or another program has it.
    """
    from napari_stego.project import Project

    opened = Project.open(folder)
    opened.check_writable()
    if opened.note:
        reporter.note(opened.note)
    return opened
