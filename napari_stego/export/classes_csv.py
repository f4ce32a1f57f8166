"""The class table as a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from napari_stego.classes import UNLABELLED, ClassTable
from napari_stego.export.totals import ClassTotals
from napari_stego.files import replacing

COLUMNS = (
    "id",
    "name",
    "code",
    "colour",
    "parent_id",
    "parent",
    "clusters",
    "pixels",
    "cover_percent",
    "images",
    "locked",
    "edits",
    "strokes",
)


def write_classes_csv(path: Path, table: ClassTable, totals: Mapping[int, ClassTotals]) -> None:
    """Write classes with their source clusters, pixels and cover.

    Cover is the share of all pixels, unlabelled ones included; those are the
    row with id 0, there if any pixel is unlabelled. ``parent_id`` and
    ``parent`` are the class above, empty at the top; ``locked`` is ``yes`` or
    empty; the last columns count the edits and strokes that made the class. A
    name that a spreadsheet would take for a formula is kept as it is.

    Parameters
    ----------
    path : Path
        The file: UTF-8 with a byte order mark, as spreadsheets expect.
    table : ClassTable
        The classes.
    totals : mapping of int to ClassTotals
        What the classes amount to over all images, by class id.

    Raises
    ------
    StegoError
        If the file cannot be written.
    """
    all_pixels = sum(each.pixels for each in totals.values())
    nothing = ClassTotals()

    def counts(class_id: int) -> tuple[int, str, int]:
        found = totals.get(class_id, nothing)
        cover = f"{100 * found.pixels / all_pixels:.4f}" if all_pixels else ""
        return found.pixels, cover, found.images

    def made_by(class_id: int) -> tuple[int, int]:
        found = totals.get(class_id, nothing)
        return found.edits, found.strokes

    with replacing(path) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(COLUMNS)
        if totals.get(UNLABELLED, nothing).pixels:
            own = (UNLABELLED, "unlabelled", "", "#000000", "", "", "")
            writer.writerow((*own, *counts(UNLABELLED), "", *made_by(UNLABELLED)))
        for row in table.rows:
            above = ("", "") if row.parent is None else (row.parent, table.name(row.parent))
            clusters = ";".join(map(str, row.clusters))
            own = (row.id, row.name, row.code, row.colour, *above, clusters)
            locked = "yes" if row.locked else ""
            writer.writerow((*own, *counts(row.id), locked, *made_by(row.id)))
