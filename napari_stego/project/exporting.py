"""Writing the labelled images of a project for use elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from napari_stego.clustering import CrfSettings
from napari_stego.corpus import CorpusImage, SkippedFile
from napari_stego.errors import StegoError
from napari_stego.export import (
    PanopticImage,
    Totals,
    panoptic_writer,
    stale_files,
    write_classes_csv,
    write_overlay,
    write_png_mask,
    write_tiff_mask,
)
from napari_stego.inference import Detail
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.ahead import ahead, processors
from napari_stego.project.detail import dense_encoder
from napari_stego.project.project import Project
from napari_stego.project.segmentation import Segmentation


class ExportSettings(BaseModel):
    """What an export writes.

    Attributes
    ----------
    png : bool
        Indexed PNG masks, in the folder ``masks``.
    tiff : bool
        TIFF masks, in the folder ``masks_tiff``.
    overlays : bool
        Pictures of the classes over the photographs, in the folder ``overlays``.
    panoptic : bool
        COCO panoptic: ``panoptic.json``, and PNGs in the folder ``panoptic``.
    crf : CrfSettings, optional
        Refine masks along the edges of the photographs.
    detail : str
        How finely the photographs are encoded, one of
        `napari_stego.inference.DETAILS`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    png: bool = True
    tiff: bool = True
    overlays: bool = True
    panoptic: bool = True
    crf: CrfSettings | None = None
    detail: Detail = "as-extracted"

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that are written."""
        wanted = {
            "masks": self.png,
            "masks_tiff": self.tiff,
            "overlays": self.overlays,
            "panoptic": self.panoptic,
        }
        return tuple(folder for folder, is_wanted in wanted.items() if is_wanted)


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote.

    Attributes
    ----------
    folder : Path
        Where it is.
    images : int
        Images labelled.
    skipped : tuple of SkippedFile
        Images that have no labels, and why.
    stale : tuple of str
        Files that an earlier export left in the folder and this one has not
        replaced, by their path in it: of photographs that are no longer in the
        project, or of what was not asked for this time. They are kept.
    """

    folder: Path
    images: int
    skipped: tuple[SkippedFile, ...]
    stale: tuple[str, ...] = ()


def export(
    project: Project,
    folder: Path,
    settings: ExportSettings | None = None,
    *,
    segmentation: Segmentation | None = None,
    device: str = "auto",
    weights_file: Path | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> ExportReport:
    """Write masks at the size of the source images, ``classes.csv``, overlays and COCO panoptic.

    Parameters
    ----------
    project : Project
        A project that has been clustered.
    folder : Path
        Where to write. Files of an earlier export are replaced one by one.
    settings : ExportSettings, optional
        What to write; everything by default, without CRF.
    segmentation : Segmentation, optional
        The project's result, if it is open already.
    device : str
        Where photographs are encoded, at a detail beyond that of the features.
    weights_file : Path, optional
        Weights of the backbone then, if the features were made with such a file.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images; files written are complete.

    Returns
    -------
    ExportReport
        Counts.

    Raises
    ------
    StegoError
        If the project is not far enough, the folder cannot be written or is
        among the photographs, centroids of a split are missing, or there is no
        backbone for the detail.
    Cancelled
        If `cancel` is set.
    """
    check_folder(project, folder)
    project.check_target(folder)
    settings = settings or ExportSettings()
    segmentation = segmentation or Segmentation(project)
    segmentation.check_splits()
    table = segmentation.table
    dense = dense_encoder(
        segmentation.result.features,
        settings.detail,
        device=device,
        weights_file=weights_file,
        progress=progress,
        cancel=cancel,
    )
    totals = Totals(segmentation.history)
    reasons = {skipped.name: skipped.reason for skipped in project.corpus.skipped}
    images = []
    for image in project.corpus.images:
        if segmentation.encodings.has(image):
            images.append(image)
        else:
            reasons.setdefault(image.name, "it has no features; extract them and cluster again")
    if not images:
        raise StegoError("No image of the project has features. Extract features first.")
    stems = _unambiguous({image.name for image in images})
    with ExitStack() as stack:
        panoptic = None
        if settings.panoptic:
            announced = (_panoptic_image(image, stems) for image in images)
            panoptic = stack.enter_context(panoptic_writer(folder, table, announced))
        # The CRF takes a second; a backbone has all processors, or the GPU, for itself.
        workers = processors() if settings.crf is not None and dense is None else 1
        calls = (
            partial(segmentation.label_image, image, settings.crf, cancel, dense)
            for image in images
        )
        found = stack.enter_context(closing(ahead(calls, workers)))
        for done, image in enumerate(images):
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(done, len(images), "exporting")
            labels = next(found)
            totals.add(labels)
            stem = stems[image.name]
            if settings.png:
                write_png_mask(folder / "masks" / f"{stem}.png", labels, table)
            if settings.tiff:
                write_tiff_mask(folder / "masks_tiff" / f"{stem}.tif", labels, table)
            if panoptic is not None:
                panoptic.write(_panoptic_image(image, stems), labels)
            if settings.overlays:
                path = folder / "overlays" / f"{stem}.jpg"
                write_overlay(path, image.read(), labels, table)
    write_classes_csv(folder / "classes.csv", table, totals.of)
    progress(len(images), len(images), "exporting")
    skipped = tuple(SkippedFile(name, reason) for name, reason in reasons.items())
    stale = stale_files(folder, settings.folders, set(stems.values()))
    return ExportReport(folder, len(images), skipped, stale)


def _panoptic_image(image: CorpusImage, stems: Mapping[str, str]) -> PanopticImage:
    return PanopticImage(image.name, stems[image.name], image.height, image.width)


def check_folder(project: Project, folder: Path) -> None:
    """Make sure that what is written to a folder is not taken for photographs.

    Parameters
    ----------
    project : Project
        The project.
    folder : Path
        Where something is to be written.

    Raises
    ------
    StegoError
        If it is among the photographs.
    """
    place, root = folder.expanduser().resolve(), project.corpus.root.resolve()
    home = project.folder.resolve()
    # A project among the photographs is passed over when they are looked for.
    passed_over = home.is_relative_to(root) and place.is_relative_to(home)
    if place.is_relative_to(root) and not passed_over:
        raise StegoError(
            f"{folder} is among the photographs in {root}: what is exported there would be taken "
            "for photographs the next time. Export to another folder."
        )


def _unambiguous(names: set[str]) -> dict[str, str]:
    """Drop the suffixes of image names, except where two images would share a file."""
    stem_of = {name: name.rpartition(".")[0] for name in names}
    stems = Counter(stem_of.values())
    return {
        name: stem if stems[stem] == 1 and stem not in names else name
        for name, stem in stem_of.items()
    }
