"""CocoStuff-27: COCO-Stuff with its labels merged to 27 classes."""

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
    listed,
)

# A class and the values that merge into it. Values are COCO-Stuff ids less 1: things are 0 to 90,
# stuff is 91 to 181.
_MERGE: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("electronic", (*range(71, 77),)),
    ("appliance", (*range(77, 83),)),
    ("food", (*range(51, 61),)),
    ("furniture", (*range(61, 71),)),
    ("indoor", (*range(83, 91),)),
    ("kitchen", (*range(43, 51),)),
    ("accessory", (*range(25, 33),)),
    ("animal", (*range(15, 25),)),
    ("outdoor", (*range(9, 15),)),
    ("person", (0,)),
    ("sports", (*range(33, 43),)),
    ("vehicle", (*range(1, 9),)),
    ("ceiling", (101, 102)),
    ("floor", (100, *range(113, 118))),
    ("food-stuff", (120, 121, 152, 169)),
    ("furniture-stuff", (97, 106, 107, 109, 111, 122, 129, 132, 155, 160, 164)),
    ("raw material", (99, 131, 138, 142)),
    ("textile", (91, 92, 103, 104, 108, 130, 136, 140, 151, 166, 167)),
    ("wall", (*range(170, 177),)),
    ("window", (179, 180)),
    ("building", (94, 95, 127, 150, 157, 165)),
    ("ground", (110, 124, 125, 135, 139, 143, 144, 146, 148, 153, 158)),
    ("plant", (93, 96, 118, 123, 128, 133, 141, 162, 168)),
    ("sky", (105, 156)),
    ("solid", (126, 134, 149, 159, 161, 181)),
    ("structural", (98, 112, 137, 145, 163)),
    ("water", (119, 147, 154, 177, 178)),
)
_TABLE = index_table({value: k for k, (_, values) in enumerate(_MERGE) for value in values})
_LAYOUT = (
    "images/val2017/*.jpg, annotations/val2017/*.png and the lists of the curated split, "
    "curated/val2017/Coco164kFull_Stuff_Coarse_7.txt (and the same of train2017, with "
    "Coco164kFull_Stuff_Coarse.txt)"
)


def open_cocostuff27(root: Path, split: Split = "test") -> MaskedDataset:
    """Open CocoStuff-27.

    Parameters
    ----------
    root : Path
        Folder with ``images``, ``annotations`` and ``curated``, or the one
        above it, as the official STEGO lays them out.
    split : "train" or "test"
        The curated part of ``train2017``, or of ``val2017`` (2,175 photographs).

    Returns
    -------
    MaskedDataset
        27 classes.

    Raises
    ------
    DatasetError
        If a list or a file is missing.

    References
    ----------
    Caesar et al., "COCO-Stuff: Thing and Stuff Classes in Context", CVPR 2018.
    The merge and the curated split are those of Ji et al., "Invariant
    Information Clustering", ICCV 2019, as the STEGO paper uses them.
    """
    root = inside(root, "cocostuff")
    part, names = {
        "train": ("train2017", "Coco164kFull_Stuff_Coarse.txt"),
        "test": ("val2017", "Coco164kFull_Stuff_Coarse_7.txt"),
    }[split]
    images, masks = root / "images" / part, root / "annotations" / part
    photographs = [
        MaskedPhotograph(name, images / f"{name}.jpg", masks / f"{name}.png")
        for name in listed(root / "curated" / part / names, _LAYOUT)
    ]
    return MaskedDataset(
        "cocostuff27",
        split,
        tuple(name for name, _ in _MERGE),
        checked(photographs, root, _LAYOUT),
        partial(decode_indices, table=_TABLE),
    )
