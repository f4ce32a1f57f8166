"""Two copies of LLVM in one process: Mesa's, and the one in triton.

Mesa's OpenGL drivers (software rendering, AMD and Intel GPUs on Linux) load
LLVM when the viewer's window appears. Triton, which torchvision imports where
it is installed, brings another LLVM that then binds to Mesa's symbols and
crashes the process on import. Nothing here compiles models, so triton is not
needed.
"""

from __future__ import annotations

import sys
from pathlib import Path

_MAPS = Path("/proc/self/maps")


def keep_triton_out() -> None:
    """Make the import of triton fail cleanly where it would crash.

    Does nothing where triton is loaded already, or no LLVM is.
    """
    if "triton" not in sys.modules and _MAPS.exists() and "libLLVM" in _MAPS.read_text():
        sys.modules["triton"] = None  # what the import statement takes for "not there"
