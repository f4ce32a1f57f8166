"""The segmentation head: a light projection of backbone features to codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

_ENCODE_POSITIONS = 65_536


class StegoHead(nn.Module):
    """Sum of a linear and a two-layer projection (Hamilton et al. 2022, Sec. 3.3).

    Parameters
    ----------
    n_channels : int
        Length C of a feature.
    dim : int
        Length D of a code.
    """

    def __init__(self, n_channels: int, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_channels, dim)
        self.nonlinear = nn.Sequential(
            nn.Linear(n_channels, n_channels), nn.ReLU(), nn.Linear(n_channels, dim)
        )

    @property
    def n_channels(self) -> int:
        """Length C of a feature."""
        return self.linear.in_features

    @property
    def dim(self) -> int:
        """Length D of a code."""
        return self.linear.out_features

    def forward(
        self, linear_input: torch.Tensor, nonlinear_input: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Project features to codes.

        Parameters
        ----------
        linear_input : torch.Tensor
            ``(..., C)`` features for the linear branch.
        nonlinear_input : torch.Tensor, optional
            ``(..., C)`` features for the other branch, which in training differ
            by their dropout; by default the same.

        Returns
        -------
        torch.Tensor
            ``(..., D)`` codes.
        """
        other = linear_input if nonlinear_input is None else nonlinear_input
        codes: torch.Tensor = self.linear(linear_input) + self.nonlinear(other)
        return codes

    @torch.inference_mode()
    def encode(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Project the features of an image, in pieces that fit in memory.

        Parameters
        ----------
        features : numpy.ndarray
            ``(..., C) float32``.

        Returns
        -------
        numpy.ndarray
            ``(..., D) float32`` codes, not normalised.
        """
        device = self.linear.weight.device
        rows = features.reshape(-1, features.shape[-1])
        codes = [
            self(torch.from_numpy(rows[start : start + _ENCODE_POSITIONS]).to(device)).cpu()
            for start in range(0, len(rows), _ENCODE_POSITIONS)
        ]
        return torch.cat(codes).numpy().reshape(*features.shape[:-1], self.dim)
