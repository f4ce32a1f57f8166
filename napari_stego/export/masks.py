"""Masks of class ids, at the size of the source image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from napari_stego.classes import ClassTable
from napari_stego.export.colours import rgb_of_ids
from napari_stego.files import replacing

_PALETTE_SIZE = 256


def write_png_mask(path: Path, labels: npt.NDArray[np.uint16], table: ClassTable) -> None:
    """Write class ids as a PNG whose values are the ids.

    Ids are never renumbered or cut off: while all ids of the table fit in 8
    bits, the PNG is indexed and its palette holds the colours of the classes;
    beyond, it is 16-bit grey.

    Parameters
    ----------
    path : Path
        The file.
    labels : numpy.ndarray
        ``(H, W) uint16`` class ids.
    table : ClassTable
        The classes.

    Raises
    ------
    StegoError
        If the file cannot be written.
    """
    if _fits_a_palette(labels, table):
        image = Image.fromarray(labels.astype(np.uint8))
        image.putpalette(rgb_of_ids(table, _PALETTE_SIZE).tobytes())
    else:
        image = Image.fromarray(labels)
    with replacing(path) as temporary:
        image.save(temporary)


def write_tiff_mask(path: Path, labels: npt.NDArray[np.uint16], table: ClassTable) -> None:
    """Write class ids as a compressed TIFF whose values are the ids.

    With a palette of the classes' colours and 8 bits while all ids fit, else
    with 16 bits.

    Parameters
    ----------
    path : Path
        The file.
    labels : numpy.ndarray
        ``(H, W) uint16`` class ids.
    table : ClassTable
        The classes.

    Raises
    ------
    StegoError
        If the file cannot be written.
    """
    with replacing(path) as temporary:
        if _fits_a_palette(labels, table):
            colours = rgb_of_ids(table, _PALETTE_SIZE).astype(np.uint16) * 257
            tifffile.imwrite(
                temporary,
                labels.astype(np.uint8),
                photometric="palette",
                colormap=colours.T,
                compression="zlib",
            )
        else:
            tifffile.imwrite(temporary, labels, photometric="minisblack", compression="zlib")


def _fits_a_palette(labels: npt.NDArray[np.uint16], table: ClassTable) -> bool:
    # By the table, so that all masks of an export are of one kind; labels may hold other ids.
    return table.next_id <= _PALETTE_SIZE and int(labels.max(initial=0)) < _PALETTE_SIZE
