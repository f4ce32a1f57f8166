"""The edits of the classes in a project folder: who may write them, and older files of them."""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path

from napari_stego.classes import EditLog, ReadEdits, migrate_classes, read_edits
from napari_stego.classes.actions import Action
from napari_stego.project.project import Project

EDITS_FILE = "edits.jsonl"
"""Name of the edit log, beside the clusters."""

OLD_FILE = "classes.json"
"""Name of what versions before the edit log wrote."""


def open_edits(project: Project, clusters: Path) -> ReadEdits:
    """Open the edits beside some clusters, to write them if the project may be changed.

    Parameters
    ----------
    project : Project
        The project. The history does not keep it open: one that outlives it
        takes the lock anew for each edit.
    clusters : Path
        File of the clusters.

    Returns
    -------
    ReadEdits
        The history; it refuses edits while the project can only be read.

    Raises
    ------
    EditLogError
        If the edits are missing or damaged.
    StegoError
        If they are of an older version and cannot be written anew.
    """
    if project.read_only:
        edits = look_at_edits(clusters)
    else:
        path, old = clusters.with_name(EDITS_FILE), clusters.with_name(OLD_FILE)
        if old.exists() and not path.exists():
            migrate_classes(old, path)
        log = EditLog(path)
        edits = ReadEdits(log.history, log.note)
    write = edits.history.journal
    assert write is not None  # whoever opened the edits has set it
    # The history and its journal know each other: what they hold goes late, by the collector.
    folder, weakly = project.folder, weakref.ref(project)

    def journal(action: Action) -> None:
        opened = weakly() or Project.open(folder)
        opened.check_writable()
        write(action)

    edits.history.journal = journal
    return edits


def look_at_edits(clusters: Path) -> ReadEdits:
    """Read the edits beside some clusters and write nothing there.

    Parameters
    ----------
    clusters : Path
        File of the clusters.

    Returns
    -------
    ReadEdits
        The history, which refuses edits.

    Raises
    ------
    EditLogError
        If the edits are missing or damaged.
    """
    path, old = clusters.with_name(EDITS_FILE), clusters.with_name(OLD_FILE)
    if path.exists() or not old.exists():
        return read_edits(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / EDITS_FILE
        migrate_classes(old, copy)
        return read_edits(copy)
