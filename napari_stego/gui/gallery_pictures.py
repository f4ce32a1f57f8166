"""The pictures of galleries: photographs under their heatmaps, and crops with the spot marked."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from napari_stego.corpus import CorpusImage, ImageReadError
from napari_stego.corpus.thumbnails import read_thumbnail
from napari_stego.gui.gallery_view import Tile
from napari_stego.gui.inspect_colours import overlaid
from napari_stego.gui.inspect_question import Question
from napari_stego.progress import CancelToken
from napari_stego.project import Project
from napari_stego.project.examples import Patch
from napari_stego.project.layout import ProjectFolder
from napari_stego.project.searching import Hit
from napari_stego.project.thumbnails import ThumbnailStore

_SIDE = 160
_SPOT = 9

_Pixels = npt.NDArray[np.uint8]


def overlaid_tiles(
    question: Question,
    images: Sequence[CorpusImage],
    thumbnails: ThumbnailStore,
    cancel: CancelToken | None = None,
) -> Iterator[Tile]:
    """Show photographs under their heatmaps; each leads to its best place.

    Parameters
    ----------
    question : Question
        What is looked for.
    images : sequence of CorpusImage
        Where; those without features are left out.
    thumbnails : ThumbnailStore
        Where thumbnails are kept.
    cancel : CancelToken, optional
        Obeyed between photographs.

    Yields
    ------
    Tile
        In the order of the photographs.
    """
    items = question.inspector.gallery(
        images,
        question.queries,
        question.source,
        centred=question.centred,
        longest=_SIDE,
        cancel=cancel,
    )
    for item in items:
        picture = None
        try:
            small = thumbnails.make(item.image)
        except ImageReadError:
            pass  # the tile says so
        else:
            height, width = item.heat.shape
            fitted = Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR)
            picture = overlaid(np.asarray(fitted), item.heat)
        size = min(item.image.height, item.image.width) // 4
        place = Patch(item.image, item.row, item.column, max(size, 1))
        words = f"{item.image.name}: at best {item.score:.2f}. Click to go to that place."
        yield Tile(place, picture, item.score, words)


def hit_tiles(hits: Sequence[Hit], cancel: CancelToken | None = None) -> Iterator[Tile]:
    """Show what is around hits.

    Parameters
    ----------
    hits : sequence of Hit
        What a search has found.
    cancel : CancelToken, optional
        Obeyed between photographs.

    Yields
    ------
    Tile
        In the order of the hits.
    """
    for number, hit in enumerate(hits, 1):
        if cancel is not None:
            cancel.raise_if_cancelled()
        copies = f" (also {', '.join(hit.copies)})" if hit.copies else ""
        words = (
            f"{number}. {hit.image.name}{copies}, row {hit.row}, column {hit.column}: "
            f"{hit.score:.2f}. Click to go there."
        )
        yield Tile(hit, crop(hit, marked=True), hit.score, words)


def crop(patch: Patch, *, marked: bool) -> _Pixels | None:
    """Read a square of a photograph, small.

    Parameters
    ----------
    patch : Patch
        The square.
    marked : bool
        Whether to mark its place with a ring.

    Returns
    -------
    numpy.ndarray or None
        ``(n, n, 3) uint8``; None if the photograph cannot be read.
    """
    image, size = patch.image, min(patch.size, patch.image.height, patch.image.width)
    wanted = max(image.height, image.width) * min(_SIDE / size, 1.0)
    try:
        pixels = read_thumbnail(image.path, int(np.ceil(wanted)))
    except ImageReadError:
        return None
    top = min(max(patch.row - size // 2, 0), image.height - size)
    left = min(max(patch.column - size // 2, 0), image.width - size)
    down, across = pixels.shape[0] / image.height, pixels.shape[1] / image.width
    box = (left * across, top * down, (left + size) * across, (top + size) * down)
    small = Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, box=box)
    if marked:
        scale = _SIDE / size
        _ring(small, (patch.column - left + 0.5) * scale, (patch.row - top + 0.5) * scale)
    return np.asarray(small)


def _ring(image: Image.Image, x: float, y: float) -> None:
    pen = ImageDraw.Draw(image)
    for colour, width, grow in (("black", 5, 1.5), ("white", 2, 0.0)):
        radius = _SPOT + grow
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=colour, width=width)


def crops(patches: Iterable[Patch], cancel: CancelToken) -> list[tuple[Patch, _Pixels]]:
    """Read squares of photographs; those that cannot be read are left out.

    Parameters
    ----------
    patches : iterable of Patch
        The squares.
    cancel : CancelToken
        Obeyed between squares.

    Returns
    -------
    list of (Patch, numpy.ndarray)
        With ``(n, n, 3) uint8`` each.
    """
    found = []
    for patch in patches:
        cancel.raise_if_cancelled()
        pixels = crop(patch, marked=False)
        if pixels is not None:
            found.append((patch, pixels))
    return found


class Thumbnails:
    """Opens the thumbnails of a project, in whichever thread needs them first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._store: ThumbnailStore | None = None

    def of(self, project: Project) -> ThumbnailStore:
        """Return the thumbnails of a project.

        Parameters
        ----------
        project : Project
            The project.

        Returns
        -------
        ThumbnailStore
            The same one until another project is asked for.
        """
        with self._lock:
            if self._store is None or self._folder != project.folder:
                # Not the project itself: that would stay locked for as long as this is held.
                folder = ProjectFolder(project.folder)
                self._store = ThumbnailStore(folder, not project.read_only)
                self._folder = project.folder
            return self._store
