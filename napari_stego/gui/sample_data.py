"""The synthetic reef for napari's menu of samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from napari_stego.corpus import discover, read_image
from napari_stego.samples import reef_folder


def reef() -> list[tuple[Any, dict[str, Any], str]]:
    """Read the synthetic reef: photographs, and the classes they were made from.

    Returns
    -------
    list of tuple
        Layers: ``(N, H, W, 3) uint8`` photographs and ``(N, H, W) uint8`` class ids.
    """
    folder = reef_folder()
    images = discover(folder / "images").images
    photographs = np.stack([read_image(image.path) for image in images])
    masks = [Image.open(folder / "masks" / f"{image.path.stem}.png") for image in images]
    return [
        (photographs, {"name": "synthetic reef", "rgb": True}, "image"),
        (
            np.stack([np.asarray(mask) for mask in masks]),
            {"name": "true classes", "visible": False},
            "labels",
        ),
    ]
