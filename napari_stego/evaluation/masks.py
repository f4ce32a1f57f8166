"""Ground-truth masks: finding and reading them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from napari_stego.corpus import CorpusImage
from napari_stego.errors import StegoError

# File systems may tell the cases of letters apart; ".PNG" comes from Windows, ".Tif" from scanners.
_SUFFIXES = tuple(
    case(suffix)
    for suffix in (".png", ".tif", ".tiff", ".bmp")
    for case in (str.lower, str.upper, str.title)
)
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


def read_mask(path: Path, image: CorpusImage) -> npt.NDArray[np.integer]:
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
        ``(H, W)``, of the smallest integer type that holds the ids.

    Raises
    ------
    MaskError
        If the mask cannot be read, is in colour, or has another size than the image.
    """
    try:
        if path.suffix.lower() in {".tif", ".tiff"}:
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
    if mask.dtype.kind not in "iu":
        mask = mask.astype(np.int64)
    limits = np.min_scalar_type(mask.min()), np.min_scalar_type(mask.max())
    return mask.astype(np.result_type(*limits))


def class_ids(masks: Iterable[npt.NDArray[np.integer]]) -> npt.NDArray[np.int64]:
    """List the classes that occur in masks.

    Parameters
    ----------
    masks : iterable of numpy.ndarray
        Masks, each seen once.

    Returns
    -------
    numpy.ndarray
        Sorted ids without `VOID`.
    """
    found = set[int]().union(*(np.unique(mask).tolist() for mask in masks))
    return np.array(sorted(found - {VOID}), dtype=np.int64)
