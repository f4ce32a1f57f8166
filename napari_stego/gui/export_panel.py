"""The dialog that asks what to export, and where."""

from __future__ import annotations

from pathlib import Path

from magicgui.widgets import CheckBox, ComboBox, Container, FileEdit
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from napari_stego.clustering import CrfSettings
from napari_stego.inference import DETAILS
from napari_stego.project import ExportSettings


class ExportDialog(QDialog):
    """Asks what to export, and where.

    Parameters
    ----------
    folder : Path
        Proposed folder.
    parent : QWidget
        Owner.
    """

    def __init__(self, folder: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export classes")
        self.form = Container(
            widgets=[
                FileEdit(
                    name="folder",
                    label="Folder",
                    mode="d",
                    value=folder,
                    tooltip="Files of an earlier export in it are replaced.",
                ),
                CheckBox(
                    name="png",
                    text="Indexed PNG masks",
                    value=True,
                    tooltip="Values are class ids, at the size of the photographs.",
                ),
                CheckBox(
                    name="tiff",
                    text="TIFF masks",
                    value=True,
                    tooltip="Values are class ids, at the size of the photographs.",
                ),
                CheckBox(
                    name="overlays",
                    text="Overlay pictures with legend",
                    value=True,
                    tooltip="For reports and for a quick look.",
                ),
                CheckBox(
                    name="panoptic",
                    text="COCO panoptic",
                    value=True,
                    tooltip="For tools of machine learning: panoptic.json and PNGs of ids.",
                ),
                CheckBox(
                    name="crf",
                    text="Refine edges (CRF): seconds per photograph",
                    value=False,
                    tooltip="Let the classes follow the edges of the photographs.",
                ),
                ComboBox(
                    name="detail",
                    label="Detail",
                    choices=DETAILS,
                    value="as-extracted",
                    tooltip="as-extracted: by the features there are, the quickest. mirrored: mean "
                    "with the mirror image. finer: that, over four shifted patch grids. full-size: "
                    "windows over the photograph at its own size, for small things in large "
                    "images.",
                ),
            ],
            labels=True,
        )
        choices = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(choices.Ok | choices.Cancel, self)
        self.buttons.button(choices.Ok).setText("Export")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.form.native)
        layout.addWidget(self.buttons)

    @property
    def folder(self) -> Path:
        """The folder chosen."""
        return Path(self.form["folder"].value)

    @property
    def settings(self) -> ExportSettings:
        """What was asked for; ``classes.csv`` is always written."""
        values = self.form.asdict()
        return ExportSettings(
            png=values["png"],
            tiff=values["tiff"],
            overlays=values["overlays"],
            panoptic=values["panoptic"],
            crf=CrfSettings() if values["crf"] else None,
            detail=values["detail"],
        )
