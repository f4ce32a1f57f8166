from __future__ import annotations

import numpy as np
import pytest

from napari_stego.clustering import unit
from napari_stego.clustering.balanced import balanced_kmeans
from napari_stego.clustering.spherical import nearest, spherical_kmeans
from napari_stego.progress import Cancelled, CancelToken

SHARES = np.array([0.55, 0.2, 0.15, 0.06, 0.04])


@pytest.fixture(scope="module")
def uneven():
    """Points around five directions of unlike cover, which one each is of, and plain centroids."""
    rng = np.random.default_rng(0)
    centres = unit(rng.normal(size=(5, 12)).astype(np.float32))
    truth = rng.choice(5, 4000, p=SHARES)
    points = unit((centres[truth] + 0.25 * rng.normal(size=(4000, 12))).astype(np.float32))
    return points, truth, spherical_kmeans(points, 5, np.random.default_rng(1))


def sizes_of(uneven, balance):
    points, _, start = uneven
    centroids = balanced_kmeans(points, start, balance, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), 1, atol=1e-5)
    return np.sort(np.bincount(nearest(points, centroids)[0], minlength=5)) / len(points)


def test_the_higher_the_balance_the_more_equal_the_sizes(uneven):
    spreads = [sizes_of(uneven, balance).std() for balance in (0.0, 0.5, 1.0)]
    assert spreads[0] > 1.1 * spreads[1]
    assert spreads[1] > 1.1 * spreads[2]
    np.testing.assert_allclose(sizes_of(uneven, 0.0), np.sort(SHARES), atol=0.02)


def test_equal_sizes_cut_the_common_and_join_the_rare(uneven):
    points, truth, start = uneven

    def purity_of_rarest(centroids):
        labels = nearest(points, centroids)[0]
        own = np.bincount(labels[truth == 4]).argmax()
        return (truth[labels == own] == 4).mean()

    balanced = balanced_kmeans(points, start, 1.0, np.random.default_rng(0))
    assert purity_of_rarest(start) > 0.8
    assert purity_of_rarest(balanced) < 0.4


def test_the_same_seed_gives_the_same_centroids(uneven):
    points, _, start = uneven
    first, again = (balanced_kmeans(points, start, 1.0, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_a_cancel_ends_it_between_iterations(uneven):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        balanced_kmeans(*uneven[::2], 1.0, np.random.default_rng(0), token)
