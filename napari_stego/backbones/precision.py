"""In which arithmetic a backbone runs, and the fixed noise that it is tried on."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

Precision = Literal["auto", "float32", "bfloat16"]
"""Arithmetic of the backbone; ``"auto"`` is the fastest that keeps the tokens."""

MIN_COSINE = 0.999
"""Tokens of reduced precision must be closer than this to those of float32."""

_NOISE_PATCHES = 16
_CONTRASTS = (50.0, 5.0)
"""Grey levels of one standard deviation: textured ground, and open water."""


def reduced_type(precision: Precision, device: str) -> torch.dtype | None:
    """Tell what a backbone's matrix products are computed in.

    No time is measured, so that the same machine always gives the same tokens.

    Parameters
    ----------
    precision : "auto", "float32" or "bfloat16"
        ``"auto"`` is float16 on a CUDA GPU, bfloat16 on a processor with AMX
        tiles, and float32 elsewhere, on Apple's GPUs too.
    device : str
        Where the backbone runs.

    Returns
    -------
    torch.dtype or None
        The type for autocast; None for float32 throughout.
    """
    if precision == "float32":
        return None
    if precision == "bfloat16":
        return torch.bfloat16
    if device.startswith("cuda"):
        return torch.float16
    return torch.bfloat16 if device == "cpu" and has_amx() else None


def training_type(device: str) -> torch.dtype | None:
    """Tell what a head's matrix products are computed in while it is trained.

    bfloat16 has the range of float32, so that gradients need no scaling.

    Parameters
    ----------
    device : str
        Where it is trained.

    Returns
    -------
    torch.dtype or None
        bfloat16 on a CUDA GPU and on a processor with units for it; None, for
        float32, elsewhere.
    """
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else None
    return torch.bfloat16 if device == "cpu" and has_amx() else None


def has_amx() -> bool:
    """Tell whether the processor multiplies bfloat16 matrices in AMX tiles.

    Returns
    -------
    bool
        False too where PyTorch lacks oneDNN, which uses them.
    """
    onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return onednn and bool(torch.cpu._is_amx_tile_supported())


@cache
def calibration_noise(patch_size: int) -> npt.NDArray[np.uint8]:
    """Make the images on which a backbone is tried: noise, always the same.

    Its amplitudes fall with the frequency as those of photographs do [1]_.

    Parameters
    ----------
    patch_size : int
        Pixels of a patch's side.

    Returns
    -------
    numpy.ndarray
        ``(2, 16 * patch, 16 * patch, 3) uint8``, of high and of low contrast.

    References
    ----------
    .. [1] D. J. Field, "Relations between the statistics of natural images and
       the response properties of cortical cells", JOSA A 4(12), 1987.
    """
    side = _NOISE_PATCHES * patch_size
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    frequency[0, 0] = np.inf  # leaves the mean at zero
    white = np.random.default_rng(0).standard_normal((len(_CONTRASTS), side, side, 3))
    spectrum = np.fft.rfft2(white, axes=(1, 2)) / frequency[None, :, :, None]
    noise = np.fft.irfft2(spectrum, s=(side, side), axes=(1, 2))
    noise *= np.array(_CONTRASTS)[:, None, None, None] / noise.std(axis=(1, 2), keepdims=True)
    return np.clip(128 + noise, 0, 255).astype(np.uint8)


def lowest_cosine(tokens: torch.Tensor, others: torch.Tensor) -> float:
    """Compare tokens one by one.

    Parameters
    ----------
    tokens, others : torch.Tensor
        ``(..., C)``, of equal shape.

    Returns
    -------
    float
        The smallest cosine of a token with its counterpart, -1 to 1; NaN if
        some are not finite.
    """
    return float(torch.cosine_similarity(tokens.double(), others.double(), dim=-1).min())
