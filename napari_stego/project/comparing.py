"""Clusters of several runs over one photograph, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from napari_stego.classes.palette import class_colour
from napari_stego.clustering import ClusterSettings
from napari_stego.corpus import CorpusImage
from napari_stego.corpus.thumbnails import read_thumbnail
from napari_stego.features import Preparation
from napari_stego.files import replacing
from napari_stego.progress import CancelToken
from napari_stego.project.previewing import ClusterPreview
from napari_stego.project.project import Project, ProjectError
from napari_stego.project.runs import list_runs

SIDE = 360
"""Width in pixels of a photograph in a comparison."""

_COLUMNS = 3
_LINE = 22
_OPACITY = 0.6


@dataclass(frozen=True)
class RunMap:
    """Clusters of one run over the photograph.

    Attributes
    ----------
    key : str
        Key of the run; empty for the raw features.
    title : str
        What it is, for the user.
    labels : numpy.ndarray
        ``(h, w) int64``, the cluster of each position; alike clusters of the
        maps of a comparison have one number.
    """

    key: str
    title: str
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """Runs beside one another.

    Attributes
    ----------
    photograph : numpy.ndarray
        ``(H, W, 3) uint8``, `SIDE` pixels wide.
    maps : tuple of RunMap
        The raw features first, then the runs, the newest first.
    """

    photograph: npt.NDArray[np.uint8]
    maps: tuple[RunMap, ...]

    def overlay(self, place: int) -> npt.NDArray[np.uint8]:
        """Draw one map over the photograph.

        Parameters
        ----------
        place : int
            Of the map.

        Returns
        -------
        numpy.ndarray
            ``(H, W, 3) uint8``.
        """
        return coloured(self.photograph, self.maps[place].labels)


def compare_runs(
    project: Project,
    image: str,
    clusters: int | None = None,
    keys: tuple[str, ...] | None = None,
    cancel: CancelToken | None = None,
) -> Comparison:
    """Cluster the raw features and the codes of finished runs, quickly, and map one photograph.

    Parameters
    ----------
    project : Project
        A project with features.
    image : str
        Name of a photograph with features.
    clusters : int, optional
        K; by default that of the clusters in use.
    keys : tuple of str, optional
        Which runs; by default all that are finished.
    cancel : CancelToken, optional
        Obeyed between runs.

    Returns
    -------
    Comparison
        One map for the raw features, and one for each run.

    Raises
    ------
    ProjectError
        If there is no such photograph, or it has no features.
    ImageReadError
        If the photograph cannot be read.
    Cancelled
        If `cancel` is set.
    """
    found = next((each for each in project.corpus.images if each.name == image), None)
    if found is None or found.content_hash not in project.store:
        reason = "is no photograph of the project" if found is None else "has no features yet"
        raise ProjectError(f"{image} {reason}. Photographs are named as in `project.json`.")
    if clusters is None:
        result = project.state.result
        clusters = (result.settings if result else ClusterSettings()).clusters
    kept = [
        each
        for each in list_runs(project)
        if each.run.finished and (keys is None or each.key in keys)
    ]
    preview = ClusterPreview(project, clusters)
    maps = [RunMap("", "raw features", preview.look(Preparation().apply, (found,))[0])]
    for each in kept:
        if cancel is not None:
            cancel.raise_if_cancelled()
        labels = preview.look(each.run.encode, (found,), afresh=True)[0]
        settings = each.run.settings
        title = f"{each.key[:6]}: D {settings.dim}, seed {settings.seed}"
        if each.verdict is not None:
            title += f", quality {each.verdict.codes:.2f}"
        maps.append(RunMap(each.key, title, labels))
    return Comparison(small_photograph(found), tuple(maps))


def small_photograph(image: CorpusImage) -> npt.NDArray[np.uint8]:
    """Read a photograph in the size that clusters are drawn over.

    Parameters
    ----------
    image : CorpusImage
        The photograph.

    Returns
    -------
    numpy.ndarray
        ``(H, W, 3) uint8``, `SIDE` pixels wide.

    Raises
    ------
    ImageReadError
        If it cannot be read.
    """
    pixels = Image.fromarray(read_thumbnail(image.path, 2 * SIDE))
    return np.asarray(pixels.resize((SIDE, max(1, round(SIDE * pixels.height / pixels.width)))))


def coloured(
    photograph: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """Draw clusters over a photograph.

    Parameters
    ----------
    photograph : numpy.ndarray
        ``(H, W, 3) uint8``.
    labels : numpy.ndarray
        ``(h, w) int64``, clusters from 0.

    Returns
    -------
    numpy.ndarray
        ``(H, W, 3) uint8``.
    """
    colours = (bytes.fromhex(class_colour(index)[1:]) for index in range(int(labels.max()) + 1))
    palette = np.array([list(colour) for colour in colours], np.uint8)
    size = photograph.shape[1], photograph.shape[0]
    patches = Image.fromarray(palette[labels])
    tint = np.asarray(patches.resize(size, Image.Resampling.NEAREST), np.float32)
    return (_OPACITY * tint + (1 - _OPACITY) * photograph).astype(np.uint8)


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write a comparison as one picture.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    path : Path
        The picture; its ending tells the format.

    Raises
    ------
    StegoError
        If it cannot be written.
    """
    height, width = comparison.photograph.shape[:2]
    tiles = [("photograph", comparison.photograph)]
    tiles += [(each.title, comparison.overlay(i)) for i, each in enumerate(comparison.maps)]
    rows = -(-len(tiles) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * width, rows * (height + _LINE)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_LINE - 8)
    for index, (title, pixels) in enumerate(tiles):
        left, top = index % _COLUMNS * width, index // _COLUMNS * (height + _LINE)
        draw.text((left + 4, top + 3), title, "black", font)
        sheet.paste(Image.fromarray(pixels), (left, top + _LINE))
    with replacing(path) as temporary:
        sheet.save(temporary, path.suffix.lstrip(".") or "png")
