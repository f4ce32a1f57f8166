"""The frozen backbone at work: images in, patch tokens out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from napari_stego.backbones.keys import caught_keys
from napari_stego.backbones.precision import (
    MIN_COSINE,
    Precision,
    calibration_noise,
    lowest_cosine,
    reduced_type,
)
from napari_stego.backbones.registry import (
    BackboneError,
    BackboneSpec,
    Facet,
    Layer,
    LayerChoice,
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
    precision : "auto", "float32" or "bfloat16"
        In which arithmetic; see `load_backbone`.
    """

    def __init__(
        self,
        spec: BackboneSpec,
        model: Any,
        weights_sha256: str,
        device: str,
        precision: Precision = "auto",
    ) -> None:
        self.spec = spec
        self.weights_sha256 = weights_sha256
        self.device = device
        self._model = model.to(device).eval().requires_grad_(False)
        self._mean = torch.tensor(spec.mean, device=device).view(1, 3, 1, 1) * 255
        self._std = torch.tensor(spec.std, device=device).view(1, 3, 1, 1) * 255
        self._reduced = reduced_type(precision, device)
        # A GPU's float16 is taken as it is; a processor's bfloat16 has 3 binary digits fewer.
        self._on_trial = precision == "auto" and self._reduced == torch.bfloat16
        self._mean_norms: dict[tuple[Layer, Facet], float] = {}
        self._cosines: dict[tuple[Layer, Facet], float] = {}
        self._largest_batch: int | None = None
        self._embed_in_float32()

    def _embed_in_float32(self) -> None:
        """Keep pixels from being rounded to 8 binary digits, which costs next to no time."""
        embed, kind = self._model.patch_embed.forward, torch.device(self.device).type

        def forward(pixels: torch.Tensor) -> torch.Tensor:
            with torch.autocast(kind, enabled=False):
                embedded: torch.Tensor = embed(pixels)
                return embedded

        self._model.patch_embed.forward = forward

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
        self,
        images: npt.NDArray[np.uint8],
        layers: Sequence[LayerChoice],
        facet: Facet = "tokens",
    ) -> list[npt.NDArray[np.float16]]:
        """Pass images through the backbone, as deep as needed.

        Several layers are combined by dividing each by the mean norm that it
        has on fixed noise, and concatenating them: all weigh alike, and a
        token depends on its own image only.

        A GPU that has too little memory for all of the images gets fewer at a
        time.

        Parameters
        ----------
        images : numpy.ndarray
            ``(B, h * patch, w * patch, 3) uint8`` RGB.
        layers : sequence of int, "final" or tuple
            Whose patch tokens are wanted; a tuple stands for several layers
            combined.
        facet : "tokens" or "keys"
            The tokens that leave the block; or the keys of its attention,
            heads concatenated, before any norm or rotation of theirs.
            ``"final"`` are then the keys of the last block.

        Returns
        -------
        list of numpy.ndarray
            For each of `layers` ``(B, h, w, C) float16``, where C adds up over
            layers combined.

        Raises
        ------
        BackboneError
            If the backbone has no such block, or its attention no keys.
        StegoError
            If a GPU has too little memory for one image.
        """
        choices = [layer if isinstance(layer, tuple) else (layer,) for layer in layers]
        single = tuple(dict.fromkeys(layer for choice in choices for layer in choice))
        for layer in single:
            self._block(layer)
        combined = any(len(choice) > 1 for choice in choices)
        if combined or self._on_trial:
            self._calibrate(single, facet)
        reduced = self._reduced
        if self._on_trial and min(self._cosines[layer, facet] for layer in single) <= MIN_COSINE:
            reduced = None

        parts: list[list[npt.NDArray[np.float16]]] = [[] for _ in choices]
        # PyTorch takes no arrays that cannot be written to, which Pillow's cannot.
        writable = np.require(images, requirements=("C", "W"))
        for tokens in self._in_parts(writable, single, facet, reduced):
            for choice, part in zip(choices, parts, strict=True):
                part.append(_half(self._combine(tokens, choice, facet)))
        return [part[0] if len(part) == 1 else np.concatenate(part) for part in parts]

    def _block(self, layer: Layer) -> int:
        if layer == "final":
            return self.spec.depth - 1
        if not 0 <= layer < self.spec.depth:
            raise BackboneError(
                f"{self.spec.name} has the blocks 0 to {self.spec.depth - 1}, and no block {layer}."
            )
        return layer

    def _calibrate(self, layers: Iterable[Layer], facet: Facet) -> None:
        """Learn the norms of layers and, if it is on trial, what the arithmetic does to them."""
        new = [layer for layer in layers if (layer, facet) not in self._mean_norms]
        if not new:
            return
        noise = calibration_noise(self.spec.patch_size)
        exact = self._forward(noise, new, facet, None)
        reduced = self._forward(noise, new, facet, self._reduced) if self._on_trial else exact
        for layer in new:
            self._cosines[layer, facet] = lowest_cosine(exact[layer], reduced[layer])
            self._mean_norms[layer, facet] = float(exact[layer].norm(dim=-1).mean())

    def _combine(
        self, tokens: dict[Layer, torch.Tensor], choice: tuple[Layer, ...], facet: Facet
    ) -> torch.Tensor:
        if len(choice) == 1:
            return tokens[choice[0]]
        scaled = [tokens[layer] / self._mean_norms[layer, facet] for layer in choice]
        return torch.cat(scaled, dim=-1)

    def _in_parts(
        self,
        images: npt.NDArray[np.uint8],
        layers: Sequence[Layer],
        facet: Facet,
        reduced: torch.dtype | None,
    ) -> Iterator[dict[Layer, torch.Tensor]]:
        """Pass images through the backbone, fewer at a time once memory runs out."""
        done = 0
        while done < len(images):
            part = images[done:][: self._largest_batch]
            try:
                tokens = self._forward(part, layers, facet, reduced)
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
                if len(part) == 1:
                    raise StegoError(
                        f"The memory of the device {self.device} is too small for one image of "
                        f"{part.shape[1]} x {part.shape[2]} pixels. Choose a smaller long side or "
                        "window, or the device `cpu`."
                    ) from error
                self._largest_batch = len(part) // 2
            else:
                done += len(part)
                yield tokens
                continue
            # Only here has the failed pass, which the error's traceback holds, let its memory go.
            if self.device.startswith("cuda"):
                torch.cuda.empty_cache()

    @torch.inference_mode()
    def _forward(
        self,
        images: npt.NDArray[np.uint8],
        layers: Sequence[Layer],
        facet: Facet,
        reduced: torch.dtype | None,
    ) -> dict[Layer, torch.Tensor]:
        """Return ``(B, h, w, C) float32`` on the device for each layer."""
        blocks = {layer: self._block(layer) for layer in layers}
        indices = sorted(set(blocks.values()))
        tapped = indices if facet == "keys" else []
        autocast = torch.autocast(
            torch.device(self.device).type, dtype=reduced, enabled=reduced is not None
        )
        with autocast, caught_keys(self._model, tapped, self.spec.name) as keys:
            pixels = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).float()
            maps = self._model.forward_intermediates(
                pixels.sub_(self._mean).div_(self._std),
                indices=indices,
                norm=False,
                stop_early=True,
                output_fmt="NCHW",
                intermediates_only=True,
            )
            by_block = dict(zip(indices, maps, strict=True))
            if facet == "keys":
                grid = maps[0].shape[-2:]
                return {layer: self._keys(keys[block], grid) for layer, block in blocks.items()}
            return {
                layer: self._tokens(by_block[block], final=layer == "final")
                for layer, block in blocks.items()
            }

    def _tokens(self, maps: torch.Tensor, *, final: bool) -> torch.Tensor:
        neck = getattr(self._model, "neck", None)
        if final and neck is not None:
            # SAM's norm is part of its neck, which also shortens the tokens to 256.
            maps = neck(maps)
        tokens = maps.permute(0, 2, 3, 1)
        if final and neck is None:
            tokens = self._model.norm(tokens)
        return tokens.float()

    def _keys(self, keys: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        if keys.ndim == 3:
            prefix = getattr(self._model, "num_prefix_tokens", 0)
            keys = keys[:, prefix:].reshape(len(keys), *grid, -1)
        return keys.float()


def _half(tokens: torch.Tensor) -> npt.NDArray[np.float16]:
    # A few backbones have outlier channels beyond the range of float16.
    limit = torch.finfo(torch.float16).max
    return tokens.clamp(-limit, limit).half().contiguous().cpu().numpy()


def _is_out_of_memory(error: RuntimeError) -> bool:
    # CUDA has a type of its own for it, Apple's GPUs have not.
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)


def load_backbone(
    name: str,
    *,
    weights_file: Path | None = None,
    device: str = "auto",
    precision: Precision = "auto",
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
    precision : "auto", "float32" or "bfloat16"
        Arithmetic of the matrix products; the rest is float32 always.
        ``"auto"`` is float16 on a CUDA GPU and float32 on Apple's. On a
        processor with AMX tiles it is bfloat16, for layers whose tokens of
        fixed noise then all have a cosine above 0.999 with those of float32;
        else float32.
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
            return Backbone(spec, build_model(name), f"random-{random_seed}", place, precision)
    weights = resolve_weights(name, weights_file, progress=progress, cancel=cancel)
    model = build_model(name)
    model.load_state_dict(weights.tensors)
    return Backbone(spec, model, weights.sha256, place, precision)


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
