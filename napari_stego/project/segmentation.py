"""The result of a project: everything that is needed to label and inspect its images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_stego.classes import (
    ClassHistory,
    ClassTable,
    ClusterSplit,
    DamagedLogError,
    label_image,
)
from napari_stego.clustering import (
    ClusterModel,
    CrfSettings,
    cluster_map,
    refined_cluster_map,
)
from napari_stego.corpus import CorpusImage
from napari_stego.garbage import no_collections
from napari_stego.inference import DenseEncoder
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.class_tree import ClassTree
from napari_stego.project.cluster_maps import ClusterMaps
from napari_stego.project.clusters_file import load_clusters
from napari_stego.project.edits_file import EDITS_FILE, open_edits
from napari_stego.project.encodings import Encodings
from napari_stego.project.project import Project, ProjectError
from napari_stego.project.splitting import SplitFiles, SplitProposal, propose


class Segmentation:
    """A project's clusters with their classes, ready to label images.

    Parameters
    ----------
    project : Project
        A project that has been clustered.

    Attributes
    ----------
    result : ResultRecord
        What the clusters were made from.
    encodings : Encodings
        Codes and features of the images.
    history : ClassHistory
        The classes; every edit is on the disk before it is in force.
    note : str
        What the user should know of the edits, such as that one was not
        written to its end; empty if nothing.

    Raises
    ------
    ProjectError
        If the project is not far enough, or a file of it is damaged.
    """

    @no_collections()  # of the thousands of edits that are read
    def __init__(self, project: Project) -> None:
        self._project = project  # which stays open for edits
        self.result = project.result
        self.encodings = Encodings(project)
        clusters = project.clusters_file(self.result.clusters)
        self._model = load_clusters(clusters)
        self._maps = ClusterMaps(project, self.result.clusters, len(self._model))
        self._tree: ClassTree | None = None
        splits = project.inside("clusters", self.result.clusters, "splits")
        self._splits = SplitFiles(splits, self._model.centroids.shape[1])
        try:
            edits = open_edits(project, clusters)
            self.history, self.note = edits.history, edits.note
            _check(self.history, len(self._model))
            self.history.reserve(project.state.next_id)
        except (DamagedLogError, ValueError) as error:
            raise _damaged(clusters, error) from error
        try:
            self.check_splits()
        except ProjectError as error:
            self.note = f"{self.note} {error}".lstrip()

    def check_splits(self) -> None:
        """Check that what is labelled is what the classes were made of.

        Raises
        ------
        ProjectError
            If the centroids of a split are missing.
        """
        if not all(self._splits.model(s.split_id, len(s.new_clusters)) for s in self.table.splits):
            folder = self._project.inside("clusters", self.result.clusters, "splits")
            raise ProjectError(
                f"The centroids of a split are missing or damaged in {folder}: what was split is "
                "shown as one class. Put the files back, or undo that split, and split again."
            )

    @property
    def table(self) -> ClassTable:
        """The classes as they are now."""
        return self.history.table

    def cluster_map(
        self,
        image: CorpusImage,
        crf: CrfSettings | None = None,
        cancel: CancelToken | None = None,
        dense: DenseEncoder | None = None,
    ) -> npt.NDArray[np.uint16]:
        """Cluster of each pixel.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        crf : CrfSettings, optional
            Refine along the edges of the photograph.
        cancel : CancelToken, optional
            Ends a refinement, and the making of codes.
        dense : DenseEncoder, optional
            Makes the codes afresh, instead of from the features as extracted.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint16``, clusters ``0..K-1``, and in the place of those
            that were split the clusters that they were split into.

        Raises
        ------
        Cancelled
            If `cancel` is set meanwhile.
        """
        return self._cluster_map(image, self.table.splits, crf, cancel, dense)

    def _cluster_map(
        self,
        image: CorpusImage,
        splits: Sequence[ClusterSplit],
        crf: CrfSettings | None,
        cancel: CancelToken | None,
        dense: DenseEncoder | None,
    ) -> npt.NDArray[np.uint16]:
        codes = cache(lambda: self._checked_codes(image, dense, cancel))
        photograph = None if crf is None else image.read()

        def best(model: ClusterModel) -> npt.NDArray[np.uint16]:
            scores = model.scores(codes())
            if crf is None or photograph is None:
                return cluster_map(scores, (image.height, image.width))
            return refined_cluster_map(photograph, scores, crf, cancel)

        plain = crf is None and dense is None
        clusters = self._maps.read(image) if plain else None
        if clusters is None:
            clusters = best(self._model)
            if plain:
                self._maps.keep(image, clusters)
        for split in splits:
            # Pixels of other clusters stay as they are, whatever was split.
            inside = np.isin(clusters, split.clusters)
            if inside.any():
                model = self._splits.model(split.split_id, len(split.new_clusters))
                parts = np.zeros_like(clusters) if model is None else best(model)
                clusters[inside] = np.array(split.new_clusters, np.uint16)[parts[inside]]
        return clusters

    @property
    def clusters(self) -> ClusterModel:
        """All clusters, those that splits have made included, by id.

        Rows of clusters that are no more stay; of those that a split made and
        that was undone, they are zero.
        """
        table = self.table
        base = self._model
        centroids = np.zeros((len(table.lut()), base.centroids.shape[1]), np.float32)
        sizes, coherence = np.zeros(len(centroids), np.int64), np.zeros(len(centroids), np.float32)
        parts: list[tuple[npt.NDArray[np.int64], tuple[int, ...], ClusterModel]]
        parts = [(np.arange(len(base)), (), base)]
        for split in table.splits:
            model = self._splits.model(split.split_id, len(split.new_clusters))
            if model is not None:
                parts.append((np.array(split.new_clusters), split.clusters, model))
        for ids, replaced, model in parts:
            centroids[ids] = model.centroids
            sizes[ids] = 1 if model.sizes is None else model.sizes
            if replaced and model.sizes is not None:
                # Counted on a sample of the class: brought to the scale of the others.
                shares = model.sizes / max(model.sizes.sum(), 1)
                sizes[ids] = np.rint(shares * sizes[list(replaced)].sum())
            coherence[ids] = 0 if model.coherence is None else model.coherence
        return ClusterModel(centroids, sizes, coherence)

    @property
    def tree(self) -> ClassTree:
        """The merge tree over the classes as they are now."""
        table = self.table
        if self._tree is None or self._tree.table is not table:
            self._tree = ClassTree.of(table, self.clusters)
        return self._tree

    def patch_clusters(self, image: CorpusImage) -> npt.NDArray[np.int64]:
        """Cluster of each position, refined by the splits in force.

        Parameters
        ----------
        image : CorpusImage
            An image with features.

        Returns
        -------
        numpy.ndarray
            ``(h, w) int64``.
        """
        codes = self._codes(image, None, None)
        clusters: npt.NDArray[np.int64] = self._model.scores(codes).argmax(axis=-1)
        for split in self.table.splits:
            inside = np.isin(clusters, split.clusters)
            model = self._splits.model(split.split_id, len(split.new_clusters))
            parts = 0 if model is None else model.scores(codes[inside]).argmax(axis=-1)
            clusters[inside] = np.array(split.new_clusters)[parts]
        return clusters

    def propose_split(
        self,
        class_id: int,
        parts: int,
        *,
        seed: int = 0,
        progress: ProgressCallback = no_progress,
        cancel: CancelToken | None = None,
    ) -> SplitProposal:
        """Cluster the codes of a class again, apart from all others.

        Parameters
        ----------
        class_id : int
            The class.
        parts : int
            How many parts, at least 2.
        seed : int
            Of the sample and of k-means.
        progress : ProgressCallback
            Called once an image.
        cancel : CancelToken, optional
            Obeyed between images.

        Returns
        -------
        SplitProposal
            For `preview_split` and `split`.

        Raises
        ------
        ClassEditError
            If the class is not there, locked, without clusters, or too small.
        Cancelled
            If `cancel` is set.
        """
        images = [image for image in self._project.corpus.images if self.encodings.has(image)]

        def codes_in(image: CorpusImage, clusters: Sequence[int]) -> npt.NDArray[np.float32]:
            inside = np.isin(self.patch_clusters(image), clusters)
            return self._codes(image, None, None)[inside]

        return propose(
            self.table,
            class_id,
            parts,
            images,
            codes_in,
            seed=seed,
            progress=progress,
            cancel=cancel,
        )

    def preview_split(self, image: CorpusImage, proposal: SplitProposal) -> npt.NDArray[np.uint16]:
        """Show a split without making it; what was painted is not looked at.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        proposal : SplitProposal
            The split.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint16``, parts from 1; 0 outside of the class.
        """
        scores = proposal.model.scores(self._codes(image, None, None))
        parts = cluster_map(scores, (image.height, image.width)) + np.uint16(1)
        parts[~np.isin(self.cluster_map(image), proposal.clusters)] = 0
        return parts

    def split(self, proposal: SplitProposal, names: Sequence[str] = ()) -> tuple[int, ...]:
        """Split a class, in one step of the history.

        Parameters
        ----------
        proposal : SplitProposal
            The split.
        names : sequence of str
            Names of the parts from the second on; see `SplitProposal.edit`.

        Returns
        -------
        tuple of int
            The classes of the parts; the first is the class itself.

        Raises
        ------
        ClassEditError
            If the class has changed since, or is locked, or a name is taken.
        StegoError
            If it cannot be written; nothing changes.
        """
        edit = proposal.edit(self.table, names)
        edit.apply(self.history.state)  # raises before anything is written
        self._project.check_writable()
        # Centroids first: an edit on the disk has what it needs.
        self._splits.keep(proposal)
        self.history.do(edit)
        return (edit.id, *(new.id for new in edit.new_classes))

    def _checked_codes(
        self, image: CorpusImage, dense: DenseEncoder | None, cancel: CancelToken | None
    ) -> npt.NDArray[np.float32]:
        codes, length = self._codes(image, dense, cancel), self._model.centroids.shape[1]
        if codes.shape[-1] != length:
            raise _damaged(
                self._project.clusters_file(self.result.clusters),
                ValueError(f"centroids of {length} numbers for codes of {codes.shape[-1]}."),
            )
        return codes

    def _codes(
        self, image: CorpusImage, dense: DenseEncoder | None, cancel: CancelToken | None
    ) -> npt.NDArray[np.float32]:
        source = self.result.settings.source
        if dense is None:
            return self.encodings.grid(image, source)
        return dense.codes(image, self.encodings.encode(source), cancel)

    def label_image(
        self,
        image: CorpusImage,
        crf: CrfSettings | None = None,
        cancel: CancelToken | None = None,
        dense: DenseEncoder | None = None,
    ) -> npt.NDArray[np.uint16]:
        """Class of each pixel.

        Parameters
        ----------
        image : CorpusImage
            An image with features.
        crf : CrfSettings, optional
            Refine along the edges of the photograph.
        cancel : CancelToken, optional
            Ends a refinement, and the making of codes.
        dense : DenseEncoder, optional
            Makes the codes afresh, instead of from the features as extracted.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint16`` class ids, 0 for unlabelled.

        Raises
        ------
        Cancelled
            If `cancel` is set meanwhile.
        """
        state = self.history.state  # an edit may come meanwhile
        clusters = self._cluster_map(image, state.table.splits, crf, cancel, dense)
        return label_image(clusters, state.table, state.strokes(image.content_hash))


def _check(history: ClassHistory, n_clusters: int) -> None:
    if history.table.n_clusters != n_clusters:
        raise ValueError(f"{history.table.n_clusters} clusters instead of {n_clusters}")


def _damaged(clusters: Path, error: Exception) -> ProjectError:
    return ProjectError(
        f"The classes in {clusters.parent} are missing or damaged: {error} Put a copy of "
        f"{EDITS_FILE} from your backup in its place. If there is none, move the folder away (it "
        "holds what there is of the edits) and cluster again."
    )
