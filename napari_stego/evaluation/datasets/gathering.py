"""Putting the photographs of a split into one folder, to make a project of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from napari_stego.evaluation.datasets.base import MaskedDataset
from napari_stego.files import replacing
from napari_stego.progress import CancelToken, ProgressCallback, no_progress


def gather(
    dataset: MaskedDataset,
    folder: Path,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> int:
    """Put the photographs of a data set's split into a folder.

    They are linked where the file system allows it, so that they take no
    space, and copied elsewhere; those in MATLAB files become PNG. What is in
    the folder already stays.

    Parameters
    ----------
    dataset : MaskedDataset
        The split.
    folder : Path
        The folder; it is made.
    progress : ProgressCallback
        Called once a photograph.
    cancel : CancelToken, optional
        Obeyed between photographs; another call goes on from there.

    Returns
    -------
    int
        Photographs of the split, all of them in the folder now.

    Raises
    ------
    StegoError
        If a photograph cannot be read, or the folder cannot be written.
    Cancelled
        If `cancel` is set.
    """
    folder = folder.expanduser().absolute()
    total = len(dataset.photographs)
    for done, photograph in enumerate(dataset.photographs):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, total, "gathering photographs")
        source = dataset.readable(photograph, folder)
        target = folder / f"{photograph.name}{source.suffix}"
        if not target.is_file():
            _link_or_copy(source, target)
    progress(total, total, "gathering photographs")
    return total


def _link_or_copy(source: Path, target: Path) -> None:
    with replacing(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(source, temporary)
