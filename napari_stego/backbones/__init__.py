"""Frozen self-supervised backbones and where their weights come from."""

from napari_stego.backbones.encoder import Backbone, load_backbone, pick_device
from napari_stego.backbones.precision import Precision
from napari_stego.backbones.registry import (
    BACKBONES,
    DEFAULT_BACKBONE,
    BackboneError,
    BackboneSpec,
    Facet,
    Layer,
    LayerChoice,
    get_backbone_spec,
)
from napari_stego.backbones.state_dicts import WeightsError
from napari_stego.backbones.weights import (
    Weights,
    WeightsStatus,
    cache_folder,
    check_weights,
    fetch_weights,
    list_weights,
    resolve_weights,
)

__all__ = [
    "BACKBONES",
    "DEFAULT_BACKBONE",
    "Backbone",
    "BackboneError",
    "BackboneSpec",
    "Facet",
    "Layer",
    "LayerChoice",
    "Precision",
    "Weights",
    "WeightsError",
    "WeightsStatus",
    "cache_folder",
    "check_weights",
    "fetch_weights",
    "get_backbone_spec",
    "list_weights",
    "load_backbone",
    "pick_device",
    "resolve_weights",
]
