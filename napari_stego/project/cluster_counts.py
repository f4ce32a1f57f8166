"""How many clusters: the stability of a project's clusters against their number."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from napari_stego.clustering import StabilityCurve, StabilitySettings, stability_curve
from napari_stego.errors import StegoError
from napari_stego.files import write_json
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.encodings import Source, encoder
from napari_stego.project.project import Project, result_key
from napari_stego.untrusted import read_json

# 999 numbers of clusters, 100 splits each, are below it.
_MAX_BYTES = 8_000_000

_Score = Annotated[float, Field(ge=-1.001, le=1.001)]
_Rows = tuple[tuple[_Score, ...], ...]


class _SavedCurve(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    agreement: _Rows
    baseline: _Rows


def measurable_source(project: Project) -> Source:
    """Tell what of a project is best measured.

    Parameters
    ----------
    project : Project
        A project.

    Returns
    -------
    "codes" or "features"
        Codes if there is a run on the features extracted last.
    """
    return "features" if project.state.run is None else "codes"


def measure_stability(
    project: Project,
    settings: StabilitySettings,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> StabilityCurve:
    """Measure for which numbers K of clusters the project's photographs agree.

    What was measured before on the same features, run and photographs is
    remembered in the project, if it can be written.

    Parameters
    ----------
    project : Project
        A project with features of 5 photographs at least and, for codes, a run.
    settings : StabilitySettings
        Which K, how many splits, codes or features.
    progress : ProgressCallback
        Called for each photograph read, then for each K of each split.
    cancel : CancelToken, optional
        Obeyed between photographs and between iterations of k-means.

    Returns
    -------
    StabilityCurve
        For each K.

    Raises
    ------
    StegoError
        If features or the run are missing, or there are too few photographs or
        positions.
    Cancelled
        If `cancel` is set, and the curve is not known yet.
    """
    settings = settings.model_copy(update={"ks": tuple(sorted(set(settings.ks)))})
    tokens = project.tokens()
    assert project.state.features is not None  # tokens() has checked
    run = project.state.run if settings.source == "codes" else None
    key = result_key(
        project.state.features.key, list(tokens.content_hashes), run, settings.model_dump()
    )
    path = project.choice_file("stability", key)
    saved = _saved(path, settings)
    if saved is not None:
        return saved
    encode = encoder(project, settings.source)
    curve = stability_curve(tokens, encode, settings, progress, cancel)
    if not project.read_only:
        # Minutes of work are not thrown away because they cannot be remembered.
        with contextlib.suppress(StegoError):
            write_json(
                path,
                {"agreement": curve.agreement.tolist(), "baseline": curve.baseline.tolist()},
            )
    return curve


def _saved(path: Path, settings: StabilitySettings) -> StabilityCurve | None:
    try:
        saved = _SavedCurve.model_validate_json(read_json(path, _MAX_BYTES))
    except (OSError, ValueError):
        return None
    shape = (len(settings.ks), settings.repeats)
    for rows in (saved.agreement, saved.baseline):
        if len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
            return None
    return StabilityCurve(
        np.array(settings.ks, dtype=np.int64), np.array(saved.agreement), np.array(saved.baseline)
    )
