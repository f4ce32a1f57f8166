"""The ``inspect``, ``search`` and ``why`` commands: point at something, and see where else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego.cli import exploring_pictures as pictures
from napari_stego.cli import options
from napari_stego.cli.class_edits import find_place, segmentation_of, told_edit
from napari_stego.cli.pointing import (
    AssignOption,
    AtOption,
    ComparedOption,
    ImageOption,
    KeptOption,
    NotOption,
    OutOption,
    ThresholdOption,
    parse_pixel,
    pointing,
)
from napari_stego.cli.reporting import Reporter, counted
from napari_stego.cli.tables import columns

if TYPE_CHECKING:
    from napari_stego.classes import ClassEdit
    from napari_stego.project import Segmentation
    from napari_stego.project.examples import Patch
    from napari_stego.project.explaining import Explanation, Nearness


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Parameters
    ----------
    app : typer.Typer
        The program.
    """
    app.command("inspect")(inspect)
    app.command("search")(search)
    app.command("why")(why)


def inspect(
    project: options.ProjectOption,
    image: ImageOption,
    at: AtOption = None,
    outside: NotOption = None,
    kept: KeptOption = False,
    source: ComparedOption = None,
    centred: Annotated[
        bool,
        typer.Option(
            "--centred",
            help="Subtract from each correspondence its mean over the photograph, as the loss of "
            "STEGO does: only what stands out stays.",
        ),
    ] = False,
    neighbours: Annotated[
        int,
        typer.Option(
            "--neighbours", help="Show so many most similar photographs too.", min=0, max=1000
        ),
    ] = 0,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", help="Show this photograph too; may be repeated.", metavar="NAME"),
    ] = None,
    out: OutOption = None,
    assign: AssignOption = None,
    threshold: ThresholdOption = 0.7,
    json_: options.JsonOption = False,
) -> None:
    """Show where in a photograph, and in others, something is found again.

    Scores are on one scale: 1 the same, 0 nothing in common or as much with
    what is not wanted, -1 the opposite.
    """
    from napari_stego.project.giving import give_mask
    from napari_stego.project.photographs import find_photograph

    reporter = Reporter(json_)
    with (
        reporter.command(),
        pointing(reporter, project, image, at, outside, kept, source, assign, out) as found,
    ):
        shown = [found.image]
        with reporter.progress() as progress:
            if neighbours:
                shown += found.inspector.neighbours(
                    found.image, neighbours, progress=progress, cancel=reporter.cancel
                )
            shown += [find_photograph(found.project, name) for name in with_ or []]
            unique = list({each.content_hash: each for each in shown}.values())
            items = list(
                found.inspector.gallery(
                    unique,
                    found.queries,
                    found.source,
                    centred=centred,
                    longest=pictures.TILE,
                    progress=progress,
                    cancel=reporter.cancel,
                )
            )
        values: dict[str, Any] = {
            "source": found.source,
            "centred": centred,
            "images": [
                {"image": i.image.name, "row": i.row, "column": i.column, "score": i.score}
                for i in items
            ],
        }
        heat = None
        if out is not None or assign is not None:
            heat = found.inspector.heatmap(
                found.image, found.queries, found.source, centred=centred
            )
        if out is not None and heat is not None:
            files = pictures.write_heatmaps(out, found.image, heat, items, found.prompts, centred)
            values["pictures"] = [str(path) for path in files]
        text = _places(values["images"])
        if assign is not None and heat is not None and found.segmentation is not None:
            class_id = find_place(found.segmentation.table, assign)
            painted = give_mask(found.segmentation, found.image, heat >= threshold, class_id)
            values["changes"], told = _done(found.segmentation, painted.edit, len(painted.kept))
            text = f"{text}\n{told}"
        reporter.result(values, _with_files(text, values))


def search(
    project: options.ProjectOption,
    image: ImageOption,
    at: AtOption = None,
    outside: NotOption = None,
    kept: KeptOption = False,
    source: ComparedOption = None,
    top: Annotated[
        int, typer.Option("--top", help="How many places to find.", min=1, max=10_000)
    ] = 20,
    per_image: Annotated[
        int,
        typer.Option("--per-image", help="The most places of one photograph.", min=1, max=1000),
    ] = 1,
    exact: Annotated[
        bool, typer.Option("--exact", help="Compare all codes, not only the likely ones.")
    ] = False,
    out: OutOption = None,
    assign: AssignOption = None,
    threshold: ThresholdOption = 0.7,
    json_: options.JsonOption = False,
) -> None:
    """Find the places in all photographs that are most like what is pointed at.

    The search index is made the first time, and brought up to date later. With
    --assign, the part of each heatmap at or above --threshold that holds the
    place found goes to a class.
    """
    from napari_stego.project.giving import give_regions
    from napari_stego.project.searching import CorpusSearch

    reporter = Reporter(json_)
    with (
        reporter.command(),
        pointing(reporter, project, image, at, outside, kept, source, assign, out) as found,
    ):
        index = CorpusSearch(found.project, found.encodings, found.source)
        with reporter.progress() as progress:
            index.build(progress=progress, cancel=reporter.cancel)
        hits = index.search(
            found.queries,
            top,
            per_image=per_image,
            exact=True if exact else None,
            cancel=reporter.cancel,
        )
        values: dict[str, Any] = {
            "source": found.source,
            "searched": index.images,
            "hits": [
                {
                    "image": hit.image.name,
                    "row": hit.row,
                    "column": hit.column,
                    "size": hit.size,
                    "score": hit.score,
                    "copies": list(hit.copies),
                }
                for hit in hits
            ],
        }
        if out is not None:
            values["pictures"] = [str(path) for path in pictures.write_hits(out, hits)]
        text = f"{counted(index.images)} searched.\n{_places(values['hits'])}"
        if assign is not None and found.segmentation is not None:
            with reporter.progress() as progress:
                given = give_regions(
                    found.segmentation,
                    found.inspector,
                    hits,
                    found.queries,
                    found.source,
                    find_place(found.segmentation.table, assign),
                    threshold=threshold,
                    progress=progress,
                    cancel=reporter.cancel,
                )
            values["changes"], told = _done(found.segmentation, given.edit, given.kept)
            text = f"{text}\n{told}"
        reporter.result(values, _with_files(text, values))


