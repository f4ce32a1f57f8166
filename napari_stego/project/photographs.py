"""Finding a photograph that somebody has named."""

from __future__ import annotations

from difflib import get_close_matches

from napari_stego.corpus import CorpusImage
from napari_stego.project.project import Project, ProjectError


def find_photograph(project: Project, name: str) -> CorpusImage:
    """Find a photograph by its name.

    Parameters
    ----------
    project : Project
        Where to look.
    name : str
        As in ``project.json``: the path below the folder of photographs, with
        forward slashes.

    Returns
    -------
    CorpusImage
        The photograph.

    Raises
    ------
    ProjectError
        If there is none; the message names those that are alike.
    """
    images = {image.name: image for image in project.corpus.images}
    if name not in images:
        alike = get_close_matches(name, images, n=3)
        hint = f" Did you mean {' or '.join(f'“{each}”' for each in alike)}?" if alike else ""
        raise ProjectError(
            f"There is no photograph “{name}” in {project.folder}.{hint} Photographs are named as "
            "in `project.json`."
        )
    return images[name]
