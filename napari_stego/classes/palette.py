"""Colours for classes."""

from __future__ import annotations

import colorsys

# Okabe and Ito, "Color Universal Design", 2008: told apart by colour-blind eyes.
_FIRST = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
# Of an even grid of colours neither dark nor light, each the one that differs most (CIEDE2000) from
# those before it, to whichever eye tells it apart least; colour-blind ones count 1.5 times.
_NEXT = """
    872d3c c3e1d2 4b4b69 0ff0ff 697878 c30000 4b0fe1 8778ff 87694b c3b478 1e695a b4b4b4 c30096
    69964b a5f0a5 96b496 a50fff ffb4e1 f06978 6987c3 c3d269 4b692d a59696 a54b69 87a5c3 d24b87
    870f87 d21e3c e1c3b4 ff87ff 96a54b 3c4bc3 695a87 ff96b4 f01ef0 878796 d2871e 00d2d2 5a4b5a
    78875a 5a5a00 e1c32d 8778a5 78d296 c3f078 c3d2d2 ff78c3 a54bd2 78c34b 788700 696969 e1e1c3
    874b4b f03c78 4b8787 969687 785a78 c3783c 69b4a5 b4d287 c369d2 783c4b 78695a a53c2d 966969
    782de1 f000b4 e1e1f0 a50069 781ea5 f0d2ff 2da5a5 6978b4 d29669 0f5a1e 9600c3 5a7887 873c78
    78785a e1a5c3 1e96e1 a5b487 3c6996 875a4b a5d2c3 96d2e1 966996 d278ff 5a6900 d26969 96a587
    a5c3f0 783c1e b4693c 0fe14b 87b4d2 2d5a78 965a3c 964b96 b4875a 78a5b4 b4c3a5 695a5a 878769
    0fc3ff d2b469 96784b 00ffc3 d26996 5aa5e1 7887b4 3cc3a5 789696 002dff 1e785a 78f087 967878
    d200d2 e187b4 d25ac3 5a69d2
""".split()
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
    if index < len(_FIRST) + len(_NEXT):
        return f"#{_NEXT[index - len(_FIRST)]}"
    # More than any eye tells apart.
    step = index - len(_FIRST)
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
