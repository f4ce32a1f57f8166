"""Codes of photographs made afresh, instead of those of the features as extracted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.backbones import Backbone
from napari_stego.clustering import Encode
from napari_stego.corpus import CorpusImage
from napari_stego.features import FeatureSettings
from napari_stego.inference.dense import DenseSettings, dense_codes
from napari_stego.progress import CancelToken


@dataclass(frozen=True, eq=False)
class DenseEncoder:
    """A backbone with what it is asked for.

    Attributes
    ----------
    backbone : Backbone
        The frozen backbone.
    features : FeatureSettings
        Layer and facet.
    settings : DenseSettings
        Size, windows and what is averaged.
    """

    backbone: Backbone
    features: FeatureSettings
    settings: DenseSettings

    def codes(
        self, image: CorpusImage, encode: Encode, cancel: CancelToken | None = None
    ) -> npt.NDArray[np.float32]:
        """Make the codes of a photograph, as `dense_codes` does.

        Parameters
        ----------
        image : CorpusImage
            The photograph; it is read.
        encode : callable
            From tokens to codes.
        cancel : CancelToken, optional
            Obeyed between batches of windows.

        Returns
        -------
        numpy.ndarray
            ``(gh, gw, D) float32``.

        Raises
        ------
        StegoError
            If the photograph cannot be read, or the settings do not fit the backbone.
        Cancelled
            If `cancel` is set.
        """
        return dense_codes(
            image.read(), self.backbone, self.features, encode, self.settings, cancel=cancel
        )
