"""Reading one photograph of any common kind as 8-bit RGB."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from napari_stego.corpus.png import read_png_header
from napari_stego.corpus.tiff import read_tiff, read_tiff_size
from napari_stego.errors import StegoError

# Orientations 5 to 8 turn the picture by a quarter, which swaps its sides.
_QUARTER_TURNS = frozenset({5, 6, 7, 8})
_TIFF_SUFFIXES = frozenset({".tif", ".tiff"})


class ImageReadError(StegoError):
    """A file that cannot be read as a photograph.

    Parameters
    ----------
    reason : str
        Why, for a reader who sees the name of the file beside it.
    message : str, optional
        What to tell other readers; by default the reason.
    """

    def __init__(self, reason: str, message: str | None = None) -> None:
        super().__init__(message or reason)
        self.reason = reason


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Read a photograph as 8-bit RGB, turned the way its EXIF data says.

    Grey images are repeated over the channels, other colours (CMYK, YCbCr and
    8-bit CIELAB) become RGB without regard to profiles, transparency is
    dropped (the colours under it are kept), and 16-bit images are scaled by
    their own range: ``[min, max]`` to ``[0, 255]`` over all channels, because
    many cameras fill only 10 to 14 of the 16 bits.

    Parameters
    ----------
    path : Path
        A jpg, png, tif or bmp file.

    Returns
    -------
    numpy.ndarray
        ``(H, W, 3) uint8``.

    Raises
    ------
    ImageReadError
        If the file is missing, truncated, or not a photograph.
    """
    try:
        if path.suffix.lower() in _TIFF_SUFFIXES:
            return _to_rgb8(_turn(*read_tiff(path)))
        with Image.open(path) as image:
            if image.format == "PNG":
                header = read_png_header(path)
                if header.bit_depth == 16:  # of colours, Pillow would keep 8
                    deep = imagecodecs.png_decode(path.read_bytes())
                    return _to_rgb8(_turn(deep, header.orientation))
            return _to_rgb8(_pillow_array(ImageOps.exif_transpose(image)))
    except ImageReadError:
        raise
    except (OSError, ValueError, SyntaxError, KeyError, Image.DecompressionBombError) as error:
        raise ImageReadError(_reason(error)) from error
    except Exception as error:  # decoders raise their own types (zlib, struct, tifffile codecs)
        raise ImageReadError(_reason(error)) from error


def read_image_size(path: Path) -> tuple[int, int]:
    """Read the height and width of a photograph from its header.

    Parameters
    ----------
    path : Path
        A jpg, png, tif or bmp file.

    Returns
    -------
    tuple of int
        ``(height, width)`` in pixels, as `read_image` returns them.

    Raises
    ------
    ImageReadError
        If the header cannot be read.
    """
    try:
        if path.suffix.lower() in _TIFF_SUFFIXES:
            height, width, orientation = read_tiff_size(path)
        else:
            with Image.open(path) as image:
                width, height = image.size
                if image.format == "PNG":
                    orientation = read_png_header(path).orientation
                else:
                    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:  # decoders raise their own types
        raise ImageReadError(_reason(error)) from error
    if height < 1 or width < 1:
        raise ImageReadError("the image has no pixels")
    return (width, height) if orientation in _QUARTER_TURNS else (height, width)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is gone"
    if isinstance(error, PermissionError):
        return "no permission to read the file"
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or its header is damaged"
    text = str(error).strip() or type(error).__name__
    return f"cannot be decoded ({text})"


def _pillow_array(image: Image.Image) -> npt.NDArray[np.generic]:
    if image.mode in {"I;16", "I;16L", "I;16B", "I", "F"}:
        return np.asarray(image)
    if image.mode in {"P", "PA", "CMYK", "YCbCr", "LAB", "HSV", "1"}:
        return np.asarray(image.convert("RGB"))
    return np.asarray(image)


def _turn(pixels: npt.NDArray[np.generic], orientation: int) -> npt.NDArray[np.generic]:
    """Apply a TIFF/EXIF orientation (1 to 8) to an array whose first axes are row and column."""
    if orientation in _QUARTER_TURNS:
        pixels = np.swapaxes(pixels, 0, 1)
    # After the transpose, each orientation differs from 1 by a flip of the rows, columns or both.
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return pixels


def _to_rgb8(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise ImageReadError(f"not a photograph: its array has the shape {pixels.shape}")
    channels = pixels.shape[2]
    if channels in (1, 2):
        pixels = np.repeat(pixels[:, :, :1], 3, axis=2)
    elif channels in (3, 4):
        pixels = pixels[:, :, :3]
    else:
        raise ImageReadError(f"not a photograph: it has {channels} channels")
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.dtype != np.uint8:
        pixels = _stretch(pixels)
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def _stretch(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    values = pixels.astype(np.float32)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        raise ImageReadError("the image holds no finite values")
    low, high = float(finite.min()), float(finite.max())
    scale = 255.0 / (high - low) if high > low else 0.0
    scaled = np.nan_to_num((values - low) * scale, nan=0.0, posinf=255.0, neginf=0.0)
    return np.asarray(np.clip(np.rint(scaled), 0, 255), dtype=np.uint8)
