"""The loss and the sampling against numbers of the official implementation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_stego.stego.loss import centred, correspondence, correspondence_loss
from napari_stego.stego.sampling import sample_bilinear

GOLDEN = Path(__file__).parents[1] / "reference" / "stego_golden.npz"


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


def positions_last(grid: np.ndarray) -> torch.Tensor:
    """``(N, C, h, w)`` to ``(N, P, C)``."""
    return torch.from_numpy(grid).flatten(2).mT.contiguous()


@pytest.mark.parametrize("row", range(16))
def test_loss_correspondence_and_gradient_of_every_setting(golden, row):
    centre, zero_clamp, stabilise, shift = golden["loss_config"][row]
    features = correspondence(
        positions_last(golden["loss_feats"]), positions_last(golden["loss_feats_pos"])
    )
    if centre:
        features = centred(features)
    first = positions_last(golden["loss_codes"]).requires_grad_()
    codes = correspondence(first, positions_last(golden["loss_codes_pos"]))
    loss = correspondence_loss(
        features,
        codes,
        float(shift),
        zero_clamp=bool(zero_clamp),
        stabilise=bool(stabilise),
    ).mean()
    loss.backward()
    found = (loss.item(), codes.mean().item(), first.grad.abs().sum().item())
    np.testing.assert_allclose(found, golden["loss_out_mean_cdmean_gradabs"][row], atol=1e-5)


def test_bilinear_sampling(golden):
    coordinates = torch.from_numpy(golden["sample_coords"])
    # The official code swaps the two axes of the positions.
    flat = coordinates.transpose(1, 2).flatten(1, 2)
    found = sample_bilinear(torch.from_numpy(golden["sample_in"]), flat)
    expected = positions_last(golden["sample_out"])
    np.testing.assert_allclose(found, expected, atol=1e-5)
