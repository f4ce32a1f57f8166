"""Codes of images of any size, finer and steadier than one pass of the backbone gives them."""

from napari_stego.inference.dense import DenseSettings, dense_codes

__all__ = ["DenseSettings", "dense_codes"]
