"""The dense CRF on every second, third or fourth pixel, and then along the borders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from napari_stego.clustering.crf_lattice import Lattice
from napari_stego.progress import CancelToken

if TYPE_CHECKING:
    from napari_stego.clustering.crf import CrfSettings

_STRIDE_PIXELS, _MAX_STRIDE = 450, 4
_PIXELS_AT_ONCE = 65536
_ROWS_AT_ONCE = 32
# pydensecrf clips probabilities here before it takes their logarithm.
_MIN_PROBABILITY = 1e-5


def fast_labels(
    image: npt.NDArray[np.uint8],
    scores: npt.NDArray[np.float32],
    settings: CrfSettings,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.int64]:
    """Most probable class of each pixel under the dense CRF, approximately.

    The mean field is found for a grid of pixels, the finer the smaller the
    image (every pixel up to about 670 x 670, every second at 1024 x 1024).
    Pixels between grid points of one class take that class; the last iteration
    is repeated for all others at their own colours.

    Parameters
    ----------
    image : numpy.ndarray
        ``(H, W, 3) uint8`` RGB.
    scores : numpy.ndarray
        ``(h, w, K) float32`` cosine scores per patch.
    settings : CrfSettings
        Kernels and iterations.
    cancel : CancelToken, optional
        Acts between iterations.

    Returns
    -------
    numpy.ndarray
        ``(H, W) int64``, ``0..K-1``.

    Raises
    ------
    Cancelled
        If `cancel` is set.

    References
    ----------
    Kraehenbuehl and Koltun, "Efficient Inference in Fully Connected CRFs with
    Gaussian Edge Potentials", NeurIPS 2011.
    """
    return _Field(image, scores, settings, cancel).labels()


def fast_probabilities(
    image: npt.NDArray[np.uint8],
    scores: npt.NDArray[np.float32],
    points: npt.NDArray[np.int64],
    settings: CrfSettings,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.float32]:
    """Class probabilities of some pixels under the dense CRF, approximately.

    The mean field is that of `fast_labels`; its last iteration is repeated at
    the colours of the pixels.

    Parameters
    ----------
    image : numpy.ndarray
        ``(H, W, 3) uint8`` RGB.
    scores : numpy.ndarray
        ``(h, w, K) float32`` cosine scores per patch.
    points : numpy.ndarray
        ``(P, 2) int64`` rows and columns of the pixels.
    settings : CrfSettings
        Kernels and iterations.
    cancel : CancelToken, optional
        Acts between iterations.

    Returns
    -------
    numpy.ndarray
        ``(P, K) float32``, rows of sum 1.

    Raises
    ------
    Cancelled
        If `cancel` is set.
    """
    return _Field(image, scores, settings, cancel).probabilities(points[:, 0], points[:, 1])


class _Field:
    """The mean field of one image."""

    def __init__(
        self,
        image: npt.NDArray[np.uint8],
        scores: npt.NDArray[np.float32],
        settings: CrfSettings,
        cancel: CancelToken | None,
    ) -> None:
        self._image, self._settings, self._cancel = image, settings, cancel
        self._patches = scores.shape[:2]
        self._logits = scores.reshape(-1, scores.shape[2]) * np.float32(settings.sharpness)
        height, width = image.shape[:2]
        self._stride = min(max(round((height * width) ** 0.5 / _STRIDE_PIXELS), 1), _MAX_STRIDE)
        self._rows, self._columns = (_samples(size, self._stride) for size in (height, width))
        self._grid = (len(self._rows), len(self._columns))
        self._check()
        y, x = np.meshgrid(self._rows, self._columns, indexing="ij")
        self._y, self._x = y.ravel(), x.ravel()
        self._lattice = Lattice(self._points(self._y, self._x))

    def labels(self) -> npt.NDArray[np.int64]:
        field, before, vertices = self._iterated()
        coarse = field.argmax(axis=1).reshape(self._grid)
        return coarse if self._stride == 1 else self._refined(coarse, before, vertices)

    def probabilities(
        self, y: npt.NDArray[np.int64], x: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        field, before, vertices = self._iterated()
        if self._stride == 1:
            return np.asarray(field[y * self._grid[1] + x])
        return _softmax(self._energy(y, x, before, self._with_sums(vertices)))

    def _iterated(
        self,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Iterate; give the field on the grid, and what the last iteration began with."""
        lattice, settings = self._lattice, self._settings
        evidence = self._evidence(self._y, self._x)
        field = _softmax(evidence)
        for _ in range(settings.iterations):
            self._check()
            before, field = field, np.empty_like(field)
            vertices = lattice.blurred(before)
            for rows in self._strips():
                points = slice(rows.start * self._grid[1], rows.stop * self._grid[1])
                energy = lattice.gather(vertices, points)
                energy *= np.float32(settings.bilateral_weight)
                energy += self._smoothed(before, rows)
                energy += evidence[points]
                field[points] = _softmax(energy)
        return field, before, vertices

    def _refined(
        self,
        coarse: npt.NDArray[np.int64],
        before: npt.NDArray[np.float32],
        vertices: npt.NDArray[np.float32],
    ) -> npt.NDArray[np.int64]:
        height, width = self._image.shape[:2]
        at_y, at_x = self._grid_places(np.arange(height), np.arange(width))
        above, below, _ = _between(at_y, self._grid[0])
        left, right, _ = _between(at_x, self._grid[1])
        labels = coarse[np.ix_(above, left)]
        border = np.zeros(labels.shape, bool)
        for corner in (np.ix_(above, right), np.ix_(below, left), np.ix_(below, right)):
            border |= coarse[corner] != labels
        all_y, all_x = np.nonzero(border)
        vertices = self._with_sums(vertices)
        for start in range(0, len(all_y), _PIXELS_AT_ONCE):
            self._check()
            y, x = (values[start : start + _PIXELS_AT_ONCE] for values in (all_y, all_x))
            labels[y, x] = self._energy(y, x, before, vertices).argmax(axis=1)
        return labels

    def _with_sums(self, vertices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Add a column of the kernel's sums, which give the norms."""
        return np.concatenate([vertices, self._lattice.blurred(self._lattice.roots)], axis=1)

    def _energy(
        self,
        y: npt.NDArray[np.int64],
        x: npt.NDArray[np.int64],
        before: npt.NDArray[np.float32],
        vertices: npt.NDArray[np.float32],
    ) -> npt.NDArray[np.float32]:
        """Repeat the last iteration at some pixels, ``(p, K)``; the softmax is still to come."""
        settings, stride = self._settings, self._stride
        gathered, own = self._lattice.gather_at(self._points(y, x), vertices)
        # Each sample stands for a whole cell.
        norm = 1 / np.sqrt(stride**2 * gathered[:, -1:] + own)
        here = _bilinear(*self._grid_places(y, x), self._grid) @ before
        energy: npt.NDArray[np.float32] = gathered[:, :-1] * (norm * stride)
        energy += here * (own * norm**2)
        energy *= np.float32(settings.bilateral_weight)
        energy += np.float32(settings.gaussian_weight) * here
        energy += self._evidence(y, x)
        return energy

    def _check(self) -> None:
        if self._cancel is not None:
            self._cancel.raise_if_cancelled()

    def _points(
        self, y: npt.NDArray[np.int64], x: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        points = np.empty((len(y), 5), np.float32)
        points[:, 0] = x / self._settings.bilateral_sigma
        points[:, 1] = y / self._settings.bilateral_sigma
        # The published results come from images in BGR order.
        points[:, 2:] = self._image[y, x, ::-1] / self._settings.bilateral_colour_sigma
        return points

    def _evidence(
        self, y: npt.NDArray[np.int64], x: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """Logarithms of the class probabilities before the CRF, ``(p, K)``."""
        height, width = self._image.shape[:2]
        at_y = (y + 0.5) * (self._patches[0] / height) - 0.5
        at_x = (x + 0.5) * (self._patches[1] / width) - 0.5
        logits = _bilinear(at_y, at_x, self._patches) @ self._logits
        return np.log(np.maximum(_softmax(logits), np.float32(_MIN_PROBABILITY)))

    def _grid_places(
        self, y: npt.NDArray[np.int64], x: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        at_y = np.interp(y, self._rows, np.arange(self._grid[0]))
        return at_y, np.interp(x, self._columns, np.arange(self._grid[1]))

    def _strips(self) -> Iterator[slice]:
        """Part the rows of the grid, so that what is made of them stays in the cache."""
        for start in range(0, self._grid[0], _ROWS_AT_ONCE):
            yield slice(start, min(start + _ROWS_AT_ONCE, self._grid[0]))

    def _smoothed(self, field: npt.NDArray[np.float32], rows: slice) -> npt.NDArray[np.float32]:
        """Apply the Gaussian kernel and its weight to the points in some rows of the grid."""
        taps = _gaussian_taps(self._settings.gaussian_sigma / self._stride)
        first = max(rows.start - len(taps) // 2, 0)
        values = field.reshape(*self._grid, -1)[first : rows.stop + len(taps) // 2]
        weight = np.float32(self._settings.gaussian_weight)
        smooth = _convolved(_convolved(values, taps, 1), weight * taps, 0)
        return smooth[rows.start - first : rows.stop - first].reshape(-1, field.shape[1])


def _samples(size: int, stride: int) -> npt.NDArray[np.int64]:
    return np.minimum(np.arange(0, size, stride) + stride // 2, size - 1)


def _softmax(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(torch.softmax(torch.from_numpy(values), dim=1).numpy())


def _gaussian_taps(sigma: float) -> npt.NDArray[np.float32]:
    """Kernel of a standard deviation in grid steps."""
    if sigma < 0.7:
        # Samples of so narrow a Gaussian have too small a variance.
        side = sigma**2 / 2
        return np.array([side, 1 - 2 * side, side], np.float32)
    radius = int(np.ceil(3 * sigma))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.asarray(taps / taps.sum(), dtype=np.float32)


def _convolved(
    values: npt.NDArray[np.float32], taps: npt.NDArray[np.float32], axis: int
) -> npt.NDArray[np.float32]:
    """Convolve along axis 0 or 1; what would fall outside goes to the centre."""
    size, radius = values.shape[axis], len(taps) // 2
    inside = np.convolve(np.ones(size), taps)[radius : radius + size]
    centre = (taps[radius] + taps.sum() - inside).astype(np.float32)
    total: npt.NDArray[np.float32] = values * centre.reshape(-1, *[1] * (2 - axis))
    for shift in range(1, min(radius, size - 1) + 1):
        weighted = values * taps[radius + shift]
        ahead, behind = slice(shift, None), slice(None, -shift)
        if axis == 0:
            total[ahead] += weighted[behind]
            total[behind] += weighted[ahead]
        else:
            total[:, ahead] += weighted[:, behind]
            total[:, behind] += weighted[:, ahead]
    return total


def _bilinear(
    at_y: npt.NDArray[np.float64], at_x: npt.NDArray[np.float64], grid: tuple[int, ...]
) -> Any:
    """Matrix from the values of a grid, flattened, to positions in it."""
    (above, below, down), (left, right, across) = (
        _between(at, size) for at, size in ((at_y, grid[0]), (at_x, grid[1]))
    )
    columns = [row * grid[1] + column for row in (above, below) for column in (left, right)]
    weights = [v * h for v in (1 - down, down) for h in (1 - across, across)]
    starts = np.arange(0, 4 * len(at_y) + 1, 4, dtype=np.int32)
    entries = np.stack(weights, axis=1).astype(np.float32).ravel()
    places = np.stack(columns, axis=1).astype(np.int32).ravel()
    return sparse.csr_matrix((entries, places, starts), shape=(len(at_y), grid[0] * grid[1]))


def _between(
    at: npt.NDArray[np.float64], size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    at = np.clip(at, 0, size - 1)
    low = at.astype(np.int64)
    return low, np.minimum(low + 1, size - 1), at - low
