"""Classes as versions before the edit log kept them."""

from __future__ import annotations

from pathlib import Path

from pydantic_core import from_json

from napari_stego.classes.history import ClassHistory
from napari_stego.classes.log import DamagedLogError, create_log

_MAX_BYTES = 2**26


def migrate_classes(old: Path, new: Path) -> None:
    """Turn a ``classes.json`` into an edit log with all of its edits, undone ones too.

    Parameters
    ----------
    old : Path
        The ``classes.json``, which stays as it is.
    new : Path
        The log to make.

    Raises
    ------
    DamagedLogError
        If the old file is missing or damaged, or there is a log already.
    StegoError
        If the log cannot be written.
    """
    try:
        if old.is_symlink() or not old.is_file():
            raise ValueError("it is not a file")
        with old.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ValueError(f"it is larger than {_MAX_BYTES} bytes")
        history = ClassHistory.from_dict(from_json(content))
    except (OSError, ValueError) as error:
        raise DamagedLogError(f"The classes in {old} are missing or damaged: {error}.") from error
    create_log(new, history.start.table, (), history.actions())
