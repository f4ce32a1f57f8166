"""Where things are: the camera, the sea floor as layered height maps, and the rays between them.

World axes are x to the right, y forward and z up, in metres; the camera hangs above the origin.
Geometry is kept in float64 so that rounding differences between machines do not move a mask edge.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.spatial import cKDTree

Array = np.ndarray

CELL = 0.02
"""Edge of one height map cell (m)."""

NEAR = 0.35
"""Range at which rays start (m); nothing is drawn closer to the lens."""

OUTSIDE = -0.15
"""Height above the surface given to a layer where it is absent (m).

It is negative, not minus infinity, so that interpolated layers cross zero along smooth outlines.
"""


class Textures:
    """Tileable noise shared by all scenes of one corpus, each of shape (n, n).

    Parameters
    ----------
    rng
        Source of randomness.
    n
        Tile edge in samples.
    """

    def __init__(self, rng: np.random.Generator, n: int = 512) -> None:
        self.cloud = self._band(rng, n, 2, 220, 1.7)
        self.lumps = self._band(rng, n, 2, 24, 1.6)
        self.swell = self._band(rng, n, 2, 14, 2.0)
        self.grain = self._band(rng, n, 30, 250, 0.6)
        self.meander = self._band(rng, n, 34, 44, 0.0)
        self.cells = self._cells(rng, n, 240)

    @staticmethod
    def _band(rng: np.random.Generator, n: int, low: float, high: float, slope: float) -> Array:
        """Noise with amplitude ``k ** -slope`` between two wave numbers, zero mean, unit spread."""
        k = np.hypot(np.fft.fftfreq(n, 1 / n)[:, None], np.fft.rfftfreq(n, 1 / n)[None])
        gain = np.where((k >= low) & (k <= high), np.maximum(k, 1) ** -slope, 0)
        noise = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(n, n))) * gain, s=(n, n))
        return noise / noise.std()

    @staticmethod
    def _cells(rng: np.random.Generator, n: int, count: int) -> Array:
        """Distance to the nearest border between random cells, 0 on the border, up to about 1."""
        tree = cKDTree(rng.random((count, 2)), boxsize=1)
        axis = (np.arange(n) + 0.5) / n
        points = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        distance, _ = tree.query(points, k=2)
        gap = (distance[:, 1] - distance[:, 0]).reshape(n, n)
        return gap / gap.max()


def tile(texture: Array, u: Array, v: Array) -> Array:
    """Sample a tileable texture bilinearly at tile coordinates ``u``, ``v`` of any one shape."""
    n = len(texture)
    x, y = u * n, v * n
    i, j = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = x - i, y - j
    i0, i1, j0, j1 = i % n, (i + 1) % n, j % n, (j + 1) % n
    top = texture[j0, i0] * (1 - fx) + texture[j0, i1] * fx
    bottom = texture[j1, i0] * (1 - fx) + texture[j1, i1] * fx
    return top * (1 - fy) + bottom * fy


@dataclass(frozen=True)
class Camera:
    """A pinhole camera above the origin, looking along +y and down.

    Parameters
    ----------
    width, height
        Image size (px).
    focal
        Focal length (px).
    pitch, roll
        Downward tilt and rotation about the optical axis (rad).
    altitude
        Height above the datum of the sea floor (m).
    """

    width: int
    height: int
    focal: float
    pitch: float
    roll: float
    altitude: float

    @property
    def axes(self) -> Array:
        """Rows: the camera's right, up and forward directions in the world, (3, 3)."""
        sin, cos = np.sin(self.pitch), np.cos(self.pitch)
        right, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, sin, cos])
        c, s = np.cos(self.roll), np.sin(self.roll)
        return np.stack([c * right + s * up, c * up - s * right, [0.0, cos, -sin]])

    def rays(self) -> Array:
        """Return unit view directions through the pixel centres, (height, width, 3)."""
        col = (np.arange(self.width) + 0.5 - self.width / 2) / self.focal
        row = (self.height / 2 - np.arange(self.height) - 0.5) / self.focal
        right, up, forward = self.axes
        rays = col[None, :, None] * right + row[:, None, None] * up + forward
        return rays / np.linalg.norm(rays, axis=-1, keepdims=True)

    def project(self, points: Array) -> tuple[Array, Array, Array]:
        """Project points (n, 3) to pixels (n, 2) with depth along the axis and range (m)."""
        relative = points - [0.0, 0.0, self.altitude]
        local = relative @ self.axes.T
        depth = np.maximum(local[:, 2], 1e-3)
        pixels = local[:, :2] * [1, -1] * self.focal / depth[:, None]
        pixels += np.array([self.width, self.height]) / 2
        return pixels, local[:, 2], np.linalg.norm(relative, axis=1)


