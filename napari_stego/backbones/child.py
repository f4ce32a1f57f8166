"""Downloads in processes of their own, which a cancel can end at once."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from napari_stego.backbones.state_dicts import WeightsError
from napari_stego.progress import CancelToken, ProgressCallback

_POLL_SECONDS = 0.2


def run_download(
    command: Sequence[str], progress: ProgressCallback, cancel: CancelToken | None
) -> str:
    """Run a program that downloads weights, and wait for its end.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    progress : ProgressCallback
        Called while waiting.
    cancel : CancelToken, optional
        Kills the program.

    Returns
    -------
    str
        What it printed.

    Raises
    ------
    WeightsError
        If it fails; the message is the last line of its errors.
    Cancelled
        If `cancel` is set.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        # Windows would open a console otherwise.
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    try:
        while True:
            progress(0, 1, "downloading weights")
            if cancel is not None:
                cancel.raise_if_cancelled()
            try:
                output, errors = process.communicate(timeout=_POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                continue
    finally:
        process.kill()
        process.communicate()
    if cancel is not None:
        cancel.raise_if_cancelled()  # Ctrl-C reaches the program too, which then fails
    if process.returncode != 0:
        lines = [line.strip() for line in errors.splitlines() if line.strip()]
        raise WeightsError(lines[-1] if lines else f"it ended with code {process.returncode}")
    return output
