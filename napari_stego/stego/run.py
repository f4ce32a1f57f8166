"""A STEGO run: a trained head with its settings, history and probes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from napari_stego.backbones.state_dicts import digest
from napari_stego.errors import StegoError
from napari_stego.features import Preparation
from napari_stego.stego.head import StegoHead
from napari_stego.stego.histograms import CorrespondenceHistograms
from napari_stego.stego.probes import ClusterProbe, LinearProbe
from napari_stego.stego.settings import StegoSettings

RunSource = Literal["trained", "official"]
"""Whether a head was trained here, or comes from a checkpoint of the official code."""


class CheckpointError(StegoError):
    """A file that does not hold a STEGO run."""


@dataclass(frozen=True)
class StepRecord:
    """What one step of the training showed.

    Attributes
    ----------
    step : int
        Steps done, from 1.
    loss : float
        Weighted sum of the terms, probes not counted.
    correspondence : dict of str to float
        Mean code correspondence of ``random``, ``knn`` and ``self`` pairs.
    shifts : dict of str to float
        The shifts b after the step.
    probes : dict of str to float
        Loss of the probes there are: ``cluster``, ``linear``.
    targets : dict of str to float
        What the control of the shifts aims at, the same at each step; empty
        with fixed shifts. Of runs of before it was kept, what the settings say.
    """

    step: int
    loss: float
    correspondence: dict[str, float]
    shifts: dict[str, float]
    probes: dict[str, float] = field(default_factory=dict)
    targets: dict[str, float] = field(default_factory=dict)


@dataclass
class StegoRun:
    """A trained, or half-trained, STEGO head.

    Attributes
    ----------
    settings : StegoSettings
        How it is trained.
    head : StegoHead
        The projection of prepared tokens to codes.
    preparation : Preparation
        What tokens go through first.
    history : list of StepRecord
        One record a step; empty for an official head.
    warnings : list of str
        What the user should know, a collapse above all.
    cluster_probe : ClusterProbe, optional
        Clusters trained beside the head, if the settings ask for some.
    linear_probe : LinearProbe, optional
        Classifier trained beside the head, if labels were given.
    histograms : CorrespondenceHistograms, optional
        The latest; None before the first, and for an official head.
    source : "trained" or "official"
        Where the head comes from.
    start : str
        SHA-256 of the run it was started from, hexadecimal; empty for a head
        that started from random weights, and for an official one.
    """

    settings: StegoSettings
    head: StegoHead
    preparation: Preparation
    history: list[StepRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    cluster_probe: ClusterProbe | None = None
    linear_probe: LinearProbe | None = None
    histograms: CorrespondenceHistograms | None = None
    source: RunSource = "trained"
    start: str = ""

    @property
    def steps_done(self) -> int:
        """Steps done so far; 0 for an official head."""
        return len(self.history)

    @property
    def finished(self) -> bool:
        """Whether all steps are done; an official head is finished."""
        return self.source == "official" or self.steps_done >= self.settings.steps

    @property
    def digest(self) -> str:
        """SHA-256 of what makes codes, the head and the preparation; hexadecimal."""
        tensors = {name: value.cpu() for name, value in self.head.state_dict().items()}
        if self.preparation.mean is not None:
            tensors["mean"] = torch.from_numpy(self.preparation.mean)
        return digest(tensors)

    @property
    def collapsed(self) -> bool:
        """Whether the training warned of a collapse, the only thing it warns of."""
        return bool(self.warnings)

    def encode(self, tokens: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
        """Turn patch tokens into codes.

        Parameters
        ----------
        tokens : numpy.ndarray
            ``(h, w, C) float16`` as stored.

        Returns
        -------
        numpy.ndarray
            ``(h, w, D) float32``.
        """
        return self.head.encode(self.preparation.apply(tokens))
