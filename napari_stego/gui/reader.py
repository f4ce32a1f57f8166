"""Opening a project folder the way napari opens anything: dropped, or from its File menu."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# napari asks about every folder that is opened: nothing heavy is imported for an answer.
_STATE_FILE = "project.json"
_SUFFIX = ".stego"
_LOOKED_AT = 4096
# As in napari's preferences, where folders end in a slash.
_PROJECTS = f"*{_SUFFIX}/"

_Reader = Callable[[str], list[tuple[Any, ...]]]


def project_reader(path: str | Sequence[str]) -> _Reader | None:
    """Offer to open a project folder.

    Parameters
    ----------
    path : str or sequence of str
        What napari is to open.

    Returns
    -------
    callable or None
        `open_in_dock` for the folder of one project; None for all else.
    """
    if not isinstance(path, str) or not _is_project(Path(path)):
        return None
    return open_in_dock


def open_in_dock(path: str) -> list[tuple[Any, ...]]:
    """Open a project in the plugin's dock, which is opened if it is not there.

    Parameters
    ----------
    path : str
        The project folder.

    Returns
    -------
    list of tuple
        ``[(None,)]``, which tells napari that there are no layers to add: the
        dock adds its own.

    Raises
    ------
    StegoError
        If there is no viewer.
    """
    import napari

    from napari_stego.errors import StegoError

    viewer = napari.current_viewer()
    if viewer is None:
        raise StegoError("A project opens in napari's window, and there is none. Start napari.")
    dock, widget = viewer.window.add_plugin_dock_widget("napari-stego", "STEGO")
    dock.show()
    widget.open(None, Path(path))
    return [(None,)]


def prefer_for_projects() -> None:
    """Let napari open project folders here without asking which plugin is to do it.

    napari's own reader takes any folder for a stack of images, so that each
    drop would be followed by a question. What the user chose in napari's
    preferences for such folders stays.
    """
    from napari.settings import get_settings

    plugins = get_settings().plugins
    if _PROJECTS not in plugins.extension2reader:
        plugins.extension2reader = plugins.extension2reader | {_PROJECTS: "napari-stego"}


def _is_project(folder: Path) -> bool:
    state = folder / _STATE_FILE
    try:
        if not state.is_file():
            return False
        if folder.suffix.lower() == _SUFFIX:
            return True
        with state.open("rb") as file:
            return b'"format"' in file.read(_LOOKED_AT)
    except OSError:
        return False
