"""Small JSON files of a project beside ``project.json``: read as if a stranger had made them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from napari_stego.project.project import Project, ProjectError
from napari_stego.untrusted import MAX_JSON_VALUES, parse_json, read_bytes

_Content = TypeVar("_Content", bound=BaseModel)

FORMAT = 1
"""Version of all such files."""


def read_side_file(
    project: Project, name: str, model: type[_Content], limit: int, remedy: str
) -> _Content | None:
    """Read a file of the project folder.

    Parameters
    ----------
    project : Project
        The project.
    name : str
        Name of the file.
    model : type
        What it holds; ``format`` is one of its fields.
    limit : int
        The most bytes.
    remedy : str
        What to do if it is damaged, as the rest of a sentence: "Move it away,
        and ...".

    Returns
    -------
    BaseModel or None
        Its content; None if there is no such file.

    Raises
    ------
    ProjectError
        If the file is damaged, or was written by a newer version.
    """
    path = project.inside(name)
    try:
        values = parse_json(read_bytes(path, limit), MAX_JSON_VALUES)
        found = values.get("format") if isinstance(values, dict) else None
        if type(found) is not int:
            raise ValueError("it has no format")
        if found > FORMAT:
            raise ProjectError(
                f"{path} was written by a newer version of napari-stego (format {found}). Update "
                "napari-stego."
            )
        return model.model_validate(values)
    except FileNotFoundError:
        return None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _damaged(path, f"{place}: {first['msg']}", remedy) from error
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, str(error), remedy) from error


def _damaged(path: Path, reason: str, remedy: str) -> ProjectError:
    return ProjectError(
        f"{path} is damaged or cannot be read: {reason}. Move it away, and {remedy}"
    )