@dataclass(frozen=True)
class Mound:
    """A rock or the solid body of a coral colony, standing on whatever lies below it.

    Parameters
    ----------
    kind
        ``rock``, or the growth form of the coral: ``brain``, ``branching``, ``table``,
        ``leafy`` or ``crust``.
    x, y
        Centre (m).
    radius, height
        Size (m).
    colour
        Diffuse reflectance, linear RGB.
    """

    kind: str
    x: float
    y: float
    radius: float
    height: float
    colour: tuple[float, float, float]


@dataclass
class Terrain:
    """Layered height maps of the sea floor; arrays are (rows along y, columns along x).

    Parameters
    ----------
    reach
        Distance to the edge of the map (m).
    textures
        Noise for outlines and relief.
    offset
        Where in the noise this scene lies, in tiles, (2,).

    Attributes
    ----------
    base
        Height of the ground (m).
    rock, coral, meadow
        Thickness of each layer on top of the layers before it (m), negative where absent.
    colony
        Index into ``mounds`` of the coral on top.
    top
        Height of the surface, all layers together (m).
    lit, open
        Share of the sun and of the sky that reaches the surface.
    slope
        Derivative of ``top`` along x and y, (2, rows, columns).
    """

    reach: float
    textures: Textures
    offset: Array
    mounds: list[Mound] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.origin = np.array([-0.72 * self.reach, -1.5])
        shape = int((self.reach + 1.5) / CELL), int(1.44 * self.reach / CELL)
        self.x = self.origin[0] + CELL * np.arange(shape[1])[None, :]
        self.y = self.origin[1] + CELL * np.arange(shape[0])[:, None]
        self.base = 0.2 * self.noise(self.textures.swell, 22.0)
        self.rock = np.full(shape, OUTSIDE)
        self.coral = np.full(shape, OUTSIDE)
        self.meadow = np.full(shape, OUTSIDE)
        self.colony = np.zeros(shape, np.int64)

    def noise(self, texture: Array, extent: float, shift: float = 0.0) -> Array:
        """Spread a texture over the whole map with tiles ``extent`` metres wide."""
        u, v = self.offset + shift
        x, y = np.broadcast_arrays(self.x / extent + u, self.y / extent + v)
        return tile(texture, x, y)

    def add(self, mound: Mound) -> None:
        """Raise a mound, at most its own height above the layers below it."""
        window, d = self._footprint(mound)
        if d.size == 0:
            return
        if mound.kind == "rock":
            blocky = 0.13 * self._local(window, self.textures.swell, 3 * mound.radius)
            rough = 0.05 * self._local(window, self.textures.lumps, 1.3)
            relief = np.clip(1 + blocky + rough, 0.75, 1.2)
            bump = mound.height * (1 - d**4) * np.where(d < 1, relief, 1)
            self.rock[window] = np.maximum(self.rock[window], np.maximum(bump, OUTSIDE))
        else:
            self._add_colony(mound, window, d)
        self.mounds.append(mound)

    def _add_colony(self, mound: Mound, window: tuple[slice, slice], d: Array) -> None:
        inside = np.sqrt(np.maximum(1 - d**2, 0))
        if mound.kind == "leafy":
            tiers = 5 * (1 - d)
            inside = (np.floor(tiers) + np.clip((tiers % 1) * 3, 0, 1)) / 5
        elif mound.kind == "crust":
            inside = np.clip((1 - d) * 4, 0, 1)
        elif mound.kind in ("branching", "table"):
            d = d / 0.6
            inside = np.sqrt(np.maximum(1 - d**2, 0))
        bump = np.where(d < 1, mound.height * inside, 2 * OUTSIDE * (d - 1))
        bump = np.maximum(bump, OUTSIDE)
        taller = bump > self.coral[window]
        self.coral[window][taller] = bump[taller]
        self.colony[window][taller] = len(self.mounds)

    def _footprint(self, mound: Mound) -> tuple[tuple[slice, slice], Array]:
        """Window around a mound and, in it, the distance from its centre in wobbly radii."""
        centre = (np.array([mound.x, mound.y]) - self.origin) / CELL
        half = 1.6 * mound.radius / CELL
        shape = self.base.shape
        rows = slice(max(0, int(centre[1] - half)), min(shape[0], int(centre[1] + half)))
        cols = slice(max(0, int(centre[0] - half)), min(shape[1], int(centre[0] + half)))
        window = (rows, cols)
        wobble = {"rock": 0.16, "crust": 0.3, "leafy": 0.16}.get(mound.kind, 0.05)
        extent = 5 * mound.radius if mound.kind == "rock" else 3 * mound.radius
        x, y = self.x[:, cols] - mound.x, self.y[rows] - mound.y
        d = np.hypot(x, y) / mound.radius
        bend = np.clip(self._local(window, self.textures.lumps, extent), -1.5, 1.5)
        return window, d * (1 + wobble * bend)

    def _local(self, window: tuple[slice, slice], texture: Array, extent: float) -> Array:
        rows, cols = window
        x, y = np.broadcast_arrays(self.x[:, cols] / extent, self.y[rows] / extent)
        return tile(texture, x + self.offset[0], y + self.offset[1])

    def plant_meadow(self, share: float, canopy: float) -> None:
        """Cover about ``share`` of the ground with seagrass of ``canopy`` metres."""
        field_ = self.noise(self.textures.lumps, 11.0, 0.37)
        edge = np.quantile(field_[: int(9 / CELL)], 1 - share)
        clumps = 1 + 0.35 * self.noise(self.textures.cloud, 1.3)
        rise = np.clip((field_ - edge) * 1.6, OUTSIDE / canopy, 1)
        self.meadow = np.where(rise > 0, canopy * rise * np.maximum(clumps, 0.2), canopy * rise)

    def finish(self, sun: Array) -> None:
        """Stack the layers into ``top`` and work out ``lit``, ``open`` and ``slope``.

        Parameters
        ----------
        sun
            Unit vector towards the sun, (3,).
        """
        plain = np.maximum(self.base, self.base + self.meadow)
        stone = self.base + self.rock
        self.top = np.maximum(plain, stone)
        self.top = np.maximum(self.top, self.top + self.coral)
        step = 2
        slope = sun[2] / np.hypot(*sun[:2])
        unit = sun[:2] / np.hypot(*sun[:2])
        clear = np.full(self.top.shape, np.inf)
        for i in range(1, 30):
            shift = np.rint(-unit * i * step).astype(int)
            blocker = np.roll(self.top, (shift[1], shift[0]), (0, 1))
            clear = np.minimum(clear, self.top + i * step * CELL * slope - blocker)
        self.lit = gaussian_filter((clear > 0).astype(float), 2)
        # Hollows see less of the bright surface: the difference to the local mean stands in for it.
        hollow = gaussian_filter(self.top, 9) - self.top
        self.open = np.clip(1 - 3.5 * np.maximum(hollow, 0), 0.25, 1)
        dy, dx = np.gradient(self.top, CELL)
        self.slope = np.stack([dx, dy])

    def at(self, layer: Array, points: Array) -> Array:
        """Interpolate a layer bilinearly at points (n, 2 or 3)."""
        p = (points[:, :2] - self.origin) / CELL
        p = np.clip(p, 0, [layer.shape[1] - 1.001, layer.shape[0] - 1.001])
        i, j = p.astype(np.int64).T
        fx, fy = (p - np.floor(p)).T
        top = layer[j, i] * (1 - fx) + layer[j, i + 1] * fx
        bottom = layer[j + 1, i] * (1 - fx) + layer[j + 1, i + 1] * fx
        return top * (1 - fy) + bottom * fy

    def nearest(self, layer: Array, points: Array) -> Array:
        """Value of a layer in the cell that holds each point (n, 2 or 3)."""
        p = np.rint((points[:, :2] - self.origin) / CELL).astype(np.int64)
        return layer[np.clip(p[:, 1], 0, len(layer) - 1), np.clip(p[:, 0], 0, layer.shape[1] - 1)]


