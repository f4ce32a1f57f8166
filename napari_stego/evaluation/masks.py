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


def read_pixels(path: Path) -> npt.NDArray[np.generic]:
    """Read the values of a mask's pixels as they are stored.

    Parameters
    ----------
    path : Path
        A png, bmp or tif file; of an indexed image the values are the indices.

    Returns
    -------
    numpy.ndarray
        ``(H, W)``, or ``(H, W, channels)`` of a mask in colour.

    Raises
    ------
    MaskError
        If the file cannot be read.
    """
    try:
        if path.suffix.lower() in {".tif", ".tiff"}:
            return np.asarray(tifffile.imread(path))
        with Image.open(path) as file:
            return np.asarray(file)
    except Exception as error:  # decoders raise their own types
        raise MaskError(f"The mask {path} cannot be read: {error}") from error


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
    mask = read_pixels(path)
    if mask.ndim != 2:
        raise MaskError(
            f"The mask {path} is in colour. Masks must hold class ids (indexed or grey images)."
        )
    check_size(mask, path, image)
    if mask.dtype.kind not in "iu":
        mask = mask.astype(np.int64)
    limits = np.min_scalar_type(mask.min()), np.min_scalar_type(mask.max())
    return mask.astype(np.result_type(*limits))


def check_size(mask: npt.NDArray[np.generic], path: Path, image: CorpusImage) -> None:
    """Compare the size of a mask with that of its image.

    Parameters
    ----------
    mask : numpy.ndarray
        ``(H, W)``.
    path : Path
        Its file.
    image : CorpusImage
        The image it belongs to.

    Raises
    ------
    MaskError
        If they differ.
    """
    if mask.shape != (image.height, image.width):
        raise MaskError(
            f"The mask {path} is {mask.shape[1]} x {mask.shape[0]} pixels, and {image.name} is "
            f"{image.width} x {image.height}."
        )


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


def class_rows(
    mask: npt.NDArray[np.integer], classes: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Replace class ids by the place of the class in a list.

    Parameters
    ----------
    mask : numpy.ndarray
        Class ids, any shape.
    classes : numpy.ndarray
        The ids that count, sorted; at least one.

    Returns
    -------
    numpy.ndarray
        The same shape; ``0..len(classes)-1``, and -1 for an id that does not count.
    """
    rows = np.searchsorted(classes, mask).clip(max=len(classes) - 1)
    rows[classes[rows] != mask] = -1
    return rows
