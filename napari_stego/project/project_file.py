"""``project.json``: reading it without trust, bringing it up to date, writing it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from pydantic import ValidationError

from napari_stego.errors import StegoError
from napari_stego.files import replacing
from napari_stego.project.state import FORMAT, ProjectState
from napari_stego.untrusted import MAX_JSON_VALUES, parse_json, read_bytes

STATE_FILE = "project.json"
"""Name of the file."""

MAX_BYTES = 2**26
"""The most bytes of the file."""


class ProjectError(StegoError):
    """A project folder that is missing, damaged, or not far enough for what was asked."""


@dataclass(frozen=True)
class StateFile:
    """What ``project.json`` says.

    Attributes
    ----------
    state : ProjectState
        In the present format.
    format : int
        The format that it is written in.
    content : bytes
        As it is written.
    """

    state: ProjectState
    format: int
    content: bytes


def read_state(folder: Path) -> StateFile:
    """Read the state of a project, also in an older format.

    Parameters
    ----------
    folder : Path
        The project folder.

    Returns
    -------
    StateFile
        The state.

    Raises
    ------
    ProjectError
        If there is none, it is damaged, or it was written by a newer version.
    """
    path = folder / STATE_FILE
    try:
        content = read_bytes(path, MAX_BYTES)
        values = parse_json(content, MAX_JSON_VALUES)
        found = values.get("format") if isinstance(values, dict) else None
        if type(found) is int and (found == FORMAT or found in _MIGRATIONS):
            for step in range(found, FORMAT):
                values = _MIGRATIONS[step](values, folder)
            state = ProjectState.model_validate(values)
        else:
            raise ProjectError(
                f"{path} has the format {str(found)[:20]}, and this version of napari-stego reads "
                f"the formats 1 to {FORMAT}. Update napari-stego."
            )
    except FileNotFoundError as error:
        raise ProjectError(
            f"There is no project in {folder}. Make one with "
            f"`napari-stego run IMAGES --project {folder}`."
        ) from error
    except NotADirectoryError as error:
        raise ProjectError(
            f"{folder} is a file, and a project is a folder. Choose another name."
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise ProjectError(
            f"{path} is damaged or cannot be read: {_reason(error)}. Move it away and run the same "
            "commands again: features, heads and clusters in the folder are found again."
        ) from error
    return StateFile(state, found, content)


def write_state(folder: Path, state: ProjectState) -> None:
    """Write the state of a project, in a single move.

    Parameters
    ----------
    folder : Path
        The project folder.
    state : ProjectState
        The state.

    Raises
    ------
    StegoError
        If it cannot be written; the old state stays.
    """
    content = state.model_dump_json(indent=1, by_alias=True).encode()
    if len(content) > MAX_BYTES or content.count(b",") > MAX_JSON_VALUES:
        raise StegoError(
            f"{len(state.images)} photographs are too many for one project. Make several projects "
            "of them."
        )
    with replacing(folder / STATE_FILE) as temporary:
        temporary.write_bytes(content)


def back_up(folder: Path, old: StateFile) -> Path:
    """Keep the file as an older version wrote it.

    Parameters
    ----------
    folder : Path
        The project folder.
    old : StateFile
        What was read.

    Returns
    -------
    Path
        ``project.json.v1.bak``; with a number where there is another one.

    Raises
    ------
    StegoError
        If it cannot be written.
    """
    number = 1
    while True:
        counted = "" if number == 1 else f".{number}"
        path = folder / f"{STATE_FILE}.v{old.format}{counted}.bak"
        if not os.path.lexists(path):
            break
        number += 1
    with replacing(path) as temporary:
        temporary.write_bytes(old.content)
    return path


def root_fields(folder: Path, root: Path) -> dict[str, str]:
    """Say where the photographs are, so that both can be moved together.

    Parameters
    ----------
    folder : Path
        The project folder.
    root : Path
        The corpus root.

    Returns
    -------
    dict
        The fields ``root`` and ``root_absolute`` of `ProjectState`.
    """
    home = folder.resolve()
    written = str(root)
    if root.is_relative_to(home):
        written = root.relative_to(home).as_posix()
    elif root.is_relative_to(home.parent):
        written = PurePath("..", root.relative_to(home.parent)).as_posix()
    return {"root": written, "root_absolute": str(root)}


def root_of(folder: Path, state: ProjectState) -> Path:
    """Find the photographs of a project.

    Parameters
    ----------
    folder : Path
        The project folder.
    state : ProjectState
        Its state.

    Returns
    -------
    Path
        The corpus root, there or not.
    """
    root = Path(state.root)
    if root.is_absolute():
        return root
    # The folder is without links, so that its parent is what `..` means.
    beside = Path(os.path.normpath(folder.resolve() / root))
    before = Path(state.root_absolute)
    if not _is_folder(beside) and before.is_absolute() and _is_folder(before):
        return before
    return beside


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _from_1(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    root = str(values.get("root", ""))
    fields = root_fields(folder, Path(root)) if root and "\0" not in root else {"root": root}
    return {**values, **fields, "format": 2}


_MIGRATIONS: dict[int, Callable[[Mapping[str, Any], Path], dict[str, Any]]] = {1: _from_1}
"""From each older format to the one after it."""


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg']}" if place else str(first["msg"])
    return getattr(error, "strerror", None) or str(error)
