"""One writer at a time: who may change a project folder.

The operating system holds the lock and drops it when the process ends, however
it ends, so that a crash leaves nothing to tidy up. Within a process the lock is
shared: a project may be opened as often as is convenient.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import threading
import weakref
from datetime import datetime
from pathlib import Path
from typing import Annotated

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_stego.errors import StegoError
from napari_stego.files import write_json
from napari_stego.untrusted import read_json

LOCK_FILE = "writer.lock"
"""The file that the operating system locks; it stays, empty."""

HOLDER_FILE = "writer.json"
"""Who holds the lock, for others to read; it says nothing while the lock is free."""

_MAX_BYTES = 10_000
_NOT_SUPPORTED = {
    getattr(errno, name, None) for name in ("ENOLCK", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL")
}
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}


class Holder(BaseModel):
    """The process that may change a project.

    Attributes
    ----------
    pid : int
        Its number.
    host : str
        The computer it runs on.
    since : datetime
        When it opened the project, with the time zone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: Annotated[int, Field(ge=0, lt=2**63)]
    host: Annotated[str, Field(max_length=255)]
    since: datetime

    def __str__(self) -> str:
        where = "this computer" if self.host == platform.node() else self.host
        since = self.since.astimezone()
        return f"process {self.pid} on {where}, since {since:%Y-%m-%d %H:%M}"


class ReadOnlyError(StegoError):
    """A project that can only be read: another process may change it, or nobody can."""


class WriteLock:
    """The right to change a project folder, until it is released or forgotten.

    Attributes
    ----------
    note : str
        What the user should know, such as that the disk cannot lock; empty if
        nothing.
    """

    def __init__(self, held: _Held) -> None:
        self.note = held.note
        self.release = weakref.finalize(self, _leave, held)
        """Give it up; harmless when done twice."""


class _Held:
    """The lock of one folder, as all of this process has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Released by whichever thread lets go last. Where the system cannot lock, a lock that
        # is a mere file would outlive a crash.
        self._lock = FileLock(folder / LOCK_FILE, thread_local=False, fallback_to_soft=False)
        self.users = 0
        self.note = ""

    def acquire(self) -> None:
        if self._lock.is_locked or self.note:
            return
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise _taken(self._folder) from None
        except (OSError, NotImplementedError) as error:
            self.note = _without_lock(self._folder, error)
            return
        own = Holder(pid=os.getpid(), host=platform.node(), since=datetime.now().astimezone())
        with contextlib.suppress(StegoError):  # a full disk takes the lock all the same
            write_json(self._folder / HOLDER_FILE, own.model_dump(mode="json"))

    def release(self) -> None:
        self.note = ""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                (self._folder / HOLDER_FILE).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._lock.release(force=True)


# Both may be entered again by a collection of garbage in the middle of them; so nothing is ever
# taken out of the dictionary.
_guard = threading.RLock()
_of_folder: dict[Path, _Held] = {}


def take(folder: Path) -> WriteLock:
    """Take the lock of a folder, or share it with the rest of this process.

    Parameters
    ----------
    folder : Path
        A project folder that is there.

    Returns
    -------
    WriteLock
        The lock. On a disk that cannot lock it is given all the same, with a
        note that says so.

    Raises
    ------
    ReadOnlyError
        If another process has it, or the folder cannot be written.
    """
    place = folder.resolve()
    with _guard:
        held = _of_folder.setdefault(place, _Held(place))
        held.users += 1
        try:
            held.acquire()
        except BaseException:
            held.users -= 1
            raise
        return WriteLock(held)


def _leave(held: _Held) -> None:
    with _guard:
        held.users -= 1
        if not held.users:
            held.release()


def _taken(folder: Path) -> ReadOnlyError:
    try:
        who = str(Holder.model_validate_json(read_json(folder / HOLDER_FILE, _MAX_BYTES)))
    except (OSError, ValidationError, ValueError):  # it is just being written
        who = "another program"
    return ReadOnlyError(
        f"It can only be read here: {folder} is open elsewhere ({who}). Close it there and "
        "open it again here."
    )


def _without_lock(folder: Path, error: OSError | NotImplementedError) -> str:
    number = getattr(error, "errno", None)
    reason = getattr(error, "strerror", None) or error
    if number in _NOT_WRITABLE:
        raise ReadOnlyError(
            f"{folder} cannot be written ({reason}), so it can only be read. Check the permissions "
            "of the folder, or work on a copy of it."
        ) from error
    if number not in _NOT_SUPPORTED and not isinstance(error, NotImplementedError):
        raise ReadOnlyError(
            f"{folder / LOCK_FILE} cannot be locked ({reason}), so the project can only be read. "
            "Delete that file and open the project again."
        ) from error
    return (
        f"The disk of {folder} cannot lock files ({reason}): see to it that no other program or "
        "computer changes the project meanwhile."
    )
