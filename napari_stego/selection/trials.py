"""Several runs that differ in what cannot be known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_stego.selection.quality import ClusterQuality
from napari_stego.stego import RoleValues, StegoSettings

_VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"dim": 24, "targets": RoleValues(random=0.0, knn=0.15, self=0.25)},
)
"""Long codes that fall into compact clusters, and short ones that hold images together less."""


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
    """Vary settings in seed, D and targets.

    Parameters
    ----------
    settings : StegoSettings
        The first of the list. With fixed shifts only the seed varies, for
        targets would do nothing.
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


def unvaried(settings: StegoSettings) -> StegoSettings:
    """Take back what `variations` varied, but for the seed.

    Parameters
    ----------
    settings : StegoSettings
        Of a trial, or of any other run.

    Returns
    -------
    StegoSettings
        With the default D and targets, if both are those of a variant; D of
        the first trial is not known any more.
    """
    defaults = StegoSettings()
    for variant in _VARIANTS:
        if variant and all(getattr(settings, name) == value for name, value in variant.items()):
            return settings.model_copy(update={name: getattr(defaults, name) for name in variant})
    return settings
