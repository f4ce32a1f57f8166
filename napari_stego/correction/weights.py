"""What the terms of a cut weigh, and how it is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CutWeights:
    """How unary terms, borders and pixels count in a cut.

    Attributes
    ----------
    smoothness : float
        Cost of a pixel of border where nothing tells the two sides apart.
    contrast : float
        How fast that falls with the distance of colours, and of features.
    alike : float
        Part of the features in that, beside 1 of the colours.
    length : float
        Part of a border that no contrast takes away.
    most : float
        The unary terms are cut off here, so that no term alone decides.
    blur : float
        Standard deviation in pixels of what rounds superpixels off.
    first_disc, largest_disc : float
        Radius in pixels of what the first click is sure of, and the most that
        a further one is.
    """

    smoothness: float = 25.0
    contrast: float = 1.0
    alike: float = 0.3
    length: float = 0.05
    most: float = 6.0
    blur: float = 2.0
    first_disc: float = 2.0
    largest_disc: float = 8.0


CUT = CutWeights()

# Fitted by logistic regression to simulated clicks on objects of the SUIM training photographs:
# the first click, further ones while all are positive, and those with both signs.
WEIGHTS: dict[str, dict[str, float]] = {
    "first": {
        "constant": -4.71,
        "alike": 1.14,
        "alike here": 0.194,
        "apart": -0.818,
        "area": -0.248,
        "colour": 0.253,
        "height": -1.4,
        "unlike the border": 0.896,
        "way": -0.313,
    },
    "positive": {
        "constant": 2.02,
        "alike": 2.27,
        "alike here": -0.632,
        "apart": 0.415,
        "area": -0.0672,
        "change": -1.46,
        "change, alike": 1.52,
        "change, along": -6.3,
        "change, area": -0.191,
        "change, around": 2.84,
        "change, colour": 0.0731,
        "change, far along": 2.7,
        "change, inside": 0.166,
        "change, joined": 0.854,
        "change, near": 0.667,
        "change, nearer": 0.904,
        "change, nearer way": 0.762,
        "change, way": -0.139,
        "colour": -0.0723,
        "height": -0.91,
        "state": 0.73,
        "state, deep": 1.13,
        "state, far": 0.708,
        "state, late": 0.0216,
        "unlike the border": 1.29,
        "way": 0.163,
    },
    "both": {
        "constant": -2.04,
        "alike": 0.299,
        "alike here": -0.126,
        "apart": -0.266,
        "apart of both": -0.528,
        "area": -0.113,
        "area of both": -0.024,
        "change": 0.052,
        "change, alike": -0.206,
        "change, along": 1.8,
        "change, area": -0.0284,
        "change, around": 0.343,
        "change, colour": 0.721,
        "change, colours": -0.0886,
        "change, far along": 3.72,
        "change, height": 0.143,
        "change, inside": -0.208,
        "change, joined": 0.214,
        "change, more alike": 0.442,
        "change, near": -0.229,
        "change, nearer": 0.616,
        "change, nearer way": 0.177,
        "change, way": -0.331,
        "colour": 0.0808,
        "colour of both": -0.278,
        "height": -0.745,
        "height of both": -0.18,
        "more alike": 0.371,
        "state": 0.917,
        "state, deep": 0.568,
        "state, far": 0.395,
        "state, late": 0.429,
        "unlike the border": 0.384,
        "way": -0.0105,
        "way of both": -0.621,
    },
}
