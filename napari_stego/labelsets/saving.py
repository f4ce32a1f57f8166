"""The label set of a project, kept in its folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from napari_stego.files import write_json
from napari_stego.labelsets.labels import LabelSet, LabelSetError
from napari_stego.untrusted import link_between, read_json

LABELS_FILE = "labels.json"

_MAX_BYTES = 2**26

_LABEL_SET = TypeAdapter(LabelSet)


def save_label_set(folder: Path, label_set: LabelSet) -> None:
    """Keep a label set in a project folder, in place of the one that is there.

    Parameters
    ----------
    folder : Path
        The folder.
    label_set : LabelSet
        The label set.

    Raises
    ------
    LabelSetError
        If the file in the folder is a link.
    StegoError
        If it cannot be written.
    """
    path = folder / LABELS_FILE
    if link_between(folder, path) is not None:
        raise LabelSetError(f"{path} is a link, which could lead anywhere. Delete it first.")
    write_json(path, _LABEL_SET.dump_python(label_set, mode="json"))


def load_label_set(folder: Path) -> LabelSet | None:
    """Read the label set of a project folder.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    LabelSet or None
        The label set; None if the folder has none.

    Raises
    ------
    LabelSetError
        If the file is there but is no label set, a link, or too large.
    """
    path = folder / LABELS_FILE
    try:
        return _LABEL_SET.validate_json(read_json(path, _MAX_BYTES))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]["msg"]
    except (OSError, ValueError) as error:
        reason = str(error)
    raise LabelSetError(
        f"{path} cannot be read as a list of labels ({reason}). Delete it and load the list again."
    )
