"""Progress callbacks and cancellation, shared by every long call of the core."""

from __future__ import annotations

import threading
from typing import Protocol


class ProgressCallback(Protocol):
    """Called from inside a long computation, often and cheaply."""

    def __call__(self, done: int, total: int, message: str) -> None:
        """Report progress.

        Parameters
        ----------
        done, total : int
            Finished and overall units of work, ``0 <= done <= total``.
        message : str
            What is being done, in the user's words; the same for all of it.
        """


def no_progress(done: int, total: int, message: str) -> None:
    """Ignore progress; the default callback.

    Parameters
    ----------
    done, total : int
        Finished and overall units of work.
    message : str
        What is being done.
    """


class Cancelled(Exception):  # noqa: N818 - an outcome the user asked for, not an error
    """A long call stopped because its cancel token was set."""


class CancelToken:
    """What one thread sets and a long call in another obeys: to stop, or to wait."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._going_on = threading.Event()
        self._going_on.set()

    def cancel(self) -> None:
        """Ask the call that holds this token to stop at its next safe point, paused or not."""
        self._cancelled.set()
        self._going_on.set()

    def pause(self) -> None:
        """Ask the call to wait at its next safe point, until `resume` or `cancel`."""
        if not self._cancelled.is_set():
            self._going_on.clear()

    def resume(self) -> None:
        """Let the call go on; harmless if it is not paused."""
        self._going_on.set()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` once `cancel` has been called; wait while paused.

        Raises
        ------
        Cancelled
            If the token is set.
        """
        self._going_on.wait()
        if self._cancelled.is_set():
            raise Cancelled("cancelled by the user")
