"""Probes: what codes are worth to a clusterer and to a linear classifier.

They are trained beside the head on its codes, from which no gradient flows
back: a run with probes has the same head as one without.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from napari_stego.stego.loss import normalised

PROBE_LEARNING_RATE = 5e-3
"""Of Adam, for both probes, as in the official code."""


class ClusterProbe(nn.Module):
    """K cosine clusters, moved by gradients (Hamilton et al. 2022, Sec. 3.4).

    Parameters
    ----------
    centres : torch.Tensor
        ``(K, D) float32`` directions of any length but zero. Their length is
        kept: it decides how fast Adam turns them.
    """

    def __init__(self, centres: torch.Tensor) -> None:
        super().__init__()
        self.centres = nn.Parameter(centres)

    @classmethod
    def drawn(cls, clusters: int, dim: int, rng: np.random.Generator) -> ClusterProbe:
        """Make a probe of normally distributed directions, as the official code does.

        Parameters
        ----------
        clusters, dim : int
            K and D.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        ClusterProbe
            The probe.
        """
        return cls(torch.from_numpy(rng.standard_normal((clusters, dim), dtype=np.float32)))

    @property
    def centroids(self) -> npt.NDArray[np.float32]:
        """Unit vectors ``(K, D) float32``, as a `clustering.ClusterModel` takes them."""
        return normalised(self.centres.detach()).cpu().numpy()

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Mean of the negative cosine between each code and its nearest centre.

        Parameters
        ----------
        codes : torch.Tensor
            ``(..., D)``, without gradient.

        Returns
        -------
        torch.Tensor
            A scalar in ``[-1, 1]``.
        """
        centres = normalised(self.centres)
        cosines = normalised(codes.flatten(end_dim=-2)) @ centres.T
        return -cosines.amax(dim=-1).mean()


class LinearProbe(nn.Module):
    """A linear classifier of codes, for benchmarks.

    Parameters
    ----------
    weight : torch.Tensor
        ``(n, D) float32`` for n classes.
    bias : torch.Tensor
        ``(n,) float32``.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)

    @classmethod
    def drawn(cls, classes: int, dim: int, rng: np.random.Generator) -> LinearProbe:
        """Make an untrained probe; weights and bias are uniform, as PyTorch's layers start.

        Parameters
        ----------
        classes, dim : int
            n and D.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        LinearProbe
            The probe.
        """
        drawn = (2 * rng.random((classes, dim + 1), dtype=np.float32) - 1) / math.sqrt(dim)
        return cls(torch.from_numpy(drawn[:, :dim].copy()), torch.from_numpy(drawn[:, dim].copy()))

    @property
    def classes(self) -> int:
        """Number n of classes."""
        return len(self.bias)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Score classes.

        Parameters
        ----------
        codes : torch.Tensor
            ``(..., D)``.

        Returns
        -------
        torch.Tensor
            ``(..., n)`` logits.
        """
        return F.linear(codes, self.weight, self.bias)

    @torch.inference_mode()
    def scores(self, codes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Score classes.

        Parameters
        ----------
        codes : numpy.ndarray
            ``(..., D) float32``, not normalised, as a head encodes them.

        Returns
        -------
        numpy.ndarray
            ``(..., n) float32`` logits; the class is their argmax.
        """
        logits: torch.Tensor = self(torch.from_numpy(codes).to(self.weight.device))
        return logits.cpu().numpy()


@dataclass(frozen=True)
class TokenLabels:
    """True classes at the positions of the tokens, for the linear probe of a benchmark.

    Attributes
    ----------
    classes : int
        Number n of classes.
    of : callable
        From the index of an image in its `TokenSet` to ``(h, w) int64`` on its
        grid: ``0..n-1``, and -1 where there is no label.
    """

    classes: int
    of: Callable[[int], npt.NDArray[np.int64]]
