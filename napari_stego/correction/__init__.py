"""Correcting a photograph by clicks: minimum cuts, regions from coarse to fine, cleaning."""

from napari_stego.correction.cleaning import clean_labels
from napari_stego.correction.clicks import Click, check_clicks
from napari_stego.correction.features import superpixel_features
from napari_stego.correction.graph_cut import CutProblem
from napari_stego.correction.hierarchy import RegionTree
from napari_stego.correction.superpixels import Superpixels

__all__ = [
    "Click",
    "CutProblem",
    "RegionTree",
    "Superpixels",
    "check_clicks",
    "clean_labels",
    "superpixel_features",
]
