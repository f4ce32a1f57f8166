"""The class table as a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from napari_stego.classes import UNLABELLED, ClassTable
from napari_stego.files import replacing

COLUMNS = ("id", "name", "colour", "clusters", "pixels", "cover_percent")


def write_classes_csv(path: Path, table: ClassTable, pixels: Mapping[int, int]) -> None:
    """Write classes with their source clusters, pixels and cover.

    Cover is the share of all pixels, unlabelled ones included; those are the
    row with id 0, there if any pixel is unlabelled. A name that a spreadsheet
    would take for a formula is kept as it is.

    Parameters
    ----------
    path : Path
        The file: UTF-8 with a byte order mark, as spreadsheets expect.
    table : ClassTable
        The classes.
    pixels : mapping of int to int
        Pixels by class id, over all images.

    Raises
    ------
    StegoError
        If the file cannot be written.
    """
    total = sum(pixels.values())

    def counts(class_id: int) -> tuple[int, str]:
        count = pixels.get(class_id, 0)
        return count, f"{100 * count / total:.4f}" if total else ""

    with replacing(path) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(COLUMNS)
        if pixels.get(UNLABELLED):
            writer.writerow((UNLABELLED, "unlabelled", "#000000", "", *counts(UNLABELLED)))
        for row in table.rows:
            clusters = ";".join(map(str, row.clusters))
            writer.writerow((row.id, row.name, row.colour, clusters, *counts(row.id)))
