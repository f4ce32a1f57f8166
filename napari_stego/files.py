"""Writing files so that a crash, a power cut or a full disk never leaves half of one."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from napari_stego.errors import StegoError


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Parameters
    ----------
    path : Path
        The file or folder. Folders are passed over on Windows, which has no
        such call, and on file systems that refuse it.

    Raises
    ------
    OSError
        If a file's content cannot be kept.
    """
    if not path.is_dir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    elif os.name == "posix":
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


@contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Give a temporary path to write to, and move it into place on success.

    The content is on the disk before the move and the move before the return:
    after a power cut the file is the old one or the new one, never empty.

    Parameters
    ----------
    path : Path
        The file to write; its folder is made. The temporary file is beside it
        and keeps its suffix.
    sync : bool
        False for what can be made anew: it is not waited for the disk, and
        after a power cut the file may be incomplete.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    StegoError
        If the folder or file cannot be written, the disk being full included,
        or `path` is no file, such as a device. What was at `path` stays as it
        was.
    """
    if path.exists() and not path.is_file():
        raise StegoError(f"Cannot write {path}: it is no file. Choose another name.")
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            if sync:
                flush(temporary)
            temporary.replace(path)
            if sync:
                flush(path.parent)
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
