"""Cityscapes-27: all labels of Cityscapes that are no void."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari_stego.evaluation.datasets.base import MaskedDataset, Split
from napari_stego.evaluation.datasets.files import (
    MaskedPhotograph,
    checked,
    decode_indices,
    index_table,
    inside,
)

# Label ids 7 to 33, in order.
_CLASSES = (
    *("road", "sidewalk", "parking", "rail track", "building", "wall", "fence", "guard rail"),
    *("bridge", "tunnel", "pole", "pole group", "traffic light", "traffic sign", "vegetation"),
    *("terrain", "sky", "person", "rider", "car", "truck", "bus", "caravan", "trailer", "train"),
    *("motorcycle", "bicycle"),
)
_FIRST_ID = 7
_TABLE = index_table({_FIRST_ID + index: index for index in range(len(_CLASSES))})
_IMAGE, _MASK = "_leftImg8bit.png", "_gtFine_labelIds.png"
_LAYOUT = f"leftImg8bit/val/CITY/*{_IMAGE} and gtFine/val/CITY/*{_MASK}"


def open_cityscapes27(root: Path, split: Split = "test") -> MaskedDataset:
    """Open Cityscapes-27.

    Parameters
    ----------
    root : Path
        Folder with ``leftImg8bit`` and ``gtFine``, as distributed, or the one
        above it.
    split : "train" or "test"
        Cityscapes' ``train`` or, as in the paper, its ``val`` (500
        photographs): the masks of its own ``test`` are not public.

    Returns
    -------
    MaskedDataset
        27 classes: the label ids 7 to 33.

    Raises
    ------
    DatasetError
        If a file is missing.

    References
    ----------
    Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene
    Understanding", CVPR 2016. The 27 classes are those of Cho et al., "PiCIE",
    CVPR 2021, as the STEGO paper uses them.
    """
    root = inside(root, "cityscapes")
    part = {"train": "train", "test": "val"}[split]
    images, masks = root / "leftImg8bit" / part, root / "gtFine" / part
    photographs = [
        MaskedPhotograph(
            path.relative_to(images).with_suffix("").as_posix(),
            path,
            masks / path.parent.name / path.name.replace(_IMAGE, _MASK),
        )
        for path in sorted(images.glob(f"*/*{_IMAGE}"))
    ]
    return MaskedDataset(
        "cityscapes27",
        split,
        _CLASSES,
        checked(photographs, root, _LAYOUT),
        partial(decode_indices, table=_TABLE),
    )
