from __future__ import annotations

import numpy as np
import pytest

from napari_stego.clustering import ClusterModel, ClusterSettings, fit_clusters, kmeans, unit
from napari_stego.errors import StegoError
from napari_stego.features import FeatureStore, Preparation, TokenSet
from napari_stego.progress import Cancelled, CancelToken

encode = Preparation().apply


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Tokens around five directions, of very different lengths, and which one each is of."""
    rng = np.random.default_rng(0)
    centres = unit(rng.normal(size=(5, 16)).astype(np.float32))
    images, truth = [], []
    for index in range(6):
        labels = rng.integers(0, 5, (8, 10))
        long = (labels == 0) & (rng.random((8, 10)) < 0.5)
        lengths = np.where(long, 100, rng.uniform(0.1, 1, (8, 10)))[..., None]
        tokens = lengths * (centres[labels] + 0.02 * rng.normal(size=(8, 10, 16)))
        images.append((str(index), tokens.astype(np.float16)))
        truth.append(labels)
    store = FeatureStore(tmp_path_factory.mktemp("planted"))
    store.write(images)
    return TokenSet(store, [key for key, _ in images]), truth, centres


def test_planted_clusters_are_found_whatever_the_length_of_the_codes(planted):
    tokens, truth, centres = planted
    model = fit_clusters(tokens, encode, ClusterSettings(clusters=5))
    assert len(model) == 5
    cosines = model.centroids @ centres.T
    assert sorted(cosines.argmax(axis=0)) == list(range(5))
    assert cosines.max(axis=0).min() > 0.99
    name = (centres @ model.centroids.T).argmax(axis=0)
    for array, labels in zip(tokens, truth, strict=True):
        np.testing.assert_array_equal(name[model.scores(encode(array)).argmax(axis=-1)], labels)


@pytest.mark.parametrize(("clusters", "seed"), [(2, 0), (7, 1), (101, 2), (479, 3), (480, 0)])
def test_any_number_of_clusters_gives_that_many_unit_vectors(planted, clusters, seed):
    tokens = planted[0]
    wanted = ClusterSettings(clusters=clusters, seed=seed)
    model = fit_clusters(tokens, encode, wanted)
    assert model.centroids.shape == (clusters, 16)
    assert model.centroids.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(model.centroids, axis=1), 1, atol=1e-5)
    scores = model.scores(encode(tokens[0]))
    assert scores.shape == (8, 10, clusters)
    assert np.abs(scores).max() <= 1 + 1e-5
    np.testing.assert_array_equal(fit_clusters(tokens, encode, wanted).centroids, model.centroids)


def test_sizes_and_coherence_are_those_of_the_positions_closest_to_each_centroid(planted):
    tokens = planted[0]
    model = fit_clusters(tokens, encode, ClusterSettings(clusters=7))
    scores = np.concatenate([model.scores(encode(array)).reshape(-1, 7) for array in tokens])
    labels, cosines = scores.argmax(axis=1), scores.max(axis=1)
    np.testing.assert_array_equal(model.sizes, np.bincount(labels, minlength=7))
    expected = [cosines[labels == cluster].mean() for cluster in range(7)]
    np.testing.assert_allclose(model.coherence, expected, atol=1e-5)


def test_balance_changes_the_fit_and_keeps_it_reproducible(planted):
    plain, balanced, again = (
        fit_clusters(planted[0], encode, ClusterSettings(clusters=7, balance=balance)).centroids
        for balance in (0.0, 1.0, 1.0)
    )
    assert np.abs(plain - balanced).max() > 0.01
    np.testing.assert_array_equal(balanced, again)


def test_settings_without_balance_are_saved_as_before_there_was_any():
    settings = ClusterSettings(clusters=5)
    assert settings.model_dump() == {"clusters": 5, "source": "codes", "seed": 0}
    balanced = ClusterSettings(clusters=5, balance=0.5)
    assert balanced.model_dump() == settings.model_dump() | {"balance": 0.5}
    for some in (settings, balanced):
        assert ClusterSettings.model_validate_json(some.model_dump_json()) == some


def test_a_model_as_arrays_and_back(planted):
    model = fit_clusters(planted[0], encode, ClusterSettings(clusters=4))
    again = ClusterModel.from_tensors(model.tensors())
    for name in ("centroids", "sizes", "coherence"):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
    old = ClusterModel.from_tensors({"centroids": model.centroids})
    assert old.sizes is None
    assert old.coherence is None
    assert old.tensors().keys() == {"centroids"}


@pytest.mark.parametrize(
    "damage",
    [
        {"centroids": np.ones(4, np.float32)},
        {"centroids": np.ones((0, 4), np.float32)},
        {"sizes": np.ones(3, np.int64)},
        {"coherence": np.ones((4, 1), np.float32)},
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(damage):
    whole = {"centroids": np.ones((4, 2), np.float32), "sizes": np.ones(4, np.int64)}
    ClusterModel.from_tensors(whole)
    with pytest.raises(ValueError, match="of shape"):
        ClusterModel.from_tensors(whole | damage)


def sizes(counts):
    """Tokens of images of as many positions, whose values are the number of the image."""
    arrays = [np.full((1, count, 2), n + 1, np.float16) for n, count in enumerate(counts)]
    for array in arrays:
        array[..., 1] = np.arange(array.shape[1])
    return arrays


@pytest.fixture
def sampled(tmp_path, monkeypatch):
    """Which positions, as pairs of image and place, are clustered of a corpus."""

    def sample(counts, limit, seed=0):
        store = FeatureStore(tmp_path / f"{len(list(tmp_path.iterdir()))}")
        keys = [f"{number:064x}" for number in range(len(counts))]
        store.write(list(zip(keys, sizes(counts), strict=True)))
        monkeypatch.setattr(kmeans, "_MAX_POSITIONS", limit)
        seen = []

        def spy(rows):
            assert len(rows)
            seen.append(np.array(rows, np.int64))
            return encode(rows)

        fit_clusters(TokenSet(store, keys), spy, ClusterSettings(clusters=2, seed=seed))
        return np.concatenate(seen)

    return sample


def test_a_corpus_within_the_limit_is_used_whole(sampled):
    assert len(sampled([900, 1, 50, 49], limit=1000)) == 1000


def test_beyond_the_limit_each_position_has_the_same_chance(sampled):
    counts = np.array([1500, 1, 500, 2000])
    found = sampled(counts, limit=1000)
    assert len(np.unique(found, axis=0)) == len(found) == 1000
    shares = np.bincount(found[:, 0], minlength=5)[1:]
    expected = counts * (1000 / counts.sum())
    # Five standard deviations.
    assert (np.abs(shares - expected) <= 5 * np.sqrt(expected)).all()
    again = sampled(counts, limit=1000)
    np.testing.assert_array_equal(again, found)
    assert not np.array_equal(sampled(counts, limit=1000, seed=1), found)


def test_more_clusters_than_positions_say_what_to_do(planted):
    with pytest.raises(StegoError, match=r"481 clusters .* corpus has 480\. Ask for fewer"):
        fit_clusters(planted[0], encode, ClusterSettings(clusters=481))


def test_equal_codes_everywhere_are_no_reason_to_fail(tmp_path):
    store = FeatureStore(tmp_path)
    store.write([("a", np.ones((4, 4, 8), np.float16))])
    model = fit_clusters(TokenSet(store, ["a"]), encode, ClusterSettings(clusters=3))
    assert len(model) == 3
    assert np.isfinite(model.centroids).all()


def test_cancel(planted):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        fit_clusters(planted[0], encode, ClusterSettings(clusters=3), cancel=token)
