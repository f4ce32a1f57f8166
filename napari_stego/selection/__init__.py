"""Choosing without labels: the layer, the run, and whether to use codes at all."""

from napari_stego.selection.layers import LayerScores, choose_layer
from napari_stego.selection.plan import QualityPlan
from napari_stego.selection.quality import QUALITY_CLUSTERS, ClusterQuality, measure_quality
from napari_stego.selection.trials import Trial, variations
from napari_stego.selection.verdict import Verdict, compare, judge

__all__ = [
    "QUALITY_CLUSTERS",
    "ClusterQuality",
    "LayerScores",
    "QualityPlan",
    "Trial",
    "Verdict",
    "choose_layer",
    "compare",
    "judge",
    "measure_quality",
    "variations",
]
