from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_stego.stego import HISTOGRAM_EDGES, StegoSettings, load_run, train_stego
from napari_stego.stego.histograms import count_correspondences

SHORT = StegoSettings(dim=8, steps=60, batch_size=4, positions=20, negatives=2)


@given(
    images=st.integers(1, 4), rows=st.integers(1, 9), columns=st.integers(1, 9), seed=st.integers(0)
)
def test_counts_are_those_of_numpy(images, rows, columns, seed):
    rng = np.random.default_rng(seed)
    # Not at an edge, where rounding decides.
    size = (2, images, rows, columns)
    places = rng.integers(len(HISTOGRAM_EDGES) - 1, size=size) + rng.uniform(0.01, 0.99, size)
    edges = np.arange(len(HISTOGRAM_EDGES))
    features, codes = np.interp(places, edges, HISTOGRAM_EDGES).astype(np.float32)
    found = count_correspondences(7, [("knn", torch.from_numpy(features), torch.from_numpy(codes))])
    assert found.step == 7
    for counts, values in ((found.features, features), (found.codes, codes)):
        expected = np.histogram(values, HISTOGRAM_EDGES)[0]
        np.testing.assert_array_equal(counts["knn"], expected)
        assert counts["knn"].dtype == np.int64


def test_what_centring_moves_out_of_range_counts_at_the_ends():
    values = torch.tensor([[[-1.7, -1.0, 1.0, 1.2]]])
    counts = count_correspondences(1, [("self", values, values)]).features["self"]
    assert (counts[0], counts[-1], counts.sum()) == (2, 2, 4)


def test_many_pairs_are_thinned_and_the_rest_stands_for_all():
    drawn = np.random.default_rng(0).normal(size=(64, 121, 3))
    codes = torch.nn.functional.normalize(torch.from_numpy(drawn), dim=-1)
    values = codes @ codes.mT
    counts = count_correspondences(1, [("self", values, values)]).codes["self"]
    assert counts.sum() <= 65_536
    # A position with itself, the last bin above all, is as frequent as in the whole.
    whole = np.histogram(values.clamp(-1, 1).numpy(), HISTOGRAM_EDGES)[0]
    np.testing.assert_allclose(counts / counts.sum(), whole / whole.sum(), atol=2e-3)


def test_they_are_made_every_25_steps_and_at_the_end_and_the_last_are_kept(token_set, tmp_path):
    path, seen = tmp_path / "run.safetensors", []
    run = train_stego(token_set(8), SHORT, checkpoint=path, on_histograms=seen.append)
    assert [histograms.step for histograms in seen] == [25, 50, 60]
    assert load_run(path)[0].histograms == run.histograms == seen[-1]
    for counts in (seen[-1].features, seen[-1].codes):
        assert {role: array.sum() for role, array in counts.items()} == {
            "self": 4 * 20 * 20,
            "knn": 4 * 20 * 20,
            "random": 8 * 20 * 20,
        }


def test_they_show_what_the_record_says(token_set):
    """The mean over the bins is the mean code correspondence of the same step."""
    run = train_stego(token_set(8), SHORT)
    centres = (HISTOGRAM_EDGES[:-1] + HISTOGRAM_EDGES[1:]) / 2
    for role, counts in run.histograms.codes.items():
        mean = counts @ centres / counts.sum()
        assert mean == pytest.approx(run.history[-1].correspondence[role], abs=0.0125)


def test_features_are_counted_as_they_enter_the_loss(token_set):
    centred, plain = (
        train_stego(token_set(8), SHORT.model_copy(update={"steps": 1, "centre": centre}))
        for centre in (True, False)
    )
    # The cosine of a position with itself is 1, until the mean is taken away.
    assert plain.histograms.features["self"][-1] >= 4 * 20
    assert centred.histograms.features["self"][-1] < plain.histograms.features["self"][-1]
    np.testing.assert_array_equal(centred.histograms.codes["self"], plain.histograms.codes["self"])
