"""How commands are told what to look for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_stego.cli.opening import open_to_change
from napari_stego.cli.reporting import Reporter
from napari_stego.errors import StegoError

if TYPE_CHECKING:
    from napari_stego.corpus import CorpusImage
    from napari_stego.correspondence import Prompt, Queries
    from napari_stego.project import Encodings, Project, Segmentation, Source
    from napari_stego.project.inspecting import Inspector

ImageOption = Annotated[
    str,
    typer.Option("--image", help="The photograph, by its name in the project.", metavar="NAME"),
]
AtOption = Annotated[
    list[str] | None,
    typer.Option(
        "--at",
        help="What to look for: row and column of a pixel, from 0; with four numbers two corners "
        "of a rectangle, with six or more the corners of a region. On another photograph: "
        "NAME:ROW,COL. May be repeated: what is like any of them counts.",
        metavar="ROW,COL",
    ),
]
NotOption = Annotated[
    list[str] | None,
    typer.Option(
        "--not", help="What not to find, written as for --at; may be repeated.", metavar="ROW,COL"
    ),
]
KeptOption = Annotated[
    bool, typer.Option("--kept", help="Look for what was pointed at and kept in the project too.")
]
ComparedOption = Annotated[
    Literal["codes", "features"] | None,
    typer.Option(
        "--source",
        help="Compare codes of the trained head, or the backbone's features. [default: codes, if "
        "there are some]",
    ),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Write pictures to this folder.", metavar="FOLDER")
]
AssignOption = Annotated[
    str | None,
    typer.Option(
        "--assign",
        help="Give the regions found to a class, by its id or name, in one step that can be "
        "undone; `unlabelled` for none.",
        metavar="CLASS",
    ),
]
ThresholdOption = Annotated[
    float,
    typer.Option(
        "--threshold", help="Score from which a pixel is in a region, for --assign.", min=-1, max=1
    ),
]


@dataclass(frozen=True)
class Pointing:
    """A project, and what is looked for in it.

    Attributes
    ----------
    project : Project
        The project.
    segmentation : Segmentation, optional
        Its classes, open for changes; None if nothing is to be changed.
    encodings : Encodings
        Codes and features of its photographs.
    inspector : Inspector
        Makes heatmaps.
    image : CorpusImage
        The photograph that was named.
    prompts : list of Prompt
        What was pointed at.
    source : "codes" or "features"
        What is compared.
    queries : Queries
        The directions of the prompts.
    """

    project: Project
    segmentation: Segmentation | None
    encodings: Encodings
    inspector: Inspector
    image: CorpusImage
    prompts: list[Prompt]
    source: Source
    queries: Queries


@contextmanager
def pointing(
    reporter: Reporter,
    folder: Path,
    image: str,
    at: Sequence[str] | None,
    outside: Sequence[str] | None,
    kept: bool,
    source: Source | None,
    assign: str | None,
    out: Path | None,
) -> Iterator[Pointing]:
    """Open a project and find what is looked for, within the block.

    Parameters
    ----------
    reporter : Reporter
        Tells what the user should know.
    folder : Path
        The project folder.
    image : str
        Name of the photograph.
    at, outside : sequence of str, optional
        Positive and negative prompts, as written.
    kept : bool
        Whether the prompts kept in the project count too.
    source : "codes" or "features", optional
        What is compared; by default codes, if there are some.
    assign : str, optional
        The class that something is to be given to: the project is opened for
        changes.
    out : Path, optional
        Where pictures are to be written.

    Yields
    ------
    Pointing
        All that the commands need.

    Raises
    ------
    StegoError
        If the project or the photograph cannot be found, a prompt cannot be
        understood, or pictures would be taken for photographs.
    """
    from napari_stego.cli.class_edits import find_place
    from napari_stego.project import Encodings, Project, Segmentation
    from napari_stego.project.exporting import check_folder
    from napari_stego.project.inspecting import Inspector
    from napari_stego.project.photographs import find_photograph
    from napari_stego.project.prompts_file import read_prompts

    project = (
        Project.open(folder, writable=False) if assign is None else open_to_change(reporter, folder)
    )
    try:
        if out is not None:
            check_folder(project, out)
            project.check_target(out)
        named = find_photograph(project, image)
        segmentation = None
        if assign is not None:
            segmentation = Segmentation(project)
            find_place(segmentation.table, assign)  # better said before all is searched
        encodings = Encodings(project) if segmentation is None else segmentation.encodings
        encodings.check(named)
        if source is None:
            source = "codes" if "codes" in encodings.sources else "features"
        elif source not in encodings.sources:
            raise StegoError(
                f"{folder} has no trained head, so there are no codes. Train one with "
                f"`napari-stego train --project {folder}`, or compare features."
            )
        prompts = [
            _prompt(project, named, text, is_positive)
            for texts, is_positive in ((at, True), (outside, False))
            for text in texts or ()
        ]
        if kept:
            prompts += read_prompts(project)
        if not prompts:
            raise StegoError("Say what to look for: --at ROW,COL.")
        inspector = Inspector(project, encodings)
        queries = inspector.queries(prompts, source)
        yield Pointing(project, segmentation, encodings, inspector, named, prompts, source, queries)
    finally:
        project.close()


def parse_pixel(text: str) -> tuple[int, int]:
    """Read row and column of a pixel.

    Parameters
    ----------
    text : str
        As ``120,340``.

    Returns
    -------
    tuple of int
        Row and column.

    Raises
    ------
    StegoError
        If it is anything else.
    """
    try:
        row, column = map(int, text.split(","))
    except ValueError:
        raise StegoError(
            f"“{text}” is no pixel. Give row and column with a comma between, as 120,340."
        ) from None
    return row, column


def _prompt(project: Project, named: CorpusImage, text: str, is_positive: bool) -> Prompt:
    from napari_stego.correspondence import Prompt
    from napari_stego.project.photographs import find_photograph

    name, _, numbers = text.rpartition(":")
    image = find_photograph(project, name) if name else named
    try:
        values = [float(number) for number in numbers.split(",")]
        pairs = tuple(zip(values[::2], values[1::2], strict=True))
        if len(pairs) == 2:
            return Prompt.rectangle(image.content_hash, *pairs, positive=is_positive)
        return Prompt(image=image.content_hash, vertices=pairs, positive=is_positive)
    except ValueError:
        raise StegoError(
            f"“{text}” is nothing that can be looked for. Give row and column of a pixel, as "
            "120,340; two corners of a rectangle, as 100,300,150,380; or three corners or more of "
            "a region; on another photograph with its name before, as reef/b.jpg:120,340."
        ) from None
