"""Colours of classes, as napari's layers take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtGui import QColor, QIcon, QPixmap

from napari_stego.classes import UNLABELLED, ClassTable

_TRANSPARENT = "#00000000"
_SWATCH = 12


def class_colours(table: ClassTable, hidden: frozenset[int]) -> dict[int, str]:
    """Tell the colour of each class.

    Parameters
    ----------
    table : ClassTable
        The classes.
    hidden : frozenset of int
        Those that are not to be seen.

    Returns
    -------
    dict of int to str
        ``#rrggbb`` or, for hidden ones, ``#rrggbbaa``; by id.
    """
    return {row.id: _TRANSPARENT if row.id in hidden else row.colour for row in table.rows}


def class_colormap(colours: Mapping[int, str]) -> DirectLabelColormap:
    """Make a colormap for label images.

    Parameters
    ----------
    colours : mapping of int to str
        By class id; all other ids are transparent.

    Returns
    -------
    DirectLabelColormap
        For ``uint16`` label images.
    """
    transparent = np.zeros(4, np.float32)
    named: dict[int | None, Any] = {None: transparent, UNLABELLED: transparent}
    return _ClassColormap(color_dict=named | dict(colours))


class _ClassColormap(DirectLabelColormap):
    """Makes the table of all ids at once.

    napari's own way goes through the 65,536 ids one by one, a tenth of a second
    for each colour that changes. Where napari no longer calls this method,
    colours are the same and only slower.
    """

    def _map_without_cache(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        if values.dtype != np.uint16:
            return super()._map_without_cache(values)
        table = np.empty((2**16, 4), np.float32)
        table[:] = self.default_color
        for class_id, colour in self.color_dict.items():
            if class_id is not None:
                table[class_id] = colour
        return table[values]


def swatch(colour: str) -> QIcon:
    """Make a small square of the colour of a class, for menus and lists.

    Parameters
    ----------
    colour : str
        ``#rrggbb``.

    Returns
    -------
    QIcon
        The square.
    """
    pixels = QPixmap(_SWATCH, _SWATCH)
    pixels.fill(QColor(colour))
    return QIcon(pixels)
