"""The commands on the runs of a project: list them, compare them, pick one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego.cli import options
from napari_stego.cli.opening import open_to_change
from napari_stego.cli.reporting import Reporter
from napari_stego.cli.tables import columns

if TYPE_CHECKING:
    from napari_stego.project import KeptRun

runs_app = typer.Typer(
    no_args_is_help=True, help="List the heads that were trained, compare them, and pick one."
)

_HEADINGS = ("run", "begun", "steps", "D", "seed", "random", "knn", "self", "quality", "")


@runs_app.command(name="list")
def list_(project: options.ProjectOption, json_: options.JsonOption = False) -> None:
    """List the runs on the project's features, the newest first.

    Random, knn and self are the mean correspondences that the training ended
    with; quality is that of `train`, of runs that were judged.
    """
    from napari_stego.project import Project, list_runs

    reporter = Reporter(json_)
    with reporter.command():
        runs = list_runs(Project.open(project, writable=False))
        text = columns([_HEADINGS, *map(_line, runs)]) if runs else "There are no runs yet."
        reporter.result({"runs": [_values(kept) for kept in runs]}, text)


@runs_app.command()
def use(
    key: Annotated[str, typer.Argument(help="Key of a run, or its beginning.", metavar="RUN")],
    project: options.ProjectOption,
    json_: options.JsonOption = False,
) -> None:
    """Pick the run whose codes are clustered next. Clusters in use stay until then."""
    from napari_stego.project import use_run

    reporter = Reporter(json_)
    with reporter.command():
        chosen = use_run(open_to_change(reporter, project), key)
        reporter.result(
            {"run": chosen.key},
            f"Run {chosen.key} makes the codes now. Cluster them: `napari-stego cluster --project "
            f"{project}`.",
        )


@runs_app.command()
def compare(
    project: options.ProjectOption,
    image: Annotated[str, typer.Option(help="Photograph to show.", metavar="NAME")],
    out: Annotated[Path, typer.Option(help="Picture to write.", metavar="FILE")],
    clusters: options.ClustersOption = None,
    json_: options.JsonOption = False,
) -> None:
    """Draw clusters of the raw features and of each finished run over a photograph.

    They are made quickly, from a part of the photographs: for a look, not for
    an export. Alike clusters have one colour.
    """
    from napari_stego.project import Project
    from napari_stego.project.comparing import compare_runs, write_comparison

    reporter = Reporter(json_)
    with reporter.command():
        opened = Project.open(project, writable=False)
        compared = compare_runs(opened, image, clusters)
        write_comparison(compared, out)
        reporter.result(
            {"picture": str(out), "shown": [each.title for each in compared.maps]},
            f"{len(compared.maps)} maps of {image} are in {out}.",
        )


def _line(kept: KeptRun) -> tuple[str, ...]:
    run, found = kept.run, kept.correspondence
    return (
        kept.key,
        f"{kept.begun:%Y-%m-%d %H:%M}" if kept.begun else "",
        f"{run.steps_done}" if run.finished else f"{run.steps_done} of {run.settings.steps}",
        str(run.settings.dim),
        str(run.settings.seed),
        *(f"{found[role]:.3f}" if role in found else "" for role in ("random", "knn", "self")),
        f"{kept.verdict.codes:.2f}" if kept.verdict else "",
        " ".join(_states(kept)),
    )


def _states(kept: KeptRun) -> list[str]:
    states = {
        "in use": kept.latest,
        "official": kept.run.source == "official",
        "unfinished": not kept.run.finished,
        "collapsed": kept.run.collapsed,
    }
    return [state for state, holds in states.items() if holds]


def _values(kept: KeptRun) -> dict[str, Any]:
    return {
        "run": kept.key,
        "begun": kept.begun.isoformat() if kept.begun else None,
        "images": kept.images,
        "steps": kept.run.steps_done,
        "finished": kept.run.finished,
        "collapsed": kept.run.collapsed,
        "in_use": kept.latest,
        "source": kept.run.source,
        "settings": kept.run.settings.model_dump(mode="json", by_alias=True),
        "correspondence": kept.correspondence,
        "quality": kept.verdict.codes if kept.verdict else None,
    }
