"""What the water and the camera do to a scene: the underwater image formation model.

Per colour channel the camera records ::

    I = J * exp(-beta_D * z) + B_inf * (1 - exp(-beta_B * z))

with range ``z``, attenuation ``beta_D`` of the direct light, backscatter coefficient ``beta_B``
and veiling light ``B_inf``; the two coefficients differ. See D. Akkaynak and T. Treibitz, "A
Revised Underwater Image Formation Model", CVPR 2018.
"""

from dataclasses import dataclass

import numpy as np
from reef_life import View
from reef_terrain import Array
from scipy.ndimage import gaussian_filter

DOWNWELLING = {
    "I": (0.24, 0.045, 0.022),
    "II": (0.27, 0.075, 0.062),
    "III": (0.30, 0.115, 0.125),
    "1C": (0.32, 0.125, 0.17),
    "3C": (0.37, 0.19, 0.29),
    "5C": (0.45, 0.29, 0.48),
}
"""Diffuse attenuation of daylight at about 600, 530 and 450 nm (1/m), rounded after Jerlov's
oceanic (I to III) and coastal (1C to 5C) water types."""


@dataclass(frozen=True)
class Water:
    """Optical state of the water and the light in it.

    Parameters
    ----------
    kind
        Key of `DOWNWELLING`.
    turbidity
        Scattering coefficient (1/m).
    depth
        Depth of the camera (m).
    lamp
        Strength of the camera's lamps relative to daylight at the surface, at 1 m.
    """

    kind: str
    turbidity: float
    depth: float
    lamp: float

    @property
    def downwelling(self) -> Array:
        """Diffuse attenuation (1/m), (3,)."""
        return np.array(DOWNWELLING[self.kind])

    @property
    def direct(self) -> Array:
        """Attenuation ``beta_D`` of the direct signal (1/m), (3,)."""
        return self.downwelling + self.turbidity * np.array([0.31, 0.34, 0.38])

    @property
    def backscatter(self) -> Array:
        """Backscatter coefficient ``beta_B`` (1/m), (3,)."""
        return 0.8 * self.downwelling + self.turbidity * np.array([0.40, 0.43, 0.48])

    @property
    def veil(self) -> Array:
        """Veiling light ``B_inf``: daylight at depth that scattering sends back, (3,)."""
        source = self.turbidity * np.array([0.9, 1.0, 1.12]) + 0.02
        return 0.42 * self.daylight * source / (self.downwelling + source)

    @property
    def daylight(self) -> Array:
        """Daylight at the depth of the camera relative to the surface, (3,)."""
        return np.exp(-self.downwelling * self.depth)

    @property
    def visibility(self) -> float:
        """Range at which the direct signal of the clearest channel falls to 2 % (m)."""
        return float(min(3.9 / self.direct.min(), 17.0))


def photograph(view: View, rays: Array, water: Water, rng: np.random.Generator, n: int) -> Array:
    """Take the picture.

    Parameters
    ----------
    view
        The scene with ``n`` samples per pixel along each axis.
    rays
        Unit view directions, (h, w, 3), one per pixel.
    water
        The water.
    rng
        Source of randomness for marine snow and sensor noise.
    n
        Samples per pixel along each axis.

    Returns
    -------
    Array
        sRGB image, (h, w, 3) uint8.
    """
    beam = _beam(rays)
    far = np.isinf(view.distance)
    z = np.where(far, 1e3, view.distance)
    lamp_share = beam.repeat(n, 0).repeat(n, 1) / np.maximum(z, 0.5) ** 2 * view.facing
    direct = np.empty(view.albedo.shape)
    for c in range(3):
        fade = np.exp(-water.direct[c] * z)
        light = water.daylight[c] * view.day + water.lamp * fade * lamp_share
        direct[..., c] = view.albedo[..., c] / 0.6 * light * fade
    direct[far] = 0
    direct = _bin(direct, n)
    filled = _bin(1 - np.exp(-water.backscatter * z[..., None]), n)
    # Open water is smooth already; blurring it less keeps it from bleeding over the foreground.
    reach = np.where(far, 0, z)[::n, ::n]
    upward = rays[..., 2]
    veil = np.exp(1.3 * upward + 0.1)[..., None] * water.veil
    # Lamps light the first metres of water too; the glow stays where their cones overlap.
    veil = veil + 0.05 * water.turbidity * water.lamp * beam[..., None]
    image = _forward_scatter(direct + veil * filled, reach, water.turbidity)
    image += _snow(rng, image.shape[:2], water, veil)
    return _develop(image * _vignette(image.shape[:2])[..., None], rng)


