"""The ``classes`` commands on what was done: history, undo, redo, jump."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_stego.cli import options
from napari_stego.cli.class_edits import position_values, segmentation_of
from napari_stego.cli.reporting import Reporter

if TYPE_CHECKING:
    from napari_stego.classes import ClassHistory

_CountArgument = Annotated[
    int, typer.Argument(help="How many edits.", metavar="[N]", min=1, show_default=True)
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Parameters
    ----------
    app : typer.Typer
        The ``classes`` commands.
    """
    app.command("history")(history)
    app.command("undo")(undo)
    app.command("redo")(redo)
    app.command("jump")(jump)


def history(project: options.ProjectOption, json_: options.JsonOption = False) -> None:
    """List all edits, those undone too; `>` marks where the classes stand."""
    reporter = Reporter(json_)
    with reporter.command(), segmentation_of(reporter, project) as segmentation:
        past = segmentation.history
        texts = [past.text(index) for index in range(len(past))]
        values = {
            **position_values(past),
            "history": [
                {"number": number, "edit": text, "in_force": number <= past.position}
                for number, text in enumerate(texts, 1)
            ],
        }
        width = len(str(len(texts)))
        lines = [
            f"{'>' if number == past.position else ' '} {number:{width}}  {text}"
            + ("  (undone)" if number > past.position else "")
            for number, text in enumerate(["The classes as they were at first", *texts])
        ]
        reporter.result(values, "\n".join(lines))


def undo(
    project: options.ProjectOption, count: _CountArgument = 1, json_: options.JsonOption = False
) -> None:
    """Take the last edits back."""
    _go(json_, project, by=-count)


def redo(
    project: options.ProjectOption, count: _CountArgument = 1, json_: options.JsonOption = False
) -> None:
    """Apply edits again that were undone."""
    _go(json_, project, by=count)


def jump(
    project: options.ProjectOption,
    number: Annotated[
        int,
        typer.Argument(
            help="Number of the last edit in force, as `history` has it; 0 is before all.",
            metavar="N",
            min=0,
        ),
    ],
    json_: options.JsonOption = False,
) -> None:
    """Undo or redo until a number of edits are in force."""
    _go(json_, project, to=number)


def _go(as_json: bool, folder: Path, *, by: int = 0, to: int | None = None) -> None:
    from napari_stego.errors import StegoError

    reporter = Reporter(as_json)
    with reporter.command(), segmentation_of(reporter, folder, to_change=True) as segmentation:
        past = segmentation.history
        before = past.position
        wanted = before + by if to is None else to
        if wanted < 0:
            raise StegoError(_too_far(before, "undo", "undone"))
        if wanted > len(past) and to is None:
            raise StegoError(_too_far(len(past) - before, "redo", "redone"))
        if abs(by) == 1:
            past.undo() if by < 0 else past.redo()
        else:
            past.jump(wanted)
        reporter.result(*_told(past, before))


def _too_far(possible: int, verb: str, participle: str) -> str:
    if not possible:
        return f"There is nothing to {verb}."
    return f"Only {possible} edit{'s' * (possible > 1)} can be {participle}."


def _told(past: ClassHistory, before: int) -> tuple[dict[str, object], str]:
    after = past.position
    undone = [past.text(index) for index in range(after, before)][::-1]
    redone = [past.text(index) for index in range(before, after)]
    lines = [f"Undone: {text}." for text in undone] + [f"Done again: {text}." for text in redone]
    lines.append(f"{after} of {len(past)} edits are in force.")
    return {"undone": undone, "redone": redone, **position_values(past)}, "\n".join(lines)
