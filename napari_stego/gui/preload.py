"""What the first job needs is imported while the user looks at the empty dock."""

from __future__ import annotations

import gc
import importlib
import sys
import threading

from napari_stego.garbage import no_collections
from napari_stego.gui.llvm import keep_triton_out

_WANTED = "timm"


def spare_loaded_modules() -> None:
    """Let the collector of garbage pass over all that is loaded by now.

    It stays, and to look through it again and again would hold up everything
    for a third of a second each time. ``gc.unfreeze`` takes it back.
    """
    gc.freeze()


def preload() -> None:
    """Import timm in a thread, if it is not there yet: in a job it would hold up the window."""
    if _WANTED not in sys.modules:
        keep_triton_out()
        threading.Thread(target=_load, name="napari-stego imports").start()


def _load() -> None:
    with no_collections():
        importlib.import_module(_WANTED)
        if gc.get_freeze_count():  # else the dock is closed by now
            spare_loaded_modules()
