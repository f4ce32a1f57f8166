"""What leaves the project: masks, the class table, pictures."""

from napari_stego.export.classes_csv import write_classes_csv
from napari_stego.export.masks import write_png_mask, write_tiff_mask
from napari_stego.export.overlay import overlay, write_overlay
from napari_stego.export.panoptic import PanopticImage, PanopticWriter, panoptic_writer
from napari_stego.export.stale import stale_files
from napari_stego.export.totals import ClassTotals, Totals

__all__ = [
    "ClassTotals",
    "PanopticImage",
    "PanopticWriter",
    "Totals",
    "overlay",
    "panoptic_writer",
    "stale_files",
    "write_classes_csv",
    "write_overlay",
    "write_png_mask",
    "write_tiff_mask",
]
