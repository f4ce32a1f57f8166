"""The panel that asks what to export, and where."""

from __future__ import annotations

from pathlib import Path

from magicgui.widgets import CheckBox, ComboBox, Container, FileEdit
from qtpy.QtCore import QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_stego.clustering import CrfSettings
from napari_stego.gui.session import Session
from napari_stego.inference import DETAILS
from napari_stego.project import ExportSettings


class ExportPanel(QWidget):
    """Asks what to export, and where.

    Signals: ``wanted`` (folder, `ExportSettings`).

    Parameters
    ----------
    session : Session
        What is open.
    parent : QWidget
        Owner.
    """

    wanted = Signal(object, object)

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._busy = False
        self.form = Container(
            widgets=[
                FileEdit(
                    name="folder",
                    label="Folder",
                    mode="d",
                    nullable=True,
                    value=None,
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
        self.form.margins = (0, 0, 0, 0)
        self.start = QPushButton("E&xport", self)
        self.start.setToolTip("Write classes.csv, and what is chosen above (Alt+X)")
        self.start.clicked.connect(lambda: self.wanted.emit(self.folder, self.settings))
        self.show_folder = QPushButton("Show the folder", self)
        self.show_folder.setToolTip("Open the folder in the file browser of the desktop")
        self.show_folder.clicked.connect(self._show_folder)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start, 1)
        buttons.addWidget(self.show_folder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form.native)
        layout.addLayout(buttons)
        session.corpus_changed.connect(self._propose)
        session.segmentation_changed.connect(self._follow)
        self._follow()

    def set_busy(self, busy: bool) -> None:
        """Tell whether a job is running, beside which nothing can be exported.

        Parameters
        ----------
        busy : bool
            Whether one is.
        """
        self._busy = busy
        self._follow()

    def _propose(self) -> None:
        folder = self._session.folder
        self.form["folder"].value = None if folder is None else folder / "export"

    def _follow(self) -> None:
        self.start.setEnabled(self._session.segmentation is not None and not self._busy)
        self.show_folder.setEnabled(self._session.folder is not None and self.folder.is_dir())

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.folder)))

    @property
    def folder(self) -> Path:
        """The folder chosen; by default that of the project."""
        chosen, project = self.form["folder"].value, self._session.folder
        if project is not None and (chosen is None or Path(chosen) == Path()):
            return project / "export"
        return Path(chosen or "")

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
