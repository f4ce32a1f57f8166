"""Which positions and which partner images enter a step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F


def sample_bilinear(grid: torch.Tensor, coordinates: torch.Tensor) -> torch.Tensor:
    """Read feature maps between their positions.

    Parameters
    ----------
    grid : torch.Tensor
        ``(N, C, h, w)``.
    coordinates : torch.Tensor
        ``(N, P, 2)`` pairs of x and y; -1 and 1 are the centres of the first
        and last column or row. Outside, the border value continues.

    Returns
    -------
    torch.Tensor
        ``(N, P, C)``.
    """
    sampled = F.grid_sample(
        grid, coordinates[:, None], mode="bilinear", padding_mode="border", align_corners=True
    )
    return sampled[:, :, 0].mT


def chosen_images(batch: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Choose images of a batch, each as often as it is named.

    Parameters
    ----------
    batch : torch.Tensor
        ``(B, P, D)``; gradients flow back into it.
    images : torch.Tensor
        ``(n,) int64`` places in the batch, on its device.

    Returns
    -------
    torch.Tensor
        ``(n, P, D)``.
    """
    # Two trainings are the same to the last bit only if gradients are added up in the same order.
    # On the CPU several threads add those of an indexing in any order. On a GPU it is
    # `index_select` whose gradients come in any order, and those of an indexing are sorted first.
    return batch.index_select(0, images) if batch.device.type == "cpu" else batch[images]


def random_positions(
    grid_shape: tuple[int, int], count: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw patch positions of one image uniformly, with replacement.

    Parameters
    ----------
    grid_shape : tuple of int
        ``(h, w)``.
    count : int
        How many.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        ``(count,) int64`` indices into the flattened grid.
    """
    return rng.integers(0, grid_shape[0] * grid_shape[1], size=count)


def random_coordinates(count: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw places between the positions of a grid uniformly.

    Parameters
    ----------
    count : int
        How many.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        ``(count, 2) float32`` pairs of x and y in ``[-1, 1]``, for
        `sample_bilinear`.
    """
    return rng.uniform(-1, 1, size=(count, 2)).astype(np.float32)


def random_partners(batch_size: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Give each image of a batch another image of it as partner, each once.

    Parameters
    ----------
    batch_size : int
        At least 2.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        ``(batch_size,) int64``, a permutation that leaves no image in place.
    """
    order = rng.permutation(batch_size)
    partners = np.empty(batch_size, np.int64)
    partners[order] = np.roll(order, 1)
    return partners
