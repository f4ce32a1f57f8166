"""The command line: the same verbs as the plugin, without Qt."""

from napari_stego.cli.app import main

__all__ = ["main"]
