"""Published results on the data sets of the STEGO paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STEGO_PAPER = (
    'Hamilton et al., "Unsupervised Semantic Segmentation by Distilling Feature '
    'Correspondences", ICLR 2022'
)
PROTOCOL = (
    "The STEGO paper scores photographs resized to 320 pixels of the shorter side and cropped to "
    "the central square, refined by the dense CRF, with clusters matched by the Hungarian method."
)


@dataclass(frozen=True)
class PublishedResult:
    """Scores from a paper.

    Attributes
    ----------
    name : str
        Method and backbone.
    accuracy, miou : float
        Of matched clusters, fractions of 1.
    source : str
        The paper.
    linear_accuracy, linear_miou : float, optional
        Of the linear probe.
    """

    name: str
    accuracy: float
    miou: float
    source: str
    linear_accuracy: float | None = None
    linear_miou: float | None = None


_HP = (
    'Seong et al., "Leveraging Hidden Positives for Unsupervised Semantic Segmentation", CVPR 2023'
)
_EAGLE = (
    'Kim et al., "EAGLE: Eigen Aggregation Learning for Object-Centric Unsupervised Semantic '
    'Segmentation", CVPR 2024'
)
_CAUSE = 'Kim et al., "Causal Unsupervised Semantic Segmentation", arXiv 2310.07379'

PUBLISHED: Mapping[str, tuple[PublishedResult, ...]] = {
    "cocostuff27": (
        PublishedResult("STEGO, DINO ViT-S/8", 0.483, 0.245, STEGO_PAPER),
        PublishedResult("STEGO, DINO ViT-B/8", 0.569, 0.282, STEGO_PAPER, 0.761, 0.411),
        PublishedResult("HP, DINO ViT-S/8", 0.572, 0.246, _HP),
        PublishedResult("EAGLE, DINO ViT-S/8", 0.642, 0.272, _EAGLE),
        PublishedResult("CAUSE-TR, DINO ViT-S/8", 0.696, 0.324, _CAUSE),
        PublishedResult("CAUSE-TR, DINOv2 ViT-B/14", 0.780, 0.453, _CAUSE),
    ),
    "cityscapes27": (PublishedResult("STEGO, DINO ViT-B/8", 0.732, 0.210, STEGO_PAPER),),
    "potsdam3": (
        PublishedResult(
            "STEGO", 0.770, 0.626, f"{STEGO_PAPER}; the mIoU is from later comparisons"
        ),
    ),
}
"""By name of the data set, as in `DATASETS`."""
