"""Several runs that differ in what cannot be known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_stego.selection.quality import ClusterQuality
from napari_stego.stego import StegoSettings

_VARIANTS: tuple[dict[str, Any], ...] = ({}, {"dim": 70})
"""D of the paper is the alternative to ours, which keeps more of the tokens."""


@dataclass(frozen=True)
class Trial:
    """A run and how good its clusters are.

    Attributes
    ----------
    settings : StegoSettings
        How it was trained.
    run : str
        Key of the run in its project.
    quality : ClusterQuality
        Measured on the same plan as its rivals'.
    """

    settings: StegoSettings
    run: str
    quality: ClusterQuality


def variations(settings: StegoSettings, count: int) -> list[StegoSettings]:
    """Vary settings in seed and D.

    Parameters
    ----------
    settings : StegoSettings
        The first of the list. With fixed shifts only the seed varies: they
        were published for one D.
    count : int
        How many.

    Returns
    -------
    list of StegoSettings
        All different: the variants in turn, then the same with the next seed.
    """
    variants = _VARIANTS if settings.shifts is None else _VARIANTS[:1]
    varied: list[StegoSettings] = []
    seed = settings.seed
    while len(varied) < count:
        for variant in variants:
            candidate = settings.model_copy(update={**variant, "seed": seed})
            if candidate not in varied and len(varied) < count:
                varied.append(candidate)
        seed += 1
    return varied
