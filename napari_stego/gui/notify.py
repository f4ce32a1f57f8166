"""Problems shown in napari's own way: in words if the user can act, else in full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from napari.utils.notifications import notification_manager, show_error

from napari_stego.errors import StegoError


def show_problem(error: Exception) -> None:
    """Show an error.

    Parameters
    ----------
    error : Exception
        A `StegoError` is shown by its message; anything else, being a fault
        of the program, with its traceback.
    """
    if isinstance(error, StegoError):
        show_error(str(error))
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)


@contextmanager
def problems_shown() -> Iterator[None]:
    """Show what the block raises as `StegoError`, and go on after it."""
    try:
        yield
    except StegoError as error:
        show_problem(error)
