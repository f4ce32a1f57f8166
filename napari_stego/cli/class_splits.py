"""The ``classes split`` command."""

from __future__ import annotations

from typing import Annotated

import typer

from napari_stego.cli import options
from napari_stego.cli.class_edits import find_class, named, segmentation_of, told_edit
from napari_stego.cli.reporting import Reporter


def register(app: typer.Typer) -> None:
    """Add the command of this module.

    Parameters
    ----------
    app : typer.Typer
        The ``classes`` commands.
    """
    app.command("split")(split)


def split(
    project: options.ProjectOption,
    class_: Annotated[str, typer.Argument(help="Id or name of the class.", metavar="CLASS")],
    into: Annotated[
        int, typer.Option("--into", help="How many parts.", metavar="N", min=2, max=1000)
    ],
    names: Annotated[
        str | None,
        typer.Option(
            "--names",
            help="Names of the new classes, the largest first, with commas between them; what is "
            "left out is named after the class.",
            metavar="LIST",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", help="Seed of the sample and of k-means.", min=0)
    ] = 0,
    json_: options.JsonOption = False,
) -> None:
    """Cluster a class again, apart from all others, and make its parts classes.

    The largest part stays in the class.
    """
    reporter = Reporter(json_)
    with reporter.command(), segmentation_of(reporter, project, to_change=True) as segmentation:
        before = {row.id for row in segmentation.table.rows}
        class_id = find_class(segmentation.table, class_)
        with reporter.progress() as progress:
            proposal = segmentation.propose_split(
                class_id, into, seed=seed, progress=progress, cancel=reporter.cancel
            )
        ids = segmentation.split(proposal, [] if names is None else names.split(","))
        table, shares = segmentation.table, proposal.shares.tolist()
        values, _ = told_edit(segmentation, before)
        values["parts"] = [
            {"id": each, "name": table.name(each), "share": share}
            for each, share in zip(ids, shares, strict=True)
        ]
        lines = [
            f"  {share:6.1%}  {named(table, [each])}"
            for each, share in zip(ids, shares, strict=True)
        ]
        reporter.result(values, "\n".join([f"{values['edit']}.", *lines]))
