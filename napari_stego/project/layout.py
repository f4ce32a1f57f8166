"""Where things are in a project folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from napari_stego.project.project_file import STATE_FILE, ProjectError
from napari_stego.untrusted import link_below, link_between


class ProjectFolder:
    """The files and folders of a project, there or not.

    Parameters
    ----------
    folder : Path
        The project folder.

    Attributes
    ----------
    folder : Path
        The project folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def exists(folder: Path) -> bool:
        """Tell whether a folder is a project.

        Parameters
        ----------
        folder : Path
            The folder, there or not.

        Returns
        -------
        bool
            Whether there is a project, readable or not.
        """
        return (folder.expanduser() / STATE_FILE).exists()

    def inside(self, *parts: str) -> Path:
        """Name a file or folder of the project.

        Parameters
        ----------
        *parts : str
            Names, from the project folder down.

        Returns
        -------
        Path
            The path, there or not.

        Raises
        ------
        ProjectError
            If there is a link on the way: it could lead anywhere.
        """
        path = self.folder.joinpath(*parts)
        _refuse(link_between(self.folder, path))
        return path

    def check_target(self, folder: Path) -> None:
        """Make sure that what is written to a folder of the project stays in the project.

        Parameters
        ----------
        folder : Path
            Any folder; one elsewhere is the user's own affair.

        Raises
        ------
        ProjectError
            If it is in the project, and there is a link in it or on the way.
        """
        folder = folder.expanduser().absolute()
        if folder.is_relative_to(self.folder):
            _refuse(link_between(self.folder, folder) or link_below(folder))

    def run_file(self, key: str) -> Path:
        """Name the file of a run.

        Parameters
        ----------
        key : str
            Key of the run.

        Returns
        -------
        Path
            The file, there or not.
        """
        return self.inside("runs", f"{key}.safetensors")

    def clusters_file(self, key: str) -> Path:
        """Name the file of some clusters' centroids.

        Parameters
        ----------
        key : str
            Key of the clusters.

        Returns
        -------
        Path
            The file, there or not.
        """
        return self.inside("clusters", key, "clusters.safetensors")

    def choice_file(self, kind: str, key: str) -> Path:
        """Name the file of something that was found out about the project.

        Parameters
        ----------
        kind : str
            What: "layers", "verdict", "asked" or "stability".
        key : str
            Key of all that it depends on.

        Returns
        -------
        Path
            The file, there or not.
        """
        return self.inside("choices", f"{kind}-{key}.json")


def _refuse(link: Path | None) -> None:
    if link is not None:
        raise ProjectError(
            f"{link} is a link, and a project keeps everything in its own folder. Put the file or "
            "folder itself in its place; to keep a project on another disk, move the whole folder."
        )


def result_key(*inputs: Any) -> str:
    """Name a result by what it was made from.

    Parameters
    ----------
    *inputs : Any
        Values that `json` can write.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    text = json.dumps(inputs, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
