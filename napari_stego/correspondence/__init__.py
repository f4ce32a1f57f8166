"""Correspondence between positions: click, and see where else."""

from napari_stego.correspondence.heatmap import correspondence_heatmap

__all__ = ["correspondence_heatmap"]
