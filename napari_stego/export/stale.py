"""Files of an earlier export that a later one has not replaced."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from napari_stego.export.panoptic import FILE, FOLDER

SUFFIXES = {"masks": ".png", "masks_tiff": ".tif", "overlays": ".jpg", FOLDER: ".png"}
"""Folders of an export, and the suffix of the files in each."""


def stale_files(folder: Path, written: Collection[str], stems: Collection[str]) -> tuple[str, ...]:
    """List what an earlier export left in a folder.

    Parameters
    ----------
    folder : Path
        The folder of the export.
    written : collection of str
        Which of `SUFFIXES` the latest export has written.
    stems : collection of str
        What it has written in each of them: paths relative to it, with forward
        slashes and without the suffix.

    Returns
    -------
    tuple of str
        Paths relative to `folder` of files of the same kinds that are not of
        the latest export, sorted. Links to folders are not followed.
    """
    found = []
    for kind, suffix in SUFFIXES.items():
        for place, _, names in os.walk(folder / kind):
            for name in names:
                # What begins with a dot is the temporary file of an export that was killed.
                if not name.endswith(suffix) or name.startswith("."):
                    continue
                path = PurePosixPath(Path(place, name).relative_to(folder / kind).as_posix())
                if kind not in written or str(path).removesuffix(suffix) not in stems:
                    found.append(f"{kind}/{path}")
    if FOLDER not in written and (folder / FILE).is_file():
        found.append(FILE)
    return tuple(sorted(found))
