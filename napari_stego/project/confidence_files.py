"""How certain a classifier is of each pixel, as files."""

from __future__ import annotations

from pathlib import Path

import tifffile

from napari_stego.files import replacing
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.exporting import check_folder
from napari_stego.project.proposing import propose
from napari_stego.project.teaching import Teaching


def check_confidence_folder(teaching: Teaching, folder: Path) -> None:
    """Make sure that confidence may be written to a folder.

    Parameters
    ----------
    teaching : Teaching
        The classifier.
    folder : Path
        Where it is to be written.

    Raises
    ------
    StegoError
        If it is among the photographs, or where the project keeps its own files.
    """
    check_folder(teaching.project, folder)
    teaching.project.check_target(folder)


def write_confidence(
    teaching: Teaching,
    folder: Path,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> int:
    """Write how certain each pixel of each photograph is, as 32-bit TIFF.

    Parameters
    ----------
    teaching : Teaching
        The classifier.
    folder : Path
        Where; files have the names of the photographs, and ``.tif`` after them.
    progress : ProgressCallback
        Called once a photograph.
    cancel : CancelToken, optional
        Obeyed between photographs; what is written stays.

    Returns
    -------
    int
        Photographs, which are those with features. Values are in ``[0, 1]``.

    Raises
    ------
    StegoError
        If the folder cannot be taken.
    TeachingError
        If the examples are not of two classes at least.
    Cancelled
        If `cancel` is set.
    """
    check_confidence_folder(teaching, folder)
    encodings = teaching.segmentation.encodings
    images = [image for image in teaching.project.corpus.images if encodings.has(image)]
    for done, image in enumerate(images):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(images), "writing confidence")
        found = propose(teaching, image).confidence
        with replacing(folder / f"{image.name}.tif") as temporary:
            tifffile.imwrite(temporary, found, photometric="minisblack", compression="zlib")
    progress(len(images), len(images), "writing confidence")
    return len(images)
