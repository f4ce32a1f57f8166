"""Codes of images of any size, finer and steadier than one pass of the backbone gives them."""

from napari_stego.inference.dense import DenseSettings, dense_codes
from napari_stego.inference.encoder import DenseEncoder
from napari_stego.inference.presets import DETAILS, Detail, detail_settings

__all__ = ["DETAILS", "DenseEncoder", "DenseSettings", "Detail", "dense_codes", "detail_settings"]
