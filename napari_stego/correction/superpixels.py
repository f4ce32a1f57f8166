"""Small pieces of a photograph that hold together, and which of them touch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2lab
from skimage.segmentation import slic

# Compact pieces: what people call an object does not always end at an edge of colour.
_COMPACTNESS = 20.0
_ROUNDS = 3
_SMOOTHING = 1.0
# Fine enough for small animals, few enough for a cut while one waits.
_PIXELS, _MOST = 36, 8000


@dataclass(frozen=True, eq=False)
class Superpixels:
    """Superpixels of a photograph with their neighbours.

    Attributes
    ----------
    labels : numpy.ndarray
        ``(H, W) int32``, superpixels ``0..M-1``; each is connected.
    sizes : numpy.ndarray
        ``(M,) float64`` pixels of each.
    centres : numpy.ndarray
        ``(M, 2) float64`` mean row and column of each.
    colours : numpy.ndarray
        ``(M, 3) float64`` mean CIELAB colour of each.
    pairs : numpy.ndarray
        ``(E, 2) int64``, those that touch; the smaller number first, sorted.
    borders : numpy.ndarray
        ``(E,) float64`` pixels that each pair has in common.
    lab : numpy.ndarray
        ``(H, W, 3) float32`` CIELAB colours of the photograph, smoothed a little.
    """

    labels: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.float64]
    centres: npt.NDArray[np.float64]
    colours: npt.NDArray[np.float64]
    pairs: npt.NDArray[np.int64]
    borders: npt.NDArray[np.float64]
    lab: npt.NDArray[np.float32]

    @property
    def count(self) -> int:
        """How many there are, M."""
        return len(self.sizes)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the photograph."""
        return self.labels.shape[0], self.labels.shape[1]

    @cached_property
    def contrasts(self) -> npt.NDArray[np.float64]:
        """``(E,) float64``: CIELAB distance of the colours of each pair."""
        first, second = self.pairs.T
        return np.asarray(np.linalg.norm(self.colours[first] - self.colours[second], axis=1))

    @classmethod
    def of(cls, image: npt.NDArray[np.uint8], count: int | None = None) -> Superpixels:
        """Part a photograph into superpixels.

        Parameters
        ----------
        image : numpy.ndarray
            ``(H, W, 3) uint8`` RGB.
        count : int, optional
            About how many superpixels, at least 1; by default one for 36
            pixels, but no more than 8000.

        Returns
        -------
        Superpixels
            At least one; the same for the same photograph.

        References
        ----------
        Achanta et al., "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods",
        PAMI 2012.
        """
        height, width = image.shape[:2]
        if count is None:
            count = min(height * width // _PIXELS + 1, _MOST)
        labels = slic(
            image,
            n_segments=max(1, min(count, height * width)),
            compactness=_COMPACTNESS,
            max_num_iter=_ROUNDS,
            start_label=0,
        ).astype(np.int32)
        # Numbers without gaps, whatever was merged for being too small.
        labels = np.unique(labels, return_inverse=True)[1].reshape(height, width).astype(np.int32)
        lab = rgb2lab(image).astype(np.float32)
        flat, amount = labels.ravel(), int(labels.max()) + 1
        sizes = np.bincount(flat, minlength=amount).astype(np.float64)
        rows, columns = np.indices((height, width), np.float32)
        places = [rows, columns, *np.moveaxis(lab, 2, 0)]
        means = np.stack([np.bincount(flat, each.ravel(), amount) / sizes for each in places], 1)
        pairs, borders = touching(labels)
        smooth = gaussian_filter(lab, (_SMOOTHING, _SMOOTHING, 0))
        return cls(labels, sizes, means[:, :2], means[:, 2:], pairs, borders, smooth)


def touching(
    labels: npt.NDArray[np.integer],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Find the labels that touch, side by side or one above the other.

    Parameters
    ----------
    labels : numpy.ndarray
        ``(H, W)`` whole numbers, ``0..M-1``.

    Returns
    -------
    numpy.ndarray
        ``(E, 2) int64`` pairs of labels, the smaller first, sorted.
    numpy.ndarray
        ``(E,) float64``, at how many places each pair touches.
    """
    count = int(labels.max()) + 1
    ahead = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()]).astype(np.int64)
    behind = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()]).astype(np.int64)
    differ = ahead != behind
    ahead, behind = ahead[differ], behind[differ]
    keys = np.minimum(ahead, behind) * count + np.maximum(ahead, behind)
    found, borders = np.unique(keys, return_counts=True)
    return np.stack([found // count, found % count], axis=1), borders.astype(np.float64)
