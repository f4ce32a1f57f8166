"""What things look like: surfaces of the sea floor, seagrass blades, coral branches and fish."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw
from reef_terrain import CELL, Array, Camera, Mound, Terrain, Textures, tile

SAND, SEAGRASS, ROCK, CORAL, WATER, FISH = range(1, 7)

SUPERSAMPLE = 2
"""Samples per pixel and axis: blades and branches are thinner than a pixel in the distance."""


@dataclass
class View:
    """What each ray of the camera meets, before any water; arrays are (height, width, ...).

    Parameters
    ----------
    albedo
        Diffuse reflectance, linear RGB, (h, w, 3).
    day, facing
        Share of the daylight and of the lamp light that the surface receives, (h, w).
    distance
        Range along the ray (m), (h, w); ``inf`` in open water.
    label
        Class ids, (h, w) uint8.
    """

    albedo: Array
    day: Array
    facing: Array
    distance: Array
    label: Array

    def supersampled(self, factor: int) -> "View":
        """Repeat each sample ``factor`` times along both axes."""
        parts = (self.albedo, self.day, self.facing, self.distance, self.label)
        return View(*(part.repeat(factor, 0).repeat(factor, 1) for part in parts))


def triplanar(texture: Array, points: Array, normals: Array, extent: float) -> Array:
    """Wrap a texture around points (n, 3) with tiles ``extent`` metres wide, free of stretching."""
    weight = np.abs(normals) ** 4
    weight /= weight.sum(1, keepdims=True)
    p = points / extent
    yz, xz, xy = (tile(texture, p[:, i], p[:, j]) for i, j in ((1, 2), (0, 2), (0, 1)))
    return weight[:, 0] * yz + weight[:, 1] * xz + weight[:, 2] * xy


def mix(a: Array, b: tuple[float, float, float] | Array, weight: Array) -> Array:
    """Blend colours ``a`` (n, 3) towards ``b`` by a weight (n,) that is clipped to 0..1."""
    w = np.clip(weight, 0, 1)[:, None]
    return a * (1 - w) + np.asarray(b) * w


class Floor:
    """Shades points of the sea floor.

    Parameters
    ----------
    terrain, textures
        The finished sea floor and its noise.
    sun
        Unit vector towards the sun, (3,).
    sand, stone, grass
        Diffuse reflectances of this scene, linear RGB.
    ripple
        Wavelength of the sand ripples (m).
    caustics
        Contrast of the light pattern thrown by surface waves, 0 at depth.
    """

    def __init__(
        self,
        terrain: Terrain,
        textures: Textures,
        sun: Array,
        sand: Array,
        stone: Array,
        grass: Array,
        ripple: float,
        caustics: float,
    ) -> None:
        self.terrain, self.textures, self.sun = terrain, textures, sun
        self.sand, self.stone, self.grass = sand, stone, grass
        self.ripple, self.caustics = ripple, caustics

    def view(self, points: Array, rays: Array, distance: Array, focal: float) -> tuple[Array, ...]:
        """Shade hit points.

        Parameters
        ----------
        points, rays
            Hit points and unit view directions, (n, 3).
        distance
            Range (m), (n,).
        focal
            Focal length (px).

        Returns
        -------
        tuple of Array
            Albedo (n, 3), day (n,), facing (n,) and label (n,), as in `View`.
        """
        t = self.terrain
        slope = np.stack([t.at(t.slope[0], points), t.at(t.slope[1], points)], 1)
        normals = np.column_stack([-slope, np.ones(len(points))])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        grazing = np.maximum(-(normals * rays).sum(1), 0.12)
        footprint = distance / focal / grazing
        label = self._label(points)
        albedo = np.empty((len(points), 3))
        relief = np.ones(len(points))
        for class_id, shade in (
            (SAND, self._sand),
            (SEAGRASS, self._canopy),
            (ROCK, self._rock),
            (CORAL, self._coral),
        ):
            here = np.flatnonzero(label == class_id)
            if here.size:
                albedo[here], relief[here] = shade(points[here], normals[here], footprint[here])
        lambert = np.maximum(normals @ self.sun, 0) * t.at(t.lit, points)
        sky = 0.5 + 0.5 * normals[:, 2]
        ridges = np.abs(triplanar(self.textures.lumps, points, normals, 2.0))
        beams = 1 + self.caustics * (np.exp(-5 * ridges) * 1.3 - 0.3)
        day = (0.5 * sky * t.at(t.open, points) + 0.6 * lambert * beams) * relief
        facing = np.maximum(-(normals * rays).sum(1), 0) * relief
        return albedo, day, facing, label

    def _label(self, points: Array) -> Array:
        t = self.terrain
        meadow, rock = t.at(t.meadow, points), t.at(t.rock, points)
        label = np.where(meadow > 0, SEAGRASS, SAND)
        label = np.where(rock > np.maximum(meadow, 0), ROCK, label)
        return np.where(t.at(t.coral, points) > 0, CORAL, label).astype(np.uint8)

    def _emboss(self, texture: Array, points: Array, normals: Array, extent: float) -> Array:
        """Slope of a texture towards the sun: bump mapping without perturbed normals."""
        step = extent / 170 * self.sun
        here = triplanar(texture, points, normals, extent)
        return here - triplanar(texture, points + step, normals, extent)

    def _sand(self, points: Array, normals: Array, footprint: Array) -> tuple[Array, Array]:
        tex = self.textures
        bend = tile(tex.swell, points[:, 0] / 8, points[:, 1] / 11)
        heading = np.array([0.28, 0.96])
        phase = 2 * np.pi * (points[:, :2] @ heading / self.ripple + 0.9 * bend)
        patchy = np.clip(0.75 + 0.3 * tile(tex.lumps, points[:, 1] / 13, points[:, 0] / 13), 0.2, 1)
        sharp = np.exp(-((1.6 * footprint / self.ripple) ** 2)) * patchy
        wave = np.sin(phase) + 0.35 * np.sin(2 * phase + 1.2)
        steep = np.cos(phase) + 0.7 * np.cos(2 * phase + 1.2)
        specks = triplanar(tex.grain, points, normals, 0.9) * np.exp(-((footprint / 0.006) ** 2))
        blotch = triplanar(tex.cloud, points, normals, 3.3)
        tone = 1 + 0.09 * specks + 0.07 * blotch + 0.14 * sharp * wave
        albedo = self.sand * np.maximum(tone, 0.2)[:, None]
        debris = (specks > 2.4) & (blotch > 0)
        albedo[debris] *= 0.55
        return albedo, np.maximum(1 - 0.26 * sharp * steep, 0.3)

    def _canopy(self, points: Array, normals: Array, footprint: Array) -> tuple[Array, Array]:
        tex = self.textures
        streak = tile(tex.grain, points[:, 0] / 0.8, points[:, 1] / 3 + points[:, 2] / 2)
        tuft = triplanar(tex.cloud, points, normals, 1.7)
        tone = np.clip(0.62 + 0.16 * streak + 0.16 * tuft, 0.2, 1.3)
        return self.grass * tone[:, None], np.ones(len(points))

    def _rock(self, points: Array, normals: Array, footprint: Array) -> tuple[Array, Array]:
        tex = self.textures
        cloud = triplanar(tex.cloud, points, normals, 1.6)
        patch = triplanar(tex.cloud, points[:, [1, 2, 0]], normals[:, [1, 2, 0]], 2.7)
        albedo = self.stone * np.clip(1 + 0.28 * cloud, 0.35, 2)[:, None]
        albedo = mix(albedo, (0.38, 0.17, 0.22), 1.6 * (patch - 0.75))
        albedo = mix(albedo, (0.16, 0.17, 0.07), 1.4 * (normals[:, 2] - 0.45) * (0.7 - patch))
        crack = triplanar(tex.cells, points + 0.03 * cloud[:, None], normals, 5.2)
        bump = self._emboss(tex.cloud, points, normals, 1.6)
        fine = self._emboss(tex.grain, points, normals, 0.9)
        fade = np.exp(-((footprint / 0.02) ** 2))
        relief = np.clip(1 + 1.4 * bump + 0.16 * fine * fade, 0.25, 2)
        return albedo, relief * np.clip(0.35 + crack / 0.07, 0.35, 1)

    def _coral(self, points: Array, normals: Array, footprint: Array) -> tuple[Array, Array]:
        t, tex = self.terrain, self.textures
        # Without a frayed border the cells of the map would show where two colonies meet.
        fray = 0.4 * CELL * triplanar(tex.cloud, points, normals, 0.7)
        owner = t.nearest(t.colony, points + fray[:, None])
        albedo = np.array([mound.colour for mound in t.mounds])[owner]
        kind = np.array([mound.kind for mound in t.mounds])[owner]
        extent = 1.5
        fade = np.exp(-((footprint / (extent / 60)) ** 2))
        groove = np.tanh(1.6 * triplanar(tex.meander, points, normals, extent)) * fade
        grain = triplanar(tex.grain, points, normals, 0.8) * fade
        relief = np.select(
            [kind == "brain", kind == "leafy", kind == "crust"],
            [
                0.78 + 0.34 * groove,
                0.85 + 0.1 * grain + 0.5 * (t.at(t.open, points) - 0.7),
                0.85 + 0.18 * grain,
            ],
            0.42 + 0.1 * grain,
        )
        pale = (kind == "leafy") & (np.linalg.norm(normals[:, :2], axis=1) > 0.75)
        return mix(albedo, (0.75, 0.7, 0.6), 0.35 * pale), np.clip(relief, 0.12, 1.6)


class Strands:
    """Straight tapered pieces of blades and branches, collected and then drawn far to near."""

    def __init__(self) -> None:
        self.parts: list[tuple[Array, ...]] = []

    def add(self, a: Array, b: Array, wa: Array, wb: Array, albedo: Array, label: int) -> None:
        """Add pieces from ``a`` to ``b`` (n, 3) of widths ``wa``, ``wb`` (n,), all in metres."""
        self.parts.append((a, b, wa, wb, albedo, np.full(len(a), label, np.uint8)))

    def draw(self, view: View, camera: Camera) -> None:
        """Draw all pieces that the scene in ``view`` does not hide."""
        if not self.parts:
            return
        a, b, wa, wb, albedo, label = map(np.concatenate, zip(*self.parts, strict=True))
        scale = view.label.shape[0] / camera.height
        pa, da, ra = camera.project(a)
        pb, db, rb = camera.project(b)
        distance = (ra + rb) / 2
        seen = np.flatnonzero((da > 0.3) & (db > 0.3))
        seen = seen[np.argsort(-distance[seen], kind="stable")]
        along = (pb - pa) / np.maximum(np.linalg.norm(pb - pa, axis=1), 1e-6)[:, None]
        across = along[:, ::-1] * [-1, 1] * scale
        # A cylinder is lit from above: its upper flank is drawn again, narrower and brighter.
        across *= np.where(across[:, 1:] < 0, 1, -1)
        ha = np.maximum(wa * camera.focal / np.maximum(da, 0.3) / 2, 0.35)[:, None] * across
        hb = np.maximum(wb * camera.focal / np.maximum(db, 0.3) / 2, 0.35)[:, None] * across
        pa, pb = pa * scale, pb * scale
        body = np.stack([pa - ha, pa + ha, pb + hb, pb - hb], 1)
        flank = np.stack([pa - 0.1 * ha, pa + 0.8 * ha, pb + 0.8 * hb, pb - 0.1 * hb], 1)
        radius = np.linalg.norm(hb, axis=1)
        round_tip = (radius > 1) & (label == CORAL)
        canvas = Image.new("I", view.label.shape[::-1], -1)
        pen = ImageDraw.Draw(canvas)
        for i in seen.tolist():
            pen.polygon(body[i].ravel().tolist(), fill=2 * i)
            if round_tip[i]:
                pen.ellipse((*(pb[i] - radius[i]), *(pb[i] + radius[i])), fill=2 * i + 1)
            pen.polygon(flank[i].ravel().tolist(), fill=2 * i + 1)
        drawn = np.asarray(canvas)
        index = np.maximum(drawn, 0) // 2
        show = (drawn >= 0) & (distance[index] < view.distance + 0.03)
        index, lit = index[show], drawn[show] % 2
        view.albedo[show] = albedo[index]
        view.day[show] = np.where(lit, 0.82, np.where(label[index] == CORAL, 0.5, 0.66))
        view.facing[show] = np.where(lit, 0.75, 0.6)
        view.distance[show] = distance[index]
        view.label[show] = label[index]


def grow_seagrass(
    strands: Strands, rng: np.random.Generator, roots: Array, length: float, colour: Array
) -> None:
    """Plant one curved ribbon of about ``length`` metres on each root (n, 3)."""
    n = len(roots)
    tall = length * rng.uniform(0.5, 1.25, n)
    drift = rng.normal([0.35, 0.1], [0.3, 0.3], (n, 2))
    width = rng.uniform(0.008, 0.014, n) * (1 + 0.12 * np.linalg.norm(roots, axis=1))
    tint = colour * rng.uniform(0.7, 1.5, (n, 1)) * rng.normal(1, 0.08, (n, 3))
    old = rng.random(n) < 0.12
    tint[old] = np.array([0.24, 0.19, 0.08]) * rng.uniform(0.7, 1.2, (old.sum(), 1))
    for low, high in pairwise((0, 0.25, 0.5, 0.75, 1)):
        ends = []
        for s in (low, high):
            bend = np.column_stack([drift * s**2, s * np.ones(n) - 0.2 * s**2])
            ends.append(roots + bend * tall[:, None])
        taper_a, taper_b = 1 - 0.6 * low**2, 1 - 0.6 * high**2
        shade = 0.55 + 0.65 * high
        strands.add(*ends, width * taper_a, width * taper_b, tint * shade, SEAGRASS)


def grow_branches(strands: Strands, rng: np.random.Generator, mound: Mound, ground: float) -> None:
    """Grow a forking thicket on a colony whose centre stands at height ``ground`` (m)."""
    r = mound.radius
    n = int(rng.integers(34, 52))
    turn, spread = rng.uniform(0, 2 * np.pi, n), np.sqrt(rng.random(n))
    flat = np.column_stack([np.cos(turn), np.sin(turn)])
    foot = [mound.x, mound.y] + 0.75 * r * spread[:, None] * flat
    start = np.column_stack([foot, np.full(n, ground)])
    way = np.column_stack([flat * spread[:, None] * 0.9, np.full(n, 1.0)])
    width = np.full(n, 0.15 * r)
    colour = np.tile(mound.colour, (n, 1)) * rng.uniform(0.85, 1.1, (n, 1))
    for level in range(3):
        way += rng.normal(0, 0.28, way.shape)
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        end = start + way * r * rng.uniform(0.26, 0.42, (len(way), 1)) * (1 - 0.15 * level)
        middle = (start + end) / 2
        tone = 0.5 + 0.22 * level
        strands.add(start, middle, width, 0.9 * width, colour * tone, CORAL)
        pale = mix(colour * (tone + 0.12), (0.8, 0.75, 0.65), np.full(len(colour), 0.18 * level))
        strands.add(middle, end, 0.9 * width, 0.75 * width, pale, CORAL)
        start, way = end.repeat(2, 0), way.repeat(2, 0)
        way += rng.normal(0, 0.35, way.shape)
        width, colour = 0.72 * width.repeat(2), colour.repeat(2, 0)


def grow_table(strands: Strands, rng: np.random.Generator, mound: Mound, ground: float) -> None:
    """Grow a table coral: a stalk, a plate that spreads in tiers, and branchlets on its top."""
    r, n = mound.radius, 900
    turn, out = rng.uniform(0, 2 * np.pi, n), np.sqrt(rng.random(n))
    out *= 1 + 0.1 * np.sin(3 * turn) + 0.06 * np.sin(7 * turn)
    height = ground + mound.height + 0.10 * r * out**2
    x, y = mound.x + r * out * np.cos(turn), mound.y + r * out * np.sin(turn)
    top = np.column_stack([x, y, height])
    foot = 0.8 * np.array([mound.x, mound.y]) + 0.2 * top[:, :2]
    stalk = np.column_stack([foot, np.full(n, ground)])
    colour = np.tile(mound.colour, (n, 1)) * rng.uniform(0.8, 1.15, (n, 1))
    wide = np.full(n, 0.055 * r)
    inner = np.column_stack([0.5 * (foot + top[:, :2]), height - 0.1 * r])
    strands.add(stalk[:60], inner[:60], wide[:60] * 3, wide[:60] * 2.5, 0.35 * colour[:60], CORAL)
    strands.add(inner, top, wide * 1.8, wide * 1.5, 0.6 * colour, CORAL)
    tip = top + np.column_stack([rng.normal(0, 0.03 * r, (n, 2)), rng.uniform(0.05, 0.1, n) * r])
    rim = mix(colour * 1.15, (0.8, 0.75, 0.65), 0.5 * (out - 0.75) / 0.25)
    strands.add(top, tip, wide * 0.8, wide * 0.5, rim, CORAL)
