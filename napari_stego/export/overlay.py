"""Pictures of the classes over the photograph, for reports and for a quick look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from napari_stego.classes import UNLABELLED, ClassRow, ClassTable
from napari_stego.export.colours import rgb_of_ids
from napari_stego.export.fonts import Font, font_for
from napari_stego.files import replacing

_BACKGROUND = (24, 24, 24)
_INK = (240, 240, 240)


def overlay(
    image: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint16],
    table: ClassTable,
    opacity: float = 0.45,
) -> npt.NDArray[np.uint8]:
    """Tint a photograph by class and draw the borders between classes.

    Parameters
    ----------
    image : numpy.ndarray
        ``(H, W, 3) uint8`` RGB.
    labels : numpy.ndarray
        ``(H, W) uint16`` class ids; unlabelled pixels stay as they are.
    table : ClassTable
        The classes.
    opacity : float
        Strength of the tint, in ``[0, 1]``; borders are drawn in full.

    Returns
    -------
    numpy.ndarray
        ``(H, W, 3) uint8``.
    """
    colours = rgb_of_ids(table, int(labels.max(initial=0)) + 1)[labels]
    border = np.zeros(labels.shape, bool)
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    border[1:] |= labels[1:] != labels[:-1]
    weight = np.where(border, 1.0, opacity) * (labels != UNLABELLED)
    mixed = image + weight[:, :, None].astype(np.float32) * (colours.astype(np.float32) - image)
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def write_overlay(
    path: Path,
    image: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint16],
    table: ClassTable,
) -> None:
    """Write an overlay with a legend of the classes in it, largest first.

    Classes are named. Where no font on the machine has the letters of a name,
    the legend has the class id instead, as ``id 12``.

    Parameters
    ----------
    path : Path
        The picture; its suffix tells the format.
    image : numpy.ndarray
        ``(H, W, 3) uint8`` RGB.
    labels : numpy.ndarray
        ``(H, W) uint16`` class ids.
    table : ClassTable
        The classes.

    Raises
    ------
    StegoError
        If the file cannot be written.
    """
    picture = Image.fromarray(overlay(image, labels, table))
    legend = _legend(labels, table, picture.width)
    page = Image.new("RGB", (picture.width, picture.height + legend.height), _BACKGROUND)
    page.paste(picture, (0, 0))
    page.paste(legend, (0, picture.height))
    with replacing(path) as temporary:
        page.save(temporary, quality=90)


def _legend(labels: npt.NDArray[np.uint16], table: ClassTable, width: int) -> Image.Image:
    size = max(12, width // 50)
    ids, counts = np.unique(labels, return_counts=True)
    share = dict(zip(ids.tolist(), (100 * counts / labels.size).tolist(), strict=True))
    rows = sorted((row for row in table.rows if row.id in share), key=lambda row: -share[row.id])
    gap = size // 2
    places = []
    x, y = gap, gap
    for row in rows:
        percent = f"{share[row.id]:.0f}" if share[row.id] >= 1 else "<1"
        text, font = _written(row, f"  {percent} %", size)
        wide = size + gap + int(font.getlength(text)) + 2 * gap
        if x + wide > width and x > gap:
            x, y = gap, y + size + gap
        places.append((x, y, row.colour, text, font))
        x += wide
    picture = Image.new("RGB", (width, y + size + 2 * gap), _BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for left, top, colour, text, font in places:
        draw.rectangle((left, top, left + size, top + size), fill=colour)
        draw.text((left + size + gap, top - 1), text, fill=_INK, font=font)
    return picture


def _written(row: ClassRow, percent: str, size: int) -> tuple[str, Font]:
    """Return the entry of a class, and a font that has its letters."""
    name = " ".join(row.name.split())
    font = font_for(name + percent, size)
    if font is not None:
        return name + percent, font
    return f"id {row.id}{percent}", ImageFont.load_default(size)
