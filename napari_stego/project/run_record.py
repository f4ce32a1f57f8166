"""What a project notes of each run beside its file: when, and on which features."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from napari_stego.files import write_json
from napari_stego.project.project import Project
from napari_stego.project.state import Key
from napari_stego.untrusted import read_json

_MAX_BYTES = 10_000


class RunRecord(BaseModel):
    """Where a run comes from.

    Attributes
    ----------
    features : str
        Key of the features that it makes codes from.
    images : int
        How many images it was trained on, those of equal content counted once.
    begun : datetime.datetime
        When the training began, or an official head was taken over; in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: Key
    images: int = Field(ge=1)
    begun: AwareDatetime


def record_run(project: Project, key: str, images: int) -> None:
    """Note where a run comes from, unless that was done before.

    Parameters
    ----------
    project : Project
        A project with features.
    key : str
        Key of the run.
    images : int
        How many images it is trained on.

    Raises
    ------
    StegoError
        If the note cannot be written.
    """
    assert project.state.features is not None  # there is nothing to train on without
    path = project.run_file(key).with_suffix(".json")
    if read_record(project, key) is None:
        record = RunRecord(
            features=project.state.features.key,
            images=images,
            begun=datetime.now(UTC).replace(microsecond=0),
        )
        write_json(path, record.model_dump(mode="json"))


def read_record(project: Project, key: str) -> RunRecord | None:
    """Read what was noted of a run.

    Parameters
    ----------
    project : Project
        The project.
    key : str
        Key of the run.

    Returns
    -------
    RunRecord or None
        None if there is no such note, or none that can be understood: runs of
        earlier versions have none.
    """
    try:
        path = project.run_file(key).with_suffix(".json")
        return RunRecord.model_validate_json(read_json(path, _MAX_BYTES))
    except (OSError, ValidationError, ValueError):
        return None