def why(
    project: options.ProjectOption,
    image: ImageOption,
    at: Annotated[
        str, typer.Option("--at", help="Row and column of the pixel, from 0.", metavar="ROW,COL")
    ],
    examples: Annotated[
        int, typer.Option("--examples", help="Examples of each kind to name.", min=0, max=100)
    ] = 4,
    json_: options.JsonOption = False,
) -> None:
    """Tell why a pixel is in its class: its cluster, and what is near.

    Named too: typical places of the class, places that are only just in it, and
    what the pixel was in other clusters of the project.
    """
    from napari_stego.project import Project
    from napari_stego.project.earlier import earlier_results
    from napari_stego.project.examples import example_patches
    from napari_stego.project.explaining import borderline_patches, explain
    from napari_stego.project.photographs import find_photograph

    reporter = Reporter(json_)
    with reporter.command(), segmentation_of(reporter, project) as segmentation:
        opened = Project.open(project, writable=False)
        found, pixel = find_photograph(opened, image), parse_pixel(at)
        segmentation.encodings.check(found)
        told = explain(segmentation, found, pixel)
        values, images = _explanation(told), opened.corpus.images
        values["typical"], values["borderline"] = [], []
        if told.cluster.class_id:
            for name, find in (("typical", example_patches), ("borderline", borderline_patches)):
                patches = find(
                    segmentation, told.cluster.class_id, images, examples, cancel=reporter.cancel
                )
                values[name] = [_place(patch) for patch in patches]
        values["earlier"] = [
            {
                "result": earlier.title,
                "clusters": earlier.record.clusters,
                **_explanation(explain(earlier.segmentation, found, pixel)),
            }
            for earlier in earlier_results(opened)
            if earlier.segmentation.encodings.has(found)
        ]
        reporter.result(values, _explained(told, values))


def _explanation(told: Explanation) -> dict[str, Any]:
    return {
        "image": told.image.name,
        "row": told.row,
        "column": told.column,
        "class": told.class_id,
        "name": told.class_name,
        "painted": told.painted,
        "cluster": _nearness(told.cluster),
        "others": [_nearness(other) for other in told.others],
        "coherence": told.coherence,
        "margin": told.margin,
        "class_margin": told.class_margin,
    }


def _nearness(near: Nearness) -> dict[str, Any]:
    return {
        "cluster": near.cluster,
        "class": near.class_id,
        "name": near.class_name,
        "cosine": near.cosine,
        "distance": near.distance,
    }


def _place(patch: Patch) -> dict[str, Any]:
    return {
        "image": patch.image.name,
        "row": patch.row,
        "column": patch.column,
        "size": patch.size,
    }


def _explained(told: Explanation, values: dict[str, Any]) -> str:
    lines = [f"“{told.class_name}” ({told.class_id}){', painted' if told.painted else ''}."]
    table = [("", "cluster", "class", "cosine", "distance")]
    for words, near in (("its cluster", told.cluster), *(("near", each) for each in told.others)):
        name = f"{near.class_name} ({near.class_id})"
        row = (words, str(near.cluster), name, f"{near.cosine:.3f}", f"{near.distance:.3f}")
        table.append(row)
    lines.append(columns(table))
    if told.coherence is not None:
        lines.append(f"Mean cosine of its cluster: {told.coherence:.3f}.")
    if told.class_margin is not None:
        lines.append(f"Margin to the nearest other class: {told.class_margin:.3f}.")
    for title, name in (("Typical", "typical"), ("Only just in it", "borderline")):
        if values[name]:
            lines.append(f"{title}:\n{_places(values[name])}")
    for earlier in values["earlier"]:
        margin = earlier["class_margin"]
        words = "" if margin is None else f", margin {margin:.3f}"
        lines.append(f"In {earlier['result']}: “{earlier['name']}”{words}.")
    return "\n".join(lines)


def _places(places: Sequence[dict[str, Any]]) -> str:
    if not places:
        return "Nothing was found."
    return columns(
        [
            (
                f"{place['score']:6.3f}" if "score" in place else "  ",
                f"{place['row']},{place['column']}",
                place["image"],
            )
            for place in places
        ]
    )


def _with_files(text: str, values: dict[str, Any]) -> str:
    files = values.get("pictures", [])
    return "\n".join([text, *(f"Written: {file}" for file in files)])


def _done(
    segmentation: Segmentation, edit: ClassEdit | None, kept: int
) -> tuple[dict[str, Any], str]:
    """Do an edit, if there is something to do, and tell of it."""
    left = f" {kept} pixels of locked classes stayed." if kept else ""
    if edit is None:
        return {"edit": None, "kept": kept}, f"Nothing was changed.{left}"
    before = {row.id for row in segmentation.table.rows}
    segmentation.history.do(edit)
    values, text = told_edit(segmentation, before)
    return {**values, "kept": kept}, f"{text}{left}"
