from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from napari_stego.backbones import BackboneSpec, load_backbone
from napari_stego.backbones.encoder import Backbone
from napari_stego.clustering import upsample
from napari_stego.errors import StegoError
from napari_stego.features import FeatureSettings, Preparation
from napari_stego.inference import DenseSettings, dense_codes
from napari_stego.progress import Cancelled, CancelToken

FEATURES = FeatureSettings(backbone="test_vit", layer=0)
codes_of = Preparation().apply


class MeanColour(torch.nn.Module):
    """A backbone without context: the token of a patch is its mean colour, 0 to 1."""

    def __init__(self, patch):
        super().__init__()
        self.patch = patch
        self.patch_embed = torch.nn.Identity()

    def forward_intermediates(self, pixels, indices, **options):
        return [torch.nn.functional.avg_pool2d(pixels, self.patch) for _ in indices]


def mean_colour(patch=8):
    spec = BackboneSpec("mean colour", patch, 3, depth=1, mean=(0, 0, 0), std=(1, 1, 1))
    return Backbone(spec, MeanColour(patch), "0" * 64, "cpu", "float32")


def dense(image, backbone=None, layer=0, **settings):
    features = FEATURES.model_copy(update={"layer": layer})
    backbone = backbone or mean_colour()
    return dense_codes(image, backbone, features, codes_of, DenseSettings(**settings))


