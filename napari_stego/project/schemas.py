"""JSON schemas of the files of a project, for other programs that read them.

They lie beside this module as files. ``python -m napari_stego.project.schemas``
writes them anew from the models that read and write the project.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from napari_stego.classes.actions import Action
from napari_stego.classes.edits import Stroke
from napari_stego.classes.log import LogStart
from napari_stego.project.state import ProjectState

SCHEMA_FOLDER = Path(__file__).with_name("schema")
"""Where the schemas are."""


class EditLine(BaseModel):
    """A line of ``edits.jsonl``.

    Attributes
    ----------
    n : int
        Number of the line, from 0.
    crc : str
        CRC-32 of the number, a colon and the act, as they are written;
        8 hexadecimal digits.
    act : LogStart, Stroke or Action
        What it says: the start in line 0, then as many strokes as that tells,
        then actions.
    """

    model_config = ConfigDict(extra="forbid")

    n: Annotated[int, Field(ge=0)]
    crc: Annotated[str, Field(pattern="^[0-9a-f]{8}$")]
    act: LogStart | Stroke | Action


def schemas() -> dict[str, dict[str, Any]]:
    """Make the schemas of all files.

    Returns
    -------
    dict
        JSON schemas (draft 2020-12) by the names of their files.
    """
    return {
        "project.schema.json": _schema("project.json", TypeAdapter(ProjectState)),
        "edits.schema.json": _schema("A line of edits.jsonl", TypeAdapter(EditLine)),
    }


def write_schemas() -> None:
    """Write all schemas to `SCHEMA_FOLDER`."""
    SCHEMA_FOLDER.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        (SCHEMA_FOLDER / name).write_text(text, encoding="utf-8")


def _schema(title: str, adapter: TypeAdapter[Any]) -> dict[str, Any]:
    schema = _first_lines(adapter.json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def _first_lines(value: Any) -> Any:
    """Keep the first paragraph of each description: the rest is about Python."""
    if isinstance(value, list):
        return [_first_lines(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: each.split("\n\n")[0]
        if name == "description" and isinstance(each, str)
        else _first_lines(each)
        for name, each in value.items()
    }


if __name__ == "__main__":
    write_schemas()