def _bin(array: Array, n: int) -> Array:
    h, w = array.shape[0] // n, array.shape[1] // n
    return array.reshape(h, n, w, n, *array.shape[2:]).mean((1, 3))


def _beam(rays: Array) -> Array:
    """Intensity of the lamps by direction: wide around the optical axis, (h, w)."""
    h, w = rays.shape[:2]
    cosine = rays @ rays[h // 2, w // 2]
    return np.clip(cosine, 0, 1) ** 6


def _vignette(shape: tuple[int, int]) -> Array:
    y, x = (np.linspace(-1, 1, n) for n in shape)
    return 1 / (1 + 0.22 * (x[None, :] ** 2 + y[:, None] ** 2)) ** 1.3


def _forward_scatter(image: Array, z: Array, turbidity: float) -> Array:
    """Blur with a width that grows with the range of the source and with turbidity."""
    width = np.clip(0.3 + 0.25 * z * (0.2 + turbidity), 0.45, 3.5)[..., None]
    levels = (0.45, 1.2, 2.2, 3.5)
    result, weight = np.zeros_like(image), np.zeros_like(width)
    for i, level in enumerate(levels):
        below = levels[i - 1] if i else level - 1
        above = levels[i + 1] if i + 1 < len(levels) else level + 1
        rising, falling = (width - below) / (level - below), (above - width) / (above - level)
        share = np.clip(np.minimum(rising, falling), 0, 1)
        result += gaussian_filter(share * image, (level, level, 0))
        weight += gaussian_filter(share, (level, level, 0))
    return result / weight


def _snow(rng: np.random.Generator, shape: tuple[int, int], water: Water, veil: Array) -> Array:
    """Marine snow: bright specks, larger and softer the nearer they drift."""
    glow = np.zeros(shape)
    for size, share in ((0.6, 1.0), (1.1, 0.5), (2.2, 0.12), (4.0, 0.025)):
        count = rng.poisson(520 * share * water.turbidity)
        dots = np.zeros(shape)
        rows, cols = rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)
        np.add.at(dots, (rows, cols), rng.gamma(2.0, 0.5, count))
        glow += gaussian_filter(dots, size) * size**1.3
    return glow[..., None] * (0.9 * veil + 0.05 * water.lamp)


def _develop(image: Array, rng: np.random.Generator) -> Array:
    """Expose, partly white balance, add shot and read noise, and encode as sRGB."""
    mean = image.mean((0, 1))
    image = image * (mean.max() / np.maximum(mean, 0.06 * mean.max())) ** rng.uniform(0.35, 0.55)
    # Haze lifts the blacks; lowering them by lightness keeps the hue of the water.
    lightness = image.mean(-1, keepdims=True)
    black = 0.75 * np.quantile(lightness, 0.01)
    image = image * np.clip(1 - black / np.maximum(lightness, 1e-6), 0, 1)
    image = image * 0.62 / np.quantile(image.max(-1), 0.96)
    # In-camera picture styles deepen colours.
    lightness = image.mean(-1, keepdims=True)
    image = lightness + 1.3 * (image - lightness)
    # At thousands of electrons shot noise is close to normal, and normal draws use up the random
    # stream alike whatever the image, so a rounding difference stays a rounding difference.
    shot = np.sqrt(np.maximum(image, 0) / 6500)
    image = image + rng.normal(size=image.shape) * np.hypot(shot, 0.0022)
    image = np.clip(image, 0, None)
    # The shoulder keeps highlights from clipping the way a camera's tone curve does.
    image = np.where(image > 0.6, 0.6 + 0.4 * np.tanh((image - 0.6) / 0.4), image)
    srgb = np.where(image < 0.0031308, 12.92 * image, 1.055 * image ** (1 / 2.4) - 0.055)
    return np.rint(np.clip(srgb, 0, 1) * 255).astype(np.uint8)
