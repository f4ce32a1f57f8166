"""Pictures of heatmaps and of places that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from napari_stego.export.fonts import font_for
from napari_stego.files import replacing

_BACKGROUND = (24, 24, 24)
_INK = (240, 240, 240)
_OPACITY = 0.6
_LINE = 18
_GAP = 6
# As in napari, from black over violet and orange to yellow (inferno, of matplotlib).
_STOPS = np.array(
    [
        (0, 0, 4),
        (33, 12, 74),
        (87, 16, 110),
        (138, 34, 106),
        (188, 55, 84),
        (227, 89, 51),
        (249, 140, 10),
        (249, 201, 50),
        (252, 255, 164),
    ],
    np.float32,
)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture on a page, with a line below.

    Attributes
    ----------
    pixels : numpy.ndarray
        ``(H, W, 3) uint8``.
    caption : str
        The line; cut where it is too long.
    """

    pixels: Pixels
    caption: str


def coloured_heat(heat: npt.NDArray[np.float32], highest: float = 1.0) -> Pixels:
    """Give each score a colour.

    Parameters
    ----------
    heat : numpy.ndarray
        ``(H, W) float32``.
    highest : float
        The score of the brightest colour; the darkest is for 0 and below.

    Returns
    -------
    numpy.ndarray
        ``(H, W, 3) uint8``.
    """
    places = np.linspace(0, 1, len(_STOPS))
    levels = np.linspace(0, 1, 256)
    colours = np.stack([np.interp(levels, places, stop) for stop in _STOPS.T], axis=1)
    shares = np.clip(heat / max(highest, 1e-6), 0, 1)
    table = np.rint(colours).astype(np.uint8)
    found: Pixels = table[np.rint(255 * shares).astype(np.uint8)]
    return found


def heat_over(photograph: Pixels, heat: npt.NDArray[np.float32], highest: float = 1.0) -> Pixels:
    """Lay a heatmap over a photograph.

    Parameters
    ----------
    photograph : numpy.ndarray
        ``(H, W, 3) uint8``.
    heat : numpy.ndarray
        ``(H', W') float32``; scaled to the photograph.
    highest : float
        As for `coloured_heat`.

    Returns
    -------
    numpy.ndarray
        ``(H, W, 3) uint8``.
    """
    colours = Image.fromarray(coloured_heat(heat, highest))
    size = (photograph.shape[1], photograph.shape[0])
    if colours.size != size:
        colours = colours.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(Image.blend(Image.fromarray(photograph), colours, _OPACITY))


def with_marks(
    pixels: Pixels, marks: Sequence[tuple[Sequence[tuple[float, float]], bool]]
) -> Pixels:
    """Draw what was pointed at.

    Parameters
    ----------
    pixels : numpy.ndarray
        ``(H, W, 3) uint8``.
    marks : sequence
        Corners, as row and column, and whether positive: one corner is a
        point. Positive ones are green, negative ones red.

    Returns
    -------
    numpy.ndarray
        ``(H, W, 3) uint8``.
    """
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    radius = max(min(pixels.shape[:2]) // 40, 4)
    for corners, is_positive in marks:
        colour = (90, 255, 90) if is_positive else (255, 80, 80)
        if len(corners) > 1:
            outline = [(column, row) for row, column in (*corners, corners[0])]
            draw.line(outline, (0, 0, 0), 4)
            draw.line(outline, colour, 2)
        else:
            row, column = corners[0]
            for line, ink in ((4, (0, 0, 0)), (2, colour)):
                draw.circle((column, row), radius, outline=ink, width=line)
            draw.point((column, row), colour)
    return np.asarray(picture)


def crop_around(photograph: Pixels, row: int, column: int, size: int, side: int) -> Pixels:
    """Cut a square out of a photograph, with its middle marked.

    Parameters
    ----------
    photograph : numpy.ndarray
        ``(H, W, 3) uint8``.
    row, column : int
        The middle.
    size : int
        Side of the square in the photograph; what is beyond its border is dark.
    side : int
        Side of the result.

    Returns
    -------
    numpy.ndarray
        ``(side, side, 3) uint8``.
    """
    left, top = column - size // 2, row - size // 2
    square = Image.fromarray(photograph).crop((left, top, left + size, top + size))
    scaled = np.asarray(square.resize((side, side), Image.Resampling.LANCZOS))
    place = ((row - top + 0.5) * side / size, (column - left + 0.5) * side / size)
    return with_marks(scaled, [([place], True)])


def write_sheet(path: Path, tiles: Sequence[Tile], columns: int, highest: float | None) -> None:
    """Write pictures side by side on a page.

    Parameters
    ----------
    path : Path
        The file; its suffix tells the format.
    tiles : sequence of Tile
        At least one, row by row.
    columns : int
        Most tiles in a row.
    highest : float, optional
        Draw the colour scale of heatmaps below, from 0 to this.

    Raises
    ------
    StegoError
        If the file cannot be written.
    """
    columns = min(columns, len(tiles))
    wide = max(tile.pixels.shape[1] for tile in tiles) + _GAP
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    heights = [max(tile.pixels.shape[0] for tile in row) + _LINE + _GAP for row in rows]
    scale = 0 if highest is None else 2 * _LINE
    page = Image.new("RGB", (columns * wide + _GAP, sum(heights) + _GAP + scale), _BACKGROUND)
    draw = ImageDraw.Draw(page)
    top = _GAP
    for row, height in zip(rows, heights, strict=True):
        for place, tile in enumerate(row):
            left = _GAP + place * wide
            page.paste(Image.fromarray(tile.pixels), (left, top))
            _write(draw, (left, top + tile.pixels.shape[0] + 2), tile.caption, wide - _GAP)
        top += height
    if highest is not None:
        ramp = np.linspace(0, highest, page.width - 2 * _GAP, dtype=np.float32)
        bar = coloured_heat(np.tile(ramp, (_LINE // 2, 1)), highest)
        page.paste(Image.fromarray(bar), (_GAP, top))
        _write(draw, (_GAP, top + _LINE // 2 + 2), "0 and below", page.width)
        text = f"{highest:.2f}"
        right = page.width - _GAP - int(ImageFont.load_default(12).getlength(text))
        _write(draw, (right, top + _LINE // 2 + 2), text, page.width)
    with replacing(path) as temporary:
        page.save(temporary)


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, width: int) -> None:
    font = font_for(text, 12)
    if font is None:
        # Where no font has the letters, boxes would say nothing.
        text = text.encode("ascii", "replace").decode()
        font = ImageFont.load_default(12)
    while len(text) > 1 and font.getlength(text) > width:
        text = text[:-2].rstrip("…") + "…" if len(text) > 2 else text[:1]
    draw.text(place, text, fill=_INK, font=font)
