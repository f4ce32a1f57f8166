"""Colours for classes."""

from __future__ import annotations

import colorsys

# Okabe and Ito, "Color Universal Design", 2008: told apart by colour-blind eyes.
_FIRST = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
_GOLDEN_RATIO = 0.618033988749895
_LIGHTNESS = (0.62, 0.42, 0.76)
# With one saturation, rounding to 8 bits makes a few of the first thousand colours equal.
_SATURATION = (0.65, 0.5)


def class_colour(index: int) -> str:
    """Pick the colour of the class at a place in the table.

    Parameters
    ----------
    index : int
        Place, from 0.

    Returns
    -------
    str
        ``#rrggbb``; different for each of the first thousand places.
    """
    if index < len(_FIRST):
        return _FIRST[index]
    step = index - len(_FIRST)
    hue = (0.08 + step * _GOLDEN_RATIO) % 1.0
    red, green, blue = colorsys.hls_to_rgb(hue, _LIGHTNESS[step % 3], _SATURATION[step // 500 % 2])
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
