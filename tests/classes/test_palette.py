"""Palettes as colour-blind eyes see them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_stego.classes import class_colour
from napari_stego.classes.palette import PALETTES, TOLD_APART, palette_colours
from napari_stego.clustering import ClusterSettings

# Of linear RGB, at severity 1.0: G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A
# Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE Transactions on
# Visualization and Computer Graphics 15(6), 2009, and the tables published with it.
EYES = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
}
# CIEDE2000 of the two colours that are most alike, as measured, rounded down: of the first eight
# colours, and of the first twelve.
LEAST = {
    ("Okabe-Ito", "protanopia"): (12.1, 12.1),
    ("Okabe-Ito", "deuteranopia"): (11.5, 11.5),
    ("Okabe-Ito", "tritanopia"): (10.8, 10.8),
    ("Okabe-Ito", "all cones"): (21.6, 16.2),
    ("Tol bright", "protanopia"): (14.1, 11.4),
    ("Tol bright", "deuteranopia"): (14.7, 10.4),
    ("Tol bright", "tritanopia"): (8.5, 8.5),
    ("Tol bright", "all cones"): (20.4, 11.1),
    ("Tol vibrant", "protanopia"): (13.6, 11.1),
    ("Tol vibrant", "deuteranopia"): (14.3, 13.4),
    ("Tol vibrant", "tritanopia"): (8.5, 8.5),
    ("Tol vibrant", "all cones"): (18.2, 15.8),
    ("Tol muted", "protanopia"): (11.7, 11.7),
    ("Tol muted", "deuteranopia"): (14.2, 11.5),
    ("Tol muted", "tritanopia"): (12.2, 11.2),
    ("Tol muted", "all cones"): (16.0, 12.1),
    ("Tol light", "protanopia"): (9.1, 8.7),
    ("Tol light", "deuteranopia"): (8.3, 7.8),
    ("Tol light", "tritanopia"): (7.4, 7.4),
    ("Tol light", "all cones"): (12.3, 9.2),
}


def seen(colours, eye):
    """Simulate how colours look, ``(n, 3)`` CIELAB."""
    encoded = np.array([list(bytes.fromhex(colour[1:])) for colour in colours]) / 255
    low = encoded <= 0.04045
    linear = np.where(low, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(EYES[eye]).T, 0, 1)
    low = linear <= 0.0031308
    return rgb2lab(np.where(low, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


def least_difference(colours, eye):
    """Measure the CIEDE2000 of the two colours that look most alike."""
    return min(float(deltaE_ciede2000(*pair)) for pair in combinations(seen(colours, eye), 2))


def test_what_eyes_confuse_is_simulated():
    red_and_olive, blue_and_teal = ("#ff0000", "#a28f00"), ("#0087ff", "#00a4a0")
    assert least_difference(red_and_olive, "all cones") > 40
    assert least_difference(red_and_olive, "deuteranopia") < 2
    assert least_difference(red_and_olive, "protanopia") > 15  # red is dark to them
    assert least_difference(blue_and_teal, "all cones") > 30
    assert least_difference(blue_and_teal, "tritanopia") < 10
    for eye in EYES:  # greys look the same to all eyes
        np.testing.assert_allclose(seen(["#808080"], eye), seen(["#808080"], "all cones"), atol=0.1)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("palette", PALETTES)
def test_palettes_are_told_apart(palette, eye):
    for count, least in zip((8, TOLD_APART), LEAST[palette, eye], strict=True):
        assert least_difference(palette_colours(palette, count), eye) >= least
        assert least > 7  # where 2 to 3 can just be seen side by side


@pytest.mark.parametrize("eye", EYES)
def test_the_classes_of_a_new_project_are_told_apart(eye):
    colours = [class_colour(place) for place in range(ClusterSettings().clusters)]
    assert least_difference(colours[:7], eye) >= LEAST["Okabe-Ito", eye][0]
    assert least_difference(colours[:12], eye) > 10
    assert least_difference(colours[:32], eye) > 6.5
    assert least_difference(colours, eye) > 4.5
