"""Fish: bodies with a tail and fins, patterns and countershading, alone or in schools."""

from dataclasses import dataclass

import numpy as np
from reef_life import FISH, View
from reef_terrain import Array

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Species:
    """Shape and pattern of a fish.

    Parameters
    ----------
    depth
        Half the body depth as a share of half the body length.
    back, flank, belly, mark, tail
        Diffuse reflectances, linear RGB.
    bars
        Number of upright bars in the mark colour.
    band
        Whether a lengthwise band in the mark colour runs along the flank.
    length
        Body length (m).
    schools
        Whether it swims in schools.
    """

    depth: float
    back: Colour
    flank: Colour
    belly: Colour
    mark: Colour
    tail: Colour
    bars: int
    band: bool
    length: float
    schools: bool


SPECIES = (
    Species(0.52, (0.6, 0.52, 0.1), (0.6, 0.62, 0.6), (0.8, 0.8, 0.78), (0.04, 0.04, 0.06),
            (0.4, 0.4, 0.35), 5, False, 0.17, True),
    Species(0.30, (0.1, 0.2, 0.45), (0.3, 0.5, 0.7), (0.8, 0.82, 0.85), (0.8, 0.65, 0.1),
            (0.75, 0.6, 0.1), 0, True, 0.26, True),
    Species(0.72, (0.75, 0.6, 0.08), (0.85, 0.72, 0.12), (0.85, 0.8, 0.5), (0.05, 0.05, 0.06),
            (0.85, 0.75, 0.3), 3, False, 0.19, False),
    Species(0.40, (0.3, 0.1, 0.06), (0.5, 0.24, 0.15), (0.65, 0.45, 0.35), (0.3, 0.12, 0.08),
            (0.3, 0.1, 0.08), 6, False, 0.5, False),
    Species(0.38, (0.7, 0.25, 0.08), (0.85, 0.4, 0.15), (0.85, 0.6, 0.45), (0.5, 0.15, 0.4),
            (0.8, 0.35, 0.2), 0, True, 0.13, True),
    Species(0.36, (0.12, 0.16, 0.2), (0.55, 0.6, 0.62), (0.85, 0.87, 0.88), (0.2, 0.25, 0.3),
            (0.3, 0.33, 0.35), 0, True, 0.55, False),
)  # fmt: skip


def swim(view: View, rng: np.random.Generator, focal: float, species: Species) -> None:
    """Draw a school or one or two fish into the upper and middle part of a view.

    Parameters
    ----------
    view
        The scene, changed in place.
    rng
        Source of randomness.
    focal
        Focal length in samples of ``view``.
    species
        What swims.
    """
    height, width = view.label.shape
    count = int(rng.integers(14, 30)) if species.schools else int(rng.integers(1, 3))
    centre = np.array([rng.uniform(0.3, 0.7) * width, rng.uniform(0.25, 0.5) * height])
    near = 2.0 if species.schools else 1.8
    place = rng.normal(0, [0.17 * width, 0.1 * height], (count, 2)) + centre
    distance = rng.uniform(near, 1.7 * near, count)
    toward = rng.choice([-1.0, 1.0])
    for i in np.argsort(-distance):
        heading = toward if species.schools else rng.choice([-1.0, 1.0])
        half = species.length * rng.uniform(0.85, 1.15) / 2 * focal / distance[i]
        yaw = rng.uniform(0.72, 1.0)
        _draw(view, species, place[i], half, heading * yaw, rng.normal(0, 0.14), distance[i])


def _draw(
    view: View,
    species: Species,
    centre: Array,
    half: float,
    heading: float,
    tilt: float,
    distance: float,
) -> None:
    """Draw one fish; ``half`` is half its length in samples, ``heading`` its signed cosine."""
    height, width = view.label.shape
    reach = 1.6 * half
    x0, y0 = np.maximum((centre - reach).astype(int), 0)
    x1, y1 = np.minimum((centre + reach).astype(int) + 1, [width, height])
    if x0 >= x1 or y0 >= y1:
        return
    dx, dy = np.meshgrid(np.arange(x0, x1) - centre[0], np.arange(y0, y1) - centre[1])
    u = (np.cos(tilt) * dx + np.sin(tilt) * dy) / half / heading
    v = (np.sin(tilt) * dx - np.cos(tilt) * dy) / half
    body, fins = _outline(species, u, v)
    window = (slice(y0, y1), slice(x0, x1))
    show = (body | fins) & (view.distance[window] > distance)
    for target, value in (
        (view.albedo, _pattern(species, u, v, body)),
        (view.day, 0.55 + 0.33 * np.clip(v / species.depth, -1, 1)),
        (view.facing, np.sqrt(np.maximum(1 - (v / species.depth) ** 2, 0.15))),
        (view.distance, np.full(u.shape, distance)),
        (view.label, np.full(u.shape, FISH, np.uint8)),
    ):
        target[window][show] = value[show]


def _outline(species: Species, u: Array, v: Array) -> tuple[Array, Array]:
    """Masks of the body and of the fins in body coordinates: nose at u = 1, back at v > 0."""
    d = species.depth
    girth = d * np.maximum(1 - u**2, 0) ** 0.75 * (1 + 0.28 * u)
    girth = np.maximum(girth, np.where((u > -1.05) & (u < -0.5), 0.16 * d, 0))
    body = np.abs(v) < girth
    blade = np.clip((-0.85 - u) / 0.5, 0, 1)
    fork = np.abs(v) > 0.75 * d * np.maximum(blade - 0.55, 0)
    tail = (u > -1.35) & (blade > 0) & (np.abs(v) < d * (0.12 + 0.75 * blade)) & fork
    ridge = np.clip(np.minimum(u + 0.75, 0.55 - u) * 4, 0, 1)
    dorsal = (v > 0) & (v < girth + 0.16 * ridge * np.sqrt(d)) & (ridge > 0)
    rear = np.clip(np.minimum(u + 0.75, 0.05 - u) * 5, 0, 1)
    anal = (v < 0) & (-v < girth + 0.13 * rear * np.sqrt(d)) & (rear > 0)
    return body, tail | dorsal | anal


def _pattern(species: Species, u: Array, v: Array, body: Array) -> Array:
    """Reflectance at body coordinates, (..., 3)."""
    d = species.depth
    back, flank, belly = map(np.array, (species.back, species.flank, species.belly))
    dark = np.clip((v / d - 0.15) * 3, 0, 1)[..., None]
    pale = np.clip((-v / d - 0.2) * 3, 0, 1)[..., None]
    colour = flank * (1 - dark - pale) + back * dark + belly * pale
    if species.bars:
        stripe = np.sin((u + 0.85) * np.pi * species.bars / 1.7) ** 2 > 0.68
        colour[stripe & (v > -0.6 * d)] = species.mark
    if species.band:
        colour[np.abs(v - 0.12 * d) < 0.13 * d] = species.mark
    colour[~body] = species.tail
    colour[(np.abs(u - 0.5) < 0.015) & (np.abs(v) < 0.6 * d)] *= 0.6
    eye = np.hypot(u - 0.72, v - 0.1 * d)
    colour[eye < 0.085] = (0.7, 0.65, 0.5)
    colour[eye < 0.055] = (0.01, 0.01, 0.01)
    return colour
