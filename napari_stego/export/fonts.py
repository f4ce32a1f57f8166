"""Fonts that have the letters of a text."""

from __future__ import annotations

from functools import lru_cache

from PIL import ImageFont

# Of Windows, macOS and Linux, those with many scripts first. Pillow looks in the system's folders.
_SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSans-Regular.ttf",
    "wqy-zenhei.ttc",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "AppleSDGothicNeo.ttc",
    "segoeui.ttf",
    "msyh.ttc",
    "YuGothR.ttc",
    "malgun.ttf",
)
# No character, so that each font draws the box that it has for what it lacks.
_LACKING = "\U0010ffff"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def font_for(text: str, size: int) -> Font | None:
    """Find a font that has all letters of a text.

    Parameters
    ----------
    text : str
        The text.
    size : int
        Height of the letters, in pixels.

    Returns
    -------
    Font, optional
        Pillow's own font if it has them, else one of the system's; None if none has.
    """
    letters = "".join(sorted({letter for letter in text if not letter.isspace()}))
    return _font_for(letters, size)


@lru_cache(maxsize=4096)
def _font_for(letters: str, size: int) -> Font | None:
    own = ImageFont.load_default(size)
    for font in (own, *_system_fonts(size)):
        if all(_has(font, letter) for letter in letters):
            return font
    return None


@lru_cache(maxsize=16)
def _system_fonts(size: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    found = []
    for name in _SYSTEM_FONTS:
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:
            continue
    return tuple(found)


def _has(font: Font, letter: str) -> bool:
    drawn, box = font.getmask(letter), font.getmask(_LACKING)
    return drawn.size != box.size or bytes(drawn) != bytes(box)
