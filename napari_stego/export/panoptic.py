"""Classes in the panoptic format of COCO: an RGB PNG of ids for each image, and one JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import find_objects

from napari_stego.classes import UNLABELLED, ClassTable
from napari_stego.files import replacing

FOLDER = "panoptic"
"""Where the PNGs are, beside the JSON file."""

FILE = "panoptic.json"
"""The JSON file."""


@dataclass(frozen=True)
class PanopticImage:
    """An image of a panoptic export.

    Attributes
    ----------
    name : str
        Path of the photograph, relative to the folder of photographs.
    stem : str
        Path of its PNG in the folder `FOLDER`, without the suffix.
    height, width : int
        Size in pixels.
    """

    name: str
    stem: str
    height: int
    width: int


class PanopticWriter:
    """Writes images one by one, of which none is kept in memory.

    Parameters
    ----------
    folder : Path
        Where the PNGs go.
    table : ClassTable
        The classes.
    file : text file
        Where the annotations go, in the list of them.
    """

    def __init__(self, folder: Path, table: ClassTable, file: IO[str]) -> None:
        self._folder = folder
        self._classes = {row.id for row in table.rows}
        self._file = file
        self._written = 0

    def write(self, image: PanopticImage, labels: npt.NDArray[np.uint16]) -> None:
        """Write an image; images have to come in the order in which they were announced.

        Parameters
        ----------
        image : PanopticImage
            The image.
        labels : numpy.ndarray
            ``(H, W) uint16`` class ids; what is of no class of the table is void.

        Raises
        ------
        StegoError
            If the PNG cannot be written.
        """
        name = f"{image.stem}.png"
        with replacing(self._folder / name) as temporary:
            Image.fromarray(panoptic_rgb(labels)).save(temporary)
        annotation = {
            "image_id": self._written + 1,
            "file_name": name,
            "segments_info": [
                segment for segment in segments_info(labels) if segment["id"] in self._classes
            ],
        }
        self._file.write(",\n" if self._written else "\n")
        self._file.write(json.dumps(annotation))
        self._written += 1


@contextmanager
def panoptic_writer(
    folder: Path, table: ClassTable, images: Iterable[PanopticImage]
) -> Iterator[PanopticWriter]:
    """Open a panoptic export: ``panoptic.json`` and PNGs in ``panoptic``.

    Each class is a category of stuff (``isthing`` 0), and the pixels of a class
    in an image are one segment, whose id is the id of the class. The
    supercategory is the class above, or at the top the class itself. The JSON
    file is written as images come and put in place at the end; if the block
    ends by an error, the file of an earlier export stays.

    Parameters
    ----------
    folder : Path
        Where to write.
    table : ClassTable
        The classes.
    images : iterable of PanopticImage
        All images that will be written, in their order.

    Yields
    ------
    PanopticWriter
        Takes the images.

    Raises
    ------
    StegoError
        If a file cannot be written.

    References
    ----------
    Kirillov et al., "Panoptic Segmentation", CVPR 2019, and the format of
    https://cocodataset.org/#format-data
    """
    with replacing(folder / FILE) as temporary, temporary.open("w", encoding="ascii") as file:
        file.write('{\n"info": {"description": "Classes of napari-stego"},\n"licenses": [],\n')
        file.write('"categories": [')
        _write_values(file, _categories(table))
        file.write('],\n"images": [')
        _write_values(file, map(_image_values, images, range(1, 2**31)))
        file.write('],\n"annotations": [')
        yield PanopticWriter(folder / FOLDER, table, file)
        file.write("\n]\n}\n")


def panoptic_rgb(labels: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Write ids as colours: R + 256 G + 65536 B.

    Parameters
    ----------
    labels : numpy.ndarray
        ``(H, W) uint16`` ids, 0 for void.

    Returns
    -------
    numpy.ndarray
        ``(H, W, 3) uint8``; ids of 16 bits leave B at 0.
    """
    colours = np.zeros((*labels.shape, 3), np.uint8)
    colours[..., 0] = labels & 0xFF
    colours[..., 1] = labels >> 8
    return colours


def segments_info(labels: npt.NDArray[np.uint16]) -> list[dict[str, Any]]:
    """Describe the segment of each class in an image.

    Parameters
    ----------
    labels : numpy.ndarray
        ``(H, W) uint16`` class ids; 0 has no segment.

    Returns
    -------
    list of dict
        As COCO has it, by id: ``area`` in pixels, and ``bbox`` as left, top,
        width and height in pixels.
    """
    areas = np.bincount(labels.reshape(-1))
    boxes = find_objects(labels)
    segments = []
    for class_id in np.flatnonzero(areas).tolist():
        if class_id == UNLABELLED:
            continue
        rows, columns = boxes[class_id - 1]
        height, width = rows.stop - rows.start, columns.stop - columns.start
        segments.append(
            {
                "id": class_id,
                "category_id": class_id,
                "area": int(areas[class_id]),
                "bbox": [columns.start, rows.start, width, height],
                "iscrowd": 0,
            }
        )
    return segments


def _categories(table: ClassTable) -> Iterator[dict[str, Any]]:
    for row in table.rows:
        yield {
            "id": row.id,
            "name": row.name,
            "supercategory": row.name if row.parent is None else table.name(row.parent),
            "isthing": 0,
            "color": list(bytes.fromhex(row.colour[1:])),
        }


def _image_values(image: PanopticImage, image_id: int) -> dict[str, Any]:
    return {
        "id": image_id,
        "file_name": image.name,
        "width": image.width,
        "height": image.height,
    }


def _write_values(file: IO[str], values: Iterable[dict[str, Any]]) -> None:
    for place, value in enumerate(values):
        file.write(",\n" if place else "\n")
        file.write(json.dumps(value))
