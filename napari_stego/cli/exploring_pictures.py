"""The pictures that ``inspect`` and ``search`` write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_stego.corpus import CorpusImage
    from napari_stego.correspondence import Prompt
    from napari_stego.project.inspecting import GalleryItem
    from napari_stego.project.searching import Hit

TILE = 240
"""Pixels of the longer side of a photograph in a gallery."""

_CROP = 160
_COLUMNS = 5


def write_heatmaps(
    folder: Path,
    image: CorpusImage,
    heat: npt.NDArray[np.float32],
    items: Sequence[GalleryItem],
    prompts: Sequence[Prompt],
    centred: bool,
) -> list[Path]:
    """Write the heatmap of a photograph, and those of several on one colour scale.

    Parameters
    ----------
    folder : Path
        Where; made if it is not there.
    image : CorpusImage
        The photograph.
    heat : numpy.ndarray
        ``(H, W) float32``, its heatmap.
    items : sequence of GalleryItem
        The photographs of the gallery, the same one among them.
    prompts : sequence of Prompt
        What was pointed at, which is marked.
    centred : bool
        Whether the scale ends at the highest score there is, and not at 1.

    Returns
    -------
    list of Path
        ``heatmap.png`` and, if there are several photographs, ``gallery.png``.

    Raises
    ------
    StegoError
        If a photograph cannot be read, or the pictures cannot be written.
    """
    from napari_stego.corpus.thumbnails import read_thumbnail
    from napari_stego.export.heatmaps import Tile, heat_over, with_marks, write_sheet

    highest = max(max(float(item.heat.max()) for item in items), float(heat.max()))
    highest = max(highest, 0.01) if centred else 1.0

    def marks(shown: CorpusImage, scale: float) -> list[tuple[list[tuple[float, float]], bool]]:
        return [
            ([(row * scale, column * scale) for row, column in prompt.vertices], prompt.positive)
            for prompt in prompts
            if prompt.image == shown.content_hash
        ]

    whole = with_marks(heat_over(image.read(), heat, highest), marks(image, 1.0))
    files = [folder / "heatmap.png"]
    write_sheet(files[0], [Tile(whole, image.name)], 1, highest)
    if len(items) > 1:
        tiles = []
        for item in items:
            small = read_thumbnail(item.image.path, TILE)
            scale = small.shape[0] / item.image.height
            pixels = with_marks(heat_over(small, item.heat, highest), marks(item.image, scale))
            tiles.append(Tile(pixels, f"{item.score:.2f}  {item.image.name}"))
        files.append(folder / "gallery.png")
        write_sheet(files[1], tiles, _COLUMNS, highest)
    return files


def write_hits(folder: Path, hits: Sequence[Hit]) -> list[Path]:
    """Write what was found as crops on one page, the spot marked.

    Parameters
    ----------
    folder : Path
        Where; made if it is not there.
    hits : sequence of Hit
        What was found.

    Returns
    -------
    list of Path
        ``hits.png``; nothing if nothing was found.

    Raises
    ------
    StegoError
        If a photograph cannot be read, or the page cannot be written.
    """
    from napari_stego.export.heatmaps import Tile, crop_around, write_sheet

    if not hits:
        return []
    tiles = []
    for place, hit in enumerate(hits, start=1):
        crop = crop_around(hit.image.read(), hit.row, hit.column, hit.size, _CROP)
        tiles.append(Tile(crop, f"{place}. {hit.score:.2f}  {hit.image.name}"))
    path = folder / "hits.png"
    write_sheet(path, tiles, _COLUMNS, None)
    return [path]
