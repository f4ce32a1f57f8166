"""The dialog that splits a class, with a preview in the viewer."""

from __future__ import annotations

from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGridLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_stego.classes import class_colour
from napari_stego.corpus import CorpusImage
from napari_stego.errors import StegoError
from napari_stego.gui.jobs import Reports
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.number_texts import share_text
from napari_stego.gui.session import Session
from napari_stego.progress import CancelToken
from napari_stego.project import SplitProposal

MAX_PARTS = 12
# Clicking through the numbers passes some that nobody wants.
_DELAY_MS = 200
_RELAY_MS = 100
_PATIENCE_SECONDS = 5.0
_GAP = 30


class SplitDialog(QDialog):
    """Asks into how many parts a class is to fall, and shows them meanwhile.

    The viewer stays usable: other photographs can be looked at. The class is
    split, in one edit, when the dialog is accepted; rejecting or closing it
    shows the classes as they are.

    Parameters
    ----------
    session : Session
        Whose class.
    layers : LayerStack
        Shows the parts.
    class_id : int
        A class of the session's table.
    parent : QWidget
        Owner.
    """

    def __init__(
        self, session: Session, layers: LayerStack, class_id: int, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._layers = layers
        self._class_id = class_id
        self._segmentation = session.segmentation
        self._row = session.table.row(class_id) if session.table is not None else None
        self._proposal: SplitProposal | None = None
        self._previewed: CorpusImage | None = None
        self._ended = False
        self._reports = Reports()
        self._runner = LatestRunner("napari-stego split", self)
        self._waiting = QTimer(self)
        self._waiting.setSingleShot(True)
        self._waiting.setInterval(_DELAY_MS)
        self._relaying = QTimer(self)
        self._relaying.setInterval(_RELAY_MS)
        self.parts = QSpinBox(self)
        self.parts.setRange(2, MAX_PARTS)
        self.parts.setAccessibleName("Number of parts")
        self.bar = QProgressBar(self)
        self.line = QLabel(self)
        self.line.setWordWrap(True)
        self.names: list[QLineEdit] = []
        self._shares: list[tuple[QLabel, QLabel]] = []
        choices = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(choices.Ok | choices.Cancel, self)
        self.split = self.buttons.button(choices.Ok)
        self.split.setText("Split")
        self._lay_out()
        self._connect()
        self._ask()

    @property
    def busy(self) -> bool:
        """Whether parts, or their preview, are still to come."""
        return self._waiting.isActive() or self._runner.busy

    def accept(self) -> None:
        """Split the class; a problem is told, and the dialog stays."""
        if self._proposal is None or not self.split.isEnabled():
            return
        names = [field.text() for field in self.names[1 : len(self._proposal)]]
        self._session.classes_changed.disconnect(self._follow)
        try:
            self._session.split(self._proposal, names)
        except StegoError as error:
            self._session.classes_changed.connect(self._follow)
            self.line.setText(str(error))
            return
        super().accept()

    def done(self, result: int) -> None:
        """End, in whatever way: nothing is left in the viewer, and no thread."""
        if self._ended:
            return
        self._ended = True
        self._waiting.stop()
        self._relaying.stop()
        self._runner.shut_down(_PATIENCE_SECONDS)
        self._session.classes_changed.disconnect(self._follow)
        self._session.segmentation_changed.disconnect(self._follow)
        self._layers.shown.disconnect(self._show)
        self._layers.end_preview()
        super().done(result)

    def _lay_out(self) -> None:
        name = self._row.name if self._row is not None else ""
        self.setWindowTitle(f"Split “{name}”")
        form = QFormLayout()
        form.addRow("Parts", self.parts)
        grid = QGridLayout()
        grid.setColumnStretch(2, 1)
        for part in range(MAX_PARTS):
            swatch, share, field = QLabel(self), QLabel(self), QLineEdit(self)
            swatch.setFixedSize(16, 16)
            swatch.setStyleSheet(f"background: {class_colour(part)}")
            share.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            field.setAccessibleName(f"Name of part {part + 1}")
            field.setPlaceholderText(name if not part else "name, or leave it for later")
            if not part:
                field.setEnabled(False)
                field.setToolTip("The largest part stays in the class")
            for column, each in enumerate((swatch, share, field)):
                grid.addWidget(each, part, column)
            self.names.append(field)
            self._shares.append((swatch, share))
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addLayout(grid)
        layout.addWidget(self.bar)
        layout.addWidget(self.line)
        layout.addStretch(1)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(320)

    def _connect(self) -> None:
        self.parts.valueChanged.connect(self._ask)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._waiting.timeout.connect(self._find)
        self._relaying.timeout.connect(self._relay)
        self._layers.shown.connect(self._show)
        self._session.classes_changed.connect(self._follow)
        self._session.segmentation_changed.connect(self._follow)

    def _follow(self) -> None:
        """Look again if the class has changed; end if it is gone."""
        table = self._session.table
        gone = table is None or self._session.segmentation is not self._segmentation
        if gone or table is None or self._class_id not in table:
            self.reject()
            return
        row = table.row(self._class_id)
        before, self._row = self._row, row
        if before is None or (before.clusters, before.locked) != (row.clusters, row.locked):
            self._ask()

    def _ask(self) -> None:
        """Look for parts, soon."""
        self._runner.drop()
        self._proposal = self._previewed = None
        self._layers.end_preview()
        self._fill()
        self._tell("Looking at the class…")
        self.bar.setRange(0, 0)
        self.bar.show()
        self._waiting.start()

    def _find(self) -> None:
        segmentation, class_id, parts = self._segmentation, self._class_id, self.parts.value()
        self._reports = reports = Reports()
        if segmentation is None:
            return

        def work(token: CancelToken) -> SplitProposal | StegoError:
            try:
                return segmentation.propose_split(
                    class_id, parts, progress=reports.progress, cancel=token
                )
            except StegoError as error:
                return error  # to be told here, and not in the corner of the viewer

        self._relaying.start()
        self._runner.submit(work, self._take, self._settle)

    def _take(self, found: SplitProposal | StegoError) -> None:
        if isinstance(found, StegoError):
            self._tell(str(found))
            return
        self._proposal = found
        self._fill()
        alike = float(found.similarity[0, 1:].max())
        self._tell(
            f"The largest part stays in the class. The part most like it is {alike:.2f} alike: "
            "near 1, the parts may be the same thing."
        )
        self._show()

    def _show(self) -> None:
        """Preview the parts on the photograph on show."""
        segmentation, proposal, image = self._segmentation, self._proposal, self._layers.image
        if segmentation is None or proposal is None or image is None or image == self._previewed:
            return
        self._previewed = image
        if not segmentation.encodings.has(image):
            self._tell(f"{image.name} has no features: there is nothing to preview on it.")
            return
        self._runner.submit(
            lambda token: segmentation.preview_split(image, proposal),
            lambda parts: self._show_parts(image, parts),
            self._settle,
        )

    def _show_parts(self, image: CorpusImage, parts: object) -> None:
        if image == self._layers.image:
            colours = {part + 1: class_colour(part) for part in range(MAX_PARTS)}
            names = {part + 1: f"part {part + 1}" for part in range(MAX_PARTS)}
            if self._row is not None:
                names[1] = self._row.name
            self._layers.preview(parts, colours, names)

    def _settle(self) -> None:
        self._relaying.stop()
        self.bar.hide()

    def _relay(self) -> None:
        progress = self._reports.take().progress
        if progress is not None:
            done, total, _ = progress
            self.bar.setRange(0, total)
            self.bar.setValue(done)

    def _fill(self) -> None:
        """Show as many parts as are asked for, with the shares that are known."""
        shares = self._proposal.shares.tolist() if self._proposal is not None else []
        for part, (swatch, share) in enumerate(self._shares):
            for each in (swatch, share, self.names[part]):
                each.setVisible(part < self.parts.value())
            share.setText(share_text(shares[part]) if part < len(shares) else "…")
        self.split.setEnabled(bool(shares))
        self.adjustSize()  # there may be fewer parts than before

    def _tell(self, text: str) -> None:
        self.line.setText(text)


def ask_split(
    session: Session, layers: LayerStack, class_id: int, parent: QWidget
) -> SplitDialog | None:
    """Open the dialog for a class; the viewer stays usable.

    Parameters
    ----------
    session : Session
        Whose class.
    layers : LayerStack
        Shows the parts.
    class_id : int
        The class.
    parent : QWidget
        Owner.

    Returns
    -------
    SplitDialog or None
        The open dialog; None if there is no such class.
    """
    if session.table is None or class_id not in session.table:
        return None
    dialog = SplitDialog(session, layers, class_id, parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    # Not over the photograph, nor over the classes.
    corner = parent.mapToGlobal(QPoint(0, 0))
    dialog.move(corner.x(), max(corner.y() - dialog.sizeHint().height() - _GAP, 0))
    dialog.show()
    return dialog
