"""Classes: names and colours over clusters, and the edits that make them."""

from napari_stego.classes.edits import ClassEdit, MergeClasses, RecolourClass, RenameClass
from napari_stego.classes.history import ClassHistory
from napari_stego.classes.table import UNLABELLED, ClassEditError, ClassRow, ClassTable

__all__ = [
    "UNLABELLED",
    "ClassEdit",
    "ClassEditError",
    "ClassHistory",
    "ClassRow",
    "ClassTable",
    "MergeClasses",
    "RecolourClass",
    "RenameClass",
]
