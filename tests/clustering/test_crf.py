"""The fast dense CRF against pydensecrf and against what must hold for any."""

import importlib.util

import numpy as np
import pytest

from napari_stego.clustering import CrfSettings, crf_available, refined_cluster_map
from napari_stego.clustering.crf_lattice import Lattice
from napari_stego.errors import StegoError
from napari_stego.progress import Cancelled, CancelToken


def scene(height, width, patch, n_clusters=5, seed=0):
    """A photograph of smooth regions with noise, and scores that lean towards them."""
    random = np.random.default_rng(seed)
    centres = random.uniform(0, 1, (n_clusters, 2)) * (height, width)
    colours = random.integers(40, 215, (n_clusters, 3))

    def regions(y, x):
        return ((np.stack([y, x], -1)[..., None, :] - centres) ** 2).sum(-1).argmin(-1)

    true = regions(*np.mgrid[:height, :width])
    image = (colours[true] + random.normal(0, 2, (height, width, 3))).clip(0, 255)
    coarse = regions(*(np.mgrid[: height // patch, : width // patch] + 0.5) * patch)
    scores = random.normal(0.2, 0.15, (*coarse.shape, n_clusters))
    scores += 0.5 * np.eye(n_clusters)[coarse]
    return image.astype(np.uint8), scores.astype(np.float32), true


@pytest.mark.skipif(not crf_available(), reason="the CRF library is an extra")
@pytest.mark.parametrize("size", [(120, 160), (704, 720)])
def test_nearly_all_pixels_are_as_with_pydensecrf(size):
    image, scores, _ = scene(*size, 16)
    fast = refined_cluster_map(image, scores)
    exact = refined_cluster_map(image, scores, CrfSettings(method="exact"))
    assert (fast == exact).mean() >= 0.98


@pytest.mark.parametrize(("height", "width"), [(97, 131), (719, 701)])
def test_borders_move_to_the_edges_of_the_photograph(height, width):
    image, scores, true = scene(height, width, 16)
    before = CrfSettings(iterations=1, bilateral_weight=0, gaussian_weight=0)
    right_before = (refined_cluster_map(image, scores, before) == true).mean()
    found = refined_cluster_map(image, scores)
    assert found.shape == (height, width)
    assert found.dtype == np.uint16
    assert (found == true).mean() > max(0.97, right_before + 0.02)


def test_without_kernels_the_best_interpolated_score_wins():
    image, scores, _ = scene(96, 96, 16)
    found = refined_cluster_map(image, scores, CrfSettings(bilateral_weight=0, gaussian_weight=0))
    again = refined_cluster_map(np.flip(image), scores, CrfSettings(bilateral_weight=0))
    assert (found[8::16, 8::16] == scores.argmax(-1)).all()
    assert (found == again).mean() > 0.98


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (37, 2), (48, 48)])
def test_a_photograph_of_one_colour_keeps_two_sides_apart(shape):
    image = np.full((*shape, 3), 128, np.uint8)
    scores = np.zeros((*shape, 2), np.float32)
    scores[..., 0] = 0.9
    scores[shape[0] // 2 :, shape[1] // 2 :] = (0, 1)
    found = refined_cluster_map(image, scores, CrfSettings(bilateral_weight=0.01, sharpness=9))
    np.testing.assert_array_equal(found, scores.argmax(-1))


def test_one_cluster_covers_everything():
    image, scores, _ = scene(64, 64, 16)
    scores[..., 3] = 2
    assert (refined_cluster_map(image, scores) == 3).all()


def test_the_order_of_clusters_does_not_matter():
    image, scores, _ = scene(120, 160, 16)
    order = np.array([3, 0, 4, 1, 2])
    found, permuted = (refined_cluster_map(image, s) for s in (scores, scores[..., order]))
    assert (order[permuted] == found).mean() > 0.999


def test_a_cancel_stops_it():
    image, scores, _ = scene(64, 64, 16)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        refined_cluster_map(image, scores, cancel=token)


def test_only_the_exact_method_needs_pydensecrf(monkeypatch):
    image, scores, _ = scene(64, 64, 16)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert refined_cluster_map(image, scores).shape == (64, 64)
    with pytest.raises(StegoError, match="pydensecrf2"):
        refined_cluster_map(image, scores, CrfSettings(method="exact"))


@pytest.mark.parametrize("spread", [0.0, 1.0, 50.0])
def test_the_lattice_filter_is_linear_and_keeps_signs(spread):
    random = np.random.default_rng(0)
    points = random.uniform(-spread, spread, (30, 3)).astype(np.float32)
    lattice = Lattice(points)
    one, two = random.uniform(0, 1, (2, 30, 4)).astype(np.float32)

    def filtered(values):
        return lattice.gather(lattice.blurred(values))

    assert (filtered(one) >= 0).all()
    np.testing.assert_allclose(
        filtered(one + 2 * two), filtered(one) + 2 * filtered(two), rtol=1e-3
    )
    at, _ = lattice.gather_at(points, lattice.blurred(one))
    np.testing.assert_allclose(at, filtered(one) * lattice.roots, rtol=1e-4)


def test_the_lattice_filter_is_nearly_gaussian():
    points = np.random.default_rng(0).uniform(0, 4, (400, 2)).astype(np.float32)
    lattice = Lattice(points)
    values = np.random.default_rng(1).uniform(0, 1, (400, 1)).astype(np.float32)
    found = lattice.gather(lattice.blurred(values * lattice.roots)) / lattice.roots
    kernel = np.exp(-0.5 * ((points[:, None] - points) ** 2).sum(-1))
    expected = kernel @ values / kernel.sum(1, keepdims=True)
    assert np.corrcoef(found[:, 0], expected[:, 0])[0, 1] > 0.97
    assert np.abs(found - expected).max() < 0.06


def test_a_lone_point_has_the_kernel_that_its_own_part_says():
    points = np.random.default_rng(0).uniform(-3, 3, (20, 5)).astype(np.float32)
    for point in points:
        lattice = Lattice(point[None])
        _, own = lattice.gather_at(point[None], lattice.blurred(np.ones((1, 1), np.float32)))
        np.testing.assert_allclose(own, lattice.roots**2, rtol=0.06)
