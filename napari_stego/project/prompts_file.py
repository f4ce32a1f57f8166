"""The prompts of a project, kept in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from napari_stego.correspondence import Prompt
from napari_stego.errors import StegoError
from napari_stego.files import replacing
from napari_stego.project.project import Project, ProjectError
from napari_stego.untrusted import MAX_JSON_VALUES, parse_json, read_bytes

PROMPTS_FILE = "prompts.json"
"""Name of the file."""

_FORMAT: Final = 1
_MAX_BYTES = 2**25
_MAX_PROMPTS = 10_000


class _PromptsFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = _FORMAT
    prompts: Annotated[tuple[Prompt, ...], FailFast(), Field(max_length=_MAX_PROMPTS)]


def read_prompts(project: Project) -> tuple[Prompt, ...]:
    """Read the prompts of a project.

    Parameters
    ----------
    project : Project
        The project.

    Returns
    -------
    tuple of Prompt
        In their order; those on photographs that are not in the project any
        more are left out. Empty if none were kept.

    Raises
    ------
    ProjectError
        If the file is damaged, or was written by a newer version.
    """
    path = project.inside(PROMPTS_FILE)
    try:
        values = parse_json(read_bytes(path, _MAX_BYTES), MAX_JSON_VALUES)
        found = values.get("format") if isinstance(values, dict) else None
        if type(found) is not int:
            raise ValueError("it has no format")
        if found > _FORMAT:
            raise ProjectError(
                f"{path} was written by a newer version of napari-stego (format {found}). Update "
                "napari-stego."
            )
        prompts = _PromptsFile.model_validate(values).prompts
    except FileNotFoundError:
        return ()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _damaged(project, f"{place}: {first['msg']}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(project, str(error)) from error
    known = {image.content_hash for image in project.state.images}
    return tuple(prompt for prompt in prompts if prompt.image in known)


def write_prompts(project: Project, prompts: Sequence[Prompt]) -> None:
    """Keep prompts in the project, in the place of those there were.

    Parameters
    ----------
    project : Project
        The project.
    prompts : sequence of Prompt
        The prompts, in order.

    Raises
    ------
    ReadOnlyError
        If the project can only be read.
    StegoError
        If they are too many, or cannot be written.
    """
    project.check_writable()
    content = _PromptsFile.model_construct(prompts=tuple(prompts)).model_dump_json().encode()
    values = content.count(b",")
    if len(prompts) > _MAX_PROMPTS or len(content) > _MAX_BYTES or values > MAX_JSON_VALUES:
        raise StegoError(
            f"{len(prompts)} prompts are too many to be kept, or their outlines too long. Remove "
            "some."
        )
    with replacing(project.inside(PROMPTS_FILE)) as temporary:
        temporary.write_bytes(content)


def _damaged(project: Project, reason: str) -> ProjectError:
    return ProjectError(
        f"{project.folder / PROMPTS_FILE} is damaged or cannot be read: {reason}. Move it away, "
        "and point at things again."
    )
