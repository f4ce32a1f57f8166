"""Writing files so that a crash or a full disk never leaves half of one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from napari_stego.errors import StegoError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to, and move it into place on success.

    Parameters
    ----------
    path : Path
        The file to write; its folder is made. The temporary file is beside it
        and keeps its suffix.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    StegoError
        If the folder or file cannot be written, the disk being full included.
        A file that was at `path` stays as it was.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            temporary.replace(path)
        except BaseException:
            if path.parent.is_dir():
                temporary.unlink(missing_ok=True)
            raise
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StegoError(
            f"Cannot write {path}: {reason}. Free some space, check the permissions of the "
            "folder, or choose another one."
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, replacing the file in a single move.

    Parameters
    ----------
    path : Path
        The file.
    value : Any
        Anything that `json` can write.

    Raises
    ------
    StegoError
        If the file cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
