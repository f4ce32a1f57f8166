"""The command that helps to choose how many clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego.cli import options
from napari_stego.cli.reporting import Reporter

if TYPE_CHECKING:
    from napari_stego.clustering import StabilityCurve, StabilitySettings
    from napari_stego.project import Project


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
        opened = Project.open(project, writable=False)
        settings = _stability_settings(opened, ks, repeats=repeats, source=source, seed=seed)
        with reporter.progress() as progress:
            curve = measure_stability(opened, settings, progress, reporter.cancel)
        values = {"source": settings.source, **_curve_values(curve)}
        reporter.result(values, _curve_text(curve))


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
