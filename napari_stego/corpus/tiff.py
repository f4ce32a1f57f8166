"""Reading the first page of a TIFF file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import ExifTags, Image
from tifffile import COMPRESSION, PHOTOMETRIC

_UNREADABLE = frozenset(
    {PHOTOMETRIC.ICCLAB, PHOTOMETRIC.ITULAB, PHOTOMETRIC.LOGLUV, PHOTOMETRIC.CFA}
)
# Others, JPEG above all, change the colours as they decode: YCbCr becomes RGB, CIELAB rubbish.
_FAITHFUL_CODECS = frozenset(
    {
        COMPRESSION.NONE,
        COMPRESSION.LZW,
        COMPRESSION.DEFLATE,
        COMPRESSION.ADOBE_DEFLATE,
        COMPRESSION.PACKBITS,
    }
)


def read_tiff(path: Path) -> tuple[npt.NDArray[np.generic], int]:
    """Read the pixels of a TIFF file, colours of other kinds as 8-bit RGB.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    pixels : numpy.ndarray
        ``(H, W)`` or ``(H, W, C)``, of the type in the file, as stored.
    orientation : int
        How to turn it, as in EXIF.

    Raises
    ------
    ValueError
        If its colours are of a kind that cannot be read. A damaged file raises
        whatever its codec does.
    """
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[0]
        if page.photometric in _UNREADABLE:
            raise ValueError(_save_as_rgb(page))
        pixels = np.asarray(page.asarray())
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        return _with_plain_colours(pixels, page), _orientation(page)


def read_tiff_size(path: Path) -> tuple[int, int, int]:
    """Read the height, width and orientation of a TIFF file, as stored.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    tuple of int
        ``(height, width, orientation)``.
    """
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[0]
        return page.imagelength, page.imagewidth, _orientation(page)


def _orientation(page: Any) -> int:
    tag = page.tags.get(int(ExifTags.Base.Orientation))
    return 1 if tag is None else int(tag.value)


def _with_plain_colours(pixels: npt.NDArray[Any], page: Any) -> npt.NDArray[Any]:
    match page.photometric:
        case PHOTOMETRIC.PALETTE:
            palette = np.asarray(page.colormap)
            return np.asarray(palette.T[pixels] >> 8, dtype=np.uint8)
        case PHOTOMETRIC.MINISWHITE:
            return np.asarray(np.iinfo(pixels.dtype).max - pixels)
        case PHOTOMETRIC.SEPARATED:
            if pixels.dtype == np.uint16:
                # Amounts of ink fill their range, unlike the values of a camera.
                pixels = (pixels >> 8).astype(np.uint8)
            return _to_rgb(pixels, "CMYK", page)
        case PHOTOMETRIC.CIELAB if page.compression in _FAITHFUL_CODECS:
            return _to_rgb(pixels, "LAB", page)
        case PHOTOMETRIC.CIELAB:
            raise ValueError(_save_as_rgb(page))
        case PHOTOMETRIC.YCBCR if page.compression in _FAITHFUL_CODECS:
            return _to_rgb(pixels, "YCbCr", page)
    return pixels


def _to_rgb(pixels: npt.NDArray[Any], mode: str, page: Any) -> npt.NDArray[np.uint8]:
    channels = len(mode) if mode != "YCbCr" else 3
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] < channels:
        raise ValueError(_save_as_rgb(page))
    height, width = pixels.shape[:2]
    content = np.ascontiguousarray(pixels[:, :, :channels]).tobytes()
    # Not `Image.open`: Pillow mixes up the sides of uncompressed TIFFs that are turned.
    return np.asarray(Image.frombytes(mode, (width, height), content).convert("RGB"))


def _save_as_rgb(page: Any) -> str:
    kind = f"{page.photometric.name} of {page.bitspersample} bits ({page.compression.name})"
    return f"its colours are {kind}, which cannot be read; save it as RGB"
