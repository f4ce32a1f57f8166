"""What a scene is made of: the recipes of the corpus, and how one becomes a picture and a mask."""

from dataclasses import dataclass

import numpy as np
from reef_fish import SPECIES, swim
from reef_life import (
    SEAGRASS,
    SUPERSAMPLE,
    WATER,
    Floor,
    Strands,
    View,
    grow_branches,
    grow_seagrass,
    grow_table,
)
from reef_terrain import Array, Camera, Mound, Terrain, Textures, march
from reef_water import Water, photograph

Range = tuple[float, float]

CORAL_COLOURS = (
    (0.50, 0.33, 0.13),
    (0.42, 0.22, 0.46),
    (0.66, 0.30, 0.34),
    (0.34, 0.42, 0.16),
    (0.62, 0.54, 0.34),
    (0.70, 0.36, 0.12),
    (0.30, 0.34, 0.50),
)


@dataclass(frozen=True)
class Recipe:
    """Ranges that a scene is drawn from.

    Parameters
    ----------
    pitch
        Downward tilt of the camera (degrees).
    altitude
        Height of the camera above the sea floor (m).
    rocks, corals
        How many.
    rock_size
        Radius of the rocks (m).
    rock_shape
        Height of the rocks in radii.
    meadow
        Share of the ground under seagrass.
    growth
        Growth forms of the corals.
    fish
        Species, an index into `SPECIES`, or nothing.
    waters
        Water type, scattering (1/m), depth (m) and lamp strength; one after the other.
    """

    pitch: Range
    altitude: Range
    rocks: tuple[int, int]
    rock_size: Range
    rock_shape: Range
    corals: tuple[int, int]
    meadow: Range
    growth: tuple[str, ...]
    fish: tuple[int | None, int | None]
    waters: tuple[tuple[str, float, float, float], tuple[str, float, float, float]]


ALL_GROWTH = ("brain", "branching", "table", "leafy", "branching", "crust")

RECIPES = (
    Recipe((14, 20), (1.4, 1.8), (4, 6), (0.5, 1.0), (0.4, 0.6), (22, 30), (0, 0), ALL_GROWTH,
           (4, 0), (("I", 0.14, 5, 0.0), ("II", 0.26, 6, 0.6))),
    Recipe((12, 18), (1.2, 1.6), (1, 2), (0.4, 0.7), (0.5, 0.8), (0, 1), (0.4, 0.55), ("brain",),
           (None, None), (("II", 0.18, 3, 0.0), ("3C", 0.32, 3, 0.0))),
    Recipe((6, 12), (1.1, 1.5), (9, 13), (0.5, 1.2), (0.55, 0.85), (5, 8), (0, 0),
           ("crust", "brain", "leafy"), (3, None),
           (("1C", 0.28, 5, 0.6), ("III", 0.2, 6, 0.0))),
    Recipe((15, 22), (1.3, 1.8), (1, 2), (0.5, 0.8), (0.35, 0.6), (5, 9), (0, 0), ALL_GROWTH,
           (None, 5), (("I", 0.1, 8, 0.0), ("III", 0.26, 4, 0.0))),
    Recipe((58, 75), (1.8, 2.3), (2, 4), (0.35, 0.6), (0.3, 0.5), (5, 8), (0.15, 0.3), ALL_GROWTH,
           (None, None), (("II", 0.2, 8, 1.6), ("1C", 0.3, 6, 1.0))),
    Recipe((9, 14), (1.2, 1.5), (2, 4), (0.4, 0.8), (0.6, 0.9), (0, 2), (0.7, 0.85), ("leafy",),
           (1, 2), (("III", 0.2, 3, 0.0), ("5C", 0.34, 2, 0.0))),
    Recipe((-2, 5), (1.2, 1.6), (6, 8), (0.9, 1.6), (0.8, 1.2), (16, 24), (0, 0), ALL_GROWTH,
           (0, 1), (("I", 0.12, 9, 0.8), ("II", 0.16, 6, 0.0))),
    Recipe((12, 20), (1.2, 1.6), (4, 6), (0.4, 0.9), (0.5, 0.7), (10, 14), (0.25, 0.4), ALL_GROWTH,
           (None, 4), (("3C", 0.34, 6, 1.4), ("I", 0.15, 4, 0.0))),
)  # fmt: skip


