"""What an export writes, from the options of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stego.cli import settings_of

if TYPE_CHECKING:
    from napari_stego.inference import Detail
    from napari_stego.project import ExportSettings

FORMATS = ("png", "tiff", "overlays", "panoptic")
"""What ``--formats`` can name, as `napari_stego.project.ExportSettings` has it."""


def export_settings(formats: str | None, *, crf: bool, detail: Detail) -> ExportSettings:
    """Resolve the settings of an export.

    Parameters
    ----------
    formats : str, optional
        Some of `FORMATS` with commas between them, or nothing for
        ``classes.csv`` alone; by default all.
    crf : bool
        Refine labels along edges.
    detail : str
        How finely the photographs are encoded.

    Returns
    -------
    ExportSettings
        The settings.

    Raises
    ------
    StegoError
        If there is no such format.
    """
    from napari_stego.errors import StegoError
    from napari_stego.project import ExportSettings

    if formats is None:
        wanted = set(FORMATS)
    else:
        wanted = {part.strip() for part in formats.split(",")} - {""}
    if unknown := wanted.difference(FORMATS):
        raise StegoError(
            f"--formats can name {', '.join(FORMATS)}; not {', '.join(sorted(unknown))}."
        )
    chosen = {name: name in wanted for name in FORMATS}
    return ExportSettings(**chosen, crf=settings_of.crf(crf), detail=detail)
