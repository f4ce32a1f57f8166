"""The prompts of a project, kept in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field

from napari_stego.correspondence import Prompt
from napari_stego.errors import StegoError
from napari_stego.files import replacing
from napari_stego.project.project import Project
from napari_stego.project.side_files import read_side_file
from napari_stego.untrusted import MAX_JSON_VALUES

PROMPTS_FILE = "prompts.json"
"""Name of the file."""

_REMEDY = "point at things again."
_MAX_BYTES = 2**25
_MAX_PROMPTS = 10_000


class _PromptsFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
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
    content = read_side_file(project, PROMPTS_FILE, _PromptsFile, _MAX_BYTES, _REMEDY)
    if content is None:
        return ()
    known = {image.content_hash for image in project.state.images}
    return tuple(prompt for prompt in content.prompts if prompt.image in known)


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
