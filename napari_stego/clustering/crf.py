"""Refinement of cluster maps with a dense conditional random field."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import softmax

from napari_stego.clustering.pixels import upsample
from napari_stego.errors import StegoError


class CrfSettings(BaseModel):
    """Parameters of the dense CRF; the defaults are those published with STEGO.

    Attributes
    ----------
    iterations : int
        Mean-field iterations.
    gaussian_sigma : float
        Standard deviation of the smoothness kernel, in pixels.
    gaussian_weight : float
        Its weight.
    bilateral_sigma : float
        Standard deviation of the appearance kernel in space, in pixels.
    bilateral_colour_sigma : float
        Its standard deviation in colour, in grey levels.
    bilateral_weight : float
        Its weight.
    sharpness : float
        Factor on the cosine scores before the softmax (the alpha of the
        cluster probe).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    iterations: int = Field(default=10, ge=1)
    gaussian_sigma: float = Field(default=1.0, gt=0)
    gaussian_weight: float = Field(default=3.0, ge=0)
    bilateral_sigma: float = Field(default=67.0, gt=0)
    bilateral_colour_sigma: float = Field(default=3.0, gt=0)
    bilateral_weight: float = Field(default=4.0, ge=0)
    sharpness: float = Field(default=2.0, gt=0)


def crf_available() -> bool:
    """Tell whether the CRF library is installed.

    Returns
    -------
    bool
        True if `dense_crf` can run.
    """
    try:
        import pydensecrf.densecrf  # noqa: F401
    except ImportError:
        return False
    return True


def dense_crf(
    image: npt.NDArray[np.uint8],
    logits: npt.NDArray[np.float32],
    settings: CrfSettings | None = None,
) -> npt.NDArray[np.float32]:
    """Smooth the class probabilities of an image along its edges.

    Parameters
    ----------
    image : numpy.ndarray
        ``(H, W, 3) uint8`` RGB.
    logits : numpy.ndarray
        ``(K, H, W) float32``; their softmax is the unary potential.
    settings : CrfSettings, optional
        Kernels and iterations.

    Returns
    -------
    numpy.ndarray
        ``(K, H, W) float32`` probabilities.

    Raises
    ------
    StegoError
        If the CRF library is not installed.

    References
    ----------
    Kraehenbuehl and Koltun, "Efficient Inference in Fully Connected CRFs with
    Gaussian Edge Potentials", NeurIPS 2011.
    """
    try:
        from pydensecrf.densecrf import DenseCRF2D
        from pydensecrf.utils import unary_from_softmax
    except ImportError as error:
        raise StegoError(
            "The dense CRF needs pydensecrf2, which is not installed. Install it with "
            '`pip install "napari-stego[crf]"` (it needs a C++ compiler), or go on without CRF.'
        ) from error
    settings = settings or CrfSettings()
    n_labels, height, width = logits.shape
    probabilities = softmax(logits, axis=0).astype(np.float32)
    field = DenseCRF2D(width, height, n_labels)
    field.setUnaryEnergy(np.ascontiguousarray(unary_from_softmax(probabilities)))
    field.addPairwiseGaussian(sxy=settings.gaussian_sigma, compat=settings.gaussian_weight)
    field.addPairwiseBilateral(
        sxy=settings.bilateral_sigma,
        srgb=settings.bilateral_colour_sigma,
        # The published results come from images in BGR order.
        rgbim=np.ascontiguousarray(image[:, :, ::-1]),
        compat=settings.bilateral_weight,
    )
    marginals = np.asarray(field.inference(settings.iterations), dtype=np.float32)
    return marginals.reshape(n_labels, height, width)


def refined_cluster_map(
    image: npt.NDArray[np.uint8],
    scores: npt.NDArray[np.float32],
    settings: CrfSettings | None = None,
) -> npt.NDArray[np.uint16]:
    """Cluster map of an image, refined along its edges.

    Clusters that win no patch before the refinement are left out of it: its
    time grows with their number.

    Parameters
    ----------
    image : numpy.ndarray
        ``(H, W, 3) uint8`` RGB.
    scores : numpy.ndarray
        ``(h, w, K) float32`` cosine scores per patch.
    settings : CrfSettings, optional
        Kernels and iterations.

    Returns
    -------
    numpy.ndarray
        ``(H, W) uint16``.

    Raises
    ------
    StegoError
        If the CRF library is not installed.
    """
    settings = settings or CrfSettings()
    present = np.unique(scores.argmax(axis=-1))
    shape = (image.shape[0], image.shape[1])
    if len(present) == 1:
        return np.full(shape, present[0], np.uint16)
    logits = settings.sharpness * upsample(scores[..., present], shape)
    return present[dense_crf(image, logits, settings).argmax(axis=0)].astype(np.uint16)
