"""SUIM: underwater photographs with eight classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from napari_stego.corpus import IMAGE_SUFFIXES, ImageReadError, read_image_size
from napari_stego.evaluation.datasets.base import MaskedDataset, Split
from napari_stego.evaluation.datasets.files import (
    DatasetError,
    MaskedPhotograph,
    checked,
    index_table,
    inside,
)
from napari_stego.evaluation.masks import read_pixels

# In the order of their colour codes, 4R + 2G + B.
_CLASSES = (
    "water column",
    "human diver",
    "aquatic plants and seagrass",
    "wrecks and ruins",
    "robots and instruments",
    "reefs and invertebrates",
    "fish and vertebrates",
    "sea-floor and rocks",
)
_TABLE = index_table({index: index for index in range(len(_CLASSES))})
_FOLDERS = {"train": ("train", "train_val"), "test": ("test", "TEST")}
_LAYOUT = (
    "train and test, or train_val and TEST, each with images and masks: indexed masks (png), or "
    "masks in SUIM's colours (bmp)"
)


def open_suim(root: Path, split: Split = "test") -> MaskedDataset:
    """Open SUIM, as distributed or with indexed masks.

    Parameters
    ----------
    root : Path
        Folder with ``train_val`` and ``TEST``, as distributed, or with
        ``train`` and ``test``; or the one above it.
    split : "train" or "test"
        Which of the two.

    Returns
    -------
    MaskedDataset
        8 classes. The distributed photographs whose masks are of another size
        are left out.

    Raises
    ------
    DatasetError
        If a mask is missing or cannot be read, or none fits.

    References
    ----------
    Islam et al., "Semantic Segmentation of Underwater Imagery: Dataset and
    Benchmark", IROS 2020.
    """
    root = inside(root, "SUIM")
    folder = next((root / name for name in _FOLDERS[split] if (root / name).is_dir()), root)
    photographs = checked(
        [
            MaskedPhotograph(path.stem, path, _mask_file(folder / "masks", path.stem))
            for path in sorted((folder / "images").glob("*"))
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
        ],
        folder,
        _LAYOUT,
    )
    fitting = [photo for photo in photographs if _fits(photo)]
    if not fitting:
        raise DatasetError(f"The masks in {folder / 'masks'} have other sizes than the images.")
    left_out = tuple(photo.name for photo in photographs if photo not in set(fitting))
    return MaskedDataset("suim", split, _CLASSES, tuple(fitting), _mask, left_out=left_out)


def _mask_file(folder: Path, stem: str) -> Path:
    indexed = folder / f"{stem}.png"
    return indexed if indexed.is_file() else folder / f"{stem}.bmp"


def _fits(photograph: MaskedPhotograph) -> bool:
    try:
        with Image.open(photograph.mask) as mask:
            size = (mask.height, mask.width)
        return read_image_size(photograph.image) == size
    except (ImageReadError, OSError, UnidentifiedImageError) as error:
        raise DatasetError(
            f"{photograph.image} or its mask {photograph.mask} cannot be read: {error}"
        ) from error


def _mask(path: Path) -> npt.NDArray[np.uint8]:
    pixels = read_pixels(path)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise DatasetError(f"The mask {path} is neither indexed nor in colour.")
    values = pixels.astype(np.uint8, copy=False)
    if values.ndim == 2:
        return np.asarray(_TABLE[values], dtype=np.uint8)
    # Many of the distributed masks were resized: their colours are not quite 0 or 255.
    bright = values[:, :, :3] > 127
    return np.asarray(bright @ np.array([4, 2, 1], np.uint8), dtype=np.uint8)
