"""Classes: names and colours over clusters, strokes over both, and the edits that make them."""

from napari_stego.classes.actions import Action, Do, Jump, Redo, Undo
from napari_stego.classes.carrying import CarryOver, CarryReport, carry_over, count_overlap
from napari_stego.classes.edits import Batch, ClassEdit, SingleEdit, Stroke
from napari_stego.classes.history import ClassHistory
from napari_stego.classes.log import (
    DamagedLogError,
    EditLog,
    EditLogError,
    ReadEdits,
    create_log,
    read_edits,
)
from napari_stego.classes.migration import migrate_classes
from napari_stego.classes.painting import (
    Painted,
    give_region,
    paint,
    paint_difference,
    remove_strokes,
    reset_strokes,
)
from napari_stego.classes.palette import class_colour
from napari_stego.classes.pixel_edits import (
    AcceptProposal,
    PaintStroke,
    PixelEdit,
    ReassignRegion,
    RemoveStrokes,
    ResetStrokes,
    label_image,
)
from napari_stego.classes.rows import UNLABELLED, ClassEditError, ClassRow, ClusterSplit
from napari_stego.classes.runs import decode_runs, encode_runs
from napari_stego.classes.state import Change, ClassState
from napari_stego.classes.table import ClassTable
from napari_stego.classes.table_edits import (
    AddClass,
    DeleteClass,
    LockClass,
    MergeClasses,
    MoveClusters,
    NewClass,
    RecolourClass,
    RenameClass,
    SetCode,
    SetParent,
    SplitClass,
)

__all__ = [
    "UNLABELLED",
    "AcceptProposal",
    "Action",
    "AddClass",
    "Batch",
    "CarryOver",
    "CarryReport",
    "Change",
    "ClassEdit",
    "ClassEditError",
    "ClassHistory",
    "ClassRow",
    "ClassState",
    "ClassTable",
    "ClusterSplit",
    "DamagedLogError",
    "DeleteClass",
    "Do",
    "EditLog",
    "EditLogError",
    "Jump",
    "LockClass",
    "MergeClasses",
    "MoveClusters",
    "NewClass",
    "PaintStroke",
    "Painted",
    "PixelEdit",
    "ReadEdits",
    "ReassignRegion",
    "RecolourClass",
    "Redo",
    "RemoveStrokes",
    "RenameClass",
    "ResetStrokes",
    "SetCode",
    "SetParent",
    "SingleEdit",
    "SplitClass",
    "Stroke",
    "Undo",
    "carry_over",
    "class_colour",
    "count_overlap",
    "create_log",
    "decode_runs",
    "encode_runs",
    "give_region",
    "label_image",
    "migrate_classes",
    "paint",
    "paint_difference",
    "read_edits",
    "remove_strokes",
    "reset_strokes",
]
