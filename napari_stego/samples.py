"""The synthetic reef that comes with the package."""

from __future__ import annotations

from pathlib import Path

import napari_stego


def reef_folder() -> Path:
    """Find the photographs of the synthetic reef.

    Returns
    -------
    Path
        Folder with ``images``, ``masks`` and ``classes.csv``: in the installed
        package, or in a checkout of the source.

    Raises
    ------
    FileNotFoundError
        If the installation lacks them.
    """
    package = Path(napari_stego.__file__).parent
    for folder in (package / "_sample_data", package.parent / "sample_data"):
        if (folder / "classes.csv").is_file():
            return folder
    raise FileNotFoundError(f"there is no sample data beside {package}")
