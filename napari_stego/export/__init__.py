"""What leaves the project: masks, the class table, pictures."""

from napari_stego.export.classes_csv import write_classes_csv
from napari_stego.export.masks import write_png_mask, write_tiff_mask
from napari_stego.export.overlay import overlay, write_overlay

__all__ = [
    "overlay",
    "write_classes_csv",
    "write_overlay",
    "write_png_mask",
    "write_tiff_mask",
]
