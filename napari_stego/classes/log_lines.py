"""The lines of the edit log: numbered, checked, and read without trust.

A line is ``{"n":7,"crc":"89abcdef","act":{...}}``: JSON that any tool can
read, in exactly this order and spacing. The check is the CRC-32 of
``7:{...}``, the bytes of the number and of the act.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_LINE = 2**24
"""The most bytes of a line, its end included."""

_LINE = re.compile(rb'\{"n":([0-9]{1,15}),"crc":"([0-9a-f]{8})","act":(.*)\}\n', re.DOTALL)


class DamagedLineError(ValueError):
    """A line that is not as it was written.

    Attributes
    ----------
    torn : bool
        Whether it is the last one and incomplete, as a crash leaves it.
    """

    def __init__(self, reason: str, *, torn: bool = False) -> None:
        super().__init__(reason)
        self.torn = torn


@dataclass(frozen=True)
class Line:
    """A line as it was written.

    Attributes
    ----------
    number : int
        From 0.
    act : bytes
        What it says, as JSON that is still to be checked.
    end : int
        Where the next line starts in the file, in bytes.
    """

    number: int
    act: bytes
    end: int


def encode_line(number: int, act: bytes) -> bytes:
    """Write a line.

    Parameters
    ----------
    number : int
        From 0.
    act : bytes
        JSON on one line.

    Returns
    -------
    bytes
        The line with its end.

    Raises
    ------
    ValueError
        If it is longer than `MAX_LINE`.
    """
    line = b'{"n":%d,"crc":"%08x","act":%s}\n' % (number, _check(number, act), act)
    if len(line) > MAX_LINE:
        raise ValueError(f"it takes {len(line)} bytes, and {MAX_LINE} are allowed")
    return line


def read_lines(file: BinaryIO) -> Iterator[Line]:
    """Read the lines of a log one by one, in bounded memory.

    Parameters
    ----------
    file : binary file
        The log, at its start.

    Yields
    ------
    Line
        A line whose check and number are right.

    Raises
    ------
    DamagedLineError
        At the first line that is not.
    """
    number = end = 0
    while raw := file.readline(MAX_LINE + 1):
        if len(raw) > MAX_LINE:
            raise DamagedLineError(f"it is longer than {MAX_LINE} bytes")
        match = _LINE.fullmatch(raw)
        if match is None or int(match[2], 16) != _check(int(match[1]), match[3]):
            last = not file.read(1)
            raise DamagedLineError("its check (CRC-32) does not fit", torn=last)
        if int(match[1]) != number:
            raise DamagedLineError(f"it has the number {int(match[1])}, not {number}")
        end += len(raw)
        yield Line(number, match[3], end)
        number += 1


def _check(number: int, act: bytes) -> int:
    return zlib.crc32(act, zlib.crc32(b"%d:" % number))
