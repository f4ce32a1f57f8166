"""Refinement of cluster maps with a dense conditional random field."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import softmax

from napari_stego.clustering import crf_process
from napari_stego.clustering.crf_fast import fast_labels
from napari_stego.clustering.pixels import upsample
from napari_stego.errors import StegoError
from napari_stego.progress import CancelToken

_POLL_SECONDS = 0.05


class CrfSettings(BaseModel):
    """Parameters of the dense CRF; the defaults are those published with STEGO.

    Attributes
    ----------
    method : {"fast", "exact"}
        How `refined_cluster_map` computes it: approximately and without
        further libraries (see `crf_fast`), or with pydensecrf at every pixel.
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

    method: Literal["fast", "exact"] = "fast"
    iterations: int = Field(default=10, ge=1)
    gaussian_sigma: float = Field(default=1.0, gt=0)
    gaussian_weight: float = Field(default=3.0, ge=0)
    bilateral_sigma: float = Field(default=67.0, gt=0)
    bilateral_colour_sigma: float = Field(default=3.0, gt=0)
    bilateral_weight: float = Field(default=4.0, ge=0)
    sharpness: float = Field(default=2.0, gt=0)


def crf_available() -> bool:
    """Tell whether the library of the exact CRF is installed.

    Returns
    -------
    bool
        True if `dense_crf` can run; the fast method always can.
    """
    return importlib.util.find_spec("pydensecrf") is not None


def dense_crf(
    image: npt.NDArray[np.uint8],
    logits: npt.NDArray[np.float32],
    settings: CrfSettings | None = None,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.float32]:
    """Smooth the class probabilities of an image along its edges.

    Runs in a process of its own: other threads go on, and a cancel acts at once.

    Parameters
    ----------
    image : numpy.ndarray
        ``(H, W, 3) uint8`` RGB.
    logits : numpy.ndarray
        ``(K, H, W) float32``; their softmax is the unary potential.
    settings : CrfSettings, optional
        Kernels and iterations.
    cancel : CancelToken, optional
        Ends the process.

    Returns
    -------
    numpy.ndarray
        ``(K, H, W) float32`` probabilities.

    Raises
    ------
    StegoError
        If the CRF library is not installed, or fails, memory being short for example.
    Cancelled
        If `cancel` is set.

    References
    ----------
    Kraehenbuehl and Koltun, "Efficient Inference in Fully Connected CRFs with
    Gaussian Edge Potentials", NeurIPS 2011.
    """
    if not crf_available():
        raise StegoError(
            "The dense CRF needs pydensecrf2, which is not installed. Install it with "
            '`pip install "napari-stego[crf]"` (it needs a C++ compiler), or go on without CRF.'
        )
    settings = settings or CrfSettings()
    with tempfile.TemporaryDirectory(prefix="napari-stego-crf-") as name:
        folder = Path(name)
        np.savez(
            folder / crf_process.INPUT,
            # The published results come from images in BGR order.
            image=np.ascontiguousarray(image[:, :, ::-1]),
            probabilities=softmax(logits, axis=0).astype(np.float32),
        )
        _run_process(folder, settings, cancel)
        return np.asarray(np.load(folder / crf_process.OUTPUT), dtype=np.float32)


def _run_process(folder: Path, settings: CrfSettings, cancel: CancelToken | None) -> None:
    # -P: modules beside the program must not hide others of the same name.
    command = [sys.executable, "-P", crf_process.__file__, str(folder), settings.model_dump_json()]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        # Windows would open a console otherwise.
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    try:
        while True:
            if cancel is not None:
                cancel.raise_if_cancelled()
            try:
                errors = process.communicate(timeout=_POLL_SECONDS)[1]
                break
            except subprocess.TimeoutExpired:
                continue
    finally:
        process.kill()
        process.communicate()
    if process.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"it ended with code {process.returncode}"
        raise StegoError(
            f"The dense CRF failed: {reason}. Go on without CRF, or with smaller photographs."
        )


def refined_cluster_map(
    image: npt.NDArray[np.uint8],
    scores: npt.NDArray[np.float32],
    settings: CrfSettings | None = None,
    cancel: CancelToken | None = None,
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
    cancel : CancelToken, optional
        Ends the refinement.

    Returns
    -------
    numpy.ndarray
        ``(H, W) uint16``.

    Raises
    ------
    StegoError
        If the method is "exact" and the CRF library is not installed, or fails.
    Cancelled
        If `cancel` is set.
    """
    settings = settings or CrfSettings()
    present = np.unique(scores.argmax(axis=-1))
    shape = (image.shape[0], image.shape[1])
    if len(present) == 1:
        return np.full(shape, present[0], np.uint16)
    if settings.method == "fast":
        return np.asarray(
            present[fast_labels(image, scores[..., present], settings, cancel)], np.uint16
        )
    logits = settings.sharpness * upsample(scores[..., present], shape)
    winners = dense_crf(image, logits, settings, cancel).argmax(axis=0)
    return np.asarray(present[winners], dtype=np.uint16)
