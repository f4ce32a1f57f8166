"""When photographs were taken."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from PIL import ExifTags, Image

from napari_stego.corpus.discovery import CorpusImage
from napari_stego.corpus.png import read_png_header

_FORMAT = "%Y:%m:%d %H:%M:%S"
_LENGTH = len("2024:05:12 10:20:30")


def read_date(path: Path) -> datetime | None:
    """Read when a photograph was taken, as its camera wrote it.

    Only the header is read.

    Parameters
    ----------
    path : Path
        A jpg, png, tif or bmp file.

    Returns
    -------
    datetime or None
        EXIF's ``DateTimeOriginal``, by the clock of the camera, without a time
        zone; None where there is none that can be read.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    with path.open("rb") as file:
        try:
            with Image.open(file) as image:
                # The method of PNG images would decode the pixels.
                png = image.format == "PNG"
                exif = read_png_header(path).exif if png else image.getexif()
                taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
            return datetime.strptime(str(taken)[:_LENGTH], _FORMAT)
        except Exception:  # decoders raise their own types; cameras write what they like
            return None


def file_date(image: CorpusImage) -> datetime | None:
    """Tell when the file of a photograph was last changed.

    Parameters
    ----------
    image : CorpusImage
        The photograph.

    Returns
    -------
    datetime or None
        By the clock of this computer, without a time zone, as it was when the
        folder was read; None if the file is gone.
    """
    modified = image.modified_ns / 1e9
    with suppress(OSError, OverflowError, ValueError):
        return datetime.fromtimestamp(modified or image.path.stat().st_mtime)
    return None