def noise(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def ramps(height, width):
    """Red grows to the right, green downwards, blue is even; in grey levels."""
    picture = np.empty((height, width, 3))
    picture[..., 0] = 20 + 200 * (np.arange(width) + 0.5) / width
    picture[..., 1] = 20 + 200 * (np.arange(height)[:, None] + 0.5) / height
    picture[..., 2] = 100
    return picture


@pytest.fixture(scope="module")
def small_backbone():
    return load_backbone("test_vit", random_seed=0, device="cpu", precision="float32")


@pytest.mark.parametrize(("height", "width"), [(96, 160), (101, 157), (40, 333)])
@pytest.mark.parametrize(
    "options",
    [{}, {"mirror": False}, {"long_side": 120}, {"shifted_grids": 2}, {"scales": (0.7, 1.3)}],
    ids=str,
)
def test_windows_give_what_the_whole_gives_without_context(height, width, options):
    image = noise(height, width)
    whole = dense(image, window=4000, **options)
    for window, overlap in ((32, 0), (48, 0.25), (40, 0.75)):
        windowed = dense(image, window=window, overlap=overlap, **options)
        np.testing.assert_allclose(windowed, whole, atol=1e-6)


def test_an_image_that_fits_gives_the_codes_of_its_stored_tokens(small_backbone):
    image = noise(130, 210)
    pixels = small_backbone.resize(image, small_backbone.grid_shape(130, 210, 160))
    tokens = small_backbone.encode(pixels[None], ("final",))[0][0]
    found = dense(image, small_backbone, "final", long_side=160, mirror=False)
    np.testing.assert_array_equal(found, tokens.astype(np.float32))


@pytest.mark.parametrize(
    "options",
    [
        {"mirror": False},
        {"mirror": True},
        {"window": 48},
        {"shifted_grids": 2},
        {"shifted_grids": 3, "window": 64},
        {"scales": (0.5, 1.0, 1.7)},
        {"long_side": 150},
        {"long_side": 150, "scales": (0.8, 1.2), "shifted_grids": 2, "window": 56},
    ],
    ids=str,
)
@pytest.mark.parametrize("patch", [8, 14])
def test_pixels_stay_where_they_are(options, patch):
    """Linear ramps come back as they were, to a tenth of a pixel, away from the border.

    There the border patch continues outwards, for want of a further one.
    """
    exact = ramps(221, 317)
    codes = dense(exact.round().astype(np.uint8), mean_colour(patch), **options)
    found = upsample(codes, exact.shape[:2])
    expected = np.moveaxis(exact / 255, -1, 0)
    border = 2 * 2 * patch  # a patch at half scale, and then as much again
    inner = (slice(border, -border), slice(border, -border))
    pixel = (200 / 255 / 317, 200 / 255 / 221)
    for channel, step in enumerate(pixel):
        error = (found[channel] - expected[channel])[inner]
        assert abs(error.mean()) < 0.1 * step
        # Pixels are rounded to grey levels, and tokens to float16.
        assert np.abs(error).max() < 0.5 / 255 + 1e-3
    np.testing.assert_allclose(found[2], 100 / 255, atol=1e-3)  # all weights add up to 1


def test_the_output_is_finer_where_grids_are_shifted():
    image = noise(96, 160)
    assert dense(image).shape == (12, 20, 3)
    assert dense(image, shifted_grids=3).shape == (36, 60, 3)
    assert dense(image, scales=(0.5, 2.0)).shape == (24, 40, 3)
    assert dense(image, long_side=80).shape == (6, 10, 3)


def test_shifted_grids_find_borders_more_exactly():
    """A step anywhere within a patch is found where half of its height is reached."""

    def worst(**options):
        errors = []
        for place in range(72, 80):
            image = np.zeros((64, 160, 3), np.uint8)
            image[:, place:] = 255
            row = upsample(dense(image, **options), (64, 160))[0, 32]
            right = int(np.argmax(row > 0.5))
            crossing = right - (row[right] - 0.5) / (row[right] - row[right - 1]) + 0.5
            errors.append(abs(crossing - place))
        return max(errors)

    assert worst(shifted_grids=4) < 0.5 * worst() < 0.5


def test_the_mirror_image_of_an_image_has_the_mirrored_codes(small_backbone):
    image = noise(96, 161)
    options = {"window": 64, "scales": (1.0, 0.6), "long_side": 160}
    codes = dense(image, small_backbone, "final", **options)
    mirrored = dense(image[:, ::-1].copy(), small_backbone, "final", **options)
    np.testing.assert_allclose(mirrored[:, ::-1], codes, atol=0.02)
    plain = dense(image, small_backbone, "final", mirror=False, **options)
    assert np.abs(plain - codes).max() > 0.1


def test_windows_of_a_real_transformer_agree_up_to_its_context(small_backbone):
    image = (ramps(160, 256) / 2 + noise(160, 256) / 4).astype(np.uint8)
    whole, windowed = (
        dense(image, small_backbone, 2, window=window, mirror=False) for window in (256, 128)
    )
    norms = np.linalg.norm(whole, axis=-1) * np.linalg.norm(windowed, axis=-1)
    cosines = (whole * windowed).sum(axis=-1) / norms
    assert 0.95 < cosines.min() < 0.9999


def test_facets_and_combined_layers_are_passed_on(small_backbone):
    image = noise(64, 96)
    features = FeatureSettings(backbone="test_vit", layer=(1, "final"), facet="keys")
    found = dense_codes(image, small_backbone, features, codes_of, DenseSettings(mirror=False))
    expected = small_backbone.encode(image[None], ((1, "final"),), "keys")[0][0]
    # Processors may round a second pass otherwise, by one unit in the last place of float16.
    np.testing.assert_allclose(found, expected.astype(np.float32), rtol=1e-2, atol=1e-4)


def test_memory_is_that_of_the_output_the_image_and_a_batch_of_windows():
    image = np.zeros((1000, 1200, 3), np.uint8)
    batch = 8 * 448 * 448 * 3

    def encode(tokens):
        return np.zeros((*tokens.shape[:2], 400), np.float32)

    tracemalloc.start()
    try:
        settings = DenseSettings(shifted_grids=2, window=448)
        codes = dense_codes(image, mean_colour(16), FEATURES, encode, settings)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert codes.nbytes > 25e6
    assert peak < 2 * codes.nbytes + image.nbytes + 6 * batch


def test_progress_ends_complete_and_a_cancel_is_obeyed():
    image = noise(400, 600)
    calls = []
    cancel = CancelToken()

    def progress(done, total, message):
        calls.append((done, total, message))

    def run(on_progress):
        settings = DenseSettings(window=64, shifted_grids=2)
        args = (image, mean_colour(), FEATURES, codes_of, settings)
        dense_codes(*args, progress=on_progress, cancel=cancel)

    run(progress)
    done = [call[0] for call in calls]
    assert done == sorted(done)
    assert calls[0][0] == 0
    assert calls[-1][0] == calls[-1][1]
    assert len({call[1:] for call in calls}) == 1

    def stop(done, total, message):
        calls.append((done, total, message))
        cancel.cancel()

    calls.clear()
    with pytest.raises(Cancelled):
        run(stop)
    assert len(calls) == 1


def test_settings_that_make_no_sense_are_refused():
    for bad in (
        {"window": 8},
        {"overlap": 1.0},
        {"scales": ()},
        {"scales": (0.0,)},
        {"shifted_grids": 0},
        {"long_side": 3},
        {"tiles": 4},
    ):
        with pytest.raises(ValidationError):
            DenseSettings(**bad)
    with pytest.raises(StegoError, match="4 pixels cannot be shifted 5 times"):
        dense(noise(32, 32), mean_colour(4), shifted_grids=5)
