"""The frozen backbone at work: images in, patch tokens out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from napari_stego.backbones.registry import (
    BackboneError,
    BackboneSpec,
    Layer,
    build_model,
    get_backbone_spec,
)
from napari_stego.backbones.weights import resolve_weights
from napari_stego.errors import StegoError
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

_MIN_PATCHES = 2


class Backbone:
    """A frozen backbone with its weights; made by `load_backbone`.

    Parameters
    ----------
    spec : BackboneSpec
        What it is.
    model : torch.nn.Module
        timm's model, weights loaded.
    weights_sha256 : str
        Identity of the weights.
    device : str
        Where it computes.
    """

    def __init__(self, spec: BackboneSpec, model: Any, weights_sha256: str, device: str) -> None:
        self.spec = spec
        self.weights_sha256 = weights_sha256
        self.device = device
        self._model = model.to(device).eval().requires_grad_(False)
        self._mean = torch.tensor(spec.mean, device=device).view(1, 3, 1, 1) * 255
        self._std = torch.tensor(spec.std, device=device).view(1, 3, 1, 1) * 255

    def grid_shape(self, height: int, width: int, long_side: int) -> tuple[int, int]:
        """Tell into how many patches an image is divided.

        The image is scaled so that its longer side is about `long_side`; both
        sides are rounded to whole patches, nothing is cropped or padded.

        Parameters
        ----------
        height, width : int
            Size of the image in pixels.
        long_side : int
            Wanted size of the longer side in pixels.

        Returns
        -------
        tuple of int
            ``(h, w)`` in patches, at least 2 each.
        """
        scale = long_side / max(height, width) / self.spec.patch_size
        return (
            max(_MIN_PATCHES, round(height * scale)),
            max(_MIN_PATCHES, round(width * scale)),
        )

    def resize(self, image: npt.NDArray[np.uint8], grid: tuple[int, int]) -> npt.NDArray[np.uint8]:
        """Scale an image to whole patches, with antialiasing.

        Parameters
        ----------
        image : numpy.ndarray
            ``(H, W, 3) uint8`` RGB.
        grid : tuple of int
            ``(h, w)`` in patches.

        Returns
        -------
        numpy.ndarray
            ``(h * patch, w * patch, 3) uint8``.
        """
        size = (grid[1] * self.spec.patch_size, grid[0] * self.spec.patch_size)
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))

    def encode(
        self, images: npt.NDArray[np.uint8], layers: Sequence[Layer]
    ) -> list[npt.NDArray[np.float16]]:
        """Pass images through the backbone, as deep as needed.

        Half precision is used on a GPU.

        Parameters
        ----------
        images : numpy.ndarray
            ``(B, h * patch, w * patch, 3) uint8`` RGB.
        layers : sequence of int or "final"
            Whose patch tokens are wanted.

        Returns
        -------
        list of numpy.ndarray
            For each layer ``(B, h, w, C) float16``.

        Raises
        ------
        BackboneError
            If the backbone has no such block.
        """
        blocks = [self._block(layer) for layer in layers]
        with (
            torch.inference_mode(),
            torch.autocast("cuda", dtype=torch.float16, enabled=self.device.startswith("cuda")),
        ):
            pixels = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2)
            maps = self._model.forward_intermediates(
                (pixels - self._mean) / self._std,
                indices=sorted(set(blocks)),
                norm=False,
                stop_early=True,
                output_fmt="NCHW",
                intermediates_only=True,
            )
            by_block = dict(zip(sorted(set(blocks)), maps, strict=True))
            return [
                self._tokens(by_block[block], final=layer == "final")
                for layer, block in zip(layers, blocks, strict=True)
            ]

    def _block(self, layer: Layer) -> int:
        if layer == "final":
            return self.spec.depth - 1
        if not 0 <= layer < self.spec.depth:
            raise BackboneError(
                f"{self.spec.name} has the blocks 0 to {self.spec.depth - 1}, and no block {layer}."
            )
        return layer

    def _tokens(self, maps: torch.Tensor, *, final: bool) -> npt.NDArray[np.float16]:
        neck = getattr(self._model, "neck", None)
        if final and neck is not None:
            # SAM's norm is part of its neck, which also shortens the tokens to 256.
            return self._half(neck(maps).permute(0, 2, 3, 1))
        tokens = maps.permute(0, 2, 3, 1)
        return self._half(self._model.norm(tokens) if final else tokens)

    @staticmethod
    def _half(tokens: torch.Tensor) -> npt.NDArray[np.float16]:
        # A few backbones have outlier channels beyond the range of float16.
        limit = torch.finfo(torch.float16).max
        return tokens.float().clamp(-limit, limit).half().cpu().numpy()


def load_backbone(
    name: str,
    *,
    weights_file: Path | None = None,
    device: str = "auto",
    random_seed: int | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Backbone:
    """Make a backbone ready for use.

    Parameters
    ----------
    name : str
        Its name in timm.
    weights_file : Path, optional
        Its weights; by default they are found as `resolve_weights` does.
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"``, ``"cuda"`` or ``"mps"``.
    random_seed : int, optional
        Draw random weights from this seed instead of loading any.
    progress : ProgressCallback
        Called while downloading.
    cancel : CancelToken, optional
        Ends a download.

    Returns
    -------
    Backbone
        Frozen, on the device.

    Raises
    ------
    StegoError
        If the backbone, its weights or the device cannot be had.
    Cancelled
        If `cancel` is set.
    """
    spec = get_backbone_spec(name)
    place = pick_device(device)
    if random_seed is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_seed)
            return Backbone(spec, build_model(name), f"random-{random_seed}", place)
    weights = resolve_weights(name, weights_file, progress=progress, cancel=cancel)
    model = build_model(name)
    model.load_state_dict(weights.tensors)
    return Backbone(spec, model, weights.sha256, place)


def pick_device(device: str) -> str:
    """Resolve ``"auto"`` and check that a device is there.

    Parameters
    ----------
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Returns
    -------
    str
        A device of this machine.

    Raises
    ------
    StegoError
        If the device asked for is not there.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise StegoError("There is no CUDA GPU on this machine. Use the device `cpu` or `auto`.")
    if device == "mps" and not torch.backends.mps.is_available():
        raise StegoError("There is no Apple GPU on this machine. Use the device `cpu` or `auto`.")
    return device
