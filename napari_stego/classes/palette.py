"""Colours for classes."""

from __future__ import annotations

import colorsys

# Okabe and Ito, "Color Universal Design", 2008: told apart by colour-blind eyes.
_FIRST = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
# Of an even grid of colours neither dark nor light, each the one that differs most (CIEDE2000) from
# those before it, to whichever eye tells it apart least; colour-blind ones count 1.5 times.
_NEXT = (
    "872d3cc3e1d24b4b690ff0ff697878c300004b0fe18778ff87694bc3b4781e695ab4b4b4c3009669964ba5f0a5"
    "96b496a50fffffb4e1f069786987c3c3d2694b692da59696a54b6987a5c3d24b87870f87d21e3ce1c3b4ff87ff"
    "96a54b3c4bc3695a87ff96b4f01ef0878796d2871e00d2d25a4b5a78875a5a5a00e1c32d8778a578d296c3f078"
    "c3d2d2ff78c3a54bd278c34b788700696969e1e1c3874b4bf03c784b8787969687785a78c3783c69b4a5b4d287"
    "c369d2783c4b78695aa53c2d966969782de1f000b4e1e1f0a50069781ea5f0d2ff2da5a56978b4d296690f5a1e"
    "9600c35a7887873c7878785ae1a5c31e96e1a5b4873c6996875a4ba5d2c396d2e1966996d278ff5a6900d26969"
    "96a587a5c3f0783c1eb4693c0fe14b87b4d22d5a78965a3c964b96b4875a78a5b4b4c3a5695a5a8787690fc3ff"
    "d2b46996784b00ffc3d269965aa5e17887b43cc3a5789696002dff1e785a78f087967878d200d2e187b4d25ac3"
    "5a69d2"
)
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
    if step < len(_NEXT) // 6:
        return f"#{_NEXT[6 * step : 6 * step + 6]}"
    # More than any eye tells apart.
    hue = (0.08 + step * _GOLDEN_RATIO) % 1.0
    red, green, blue = colorsys.hls_to_rgb(hue, _LIGHTNESS[step % 3], _SATURATION[step // 500 % 2])
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


PALETTES: dict[str, tuple[str, ...]] = {
    "Okabe-Ito": _FIRST,
    "Tol bright": ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb"),
    "Tol vibrant": ("#ee7733", "#0077bb", "#33bbee", "#ee3377", "#cc3311", "#009988", "#bbbbbb"),
    "Tol muted": (
        "#cc6677",
        "#332288",
        "#ddcc77",
        "#117733",
        "#88ccee",
        "#882255",
        "#44aa99",
        "#999933",
        "#aa4499",
    ),
    "Tol light": (
        "#77aadd",
        "#ee8866",
        "#eedd88",
        "#ffaabb",
        "#99ddff",
        "#44bb99",
        "#bbcc33",
        "#dddddd",
        "#aaaa00",  # out of its place: the one that is most like another
    ),
}
"""Colours that colour-blind eyes tell apart, by name.

Okabe and Ito, "Color Universal Design", 2008; Paul Tol, "Colour schemes",
SRON/EPS/TN/09-002, issue 3.2, 2021.
"""

TOLD_APART = 12
"""So many of `palette_colours` are told apart by colour-blind eyes."""

# Shades of a palette's own colours, each the one that differs most from those before it to
# whichever eye tells it apart least, and neither nearly black nor nearly white.
_FURTHER: dict[str, tuple[str, ...]] = {
    "Okabe-Ito": ("#523043", "#c4e5f7", "#8a3d00", "#8f5575", "#00674b"),
    "Tol bright": ("#11441a", "#5e1c41", "#7399bf", "#e8e0ab", "#1a6626"),
    "Tol vibrant": ("#6b1736", "#f6bb99", "#004770", "#b8e7f9", "#006b5f"),
    "Tol muted": ("#09411c", "#9990c4", "#dbdbb8"),
    "Tol light": ("#2a3c4d", "#5f5836", "#547a8c"),
}

# Shares of black, below 0, or of white in a colour, the most different first.
_SHADES = (-0.4, 0.45, -0.2, 0.2, -0.55, 0.62)
_FURTHER_SHADES = 256


def palette_colours(palette: str, count: int) -> tuple[str, ...]:
    """Pick colours of a palette.

    Parameters
    ----------
    palette : str
        One of `PALETTES`.
    count : int
        How many, in ``[0, 1000]``.

    Returns
    -------
    tuple of str
        ``#rrggbb``, all different. Beyond the palette's own colours come
        darker and lighter shades of them; those beyond `TOLD_APART` are hard
        to tell apart.

    Raises
    ------
    KeyError
        If there is no such palette.
    """
    found = dict.fromkeys(PALETTES[palette] + _FURTHER[palette])
    further = ((k * _GOLDEN_RATIO) % 1.0 * 1.2 - 0.6 for k in range(1, _FURTHER_SHADES))
    for share in (*_SHADES, *further):
        if len(found) >= count:
            break
        found |= dict.fromkeys(_shade(colour, share) for colour in PALETTES[palette])
    return tuple(found)[:count]


def _shade(colour: str, share: float) -> str:
    """Mix a colour with black, below 0, or with white."""
    towards = 255 if share > 0 else 0
    parts = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(p + abs(share) * (towards - p)):02x}" for p in parts)
