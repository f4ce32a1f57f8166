from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score

from napari_stego.clustering import spherical, unit
from napari_stego.clustering.spherical import nearest, spherical_kmeans
from napari_stego.progress import Cancelled, CancelToken


def around(centres, labels, noise, seed=0):
    rng = np.random.default_rng(seed)
    steps = noise * rng.normal(size=(len(labels), centres.shape[1]))
    return unit((centres[labels] + steps).astype(np.float32))


def random_unit(count, dim, seed=0):
    return unit(np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32))


@pytest.mark.parametrize("seed", range(5))
def test_no_seed_misses_one_of_many_clusters(seed):
    centres = random_unit(40, 16)
    truth = np.random.default_rng(1).choice(40, 3000, p=np.arange(10, 50) / 1180)
    points = around(centres, truth, 0.06)
    centroids = spherical_kmeans(points, 40, np.random.default_rng(seed))
    assert adjusted_mutual_info_score(truth, nearest(points, centroids)[0]) > 0.99


def test_without_clear_clusters_seeds_agree_better_than_those_of_plain_kmeans():
    stretch = np.linspace(3, 0.3, 12)
    points = unit((random_unit(6000, 12) * stretch).astype(np.float32))
    ours = [
        nearest(points, spherical_kmeans(points, 12, np.random.default_rng(seed)))
        for seed in range(4)
    ]
    plain = [
        nearest(points, unit(KMeans(12, n_init=1, random_state=seed).fit(points).cluster_centers_))
        for seed in range(4)
    ]

    def agreement(fits):
        pairs = [(a[0], b[0]) for i, a in enumerate(fits) for b in fits[:i]]
        return np.mean([adjusted_mutual_info_score(a, b) for a, b in pairs])

    assert agreement(ours) > agreement(plain)
    assert np.mean([cosines.mean() for _, cosines in ours]) > np.mean(
        [cosines.mean() for _, cosines in plain]
    )


def test_beyond_the_sample_all_points_shape_the_centroids(monkeypatch):
    monkeypatch.setattr(spherical, "_BREATHING_POSITIONS", 200)
    centres = random_unit(6, 8)
    points = around(centres, np.arange(6000) % 6, 0.3)
    centroids = spherical_kmeans(points, 6, np.random.default_rng(0))
    labels = nearest(points, centroids)[0]
    means = unit(np.stack([points[labels == cluster].mean(axis=0) for cluster in range(6)]))
    # A mean of 200 points alone would be off by ten times as much.
    assert (1 - (means * centroids).sum(axis=1)).max() < 5e-4


def test_the_closest_centroid_does_not_depend_on_the_pieces(monkeypatch):
    points, centroids = random_unit(500, 8), random_unit(7, 8, seed=1)
    labels, cosines = nearest(points, centroids)
    expected = points @ centroids.T
    np.testing.assert_array_equal(labels, expected.argmax(axis=1))
    np.testing.assert_allclose(cosines, expected.max(axis=1), atol=1e-6)
    monkeypatch.setattr(spherical, "_CHUNK_VALUES", 50)
    pieces = nearest(points, centroids)
    np.testing.assert_array_equal(pieces[0], labels)
    np.testing.assert_allclose(pieces[1], cosines, atol=1e-6)


@pytest.mark.parametrize("values", [0, 1])
def test_fewer_different_points_than_clusters_are_no_reason_to_fail(values):
    points = unit(np.full((30, 4), values, np.float32))
    points[:3] = np.eye(4, dtype=np.float32)[:3]
    centroids = spherical_kmeans(points, 10, np.random.default_rng(0))
    assert centroids.shape == (10, 4)
    assert np.isfinite(centroids).all()
    cosines = nearest(points, centroids)[1]
    np.testing.assert_allclose(cosines, np.linalg.norm(points, axis=1), atol=1e-6)


def test_a_cancel_ends_it_between_iterations():
    points = random_unit(2000, 8)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        spherical_kmeans(points, 5, np.random.default_rng(0), token)
