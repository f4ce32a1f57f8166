"""The command that finds moved photographs again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_stego.cli import options
from napari_stego.cli.reporting import Reporter, counted

if TYPE_CHECKING:
    from napari_stego.project import RelinkReport

_LEADING_NAMES = 20


def register(app: typer.Typer) -> None:
    """Add the command of this module to the program.

    Parameters
    ----------
    app : typer.Typer
        The program.
    """
    app.command("relink")(relink)


def relink(
    project: options.ProjectOption,
    folder: Annotated[
        Path,
        typer.Argument(help="Folder that the photographs are in now.", metavar="FOLDER"),
    ],
    json_: options.JsonOption = False,
) -> None:
    """Find photographs again that were moved or renamed.

    They are told by their content. Features, clusters and edits stay as they
    are; photographs that have changed, or are not found, are named.
    """
    from napari_stego.project import Project
    from napari_stego.project import relink as relink_project

    reporter = Reporter(json_)
    with reporter.command():
        opened = Project.open(project)
        with reporter.progress() as progress:
            report = relink_project(opened, folder, progress=progress, cancel=reporter.cancel)
        values = {
            "root": str(report.root),
            "in_place": report.in_place,
            "moved": [{"before": before, "now": now} for before, now in report.moved],
            "changed": list(report.changed),
            "missing": list(report.missing),
        }
        reporter.result(values, _text(report))


def _text(report: RelinkReport) -> str:
    lines = [
        f"{counted(report.in_place)} in place in {report.root}, {len(report.moved)} found under "
        "another name."
    ]
    if report.changed:
        lines.append(
            f"{counted(len(report.changed))} changed; extract features again to take them as they "
            "are now:"
        )
        lines += _named(report.changed)
    if report.missing:
        lines.append(f"{counted(len(report.missing))} missing:")
        lines += _named(report.missing)
    return "\n".join(lines)


def _named(names: tuple[str, ...]) -> list[str]:
    more = len(names) - _LEADING_NAMES
    shown = [f"  {name}" for name in names[:_LEADING_NAMES]]
    return [*shown, f"  and {more} more"] if more > 0 else shown
