"""Saving the layer of classes the way napari saves any layer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QProgressDialog

from napari_stego.clustering import CrfSettings
from napari_stego.corpus import CorpusImage
from napari_stego.errors import StegoError
from napari_stego.export import write_png_mask, write_tiff_mask
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import ExportSettings, Project, Segmentation, export

_KEY = "napari-stego"
_PNG = frozenset({".png"})
_TIFF = frozenset({".tif", ".tiff"})


class _Shown(BaseModel):
    """What the metadata of the layer say; they come from a layer, and are not trusted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    project: str
    image: str
    crf: dict[str, Any] | None


def shown_classes(folder: Path, image: CorpusImage, crf: CrfSettings | None) -> dict[str, Any]:
    """Describe the layer of classes for `write_classes`, as metadata of the layer.

    Parameters
    ----------
    folder : Path
        The project.
    image : CorpusImage
        The image on show.
    crf : CrfSettings, optional
        How its edges are refined.

    Returns
    -------
    dict
        The metadata.
    """
    settings = None if crf is None else crf.model_dump(mode="json")
    return {_KEY: _Shown(project=str(folder), image=image.name, crf=settings).model_dump()}


def write_classes(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Save the layer of classes.

    Parameters
    ----------
    path : str
        Ending in ``.png``, ``.tif`` or ``.tiff``: the mask of the photograph
        on show, with the colours of its classes. Else a folder, for a complete
        export of all photographs; edges are refined if they are on show.
    data : array-like
        ``(H, W) uint16`` class ids.
    attributes : mapping
        Attributes of the layer, among them its metadata.

    Returns
    -------
    list of str
        What was written; of an export, the folder first.

    Raises
    ------
    StegoError
        If the layer is another one, or it cannot be written, or the export was
        cancelled.
    """
    shown, target = _shown(attributes), Path(path)
    project = Project.open(Path(shown.project), writable=False)
    segmentation = Segmentation(project)
    suffix = target.suffix.lower()
    if suffix in _PNG | _TIFF:
        labels = _labels(data)
        write = write_png_mask if suffix in _PNG else write_tiff_mask
        write(target, labels, segmentation.table)
        return [str(target)]
    crf = None if shown.crf is None else CrfSettings.model_validate(shown.crf)
    return _export(project, target, ExportSettings(crf=crf), segmentation)


def _shown(attributes: Mapping[str, Any]) -> _Shown:
    try:
        return _Shown.model_validate(attributes["metadata"][_KEY])
    except (KeyError, TypeError, ValidationError) as error:
        name = attributes.get("name", "This layer")
        raise StegoError(
            f"“{name}” does not show the classes of a project, and napari-stego saves only those. "
            "If it shows a split or a correction that is not made yet, make it or cancel it "
            "first. Else choose a writer of napari in the list of file types."
        ) from error


def _labels(data: Any) -> npt.NDArray[np.uint16]:
    labels = np.asarray(data)
    if labels.ndim != 2 or labels.min(initial=0) < 0 or labels.max(initial=0) >= 2**16:
        raise StegoError("This layer holds no class ids. Show the photograph again, and save it.")
    return labels.astype(np.uint16)


def _export(
    project: Project, folder: Path, settings: ExportSettings, segmentation: Segmentation
) -> list[str]:
    """Export while napari waits, as it does for its own writers; it can be cancelled."""
    cancel = CancelToken()
    dialog = QProgressDialog("Exporting…", "Cancel", 0, 0, QApplication.activeWindow())
    dialog.setWindowTitle("napari-stego")
    # Without it, the classes could be edited in the middle of their export.
    dialog.setWindowModality(Qt.WindowModality.ApplicationModal)
    dialog.setMinimumDuration(500)
    dialog.canceled.connect(cancel.cancel)

    def show(done: int, total: int, _: str) -> None:
        dialog.setMaximum(total)
        dialog.setValue(done)

    try:
        report = export(
            project, folder, settings, segmentation=segmentation, progress=show, cancel=cancel
        )
    except Cancelled as error:
        raise StegoError(
            f"The export was cancelled. The files in {folder} are complete, but not all are there."
        ) from error
    finally:
        dialog.canceled.disconnect(cancel.cancel)
        dialog.close()
        dialog.deleteLater()
    files = ["classes.csv", *(name for name in settings.folders)]
    return [str(report.folder), *(str(report.folder / name) for name in files)]
