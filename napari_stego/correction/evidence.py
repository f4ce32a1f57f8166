"""What speaks for a superpixel to be inside: terms from clicks, and their weights.

A term is a number for each superpixel. The unary term of the cut is their
weighted sum, log odds in units of what the weights were fitted to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from napari_stego.correction.clicks import Click
from napari_stego.correction.measures import Measures, Measuring, Values

# Logarithms of ways and distances, and of ratios of them, are cut off near the click.
_NEAREST_WAY, _NEAREST = 0.05, 0.01


@dataclass(frozen=True, eq=False)
class Belief:
    """What is inside so far, before a further click.

    Attributes
    ----------
    inside : numpy.ndarray
        ``(M,) float64`` share of each superpixel that is inside.
    to_edge : float
        From the further click to the nearest pixel on the other side of the
        edge of what is inside, in pixels; infinite if there is none.
    """

    inside: Values
    to_edge: float


def terms_of(
    measuring: Measuring,
    centres: npt.NDArray[np.float64],
    clicks: Sequence[Click],
    belief: Belief | None,
) -> dict[str, Values]:
    """Compute the terms for some clicks.

    Parameters
    ----------
    measuring : Measuring
        Of the photograph.
    centres : numpy.ndarray
        ``(M, 2)`` centres of the superpixels.
    clicks : sequence of Click
        The clicks, oldest first; the first that counts is positive.
    belief : Belief, optional
        What was found before the last click; None for the first.

    Returns
    -------
    dict
        ``(M,) float64`` of each term, by name.
    """
    positive = [measuring.of(each) for each in clicks if each.positive]
    negative = [measuring.of(each) for each in clicks if not each.positive]
    wanted = Measures.nearest(positive)
    terms = _of_wanted(measuring, wanted, positive[0])
    if negative:
        terms |= _of_both(wanted, Measures.nearest(negative))
    if belief is not None:
        others = [measuring.of(each) for each in clicks[:-1]]
        against = [
            measuring.of(each) for each in clicks[:-1] if each.positive != clicks[-1].positive
        ]
        terms |= _of_last(measuring, centres, clicks, belief, others, against)
    return terms


def unary_of(terms: Mapping[str, Values], weights: Mapping[str, float]) -> Values:
    """Add up terms.

    Parameters
    ----------
    terms : mapping
        ``(M,) float64`` of each term.
    weights : mapping
        Weight of each term that counts; ``"constant"`` is added to all.

    Returns
    -------
    numpy.ndarray
        ``(M,) float64``, positive for what is rather inside.
    """
    total = np.full(len(next(iter(terms.values()))), float(weights["constant"]))
    for name, values in terms.items():
        total += weights.get(name, 0.0) * values
    return total


def _of_wanted(measuring: Measuring, wanted: Measures, first: Measures) -> dict[str, Values]:
    spread = max(float(first.alike.std()), 1e-6)
    return {
        "alike": wanted.alike,
        "alike here": (wanted.alike - first.alike.mean()) / spread,
        "unlike the border": wanted.alike - measuring.edge_alike,
        "colour": wanted.colour,
        "way": np.log(wanted.way + _NEAREST_WAY),
        "height": wanted.height,
        "area": wanted.area,
        "apart": np.log(wanted.apart + _NEAREST),
    }


def _of_both(wanted: Measures, unwanted: Measures) -> dict[str, Values]:
    return {
        "more alike": wanted.alike - unwanted.alike,
        "colour of both": wanted.colour - unwanted.colour,
        "way of both": _ratio(wanted.way, unwanted.way, _NEAREST_WAY),
        "height of both": wanted.height - unwanted.height,
        "area of both": wanted.area - unwanted.area,
        "apart of both": _ratio(wanted.apart, unwanted.apart, _NEAREST),
    }


def _of_last(
    measuring: Measuring,
    centres: npt.NDArray[np.float64],
    clicks: Sequence[Click],
    belief: Belief,
    others: Sequence[Measures],
    against: Sequence[Measures],
) -> dict[str, Values]:
    """Weigh what was found so far against the last click, which says where it is wrong."""
    last = measuring.of(clicks[-1])
    sign = 1.0 if clicks[-1].positive else -1.0
    state = 2 * belief.inside - 1
    # What has the sign of the click already need not change.
    change = sign * np.clip(0.5 - 0.5 * sign * state, 0, 1)
    # A click is near the middle of an error, which ends at the edge of what is inside, if not
    # before: the distance to that edge is the size of the error.
    radius = float(np.clip(belief.to_edge / measuring.diagonal, 0.006, 0.3))
    near = last.apart / radius
    depth = _depths(centres, belief.inside > 0.5) / measuring.diagonal / radius
    within = last.way[near < 1]
    way_radius = max(float(np.median(within)) if len(within) else 0.0, 1e-3) * 1.5
    other = Measures.nearest(others)
    terms = {
        "state": state,
        "state, late": state * np.log(len(clicks)),
        "state, far": state * np.minimum(np.log(near + 0.1), 3),
        "state, deep": state * np.minimum(depth, 3),
        "change": change,
        "change, inside": change * (near < 1),
        "change, near": change * np.exp(-near),
        "change, around": change * np.exp(-near / 3),
        "change, along": change * np.exp(-depth - near / 3),
        "change, far along": change * np.exp(-depth - near / 8),
        "change, way": change * np.exp(-last.way / (3 * way_radius)),
        "change, alike": change * last.alike,
        "change, joined": change * (1 - last.height),
        "change, area": change * last.area,
        "change, colour": change * np.exp(-last.colour),
        "change, nearer way": change * _ratio(last.way, other.way, _NEAREST_WAY),
        "change, nearer": change * _ratio(last.apart, other.apart, _NEAREST),
    }
    if against:
        opposite = Measures.nearest(against)
        terms |= {
            "change, more alike": change * (last.alike - opposite.alike),
            "change, height": change * (last.height - opposite.height),
            "change, colours": change * (last.colour - opposite.colour),
        }
    return terms


def _depths(
    centres: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Measure from each superpixel to the nearest of the other side, in pixels."""
    depths = np.full(len(centres), np.inf)
    if inside.any() and not inside.all():
        for side in (inside, ~inside):
            depths[side] = KDTree(centres[~side]).query(centres[side])[0]
    return depths


def _ratio(one: Values, other: Values, least: float) -> Values:
    return np.asarray(np.log((one + least) / (other + least)))
