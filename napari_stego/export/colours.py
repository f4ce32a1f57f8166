"""Colours of class ids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_stego.classes import ClassTable


def rgb_of_ids(table: ClassTable, n_ids: int) -> npt.NDArray[np.uint8]:
    """List the colour of each class id.

    Parameters
    ----------
    table : ClassTable
        The classes.
    n_ids : int
        Length of the list; larger ids of the table are left out.

    Returns
    -------
    numpy.ndarray
        ``(n_ids, 3) uint8``; black for ids without a class, 0 among them.
    """
    colours = np.zeros((n_ids, 3), np.uint8)
    for row in table.rows:
        if row.id < n_ids:
            colours[row.id] = list(bytes.fromhex(row.colour[1:]))
    return colours
