"""The edit log: every edit, undo, redo and jump, on the disk before it is done."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from weakref import WeakValueDictionary

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from napari_stego.classes.actions import Action
from napari_stego.classes.edits import Stroke
from napari_stego.classes.history import ClassHistory
from napari_stego.classes.log_lines import DamagedLineError, Line, encode_line, read_lines
from napari_stego.classes.pixel_edits import Painting, PixelEdit
from napari_stego.classes.rows import UNLABELLED, ClassEditError
from napari_stego.classes.table import ClassTable
from napari_stego.classes.table_json import TableRecord
from napari_stego.errors import StegoError
from napari_stego.files import replacing
from napari_stego.untrusted import check_json

_FORMAT = 1

# A table of all classes that there can be has 460,000.
_MAX_VALUES = 2**19

_ACTION: TypeAdapter[Action] = TypeAdapter(Action)
_STROKE: TypeAdapter[Stroke] = TypeAdapter(Stroke)

# A link could lead out of the project, and a pipe would wait forever; Windows has neither flag.
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


# How much of the end is compared to notice another writer. File numbers will not do: some
# network and external drives give a file another one each time.
_TAIL = 256


# The lock of a project is of the process; its threads share it, and a job may open a log while the
# window writes to it. Reentrant, as a collection of garbage may come in the middle.
_guard = threading.RLock()
_turns: WeakValueDictionary[str, threading.RLock] = WeakValueDictionary()


def _turn_of(path: Path) -> threading.RLock:
    """Find the lock that the writers of a log in this process share."""
    with _guard:
        return _turns.setdefault(os.path.realpath(path), threading.RLock())


class EditLogError(StegoError):
    """An edit log that cannot be read or written."""


class DamagedLogError(EditLogError):
    """An edit log that is not there any more, or holds what is no edit."""


class LogStart(BaseModel):
    """What the first line says; as many strokes follow as it tells, then the actions.

    Attributes
    ----------
    format : int
        Version of the log.
    table : TableRecord
        The classes before any edit.
    strokes : int
        How many strokes there were before any edit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["start"] = "start"
    format: Annotated[int, Field(strict=True)] = _FORMAT
    table: TableRecord
    strokes: Annotated[int, Field(strict=True, ge=0)]


def create_log(
    path: Path,
    start: ClassTable,
    strokes: Iterable[PixelEdit] = (),
    actions: Iterable[Action] = (),
) -> None:
    """Write a new edit log, in a single move.

    Parameters
    ----------
    path : Path
        The file, which must not be there.
    start : ClassTable
        The classes before any edit.
    strokes : iterable of PixelEdit
        The strokes before any edit, oldest first.
    actions : iterable of Action
        What was done already.

    Raises
    ------
    EditLogError
        If there is a file already.
    StegoError
        If the file cannot be written.
    """
    if path.exists():
        raise EditLogError(f"{path} is there already. Move it away first; it may hold edits.")
    strokes = tuple(strokes)
    first = LogStart(table=TableRecord.of(start), strokes=len(strokes))
    with replacing(path) as temporary, temporary.open("wb") as file:
        for number, act in enumerate((first, *strokes, *actions)):
            file.write(_encoded(path, number, act))


@dataclass(frozen=True)
class _Replayed:
    history: ClassHistory
    lines: int
    size: int
    torn: int
    tail: bytes

    def note(self, path: Path) -> str:
        if not self.torn:
            return ""
        return (
            f"The last line of {path} was not written to its end ({self.torn} bytes), as happens "
            "when a program is killed or a disk is full. It is left out; every edit that was "
            "done before is there."
        )


@dataclass(frozen=True)
class ReadEdits:
    """An edit log that was read and is not written to.

    Attributes
    ----------
    history : ClassHistory
        The classes with all edits; it refuses others.
    note : str
        What the user should know, such as that the last line is incomplete;
        empty if nothing.
    """

    history: ClassHistory
    note: str


def read_edits(path: Path) -> ReadEdits:
    """Read an edit log without writing to it, also while another program does.

    Parameters
    ----------
    path : Path
        The log.

    Returns
    -------
    ReadEdits
        The history.

    Raises
    ------
    EditLogError
        If the log is missing or damaged; the message names the line.
    """
    replayed = _replay(path)

    def refuse(_: Action) -> None:
        raise EditLogError(
            f"{path} was opened for reading only. Close the other window or program that edits "
            "this project, and open the project again."
        )

    replayed.history.journal = refuse
    return ReadEdits(replayed.history, replayed.note(path))


