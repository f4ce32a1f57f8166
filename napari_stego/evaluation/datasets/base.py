"""A data set with masks, whatever its files look like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_stego.corpus import Corpus, CorpusImage, discover, read_image
from napari_stego.evaluation.datasets.files import DatasetError, MaskedPhotograph
from napari_stego.evaluation.masks import check_size
from napari_stego.files import replacing
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

Split = Literal["train", "test"]
"""``"test"`` is what published numbers are of, also where the data set calls it ``val``."""


@dataclass(frozen=True)
class MaskedDataset:
    """Photographs with masks of known classes.

    Attributes
    ----------
    name : str
        Name of the data set, as in `DATASETS`.
    split : "train" or "test"
        Which part of it.
    class_names : tuple of str
        Name of each class, by index.
    photographs : tuple of MaskedPhotograph
        What belongs to the split.
    decode_mask : callable
        Reads a mask file as class indices ``(H, W) uint8``, `VOID` for none.
    decode_image : callable, optional
        Reads an image file as ``(H, W, 3) uint8``, where it is of a kind that
        `read_image` does not know.
    left_out : tuple of str
        Names of photographs whose masks are of another size.
    centre_crop : int, optional
        Only the centre counts: photographs and masks are resized to so many
        pixels of the shorter side and cropped to a square, as the paper does.
    """

    name: str
    split: Split
    class_names: tuple[str, ...]
    photographs: tuple[MaskedPhotograph, ...]
    decode_mask: Callable[[Path], npt.NDArray[np.uint8]]
    decode_image: Callable[[Path], npt.NDArray[np.uint8]] | None = None
    left_out: tuple[str, ...] = ()
    centre_crop: int | None = None

    def cropped(self, size: int) -> MaskedDataset:
        """Give the data set as the paper scores it (`centre_crop`).

        Parameters
        ----------
        size : int
            Side of the square, 320 in the paper.

        Returns
        -------
        MaskedDataset
            The same photographs.
        """
        return replace(self, centre_crop=size)

    def corpus(
        self,
        folder: Path,
        progress: ProgressCallback = no_progress,
        cancel: CancelToken | None = None,
    ) -> tuple[Corpus, dict[str, Path]]:
        """List the photographs as a corpus.

        Those that cannot be read as they are, or are cropped, are written as
        PNG first; what is there already is used again.

        Parameters
        ----------
        folder : Path
            Where to write.
        progress : ProgressCallback
            Called once a photograph.
        cancel : CancelToken, optional
            Obeyed between photographs.

        Returns
        -------
        corpus : Corpus
            The photographs.
        masks : dict of str to Path
            Mask by image name.

        Raises
        ------
        StegoError
            If a photograph cannot be read, or the folder cannot be written.
        Cancelled
            If `cancel` is set.
        """
        images: list[CorpusImage] = []
        masks: dict[str, Path] = {}
        for done, photograph in enumerate(self.photographs):
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(done, len(self.photographs), "reading photographs")
            path = self.readable(photograph, folder)
            name = photograph.name + path.suffix
            images.append(replace(discover(path).images[0], name=name))
            masks[name] = photograph.mask
        progress(len(self.photographs), len(self.photographs), "reading photographs")
        return Corpus(folder, tuple(images)), masks

    def readable(self, photograph: MaskedPhotograph, folder: Path) -> Path:
        """Make sure that a photograph is in a file that `read_image` can read.

        Parameters
        ----------
        photograph : MaskedPhotograph
            One of `photographs`.
        folder : Path
            Where to write it as PNG if it has to be cropped or is of another kind.

        Returns
        -------
        Path
            The photograph itself, or the PNG, which may have been there.

        Raises
        ------
        StegoError
            If it cannot be read or written.
        """
        if self.centre_crop is None and self.decode_image is None:
            return photograph.image
        path = folder / f"{photograph.name}.png"
        if path.is_file():
            return path
        image = Image.fromarray((self.decode_image or read_image)(photograph.image))
        if self.centre_crop is not None:
            image = _centre(image, self.centre_crop, Image.Resampling.BICUBIC)
        with replacing(path) as temporary:
            image.save(temporary)
        return path

    def read_mask(self, path: Path, image: CorpusImage) -> npt.NDArray[np.uint8]:
        """Read a mask of the data set.

        Parameters
        ----------
        path : Path
            One of the masks of `photographs`.
        image : CorpusImage
            The photograph it belongs to.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint8`` class indices, `VOID` for none.

        Raises
        ------
        MaskError
            If it cannot be read, or does not fit the photograph.
        """
        mask = self.decode_mask(path)
        if self.centre_crop is not None:
            nearest = Image.Resampling.NEAREST
            mask = np.asarray(_centre(Image.fromarray(mask), self.centre_crop, nearest))
        check_size(mask, path, image)
        return mask

    def masks_of(self, images: Sequence[CorpusImage]) -> dict[str, Path]:
        """Find the masks of a project's photographs, by their file names.

        Parameters
        ----------
        images : sequence of CorpusImage
            Photographs, in whatever folder and of whatever suffix.

        Returns
        -------
        dict of str to Path
            Mask by image name; photographs of other names are left out.

        Raises
        ------
        DatasetError
            If none is a photograph of this split.
        """
        by_stem = {Path(photo.name).name: photo.mask for photo in self.photographs}
        stems = {image.name: Path(image.name).stem for image in images}
        masks = {name: by_stem[stem] for name, stem in stems.items() if stem in by_stem}
        if not masks:
            raise DatasetError(
                f"None of the project's photographs has the name of a photograph in the split "
                f"{self.split!r} of {self.name}. Make a project of them: "
                f"`napari-stego gather {self.name} --root FOLDER --split {self.split} "
                "--out PHOTOS` puts them in a folder."
            )
        return masks


def _centre(image: Image.Image, size: int, how: Image.Resampling) -> Image.Image:
    width, height = image.size
    shorter = min(width, height)
    image = image.resize((size * width // shorter, size * height // shorter), how)
    left, top = (round((side - size) / 2) for side in image.size)
    return image.crop((left, top, left + size, top + size))
