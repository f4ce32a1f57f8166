"""Open napari with a project: ``python -m napari_stego.gui [PROJECT]``."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import napari


def main(arguments: list[str]) -> None:
    """Open napari with the plugin and, if one is named, a project.

    Parameters
    ----------
    arguments : list of str
        At most one: the project folder.
    """
    gc.freeze()  # modules never go: collections that stop the window pass over them
    viewer = napari.Viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-stego")
    if arguments:
        widget.open(None, Path(arguments[0]))
    napari.run()


if __name__ == "__main__":
    main(sys.argv[1:])
