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
    """Describe the layer of classes for `write_mask` and `write_export`, as metadata of the layer.

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


def write_mask(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Save the layer of classes as a mask of the photograph on show.

    Parameters
    ----------
    path : str
        Ending in ``.png``, ``.tif`` or ``.tiff``; ``.png`` is added to others.
    data : array-like
        ``(H, W) uint16`` class ids.
    attributes : mapping
        Attributes of the layer, among them its metadata.

    Returns
    -------
    list of str
        What was written.

    Raises
    ------
    StegoError
        If the layer is another one, or it cannot be written.
    """
    shown, target = _shown(attributes), Path(path)
    if target.suffix.lower() not in _PNG | _TIFF:
        target = target.with_name(f"{target.name}.png")
    table = Segmentation(Project.open(Path(shown.project), writable=False)).table
    write = write_png_mask if target.suffix.lower() in _PNG else write_tiff_mask
    write(target, _labels(data), table)
    return [str(target)]


def write_export(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Save the layer of classes as a complete export of all photographs.

    Parameters
    ----------
    path : str
        A folder. Edges are refined if they are on show.
    data : array-like
        Not looked at: what is written are the classes of the project.
    attributes : mapping
        Attributes of the layer, among them its metadata.

    Returns
    -------
    list of str
        What was written, the folder first.

    Raises
    ------
    StegoError
        If the layer is another one, the path is one of a file, it cannot be
        written, or the export was cancelled.
    """
    shown, target = _shown(attributes), Path(path)
    if target.suffix.lower() in _PNG | _TIFF:
        raise StegoError(
            f"An export of all photographs is a folder. Leave “{target.suffix}” out of its name, "
            "or choose “mask of this photograph”."
        )
    project = Project.open(Path(shown.project), writable=False)
    crf = None if shown.crf is None else CrfSettings.model_validate(shown.crf)
    return _export(project, target, ExportSettings(crf=crf), Segmentation(project))


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
