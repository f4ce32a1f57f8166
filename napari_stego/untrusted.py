"""Files of others: read without following links, without waiting, and within bounds.

A project folder may come from anyone. What is read of it goes through here
before anything of the size that it claims is allocated.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from pydantic_core import from_json

# A link could lead out of the folder, and a pipe would wait forever; Windows has neither flag.
SAFE_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
"""Flags of `os.open` for a file that is not trusted."""

MAX_JSON_VALUES = 2**21
"""The most commas in a JSON file: each value takes memory, however short it is written."""

_MAX_KEYS = 1000
_SMALL_JSON = 2**16


class UntrustedFileError(ValueError):
    """A file that is not read: a link, a pipe, a device, or too large."""


def check_file(path: Path, limit: int) -> None:
    """Refuse what is no ordinary file of at most some size.

    Parameters
    ----------
    path : Path
        The file.
    limit : int
        The most bytes.

    Raises
    ------
    UntrustedFileError
        If it is a link, no file, or larger.
    OSError
        If there is none, or it cannot be looked at.
    """
    _check(os.lstat(path), limit)


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a file of at most some size.

    Parameters
    ----------
    path : Path
        The file.
    limit : int
        The most bytes.

    Returns
    -------
    bytes
        Its content.

    Raises
    ------
    UntrustedFileError
        If it is a link, no file, or larger.
    OSError
        If it cannot be read.
    """
    _check(os.lstat(path), limit)
    with os.fdopen(os.open(path, os.O_RDONLY | SAFE_FLAGS), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UntrustedFileError(f"it is larger than {limit} bytes")
    return content


def read_json(path: Path, limit: int) -> bytes:
    """Read a JSON file that can be parsed in little memory.

    Parameters
    ----------
    path : Path
        The file.
    limit : int
        The most bytes.

    Returns
    -------
    bytes
        Its content, which `check_json` has found good.

    Raises
    ------
    UntrustedFileError
        If it is a link, no file, larger, or takes much memory to parse.
    ValueError
        If it is large and no JSON.
    OSError
        If it cannot be read.
    """
    content = read_bytes(path, limit)
    check_json(content, MAX_JSON_VALUES)
    return content


def check_json(content: bytes, limit: int) -> None:
    """Refuse JSON as `parse_json` does; short JSON is left to whoever parses it.

    Parameters
    ----------
    content : bytes
        The JSON.
    limit : int
        The most commas.

    Raises
    ------
    ValueError
        If it is long, and refused.
    """
    if len(content) > _SMALL_JSON:
        parse_json(content, limit)


def parse_json(content: bytes, limit: int) -> Any:
    """Parse JSON, but none that takes much memory to parse, or to say what is wrong with it.

    A model makes an error of each field that it does not know, so that an
    object of a million keys makes a million errors.

    Parameters
    ----------
    content : bytes
        The JSON.
    limit : int
        The most commas.

    Returns
    -------
    object
        The values.

    Raises
    ------
    UntrustedFileError
        If there are more commas, or more than 1000 keys in an object.
    ValueError
        If it is no JSON, or nested too deeply.
    """
    if content.count(b",") > limit:
        raise UntrustedFileError(f"it holds more than {limit} values")
    values = from_json(content)
    to_see: list[Any] = [values]
    while to_see:
        value = to_see.pop()
        if isinstance(value, dict):
            if len(value) > _MAX_KEYS:
                raise UntrustedFileError(f"it holds an object of more than {_MAX_KEYS} keys")
            to_see += value.values()
        elif isinstance(value, list):
            to_see += value
    return values


def link_between(folder: Path, path: Path) -> Path | None:
    """Find the first link on the way from a folder to something in it.

    Parameters
    ----------
    folder : Path
        The folder, which may itself be a link.
    path : Path
        Something below it, there or not.

    Returns
    -------
    Path or None
        The link; None if there is none.

    Raises
    ------
    ValueError
        If `path` is not below `folder`.
    """
    place = folder
    for part in path.relative_to(folder).parts:
        place = place / part
        if is_link(place):
            return place
    return None


def link_below(folder: Path) -> Path | None:
    """Find a link anywhere in a folder.

    Parameters
    ----------
    folder : Path
        The folder, there or not.

    Returns
    -------
    Path or None
        A link; None if there is none.
    """
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if is_link(Path(parent, name)):
                return Path(parent, name)
    return None


def is_link(path: Path) -> bool:
    """Tell whether a path leads elsewhere.

    Parameters
    ----------
    path : Path
        A file or folder, there or not.

    Returns
    -------
    bool
        Whether it is a symbolic link or, on Windows, a junction.
    """
    try:
        status = os.lstat(path)
    except OSError:
        return False
    reparsed = getattr(status, "st_reparse_tag", 0)
    return stat.S_ISLNK(status.st_mode) or reparsed == getattr(
        stat, "IO_REPARSE_TAG_MOUNT_POINT", -1
    )


def _check(status: os.stat_result, limit: int) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise UntrustedFileError("it is a link")
    if not stat.S_ISREG(status.st_mode):
        raise UntrustedFileError("it is not a file")
    if status.st_size > limit:
        raise UntrustedFileError(f"it is larger than {limit} bytes")
