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
    """A flag that one thread sets and a long call in another thread obeys."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the call that holds this token to stop at its next safe point."""
        self._event.set()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` once `cancel` has been called.

        Raises
        ------
        Cancelled
            If the token is set.
        """
        if self._event.is_set():
            raise Cancelled("cancelled by the user")
