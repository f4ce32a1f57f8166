"""What the first job needs is imported while the user looks at the empty dock."""

from __future__ import annotations

import gc
import importlib
import sys
import threading
from collections.abc import Callable

from napari_stego.garbage import no_collections
from napari_stego.gui.llvm import keep_triton_out

_WANTED = "timm"


def preload(may_spare: Callable[[], bool]) -> None:
    """Import timm in a thread, if it is not there yet: in a job it would hold up the window.

    Parameters
    ----------
    may_spare : callable
        Tells, from the thread, whether the collector of garbage may pass over
        all that is loaded then: not once there is something that can go.
    """
    if _WANTED not in sys.modules:
        keep_triton_out()
        threading.Thread(target=_load, args=(may_spare,), name="napari-stego imports").start()


def _load(may_spare: Callable[[], bool]) -> None:
    with no_collections():
        importlib.import_module(_WANTED)
        if may_spare():
            gc.freeze()
