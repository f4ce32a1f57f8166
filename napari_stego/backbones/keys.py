"""The keys of a backbone's attention, caught while images pass through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F

from napari_stego.backbones.registry import BackboneError

_Projection = Callable[[torch.Tensor], torch.Tensor]


@contextmanager
def caught_keys(model: Any, blocks: Iterable[int], name: str) -> Iterator[dict[int, torch.Tensor]]:
    """Catch the keys of some blocks during a forward pass.

    They are what the block's key projection gives, before the rotation by
    position and the key norm that some backbones add, with the heads one after
    another.

    Parameters
    ----------
    model : torch.nn.Module
        A vision transformer of timm.
    blocks : iterable of int
        Whose keys are wanted.
    name : str
        The backbone, for messages.

    Yields
    ------
    dict of int to torch.Tensor
        Filled by the forward pass: for each block ``(B, N, K)``, prefix tokens
        included, or ``(B, h, w, K)`` where the model keeps its tokens so.

    Raises
    ------
    BackboneError
        If the backbone's attention has no keys of its own.
    """
    caught: dict[int, torch.Tensor] = {}
    with ExitStack() as hooks:
        for index in blocks:
            hooks.enter_context(_catching(model.blocks[index], index, caught, name))
        yield caught


@contextmanager
def _catching(block: Any, index: int, caught: dict[int, torch.Tensor], name: str) -> Iterator[None]:
    attention = getattr(block, "attn", None)
    project = _key_projection(attention)
    if attention is None or project is None:
        raise BackboneError(
            f"The attention of {name} does not make its keys in a projection of their own. Use "
            "its tokens instead."
        )

    if hasattr(block, "window_size"):
        # SAM cuts the tokens into windows between its norm and its attention. A projection works
        # on each position by itself, so it can as well be applied before the cut.
        handle = block.norm1.register_forward_hook(
            lambda _module, _inputs, output: caught.update({index: project(output)})
        )
    else:
        handle = attention.register_forward_pre_hook(
            lambda _module, inputs: caught.update({index: project(inputs[0])})
        )
    try:
        yield
    finally:
        handle.remove()


def _key_projection(attention: Any) -> _Projection | None:
    separate = getattr(attention, "k_proj", None)
    if isinstance(separate, torch.nn.Linear):
        return separate
    fused = getattr(attention, "qkv", None)
    if not isinstance(fused, torch.nn.Linear) or fused.out_features % 3:
        return None
    keys = slice(fused.out_features // 3, 2 * fused.out_features // 3)
    # Some backbones keep the biases of queries, keys and values apart from the fused weights.
    bias = getattr(attention, "k_bias", None) if fused.bias is None else fused.bias[keys]
    return lambda inputs: F.linear(inputs, fused.weight[keys], bias)