def march(terrain: Terrain, altitude: float, rays: Array, far: float) -> Array:
    """Follow rays to the sea floor.

    Parameters
    ----------
    terrain
        A finished terrain.
    altitude
        Height of the camera (m).
    rays
        Unit directions, (n, 3).
    far
        Range at which the water hides everything (m).

    Returns
    -------
    Array
        Range of the first hit (m), (n,); ``inf`` for rays that end in open water.
    """
    ceiling = terrain.top.max()
    # Nothing between cell centres is higher than this, so most steps need one look-up only.
    roof = maximum_filter(terrain.top, 3)
    start = np.full(len(rays), NEAR)
    falling = rays[:, 2] < -1e-6
    if altitude > ceiling:
        start[falling] = np.maximum(NEAR, (altitude - ceiling) / -rays[falling, 2])
    t, before = start.copy(), start.copy()
    hit = np.zeros(len(rays), bool)
    alive = np.flatnonzero(t < far)
    while alive.size:
        step = 0.02 + 0.012 * t[alive]
        before[alive] = t[alive]
        t[alive] += step
        points = rays[alive] * t[alive, None]
        height = points[:, 2] + altitude
        below = height < terrain.nearest(roof, points)
        below[below] = height[below] < terrain.at(terrain.top, points[below])
        hit[alive[below]] = True
        gone = (t[alive] > far) | ((height > ceiling) & (rays[alive, 2] > 0))
        alive = alive[~below & ~gone]
    low, high = before[hit], t[hit]
    for _ in range(8):
        middle = (low + high) / 2
        points = rays[hit] * middle[:, None]
        below = points[:, 2] + altitude < terrain.at(terrain.top, points)
        low, high = np.where(below, low, middle), np.where(below, middle, high)
    result = np.full(len(rays), np.inf)
    result[hit] = high
    result[result > far] = np.inf
    return result
