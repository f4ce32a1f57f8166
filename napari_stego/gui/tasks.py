"""A call in a thread of its own, whose outcome the main thread comes and asks for.

Nothing of Qt is touched in the thread: the main thread polls. So a window that
closes in the meantime leaves nothing behind that the thread could trip over.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from napari_stego.progress import Cancelled, CancelToken

T = TypeVar("T")

_NICENESS = 10


class Task(Generic[T]):
    """A call in a thread of its own.

    The thread keeps the process alive until the call ends, so that what it is
    writing when the last window closes is written.

    Parameters
    ----------
    work : callable
        Takes the token that asks it to stop.
    name : str
        Name of the thread.
    yielding : bool
        Leave the processor to the window whenever that wants it. What runs in
        the thread, and the threads it starts, get what remains; on Linux only.

    Attributes
    ----------
    token : CancelToken
        Set by `cancel`.
    error : Exception or None
        What the call raised, once `done`; None after a cancel.
    """

    def __init__(
        self, work: Callable[[CancelToken], T], name: str, *, yielding: bool = False
    ) -> None:
        self.token = CancelToken()
        self.error: Exception | None = None
        self._result: list[T] = []
        self._yielding = yielding
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,), name=name)
        self._thread.start()

    def _run(self, work: Callable[[CancelToken], T]) -> None:
        if self._yielding and sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        try:
            self._result.append(work(self.token))
        except Cancelled:
            pass
        except Exception as error:
            self.error = error
        finally:
            del work
            self._ended.set()

    @property
    def done(self) -> bool:
        """Whether the call has ended."""
        return self._ended.is_set()

    @property
    def succeeded(self) -> bool:
        """Whether the call has ended with a result."""
        return self.done and bool(self._result)

    @property
    def result(self) -> T:
        """What the call returned, once `succeeded`."""
        return self._result[0]

    def cancel(self) -> None:
        """Ask the call to stop at its next safe point."""
        self.token.cancel()

    def wait(self, seconds: float) -> bool:
        """Wait for the call to end.

        Parameters
        ----------
        seconds : float
            At most so long.

        Returns
        -------
        bool
            Whether it has ended.
        """
        self._thread.join(seconds)
        return self.done
