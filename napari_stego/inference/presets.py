"""How finely images are labelled, by name."""

from __future__ import annotations

from typing import Literal, get_args

from napari_stego.features import FeatureSettings
from napari_stego.inference.dense import DenseSettings

Detail = Literal["as-extracted", "mirrored", "finer", "full-size"]
"""From the features as they are, the quickest, to windows over the whole photograph."""

DETAILS: tuple[Detail, ...] = get_args(Detail)


def detail_settings(detail: Detail, features: FeatureSettings) -> DenseSettings | None:
    """Give the settings of a detail.

    Parameters
    ----------
    detail : str
        One of `DETAILS`. ``"mirrored"``: the mean over a photograph and its
        mirror image, as the STEGO paper does. ``"finer"``: that, over four
        patch grids shifted by half a patch, so that the map is twice as fine.
        ``"full-size"``: windows of the size that the backbone saw in the
        extraction, over the photograph at its own size.
    features : FeatureSettings
        Those of the extraction, which the head and the clusters come from.

    Returns
    -------
    DenseSettings or None
        None if the features are used as they were extracted.
    """
    size = features.long_side
    if detail == "as-extracted":
        return None
    if detail == "mirrored":
        return DenseSettings(long_side=size, window=size)
    if detail == "finer":
        return DenseSettings(long_side=size, window=size, shifted_grids=2)
    return DenseSettings(window=size)