def textures_for(seed: int) -> Textures:
    """Noise shared by all scenes of the corpus with this seed."""
    return Textures(np.random.default_rng(seed))


def compose(
    seed: int, index: int, size: tuple[int, int], textures: Textures
) -> tuple[Array, Array]:
    """Make one scene.

    Parameters
    ----------
    seed, index
        Seed of the corpus and number of the image in it, from 0.
    size
        Width and height (px).
    textures
        From `textures_for` with the same seed.

    Returns
    -------
    image : Array
        sRGB photograph, (height, width, 3) uint8.
    mask : Array
        Class ids, (height, width) uint8.
    """
    rng = np.random.default_rng([seed, index])
    recipe = RECIPES[index % len(RECIPES)]
    turn = index // len(RECIPES) % 2
    kind, turbidity, depth, lamp = recipe.waters[turn]
    water = Water(kind, turbidity * rng.uniform(0.9, 1.1), depth * rng.uniform(0.9, 1.1), lamp)
    camera = Camera(
        *size,
        focal=0.86 * size[0],
        pitch=np.deg2rad(rng.uniform(*recipe.pitch)),
        roll=np.deg2rad(rng.normal(0, 2)),
        altitude=rng.uniform(*recipe.altitude),
    )
    azimuth = rng.uniform(0, 2 * np.pi)
    sun = np.array([0.55 * np.cos(azimuth), 0.55 * np.sin(azimuth), 0.835])
    sun /= np.linalg.norm(sun)
    terrain = _terrain(rng, recipe, camera, water.visibility, textures, sun)
    floor = Floor(
        terrain,
        textures,
        sun,
        sand=np.array([0.56, 0.50, 0.39]) * rng.uniform(0.85, 1.1),
        stone=np.array([0.25, 0.215, 0.18]) * rng.uniform(0.8, 1.2) * rng.normal(1, 0.06, 3),
        grass=np.array([0.13, 0.24, 0.055]) * rng.uniform(0.85, 1.2),
        ripple=rng.uniform(0.11, 0.2),
        caustics=float(np.clip((9 - water.depth) / 8, 0, 0.7)),
    )
    rays = camera.rays()
    view = _look(floor, camera, rays, water.visibility)
    strands = _growth(rng, floor, camera, view, rays)
    view = view.supersampled(SUPERSAMPLE)
    strands.draw(view, camera)
    species = recipe.fish[turn]
    if species is not None:
        swim(view, rng, camera.focal * SUPERSAMPLE, SPECIES[species])
    image = photograph(view, rays, water, rng, SUPERSAMPLE)
    return image, np.ascontiguousarray(view.label[::SUPERSAMPLE, ::SUPERSAMPLE])


def _terrain(
    rng: np.random.Generator,
    recipe: Recipe,
    camera: Camera,
    reach: float,
    textures: Textures,
    sun: Array,
) -> Terrain:
    terrain = Terrain(reach, textures, rng.random(2))
    if recipe.meadow[1] > 0:
        terrain.plant_meadow(rng.uniform(*recipe.meadow), 0.14)
    low = camera.altitude / np.tan(camera.pitch + 0.42) if camera.pitch > 0.1 else 1.0
    deep = 8.0 if camera.pitch < 0.8 else low + 2.2
    rocks = []
    for _ in range(rng.integers(recipe.rocks[0], recipe.rocks[1] + 1)):
        radius = rng.uniform(*recipe.rock_size)
        y = low + (0.4 + radius) * (camera.pitch < 0.8) + (deep - low) * rng.random() ** 1.4
        x = rng.uniform(-0.55, 0.55) * (y + 0.5)
        shape = rng.uniform(*recipe.rock_shape)
        rocks.append(Mound("rock", x, y, radius, radius * shape, (0, 0, 0)))
    for rock in rocks:
        terrain.add(rock)
    for _ in range(rng.integers(recipe.corals[0], recipe.corals[1] + 1)):
        terrain.add(_colony(rng, recipe, rocks, low, min(deep, 6.5)))
    terrain.finish(sun)
    return terrain