class EditLog:
    """A log that is open for writing, with the history that it makes.

    Every action of the history is written and synced before it is done. The
    file is opened for each, so that there is nothing to close or to lose.
    Threads of a process take turns. One process at a time is for the caller
    to see to; a second one is noticed.

    Parameters
    ----------
    path : Path
        The log, as `create_log` makes it. An incomplete last line, as a
        crash leaves it, is cut off.

    Attributes
    ----------
    path : Path
        The log.
    history : ClassHistory
        The classes with all edits.
    note : str
        What the user should know, such as that a line was cut off; empty if
        nothing.

    Raises
    ------
    EditLogError
        If the log is missing, damaged (the message names the line, and the
        file stays as it is) or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = _turn_of(path)
        # Else a line that another thread is writing would be taken for a torn one, and cut off.
        with self._turn:
            replayed = _replay(path)
            self.history = replayed.history
            self.note = replayed.note(path)
            self._lines, self._size = replayed.lines, replayed.size
            self._tail = replayed.tail
            self._debris = bool(replayed.torn)
            with self._writing("Nothing was changed."):
                pass
        self.history.journal = self.append

    def append(self, action: Action) -> None:
        """Write an action, and wait until it is on the disk.

        Parameters
        ----------
        action : Action
            The action.

        Raises
        ------
        EditLogError
            If it cannot be written. What was written of it is taken away,
            now or, if the disk refuses that too, before the next one.
        """
        with self._turn:
            line = _encoded(self.path, self._lines, action)
            with self._writing("The edit was not made.") as descriptor:
                try:
                    rest = memoryview(line)
                    while rest:
                        rest = rest[os.write(descriptor, rest) :]
                    os.fsync(descriptor)
                except BaseException:
                    self._debris = True
                    self._clean(descriptor)
                    raise
            self._size += len(line)
            self._tail = (self._tail + line)[-_TAIL:]
            self._lines += 1

    @contextmanager
    def _writing(self, outcome: str) -> Iterator[int]:
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | _SAFE)
            try:
                if not self._is_as_left(descriptor):
                    raise EditLogError(
                        f"Another window or program has changed {self.path}. {outcome} Open the "
                        "project again."
                    )
                if self._debris:
                    self._clean(descriptor)
                yield descriptor
            finally:
                with suppress(OSError):  # what was synced stays, whatever closing says
                    os.close(descriptor)
        except OSError as error:
            raise EditLogError(
                f"Cannot write {self.path}: {error.strerror or error}. {outcome} Free some space "
                "or check the permissions of the folder, and try again."
            ) from error

    def _is_as_left(self, descriptor: int) -> bool:
        os.lseek(descriptor, self._size - len(self._tail), os.SEEK_SET)
        ours = os.read(descriptor, len(self._tail)) == self._tail
        return ours and (self._debris or os.fstat(descriptor).st_size == self._size)

    def _clean(self, descriptor: int) -> None:
        os.ftruncate(descriptor, self._size)
        os.fsync(descriptor)
        self._debris = False


def _encoded(path: Path, number: int, act: BaseModel) -> bytes:
    try:
        return encode_line(number, act.model_dump_json().encode())
    except ValueError as error:
        raise EditLogError(
            f"This cannot be written to {path}: {error}. Do it in smaller steps."
        ) from error


def _replay(path: Path) -> _Replayed:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _SAFE), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise EditLogError(f"{path} is not a file, and is not read.")
            player, torn = _Player(), 0
            try:
                for line in read_lines(file):
                    player.play(line)
            except DamagedLineError as error:
                if not error.torn:
                    raise
                torn = file.seek(0, os.SEEK_END) - player.end
            if player.history is None:
                raise ValueError("the file ends here, before its first edit")
            file.seek(max(0, player.end - _TAIL))
            tail = file.read(min(player.end, _TAIL))
            return _Replayed(player.history, player.lines, player.end, torn, tail)
    except FileNotFoundError as error:
        raise DamagedLogError(f"There is no {path}.") from error
    except OSError as error:
        reason = "it is a link" if error.errno == errno.ELOOP else error.strerror or error
        raise EditLogError(
            f"The classes in {path} cannot be read: {reason}. Put an ordinary file in its place, "
            "with the permission to read it, and open the project again."
        ) from error
    except (ValueError, ClassEditError) as error:
        raise DamagedLogError(
            f"Line {player.lines + 1} of {path} is damaged, or was written by a newer version of "
            f"napari-stego: {_reason(error)}. The file stays as it is; the lines before that one "
            "are good, and a copy of them alone can be opened."
        ) from error


class _Player:
    """Plays the lines of a log, one after the other."""

    def __init__(self) -> None:
        self.lines = self.end = 0
        self.history: ClassHistory | None = None  # once the part written in a single move is over
        self._start: ClassTable | None = None
        self._strokes: list[PixelEdit] = []
        self._to_come = 0
        self._known = {UNLABELLED}

    def play(self, line: Line) -> None:
        check_json(line.act, _MAX_VALUES)
        if self.history is not None:
            self.history.perform(_ACTION.validate_json(line.act))
        else:
            self._prepare(line.act)
        self.lines, self.end = line.number + 1, line.end

    def _prepare(self, act: bytes) -> None:
        if self._start is None:
            start = LogStart.model_validate_json(act)
            if start.format != _FORMAT:
                raise ValueError(f"format {start.format} instead of {_FORMAT}")
            self._start, self._to_come = start.table.table(), start.strokes
            self._known.update(row.id for row in start.table.rows)
            self._known.update(class_id for class_id, _ in start.table.gone)
        else:
            stroke = _STROKE.validate_json(act)
            if isinstance(stroke, Painting) and stroke.class_id not in self._known:
                raise ValueError(f"a stroke has the unknown class {stroke.class_id}")
            self._strokes.append(stroke)
        if len(self._strokes) == self._to_come:
            self.history = ClassHistory(self._start, self._strokes)


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg']}" if place else first["msg"]
    return str(error).rstrip(".")
