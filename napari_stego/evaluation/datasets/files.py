"""The files of data sets: lists, photographs, and masks of indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_stego.errors import StegoError
from napari_stego.evaluation.masks import VOID, read_pixels


class DatasetError(StegoError):
    """A folder that does not hold the data set that was asked for."""


@dataclass(frozen=True)
class MaskedPhotograph:
    """A photograph of a data set and its mask.

    Attributes
    ----------
    name : str
        Unique in the split, without a suffix; may have folders, with forward slashes.
    image, mask : Path
        The files.
    """

    name: str
    image: Path
    mask: Path


def inside(root: Path, name: str) -> Path:
    """Allow the folder above a data set's own to be named too.

    Parameters
    ----------
    root : Path
        What the user named.
    name : str
        What the official STEGO calls the data set's folder.

    Returns
    -------
    Path
        ``root / name`` if it is there, else `root`.

    Raises
    ------
    DatasetError
        If there is no such folder.
    """
    root = root.expanduser().absolute()
    if not root.is_dir():
        raise DatasetError(f"There is no folder {root}. Check --root.")
    return root / name if (root / name).is_dir() else root


def checked(
    photographs: Sequence[MaskedPhotograph], root: Path, layout: str
) -> tuple[MaskedPhotograph, ...]:
    """Make sure that all files are there before hours are spent.

    Parameters
    ----------
    photographs : sequence of MaskedPhotograph
        What should be there.
    root : Path
        The data set's folder.
    layout : str
        How its files lie, for the message.

    Returns
    -------
    tuple of MaskedPhotograph
        The same.

    Raises
    ------
    DatasetError
        If there is nothing, or a file is missing.
    """
    if not photographs:
        raise DatasetError(f"{root} holds none of the photographs. It has to hold {layout}.")
    files = [file for photo in photographs for file in (photo.image, photo.mask)]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len(files)} files are missing in {root}, {missing[0]} among them. "
            f"The folder has to hold {layout}."
        )
    return tuple(photographs)


def listed(path: Path, layout: str) -> list[str]:
    """Read the names in a split's file list.

    Parameters
    ----------
    path : Path
        A text file with a name a line.
    layout : str
        How the data set's files lie, for the message.

    Returns
    -------
    list of str
        The names, each once.

    Raises
    ------
    DatasetError
        If the file cannot be read, or names files elsewhere.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"The file list {path} is missing or cannot be read. The folder has to hold {layout}."
        ) from error
    names = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    for name in names:
        if name != Path(name).name:  # files of such names would be written outside their folder
            raise DatasetError(f"The file list {path} has to hold plain names; {name!r} is none.")
    return names


def decode_indices(path: Path, table: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Read an indexed or grey mask and translate its values.

    Parameters
    ----------
    path : Path
        The mask.
    table : numpy.ndarray
        ``(256,) uint8``, the class index of each value, `VOID` for none.

    Returns
    -------
    numpy.ndarray
        ``(H, W) uint8``.

    Raises
    ------
    MaskError
        If it cannot be read.
    DatasetError
        If its pixels are not 8-bit values.
    """
    pixels = read_pixels(path)
    if pixels.ndim != 2 or pixels.dtype != np.uint8:
        raise DatasetError(f"The mask {path} does not hold one 8-bit value a pixel.")
    return np.asarray(table[pixels], dtype=np.uint8)


def index_table(values: dict[int, int]) -> npt.NDArray[np.uint8]:
    """Make the table for `decode_indices`.

    Parameters
    ----------
    values : dict of int to int
        Class index by value; all other values are `VOID`.

    Returns
    -------
    numpy.ndarray
        ``(256,) uint8``.
    """
    table = np.full(256, VOID, np.uint8)
    table[list(values)] = list(values.values())
    return table