def _colony(
    rng: np.random.Generator, recipe: Recipe, rocks: list[Mound], low: float, deep: float
) -> Mound:
    kind = str(rng.choice(recipe.growth))
    if rocks and (kind in ("crust", "leafy") or rng.random() < 0.5):
        rock = rocks[rng.integers(len(rocks))]
        reach = (0.8 if kind == "crust" else 0.5) * rock.radius
        turn, out = rng.uniform(0, 2 * np.pi), reach * np.sqrt(rng.random())
        x, y = rock.x + out * np.cos(turn), rock.y + out * np.sin(turn)
    else:
        y = low + 0.35 + (deep - low) * rng.random() ** 1.3
        x = rng.uniform(-0.5, 0.5) * (y + 0.3)
    size = {"brain": 0.26, "branching": 0.3, "table": 0.45, "leafy": 0.3, "crust": 0.3}[kind]
    stature = {"brain": 0.8, "branching": 0.3, "table": 0.6, "leafy": 0.5, "crust": 0.12}[kind]
    radius = size * rng.uniform(0.7, 1.35)
    colour = CORAL_COLOURS[rng.integers(len(CORAL_COLOURS))]
    return Mound(kind, x, y, radius, radius * stature, colour)


def _look(floor: Floor, camera: Camera, rays: Array, far: float) -> View:
    """Trace one ray per pixel."""
    flat = rays.reshape(-1, 3)
    distance = march(floor.terrain, camera.altitude, flat, far)
    hit = np.isfinite(distance)
    points = flat[hit] * distance[hit, None] + [0, 0, camera.altitude]
    n = len(flat)
    view = View(np.zeros((n, 3)), np.zeros(n), np.zeros(n), distance, np.full(n, WATER, np.uint8))
    view.albedo[hit], view.day[hit], view.facing[hit], view.label[hit] = floor.view(
        points, flat[hit], distance[hit], camera.focal
    )
    shape = rays.shape[:2]
    return View(
        view.albedo.reshape(*shape, 3),
        view.day.reshape(shape),
        view.facing.reshape(shape),
        view.distance.reshape(shape),
        view.label.reshape(shape),
    )


def _growth(
    rng: np.random.Generator, floor: Floor, camera: Camera, view: View, rays: Array
) -> Strands:
    """Grow what stands above the height maps."""
    strands = Strands()
    meadow = np.flatnonzero(view.label == SEAGRASS)
    if meadow.size:
        chosen = rng.choice(meadow, meadow.size // 34)
        roots = rays.reshape(-1, 3)[chosen] * view.distance.ravel()[chosen, None]
        roots[:, 2] += camera.altitude
        # Blades that stray a little keep the edge of a meadow from looking like a hedge.
        roots += rng.normal(0, [0.09, 0.09, 0], roots.shape)
        grow_seagrass(strands, rng, roots, 0.3, floor.grass)
    terrain = floor.terrain
    for mound in terrain.mounds:
        place = np.array([[mound.x, mound.y]])
        surface = terrain.base + np.maximum(terrain.rock, 0)
        ground = float(terrain.at(surface, place)[0])
        if mound.kind == "branching":
            grow_branches(strands, rng, mound, ground)
        elif mound.kind == "table":
            grow_table(strands, rng, mound, ground)
    return strands
