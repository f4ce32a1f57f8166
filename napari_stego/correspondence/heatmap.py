"""Where in an image a clicked pixel's code, or feature, is found again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import unit, upsample


def correspondence_heatmap(
    codes: npt.NDArray[np.float32], pixel: tuple[int, int], shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Cosine between one pixel's code and those of all pixels.

    Parameters
    ----------
    codes : numpy.ndarray
        ``(h, w, D) float32`` codes or features of the image.
    pixel : tuple of int
        Row and column of the pixel.
    shape : tuple of int
        ``(H, W)`` of the image.

    Returns
    -------
    numpy.ndarray
        ``(H, W) float32``, values in ``[-1, 1]``.

    Raises
    ------
    IndexError
        If the pixel is outside the image.

    References
    ----------
    Hamilton et al., ICLR 2022, Eq. 1 and Fig. 2.
    """
    if not (0 <= pixel[0] < shape[0] and 0 <= pixel[1] < shape[1]):
        raise IndexError(f"pixel {pixel} is outside an image of {shape[0]} x {shape[1]}")
    units = unit(codes)
    query = unit(_code_at(units, pixel, shape))
    heat = upsample((units @ query)[..., None], shape)[0]
    return np.asarray(np.clip(heat, -1, 1), dtype=np.float32)  # rounding oversteps


def _code_at(
    codes: npt.NDArray[np.float32], pixel: tuple[int, int], shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Interpolate the code at the centre of a pixel."""
    corners = []
    for position, size, count in zip(pixel, shape, codes.shape[:2], strict=True):
        place = min(max((position + 0.5) * count / size - 0.5, 0.0), count - 1.0)
        first = int(place)
        corners.append((first, min(first + 1, count - 1), place - first))
    (top, bottom, down), (left, right, across) = corners
    above = (1 - across) * codes[top, left] + across * codes[top, right]
    below = (1 - across) * codes[bottom, left] + across * codes[bottom, right]
    return np.asarray((1 - down) * above + down * below, dtype=np.float32)
