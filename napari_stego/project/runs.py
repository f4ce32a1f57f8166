"""All runs of a project: kept, compared, and one of them picked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from statistics import mean

from napari_stego.project.choosing import remembered_verdict
from napari_stego.project.project import Project, ProjectError
from napari_stego.project.run_record import read_record
from napari_stego.selection import Verdict
from napari_stego.stego import CheckpointError, StegoRun, load_run

_KEY = re.compile("[0-9a-f]{16}")
_RECENT_STEPS = 50


@dataclass(frozen=True)
class KeptRun:
    """A run of a project.

    Attributes
    ----------
    key : str
        Its key: 16 hexadecimal digits.
    run : StegoRun
        Head, settings and history.
    latest : bool
        Whether it is the one that is clustered next.
    begun : datetime.datetime or None
        When the training began, in UTC; None for a run of an earlier version.
    images : int or None
        How many images it was trained on; None for a run of an earlier version.
    verdict : Verdict or None
        What was found of it, if it was judged.
    """

    key: str
    run: StegoRun
    latest: bool
    begun: datetime | None
    images: int | None
    verdict: Verdict | None

    @property
    def correspondence(self) -> dict[str, float]:
        """Mean code correspondence by kind of pair, over the last 50 steps; empty without any."""
        recent = self.run.history[-_RECENT_STEPS:]
        roles = recent[-1].correspondence if recent else ()
        return {role: mean(record.correspondence[role] for record in recent) for role in roles}


def list_runs(project: Project) -> tuple[KeptRun, ...]:
    """List the runs that make codes from the project's features.

    Parameters
    ----------
    project : Project
        A project.

    Returns
    -------
    tuple of KeptRun
        The newest first, unfinished ones included; those of other features,
        and files that cannot be read, are left out.
    """
    features, latest = project.state.features, project.state.run
    if features is None:
        return ()
    found = []
    for path in project.inside("runs").glob("*.safetensors"):
        if not _KEY.fullmatch(path.stem):
            continue
        record = read_record(project, path.stem)
        ours = record.features == features.key if record is not None else path.stem == latest
        if not ours:
            continue
        try:
            run = load_run(path)[0]
        except (CheckpointError, OSError):
            continue
        found.append(
            KeptRun(
                path.stem,
                run,
                path.stem == latest,
                record.begun if record else None,
                record.images if record else None,
                remembered_verdict(project, path.stem),
            )
        )
    dated = [(run.begun.timestamp() if run.begun else 0.0, run.key, run) for run in found]
    return tuple(run for *_, run in sorted(dated, key=lambda each: each[:2], reverse=True))


def use_run(project: Project, key: str) -> KeptRun:
    """Make a run the one that is clustered next; clusters in use stay.

    Parameters
    ----------
    project : Project
        The project.
    key : str
        Key of the run, or the beginning of it that no other run has.

    Returns
    -------
    KeptRun
        The run.

    Raises
    ------
    ProjectError
        If there is no such run of the project's features, more than one, or it
        is not finished.
    ReadOnlyError
        If the project can only be read.
    """
    project.check_writable()
    runs = list_runs(project)
    found = [run for run in runs if key and run.key.startswith(key)]
    if len(found) != 1:
        keys = ", ".join(run.key for run in runs) or "none"
        number = "No run" if not found else "More than one run"
        raise ProjectError(
            f"{number} of these features has a key that begins with {key!r}. There are: {keys}."
        )
    chosen = found[0]
    if not chosen.run.finished:
        raise ProjectError(
            f"Run {chosen.key} has {chosen.run.steps_done} of {chosen.run.settings.steps} steps. "
            "Train with its settings again: it goes on where it stopped."
        )
    project.update(run=chosen.key)
    return chosen
