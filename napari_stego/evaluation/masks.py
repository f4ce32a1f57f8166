"""Ground-truth masks: finding and reading them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from napari_stego.corpus import CorpusImage
from napari_stego.errors import StegoError

_SUFFIXES = (".png", ".tif", ".tiff", ".bmp")
VOID = 255


class MaskError(StegoError):
    """A mask that is missing, unreadable or does not fit its image."""


def find_masks(folder: Path, images: tuple[CorpusImage, ...]) -> dict[str, Path]:
    """Pair images with masks of the same relative path, whatever the suffix.

    Parameters
    ----------
    folder : Path
        Folder of masks.
    images : tuple of CorpusImage
        The images.

    Returns
    -------
    dict of str to Path
        Mask by image name; images without one are left out.

    Raises
    ------
    MaskError
        If the folder is missing or no image has a mask.
    """
    if not folder.is_dir():
        raise MaskError(f"There is no folder of masks {folder}.")
    masks = {}
    for image in images:
        stem = (folder / image.name).with_suffix("")
        for suffix in _SUFFIXES:
            path = stem.with_name(stem.name + suffix)
            if path.is_file():
                masks[image.name] = path
                break
    if not masks:
        raise MaskError(
            f"No mask in {folder} belongs to an image: masks must have the images' names, with "
            "the suffix png, tif or bmp."
        )
    return masks


def read_mask(path: Path, image: CorpusImage) -> npt.NDArray[np.int64]:
    """Read the class ids of a mask.

    Parameters
    ----------
    path : Path
        Indexed or grey image whose values are class ids; 255 is no class.
    image : CorpusImage
        The image it belongs to.

    Returns
    -------
    numpy.ndarray
        ``(H, W) int64``.

    Raises
    ------
    MaskError
        If the mask cannot be read, is in colour, or has another size than the image.
    """
    try:
        if path.suffix in {".tif", ".tiff"}:
            mask = np.asarray(tifffile.imread(path))
        else:
            with Image.open(path) as file:
                mask = np.asarray(file)
    except Exception as error:  # decoders raise their own types
        raise MaskError(f"The mask {path} cannot be read: {error}") from error
    if mask.ndim != 2:
        raise MaskError(
            f"The mask {path} is in colour. Masks must hold class ids (indexed or grey images)."
        )
    if mask.shape != (image.height, image.width):
        raise MaskError(
            f"The mask {path} is {mask.shape[1]} x {mask.shape[0]} pixels, and {image.name} is "
            f"{image.width} x {image.height}."
        )
    return mask.astype(np.int64)


def class_ids(masks: Mapping[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """List the classes that occur in masks.

    Parameters
    ----------
    masks : mapping of str to numpy.ndarray
        Masks.

    Returns
    -------
    numpy.ndarray
        Sorted ids without `VOID`.
    """
    found = set[int]().union(*(np.unique(mask).tolist() for mask in masks.values()))
    return np.array(sorted(found - {VOID}), dtype=np.int64)
