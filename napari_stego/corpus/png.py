"""What Pillow tells about a PNG only after decoding all of its pixels."""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image

_DESCRIPTIVE = frozenset({b"IHDR", b"eXIf", b"tEXt", b"zTXt", b"iTXt"})


@dataclass(frozen=True)
class PngHeader:
    """Properties of a PNG file.

    Attributes
    ----------
    bit_depth : int
        Bits of a sample.
    orientation : int
        EXIF orientation, 1 where none is given.
    exif : PIL.Image.Exif
        All EXIF data.
    """

    bit_depth: int
    orientation: int
    exif: Image.Exif


def read_png_header(path: Path) -> PngHeader:
    """Read the properties of a PNG, wherever in the file they are.

    EXIF data may come after the pixels. A copy of the file without its pixels
    is made, from which Pillow reads the orientation as it would from the whole.

    Parameters
    ----------
    path : Path
        A PNG file.

    Returns
    -------
    PngHeader
        Its properties.

    Raises
    ------
    OSError, ValueError, SyntaxError
        If it is damaged.
    """
    copy = io.BytesIO()
    bit_depth = 0
    with path.open("rb") as file:
        total = os.fstat(file.fileno()).st_size
        copy.write(file.read(8))
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            after = file.tell() + length + 4
            if kind in _DESCRIPTIVE and after <= total:
                content = file.read(length)
                copy.write(_chunk(kind, content))
                if kind == b"IHDR":
                    bit_depth = content[8]
            file.seek(after)
    copy.write(_chunk(b"IDAT", b""))
    copy.seek(0)
    with Image.open(copy) as image:
        # The method of PNG images would decode the pixels.
        exif = Image.Image.getexif(image)
    return PngHeader(bit_depth, exif.get(ExifTags.Base.Orientation, 1), exif)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I4s", len(content), kind) + content + struct.pack(">I", checksum)
