"""Published settings, number by number."""

from __future__ import annotations

from typing import get_args

import pytest

from napari_stego.errors import StegoError
from napari_stego.stego import PresetName, StegoSettings

# Weights and shifts are of random, knn and self pairs.
PUBLISHED = {
    "official-defaults": ((0.63, 0.25, 0.67), (0.46, 0.12, 0.18), 70, True, 16, 5000),
    "cocostuff27-vits8": ((0.63, 0.25, 0.67), (0.66, 0.02, 0.08), 70, True, 16, 5000),
    "cocostuff27-vitb8": ((0.154, 1.0, 0.1), (1.0, 0.2, 0.12), 90, True, 32, 7000),
    "cityscapes-vitb8": ((0.906, 0.577, 1.0), (0.314, 0.175, 0.458), 100, False, 32, 7000),
    "potsdam-vits8": ((0.63, 0.25, 0.67), (0.46, 0.02, 0.08), 70, True, 16, 5000),
}


def test_the_automatic_preset_is_that_of_our_defaults():
    assert StegoSettings.preset("automatic") == StegoSettings()
    assert set(get_args(PresetName)) == {"automatic", *PUBLISHED}


@pytest.mark.parametrize("name", PUBLISHED)
def test_presets_are_as_published(name):
    settings = StegoSettings.preset(name)
    numbers = [
        (values.random, values.knn, values.self_) for values in (settings.weights, settings.shifts)
    ]
    assert (*numbers, settings.dim, settings.centre, settings.batch_size, settings.steps) == (
        PUBLISHED[name]
    )
    # What all of them have in common.
    assert (settings.positions, settings.neighbours, settings.negatives) == (121, 7, 5)
    assert (settings.sampling, settings.dropout, settings.learning_rate) == ("bilinear", 0.1, 5e-4)
    assert (settings.zero_clamp, settings.stabilise, settings.subtract_mean) == (True, False, False)
    assert StegoSettings.model_validate_json(settings.model_dump_json(by_alias=True)) == settings


def test_an_unknown_preset_says_which_there_are():
    with pytest.raises(StegoError, match=r"named voc\. Choose from .*potsdam-vits8"):
        StegoSettings.preset("voc")
