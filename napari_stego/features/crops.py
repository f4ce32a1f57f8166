"""Five crops of a photograph, so that neighbours and training see less clutter at a time."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

N_CROPS = 5
_RATIO = 0.5


def crop_keys(content_hash: str) -> tuple[str, ...]:
    """Name the five crops of an image in a store.

    Parameters
    ----------
    content_hash : str
        Key of the whole image.

    Returns
    -------
    tuple of str
        64 hexadecimal digits each, in the order of `five_crops`.
    """
    return tuple(
        hashlib.sha256(f"{content_hash} crop {index} of five".encode()).hexdigest()
        for index in range(N_CROPS)
    )


def five_crops(image: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], ...]:
    """Cut the four corners and the centre out of an image, half of each side long.

    STEGO makes its corpora of cluttered scenes so [1]_.

    Parameters
    ----------
    image : numpy.ndarray
        ``(H, W, 3) uint8``.

    Returns
    -------
    tuple of numpy.ndarray
        Top left, top right, bottom left, bottom right, centre: views of
        ``(H // 2, W // 2, 3) uint8``, at least one pixel long each way.

    References
    ----------
    .. [1] M. Hamilton et al., "Unsupervised Semantic Segmentation by Distilling
       Feature Correspondences", ICLR 2022.
    """
    height, width = image.shape[:2]
    rows, columns = max(1, int(height * _RATIO)), max(1, int(width * _RATIO))
    bottom, right = height - rows, width - columns
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    return tuple(image[top : top + rows, left : left + columns] for top, left in corners)
