"""Splitting a class: its codes are clustered again, apart from all others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from napari_stego.classes import ClassEditError, ClassTable, NewClass, SplitClass, class_colour
from napari_stego.clustering import ClusterModel, unit
from napari_stego.clustering.spherical import nearest, spherical_kmeans
from napari_stego.corpus import CorpusImage
from napari_stego.errors import StegoError
from napari_stego.files import replacing
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.untrusted import check_file

_POSITIONS = 30_000
_PER_IMAGE = 500
_MAX_BYTES = 2**27


@dataclass(frozen=True, eq=False)
class SplitProposal:
    """What a class would fall into.

    Attributes
    ----------
    class_id : int
        The class.
    clusters : tuple of int
        Its clusters, all of whose pixels go to the parts.
    model : ClusterModel
        The parts, largest first: centroids ``(parts, D)``, the number of
        sampled positions in each and their mean cosine with the centroid.
    """

    class_id: int
    clusters: tuple[int, ...]
    model: ClusterModel

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self.model)

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """``(parts,) float64``, the share of each part in the class; the sum is 1."""
        assert self.model.sizes is not None  # propose() counts them
        return np.asarray(self.model.sizes / self.model.sizes.sum(), dtype=np.float64)

    @property
    def similarity(self) -> npt.NDArray[np.float32]:
        """``(parts, parts) float32`` cosines of the parts' centroids."""
        return np.asarray(self.model.centroids @ self.model.centroids.T, dtype=np.float32)

    @property
    def split_id(self) -> str:
        """Name of the centroids: the same for the same numbers."""
        return hashlib.sha256(self.model.centroids.tobytes()).hexdigest()[:16]

    def edit(self, table: ClassTable, names: Sequence[str] = ()) -> SplitClass:
        """Make the edit that splits the class.

        Parameters
        ----------
        table : ClassTable
            The classes as they are now.
        names : sequence of str
            Names of the parts from the second on; the first, the largest,
            stays in the class. What is left out has no name of its own yet.

        Returns
        -------
        SplitClass
            The edit.

        Raises
        ------
        ClassEditError
            If there are more names than new classes.
        """
        if len(names) >= len(self):
            raise ClassEditError(
                f"{len(self)} parts make {len(self) - 1} new classes; there are {len(names)} names."
            )
        new: list[NewClass] = []
        after = table
        for part in range(1, len(self)):
            given = names[part - 1].strip() if part <= len(names) else ""
            class_id = after.next_id
            name = given or after.free_name(f"class {class_id}")
            new.append(NewClass(id=class_id, name=name, colour=class_colour(class_id - 1)))
            after = after.add(class_id, name, new[-1].colour)
        first = table.next_cluster
        return SplitClass(
            id=self.class_id,
            clusters=self.clusters,
            new_clusters=tuple(range(first, first + len(self))),
            new_classes=tuple(new),
            split_id=self.split_id,
        )


def propose(
    table: ClassTable,
    class_id: int,
    parts: int,
    images: Sequence[CorpusImage],
    codes_in: Callable[[CorpusImage, Sequence[int]], npt.NDArray[np.float32]],
    *,
    seed: int = 0,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> SplitProposal:
    """Cluster the codes of one class.

    Looks at images in random order until it has enough positions, so that a
    common class takes seconds in a corpus of any size.

    Parameters
    ----------
    table : ClassTable
        The classes.
    class_id : int
        The class.
    parts : int
        How many parts, at least 2.
    images : sequence of CorpusImage
        The images that have features.
    codes_in : callable
        Gives the codes ``(n, D) float32`` of the positions of an image that
        are in some clusters.
    seed : int
        Of the sample and of k-means.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images and iterations.

    Returns
    -------
    SplitProposal
        The parts; fewer than asked for if the codes are not so different.

    Raises
    ------
    ClassEditError
        If the class is not there, locked, without clusters, or too small.
    Cancelled
        If `cancel` is set.
    """
    table.check_unlocked(class_id)
    row = table.row(class_id)
    if parts < 2:
        raise ClassEditError("Split into at least two parts.")
    if not row.clusters:
        raise ClassEditError(
            f"“{row.name}” has no clusters: all of it was painted. Only clusters can be split."
        )
    rng = np.random.default_rng([seed, class_id])
    found: list[npt.NDArray[np.float32]] = []
    total = 0
    for done, place in enumerate(rng.permutation(len(images)).tolist()):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(images), "looking at the class")
        codes = codes_in(images[place], row.clusters)
        if len(codes) > _PER_IMAGE:
            codes = codes[rng.choice(len(codes), _PER_IMAGE, replace=False)]
        found.append(unit(codes))
        total += len(codes)
        if total >= _POSITIONS:
            break
    if total < 2 * parts:
        raise ClassEditError(
            f"“{row.name}” has {total} positions in all photographs, too few for {parts} parts. "
            "Split into fewer, or paint the difference."
        )
    points = np.concatenate(found)
    centroids = spherical_kmeans(points, parts, rng, cancel)
    labels, cosines = nearest(points, centroids)
    sizes = np.bincount(labels, minlength=parts)
    closeness = np.bincount(labels, weights=cosines, minlength=parts) / np.maximum(sizes, 1)
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    if len(order) < 2:
        raise ClassEditError(f"All of “{row.name}” has the same code; it cannot be split.")
    progress(len(images), len(images), "looking at the class")
    return SplitProposal(
        class_id,
        row.clusters,
        ClusterModel(
            np.ascontiguousarray(centroids[order], dtype=np.float32),
            sizes[order].astype(np.int64),
            closeness[order].astype(np.float32),
        ),
    )


class SplitFiles:
    """The centroids of splits, a small file each, beside the clusters.

    Parameters
    ----------
    folder : Path
        Where they are; made when the first is kept.
    length : int
        Numbers of a code.
    """

    def __init__(self, folder: Path, length: int) -> None:
        self._folder = folder
        self._length = length
        self._known: dict[str, ClusterModel | None] = {}

    def keep(self, proposal: SplitProposal) -> None:
        """Write the centroids of a split; they are on the disk when this returns.

        Parameters
        ----------
        proposal : SplitProposal
            The split.

        Raises
        ------
        StegoError
            If they cannot be written.
        """
        with replacing(self._path(proposal.split_id)) as temporary:
            save_file(proposal.model.tensors(), temporary)
        self._known[proposal.split_id] = proposal.model

    def model(self, split_id: str, parts: int) -> ClusterModel | None:
        """Read the centroids of a split.

        Parameters
        ----------
        split_id : str
            The split.
        parts : int
            How many there must be.

        Returns
        -------
        ClusterModel or None
            None if the file is missing or damaged.
        """
        if split_id not in self._known:
            self._known[split_id] = self._read(split_id)
        model = self._known[split_id]
        return model if model is not None and len(model) == parts else None

    def _read(self, split_id: str) -> ClusterModel | None:
        path = self._path(split_id)
        try:
            check_file(path, _MAX_BYTES)
            model = ClusterModel.from_tensors(load_file(path))
        except (OSError, SafetensorError, KeyError, ValueError, StegoError):
            return None
        centroids = model.centroids
        sound = centroids.dtype == np.float32 and centroids.shape[1] == self._length
        # They are named by their content, so that those of another split never pass for them.
        whole = SplitProposal(0, (), replace(model, sizes=None, coherence=None)).split_id
        return model if sound and whole == split_id else None

    def _path(self, split_id: str) -> Path:
        return self._folder / f"{split_id}.safetensors"
