"""How commands talk: progress on stderr, results on stdout, errors as exit codes."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from napari_stego.errors import StegoError
from napari_stego.progress import Cancelled, CancelToken, ProgressCallback

EXIT_FAILED = 1
EXIT_CANCELLED = 130


def counted(number: int) -> str:
    """Put a number of photographs in words.

    Parameters
    ----------
    number : int
        How many.

    Returns
    -------
    str
        As "1 photograph".
    """
    return f"{number} photograph{'' if number == 1 else 's'}"


def left_out_text(number: int) -> str:
    """Say how many photographs were left as they are, since they were reviewed.

    Parameters
    ----------
    number : int
        Photographs.

    Returns
    -------
    str
        Two sentences; empty if there are none.
    """
    from napari_stego.project.review_file import left_out_text as told

    text = told(number).strip()
    return text and f"{text} --reviewed-too changes them, too."


class Reporter:
    """Reports one command: what it is doing and what came of it.

    Parameters
    ----------
    as_json : bool
        Print results as one JSON object on stdout instead of as text.
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._errors = Console(stderr=True)
        self.cancel = CancelToken()

    @contextmanager
    def progress(self) -> Iterator[ProgressCallback]:
        """Show a progress bar for each message reported within the block.

        Yields
        ------
        ProgressCallback
            To be passed to the core.
        """
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._errors,
        ) as bars:
            tasks: dict[str, Any] = {}

            def report(done: int, total: int, message: str) -> None:
                if message not in tasks:
                    tasks[message] = bars.add_task(message, total=total)
                bars.update(tasks[message], completed=done, total=total)

            yield report

    @contextmanager
    def command(self) -> Iterator[None]:
        """Turn Ctrl-C into a cancel and errors into messages and exit codes.

        A second Ctrl-C stops at once.

        Raises
        ------
        typer.Exit
            With code 1 after a `StegoError`, 130 after a cancel.
        """
        before = signal.getsignal(signal.SIGINT)

        def interrupted(signum: int, frame: FrameType | None) -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.note("Stopping at the next safe point; what is finished is kept.")
            self.cancel.cancel()

        signal.signal(signal.SIGINT, interrupted)
        try:
            yield
        except StegoError as error:
            self._fail(str(error), EXIT_FAILED)
        except (Cancelled, KeyboardInterrupt):
            self._fail("Cancelled. Run the same command again to go on.", EXIT_CANCELLED)
        finally:
            signal.signal(signal.SIGINT, before)

    def _fail(self, message: str, code: int) -> None:
        if self._as_json:
            typer.echo(json.dumps({"error": message}))
        self._print(f"Error: {message}", style="red")
        raise typer.Exit(code)

    def note(self, message: str) -> None:
        """Tell something that is no result.

        Parameters
        ----------
        message : str
            One or more lines.
        """
        self._print(message)

    def _print(self, message: str, style: str | None = None) -> None:
        # Lines are left to the terminal to wrap, so that commands and paths can be copied.
        self._errors.print(message, style=style, markup=False, highlight=False, soft_wrap=True)

    def result(self, values: Mapping[str, Any], text: str) -> None:
        """Print the result of the command.

        Parameters
        ----------
        values : mapping
            For ``--json``.
        text : str
            For people.
        """
        # Not every terminal or pipe takes all that names may hold; JSON is pure ASCII.
        encoding = sys.stdout.encoding or "ascii"
        shown = text.encode(encoding, "backslashreplace").decode(encoding)
        typer.echo(json.dumps(values) if self._as_json else shown)
