"""Correcting a photograph of a project: clicks or a region in, an edit out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from napari_stego.classes import AcceptProposal, Painted, give_region
from napari_stego.corpus import CorpusImage
from napari_stego.correction import (
    Click,
    CutProblem,
    RegionTree,
    Superpixels,
    check_clicks,
    superpixel_features,
)
from napari_stego.progress import CancelToken
from napari_stego.project.giving import shown_and_wanted
from napari_stego.project.project import ProjectError
from napari_stego.project.segmentation import Segmentation


class Correction:
    """A photograph of a project, made ready for clicks.

    What takes long is done at the first use of each part, and kept: at
    640 x 480 about a second for the superpixels, and another for the tree.

    Parameters
    ----------
    segmentation : Segmentation
        The project's classes; edits go to its history.
    image : CorpusImage
        A photograph with features.

    Attributes
    ----------
    segmentation : Segmentation
        As given.
    image : CorpusImage
        As given.

    Raises
    ------
    ProjectError
        If the photograph has no features.
    """

    def __init__(self, segmentation: Segmentation, image: CorpusImage) -> None:
        if not segmentation.encodings.has(image):
            raise ProjectError(f"{image.name} has no features. Extract features again.")
        self.segmentation = segmentation
        self.image = image

    @cached_property
    def superpixels(self) -> Superpixels:
        """The superpixels of the photograph.

        Raises
        ------
        ImageReadError
            If the photograph can no longer be read.
        """
        return Superpixels.of(self.image.read())

    @cached_property
    def tree(self) -> RegionTree:
        """The regions of the photograph from coarse to fine."""
        return RegionTree.of(self.superpixels, self._features)

    @cached_property
    def problem(self) -> CutProblem:
        """What proposes a region for clicks."""
        return CutProblem(self.superpixels, self._features, self.tree)

    @cached_property
    def _features(self) -> npt.NDArray[np.float32]:
        # Features rather than codes: they keep apart what the clusters have in common.
        grid = self.segmentation.encodings.grid(self.image, "features")
        return superpixel_features(self.superpixels, grid)

    def prepare(self, cancel: CancelToken | None = None) -> None:
        """Do all that takes long, so that clicks are quick from now on.

        Parameters
        ----------
        cancel : CancelToken, optional
            Obeyed between parts.

        Raises
        ------
        Cancelled
            If `cancel` is set.
        """
        for part in ("superpixels", "_features", "tree", "problem"):
            if cancel is not None:
                cancel.raise_if_cancelled()
            getattr(self, part)

    def propose(self, clicks: Sequence[Click]) -> npt.NDArray[np.bool_]:
        """Propose a region by the minimum cut.

        Parameters
        ----------
        clicks : sequence of Click
            Oldest first, at least one positive.

        Returns
        -------
        numpy.ndarray
            ``(H, W) bool``.

        Raises
        ------
        StegoError
            If no click is positive, or one is outside the photograph.
        """
        return self.problem.propose(clicks)

    def regions(self, clicks: Sequence[Click], level: float) -> npt.NDArray[np.bool_]:
        """Take the regions of a level that were clicked.

        Parameters
        ----------
        clicks : sequence of Click
            Oldest first, at least one positive.
        level : float
            From 0, the finest, to 1, the whole photograph.

        Returns
        -------
        numpy.ndarray
            ``(H, W) bool``.

        Raises
        ------
        StegoError
            If no click is positive, or one is outside the photograph.
        ValueError
            If the level is not in ``[0, 1]``.
        """
        check_clicks(clicks, self.superpixels.shape)
        return self.tree.clicked(clicks, level)

    def give(self, mask: npt.NDArray[np.bool_], class_id: int, source: str = "") -> Painted:
        """Give a region to a class, in one step of the history.

        Parameters
        ----------
        mask : numpy.ndarray
            ``(H, W) bool``.
        class_id : int
            The class.
        source : str
            What found the region, in words.

        Returns
        -------
        Painted
            The edit, which is done, and the pixels that stay as they are
            because their class is locked. Without an edit nothing was done.

        Raises
        ------
        ClassEditError
            If the class is not there or locked, or the region is in too many pieces.
        StegoError
            If the edit cannot be written; nothing changes.
        """
        painted = edit_for(self.segmentation, self.image, mask, class_id, source)
        if painted.edit is not None:
            self.segmentation.history.do(painted.edit)
        return painted


def edit_for(
    segmentation: Segmentation,
    image: CorpusImage,
    mask: npt.NDArray[np.bool_],
    class_id: int,
    source: str = "",
    *,
    before: npt.NDArray[np.uint16] | None = None,
) -> Painted:
    """Make the edit that gives a region found by clicks to a class; it is not done yet.

    Parameters
    ----------
    segmentation : Segmentation
        The classes.
    image : CorpusImage
        The photograph.
    mask : numpy.ndarray
        ``(H, W) bool``.
    class_id : int
        The class.
    source : str
        What found the region, in words.
    before : numpy.ndarray, optional
        ``(H, W) uint16`` class ids on show; by default those without a CRF.

    Returns
    -------
    Painted
        The edit, and the pixels that it leaves as they are because their class
        is locked.

    Raises
    ------
    ClassEditError
        If the class is not there or locked, or the region is in too many pieces.
    """
    labels, wanted = shown_and_wanted(segmentation, image, mask, class_id, before)
    table, content = segmentation.table, image.content_hash
    return give_region(AcceptProposal, table, content, labels, wanted, class_id, source)
