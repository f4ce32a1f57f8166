"""Public data sets with masks, in the layouts they are distributed in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_stego.evaluation.datasets.base import MaskedDataset, Split
from napari_stego.evaluation.datasets.cityscapes import open_cityscapes27
from napari_stego.evaluation.datasets.cocostuff import open_cocostuff27
from napari_stego.evaluation.datasets.files import DatasetError, MaskedPhotograph
from napari_stego.evaluation.datasets.gathering import gather
from napari_stego.evaluation.datasets.potsdam import open_potsdam3
from napari_stego.evaluation.datasets.suim import open_suim

DATASETS: dict[str, Callable[[Path, Split], MaskedDataset]] = {
    "cocostuff27": open_cocostuff27,
    "cityscapes27": open_cityscapes27,
    "potsdam3": open_potsdam3,
    "suim": open_suim,
}
"""Opens each data set from its folder and the name of a split."""

__all__ = [
    "DATASETS",
    "DatasetError",
    "MaskedDataset",
    "MaskedPhotograph",
    "Split",
    "gather",
    "open_cityscapes27",
    "open_cocostuff27",
    "open_potsdam3",
    "open_suim",
]
