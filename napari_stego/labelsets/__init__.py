"""Label sets: the lists of names that classes are named from."""

from napari_stego.labelsets.assigning import assign
from napari_stego.labelsets.labels import Ancestor, Label, LabelSet, LabelSetError, Problem
from napari_stego.labelsets.reading import read_label_set
from napari_stego.labelsets.saving import load_label_set, save_label_set

__all__ = [
    "Ancestor",
    "Label",
    "LabelSet",
    "LabelSetError",
    "Problem",
    "assign",
    "load_label_set",
    "read_label_set",
    "save_label_set",
]
