from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.cluster.hierarchy import cophenet
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.spatial.distance import pdist

from napari_stego.clustering import ClusterModel, merge_tree, unit


def random_model(clusters, dim=4, seed=0):
    rng = np.random.default_rng(seed)
    return ClusterModel(unit(rng.normal(size=(clusters, dim)).astype(np.float32)))


@st.composite
def models(draw):
    """Few coordinates of few values: many clusters are equal, or equally close."""
    coordinates = st.integers(-2, 2).map(np.float32)
    shape = st.tuples(st.integers(1, 12), st.just(3))
    vectors = draw(hnp.arrays(np.float32, shape, elements=coordinates))
    return ClusterModel(unit(vectors + np.float32([0.01, 0, 0])))


@st.composite
def trees(draw):
    model = draw(models())
    weights = draw(
        st.none() | st.lists(st.integers(0, 10**9), min_size=len(model), max_size=len(model))
    )
    return merge_tree(model, weights)


def same(first, second):
    """Which pairs of clusters are in one part."""
    return first[:, None] == second[None, :]


@given(trees())
def test_a_cut_into_n_has_n_parts_named_by_their_lowest_cluster(tree):
    for parts in range(1, len(tree) + 1):
        cut = tree.cut_into(parts)
        assert cut.shape == (len(tree),)
        names = np.unique(cut)
        assert len(names) == parts
        for name in names:
            assert np.flatnonzero(cut == name)[0] == name


@given(models())
def test_equal_centroids_join_before_all_others(model):
    tree = merge_tree(model)
    cosines = model.centroids @ model.centroids.T
    parts = tree.cut_into(len(tree) - int((tree.heights <= 1e-6).sum()))
    equal = same(parts, parts)
    np.testing.assert_array_equal(equal, cosines > 1 - 1e-6)


@given(trees())
def test_suggestions_join_what_the_tree_joins_most_alike_first(tree):
    suggestions = tree.suggestions()
    assert len(suggestions) == len(tree) - 1
    similarities = [suggestion.similarity for suggestion in suggestions]
    assert similarities == sorted(similarities, reverse=True)
    for made, (first, second, _) in enumerate(suggestions, 1):
        joined = tree.cut_into(len(tree) - made)
        before = tree.cut_into(len(tree) - made + 1)
        assert set(first + second) == set(np.flatnonzero(joined == first[0]))
        assert set(before[list(first)]) == {first[0]}
        assert set(before[list(second)]) == {second[0]}
        assert first[0] < second[0]
    assert tree.suggestions(3) == suggestions[:3]


def test_with_equal_weights_it_is_the_tree_of_scipy():
    model = random_model(40)
    tree = merge_tree(model)
    expected = scipy_linkage(pdist(model.centroids.astype(float), "cosine"), "average")
    np.testing.assert_allclose(tree.heights, expected[:, 2], atol=1e-6)
    ours = np.column_stack([tree.merges, tree.heights, expected[:, 3]])
    np.testing.assert_allclose(cophenet(ours), cophenet(expected), atol=1e-6)


def test_a_weight_counts_as_so_many_equal_clusters():
    model, weights = random_model(6), [3, 1, 2, 1, 4, 1]
    repeated = ClusterModel(np.repeat(model.centroids, weights, axis=0))
    expected = merge_tree(repeated)
    np.testing.assert_allclose(
        merge_tree(model, weights).heights, expected.heights[sum(weights) - 6 :], atol=1e-6
    )
    plain = merge_tree(model)
    assert not np.allclose(merge_tree(model, weights).heights, plain.heights, atol=1e-3)


@pytest.mark.parametrize("weights", [[1, 1], [1, 1, -1], [1, 1, np.nan], [1, 1, np.inf]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="3 clusters need 3 weights"):
        merge_tree(random_model(3), weights)


@pytest.mark.parametrize("parts", [0, 6])
def test_there_are_no_more_parts_than_clusters(parts):
    with pytest.raises(ValueError, match="1 to 5 parts"):
        merge_tree(random_model(5)).cut_into(parts)


@given(st.data())
def test_clusters_that_stay_apart_meet_only_at_the_root(data):
    count = data.draw(st.integers(1, 12))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    model = ClusterModel(unit(rng.normal(size=(count, 3)).astype(np.float32)))
    apart = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    tree = merge_tree(model, apart=apart)
    fewest = max(int(apart.sum()), 1)
    parts = tree.cut_into(fewest)
    assert len(np.unique(parts[apart])) == apart.sum()
    assert (tree.heights[count - fewest :] == 2).all()
    with pytest.raises(ValueError, match="flags"):
        merge_tree(model, apart=np.zeros(count + 1, bool))
