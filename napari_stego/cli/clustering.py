"""The commands that help to choose clusters: how many, and which to join."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego.cli import options
from napari_stego.cli.reporting import Reporter

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_stego.clustering import ClusterModel, MergeTree, StabilityCurve, StabilitySettings
    from napari_stego.project import Project

_LEADING_CLUSTERS = 12


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the program.

    Parameters
    ----------
    app : typer.Typer
        The program.
    """
    app.command("cluster-k")(cluster_k)
    app.command("tree")(tree)


def cluster_k(
    project: options.ProjectOption,
    ks: Annotated[
        str | None,
        typer.Option(
            "--ks",
            help="Numbers of clusters to try. [default: 4,6,8,12,16,24,32,48,64]",
            metavar="LIST",
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(help="Splits of the photographs for each K. [default: 5]", min=2, max=100),
    ] = None,
    source: options.SourceOption = None,
    seed: options.SeedOption = None,
    json_: options.JsonOption = False,
) -> None:
    """Measure for which numbers K of clusters different photographs agree.

    The project remembers what was measured; nothing else in it changes.
    Without --source, what is clustered now is measured: codes or features.
    """
    from napari_stego.project import Project, measure_stability

    reporter = Reporter(json_)
    with reporter.command():
        opened = Project.open(project)
        settings = _stability_settings(opened, ks, repeats=repeats, source=source, seed=seed)
        with reporter.progress() as progress:
            curve = measure_stability(opened, settings, progress, reporter.cancel)
        values = {"source": settings.source, **_curve_values(curve)}
        reporter.result(values, _curve_text(curve))


def tree(
    project: options.ProjectOption,
    cut: Annotated[
        int | None,
        typer.Option("--cut", help="Show what clusters to join for so many parts.", min=1),
    ] = None,
    height: Annotated[
        float | None,
        typer.Option(
            "--height", help="Show what to join up to this cosine distance.", min=0, max=2
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", help="Number of suggestions to show.", min=1)
    ] = 20,
    json_: options.JsonOption = False,
) -> None:
    """Show which clusters are alike, most alike first, or cut the tree of them.

    It changes nothing in the project. Clusters have the numbers of
    classes.csv, from 0.
    """
    from napari_stego.clustering import merge_tree
    from napari_stego.errors import StegoError
    from napari_stego.project import Project
    from napari_stego.project.segmentation import load_clusters

    reporter = Reporter(json_)
    with reporter.command():
        if cut is not None and height is not None:
            raise StegoError("Give --cut or --height, not both.")
        opened = Project.open(project, writable=False)
        model = load_clusters(opened.clusters_file(opened.result.clusters))
        if cut is not None and cut > len(model):
            raise StegoError(f"There are {len(model)} clusters; --cut can be 1 to {len(model)}.")
        merges = merge_tree(model, weights=model.sizes)
        if cut is None and height is None:
            reporter.result(*_suggestions(merges, limit))
            return
        parts = merges.cut_into(cut) if cut is not None else merges.cut(height or 0.0)
        reporter.result(*_parts(model, parts))


def _stability_settings(project: Project, ks: str | None, **changes: Any) -> StabilitySettings:
    """Resolve what is asked for; unless asked for, the source is that of the clusters in use.

    While there are none, it is what there is.

    Raises
    ------
    StegoError
        If `ks` is no list of numbers of clusters.
    """
    from pydantic import ValidationError

    from napari_stego.clustering import StabilitySettings
    from napari_stego.errors import StegoError
    from napari_stego.project import measurable_source

    result = project.state.result
    values: dict[str, Any] = {
        "source": measurable_source(project) if result is None else result.settings.source
    }
    values |= {name: value for name, value in changes.items() if value is not None}
    if ks is not None:
        values["ks"] = tuple(part.strip() for part in ks.split(","))
    try:
        return StabilitySettings.model_validate(values)
    except ValidationError as error:
        raise StegoError(
            f"--ks is a list of numbers from 2 to 1000, as in 4,8,16; not {ks!r}."
        ) from error


def _curve_values(curve: StabilityCurve) -> dict[str, Any]:
    return {
        "curve": [
            {
                "clusters": int(k),
                "agreement": float(mean),
                "spread": float(spread),
                "baseline": float(baseline),
                "excess": float(excess),
                "standard_error": float(error),
            }
            for k, mean, spread, baseline, excess, error in _rows(curve)
        ],
        "suggested": curve.suggest(),
    }


def _curve_text(curve: StabilityCurve) -> str:
    suggested = curve.suggest()
    lines = ["  K  agreement  spread  baseline  excess  error"]
    lines += [
        f"{k:3d}  {mean:9.3f}  {spread:6.3f}  {baseline:8.3f}  {excess:6.3f}  {error:5.3f}"
        + ("  <- suggested" if k == suggested else "")
        for k, mean, spread, baseline, excess, error in _rows(curve)
    ]
    if suggested is None:
        lines.append(
            "No number of clusters agrees better than on random positions: choose K by eye, "
            "or add photographs."
        )
    return "\n".join(lines)


def _rows(curve: StabilityCurve) -> zip[tuple[Any, ...]]:
    baseline = curve.baseline.mean(axis=1)
    columns = (curve.ks, curve.mean, curve.spread, baseline, curve.excess, curve.error)
    return zip(*(column.tolist() for column in columns), strict=True)


def _suggestions(merges: MergeTree, limit: int) -> tuple[dict[str, Any], str]:
    suggestions = merges.suggestions(limit)
    values = {
        "clusters": len(merges),
        "suggestions": [suggestion._asdict() for suggestion in suggestions],
    }
    lines = ["similarity  clusters"]
    lines += [
        f"{suggestion.similarity:10.3f}  {_named(suggestion.first)} + {_named(suggestion.second)}"
        for suggestion in suggestions
    ]
    return values, "\n".join(lines)


def _parts(model: ClusterModel, parts: npt.NDArray[np.int64]) -> tuple[dict[str, Any], str]:
    groups: dict[int, list[int]] = {}
    for cluster, part in enumerate(parts.tolist()):
        groups.setdefault(part, []).append(cluster)
    lines = [f"{len(model)} clusters in {len(groups)} part{'' if len(groups) == 1 else 's'}"]
    rows: list[dict[str, Any]] = []
    for members in groups.values():
        row: dict[str, Any] = {"clusters": members}
        line = ""
        if model.sizes is not None:
            row["share"] = float(model.sizes[members].sum() / model.sizes.sum())
            line = f"{row['share']:6.1%}  "
        rows.append(row)
        lines.append(line + _named(members))
    return {"clusters": len(model), "parts": rows}, "\n".join(lines)


def _named(clusters: tuple[int, ...] | list[int]) -> str:
    shown = ", ".join(map(str, clusters[:_LEADING_CLUSTERS]))
    more = len(clusters) - _LEADING_CLUSTERS
    return f"{shown} and {more} more" if more > 0 else shown
