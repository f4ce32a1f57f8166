"""Potsdam-3: aerial photographs with three classes, in MATLAB files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.io import loadmat

from napari_stego.evaluation.datasets.base import MaskedDataset, Split
from napari_stego.evaluation.datasets.files import (
    DatasetError,
    MaskedPhotograph,
    checked,
    index_table,
    inside,
    listed,
)

_CLASSES = ("roads and cars", "buildings and clutter", "vegetation and trees")
# The six labels: roads, buildings, vegetation, trees, cars, clutter.
_TABLE = index_table({0: 0, 4: 0, 1: 1, 5: 1, 2: 2, 3: 2})
_LAYOUT = "imgs/*.mat, gt/*.mat, labelled_train.txt and labelled_test.txt"


def open_potsdam3(root: Path, split: Split = "test") -> MaskedDataset:
    """Open Potsdam-3.

    Parameters
    ----------
    root : Path
        Folder with ``imgs``, ``gt`` and the file lists, as the official STEGO
        distributes it, or the one above it.
    split : "train" or "test"
        ``labelled_train.txt`` or ``labelled_test.txt``.

    Returns
    -------
    MaskedDataset
        3 classes. Photographs are the red, green and blue of four channels.

    Raises
    ------
    DatasetError
        If a list or a file is missing.

    References
    ----------
    ISPRS 2D Semantic Labeling Contest, Potsdam. The three classes and the
    split are those of Ji et al., "Invariant Information Clustering", ICCV
    2019, as the STEGO paper uses them.
    """
    root = inside(root, "potsdam")
    photographs = [
        MaskedPhotograph(name, root / "imgs" / f"{name}.mat", root / "gt" / f"{name}.mat")
        for name in listed(root / f"labelled_{split}.txt", _LAYOUT)
    ]
    return MaskedDataset(
        "potsdam3", split, _CLASSES, checked(photographs, root, _LAYOUT), _mask, _image
    )


def _image(path: Path) -> npt.NDArray[np.uint8]:
    pixels = _array(path, "img")
    if pixels.ndim != 3 or pixels.shape[2] < 3 or pixels.dtype != np.uint8:
        raise DatasetError(f"{path} does not hold an 8-bit photograph.")
    return np.ascontiguousarray(pixels[:, :, :3])


def _mask(path: Path) -> npt.NDArray[np.uint8]:
    labels = _array(path, "gt").squeeze()
    if labels.ndim != 2 or not ((labels >= 0) & (labels <= 255)).all():
        raise DatasetError(f"{path} does not hold one label from 0 to 255 a pixel.")
    return _TABLE[labels.astype(np.uint8)]


def _array(path: Path, name: str) -> npt.NDArray[np.uint8]:
    try:
        array: npt.NDArray[np.uint8] = loadmat(path, variable_names=[name])[name]
    except Exception as error:  # scipy's readers raise many types
        raise DatasetError(f"{path} holds no {name!r} that can be read: {error}") from error
    return array
