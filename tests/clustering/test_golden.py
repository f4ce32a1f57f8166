"""Cosine scores and the dense CRF against numbers of the official implementation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from napari_stego.clustering import ClusterModel, CrfSettings, dense_crf, unit

GOLDEN = Path(__file__).parents[1] / "reference" / "stego_golden.npz"


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.fixture(scope="module")
def scores(golden) -> np.ndarray:
    codes = np.moveaxis(golden["cluster_in"], 1, -1)
    return ClusterModel(unit(golden["cluster_centroids"])).scores(codes)


def test_hard_assignment_and_its_loss(golden, scores):
    onehot = np.moveaxis(golden["cluster_onehot"], 1, -1)
    np.testing.assert_array_equal(scores.argmax(axis=-1), onehot.argmax(axis=-1))
    np.testing.assert_allclose(-scores.max(axis=-1).mean(), golden["cluster_loss"], atol=1e-5)


def test_soft_assignment(golden, scores):
    soft = np.moveaxis(golden["cluster_softmax_alpha2"], 1, -1)
    np.testing.assert_allclose(softmax(2 * scores, axis=-1), soft, atol=1e-5)
    logs = np.moveaxis(golden["cluster_logprob_alpha2"], 1, -1)
    np.testing.assert_allclose(log_softmax(2 * scores, axis=-1), logs, atol=1e-5)


def test_crf(golden):
    pytest.importorskip("pydensecrf.densecrf", reason="the CRF library is an extra")
    found = dense_crf(golden["crf_image_rgb"], golden["crf_logits"], CrfSettings())
    agree = (found.argmax(axis=0) == golden["crf_argmax"]).mean()
    assert agree >= 0.995
    # Stored as float16, whose steps below 1 are 0.0005 wide; builds differ in a few pixels.
    errors = np.abs(found.max(axis=0) - golden["crf_max_prob"].astype(np.float32))
    assert np.percentile(errors, 99.5) <= 5e-4
