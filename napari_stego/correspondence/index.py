"""The search index: the codes of a corpus on the disk, sorted by what they are like.

An inverted file: a few hundred directions cut all codes into cells, and a
search looks only into the cells nearest to what is looked for. Codes are kept
as whole numbers of 1 byte, good to about 0.001 of a cosine; who wants more
compares the codes themselves at the places found.

The images are in segments, written once and never changed. So images can be
added at any time, a killed build goes on where it was, and several processes
may build at once.

References
----------
Jegou et al., "Product Quantization for Nearest Neighbor Search", IEEE TPAMI 33,
2011, Sec. IV (inverted file).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_stego.correspondence.index_build import Cells, SegmentWriter, load_cells, make_cells
from napari_stego.correspondence.index_segment import DamagedIndexError, IndexSegment
from napari_stego.correspondence.prompts import Queries
from napari_stego.errors import StegoError
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

EXACT_UP_TO = 500_000
"""Patches up to which a search looks at all of them by default."""

PROBES = 64
"""Cells looked into for each positive prompt by default."""

_ROWS_AT_ONCE = 2**13
# With more small segments than that they are written anew as larger ones.
_SMALL_SEGMENTS = 8
_SMALL = 0.25
# Cells that were made for a much smaller corpus are too few.
_GROWTH = 4


class CodeSource(Protocol):
    """Where an index has its codes from."""

    length: int
    """Numbers of a code."""

    def grid_shape(self, content_hash: str) -> tuple[int, int]:
        """Tell the patches down and across of an image."""

    def codes(self, content_hash: str) -> npt.NDArray[np.float32]:
        """Give the codes ``(h, w, D)`` of an image."""


@dataclass(frozen=True)
class Found:
    """A place that was found.

    Attributes
    ----------
    image : str
        Content hash of the image.
    row, column : int
        The patch.
    score : float
        As the index knows it, to about 0.001.
    """

    image: str
    row: int
    column: int
    score: float


_Segment = tuple[IndexSegment, npt.NDArray[np.bool_]]
"""A segment, and which of its images count."""


class SearchIndex:
    """The codes of a corpus on the disk.

    Parameters
    ----------
    folder : Path
        Where it is; made when it is built. Its name must tell what codes are
        made by: it is never looked at again.
    source : CodeSource
        Makes the codes.
    images : sequence of str
        Content hashes of the corpus, each once. Others in the index are passed
        over.
    """

    def __init__(self, folder: Path, source: CodeSource, images: Sequence[str]) -> None:
        self.folder = folder
        self._source = source
        self._wanted = dict.fromkeys(images)
        self._contents: tuple[Cells | None, list[_Segment]] = (None, [])
        self._unusable: list[Path] = []
        self.refresh()

    def refresh(self) -> None:
        """Look again at what is on the disk; what is damaged counts as not there.

        Raises
        ------
        StegoError
            If the folder cannot be read.
        """
        segments: list[_Segment] = []
        unusable: list[Path] = []
        missing = dict(self._wanted)
        cells = load_cells(self.folder, self._source.length)
        for path in self._files():
            try:
                if cells is None:
                    raise DamagedIndexError("there are no cells")
                length, count = self._source.length, len(cells.centroids)
                segment = IndexSegment(path, length, cells.digest, count)
            except DamagedIndexError:
                unusable.append(path)
                continue
            except OSError as error:
                raise _unreadable(path, error) from error
            # Of two segments with the same image, which two processes can make, one counts.
            counts = np.array([image in missing for image in segment.images])
            for image in segment.images:
                missing.pop(image, None)
            segments.append((segment, counts))
        self._contents, self._unusable = (cells, segments), unusable
        self.missing: tuple[str, ...] = tuple(missing)
        """Images of the corpus that are not in the index."""

    def _files(self) -> list[Path]:
        try:
            names = os.listdir(self.folder)  # noqa: PTH208 - one call says whether it is there
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _unreadable(self.folder, error) from error
        return [
            self.folder / name
            for name in sorted(names)
            if name.startswith("images-") and name.endswith(".safetensors")
        ]

    @property
    def n_rows(self) -> int:
        """Patches in it."""
        return sum(segment.n_rows for segment, _ in self._contents[1])

    def build(
        self,
        *,
        progress: ProgressCallback = no_progress,
        cancel: CancelToken | None = None,
    ) -> None:
        """Add the images that are missing.

        Parameters
        ----------
        progress : ProgressCallback
            Called once an image.
        cancel : CancelToken, optional
            Obeyed between images; those done are kept.

        Raises
        ------
        StegoError
            If codes cannot be made, or the index cannot be written.
        Cancelled
            If `cancel` is set.
        """
        self.refresh()
        if not self.missing:
            return
        positions = sum(_area(self._source.grid_shape(image)) for image in self._wanted)
        cells = self._contents[0]
        if cells is None or positions > _GROWTH * cells.positions:
            make_cells(self.folder, self._source, list(self._wanted), positions, progress, cancel)
            self.refresh()
            cells = self._contents[0]
        if cells is None:
            raise StegoError(f"{self.folder} changes while it is written. Try again.")
        writer = SegmentWriter(self.folder, cells, self._source.length)
        old = self._absorbed(writer)
        again = [image for path in old for image in self._images_of(path)]
        todo = [*self.missing, *again]
        try:
            for done, image in enumerate(todo):
                if cancel is not None:
                    cancel.raise_if_cancelled()
                progress(done, len(todo), "indexing")
                writer.add(image, self._source.codes(image))
        finally:
            writer.finish()
        for path in (*old, *self._unusable):
            with suppress(OSError):
                path.unlink()
        self.refresh()
        progress(len(todo), len(todo), "indexing")

    def _absorbed(self, writer: SegmentWriter) -> list[Path]:
        """Choose the small segments, if they are many."""
        small = [s.path for s, _ in self._contents[1] if s.n_rows < _SMALL * writer.most_rows]
        return small if len(small) > _SMALL_SEGMENTS else []

    def _images_of(self, path: Path) -> list[str]:
        return [
            image
            for segment, counts in self._contents[1]
            if segment.path == path
            for image, counted in zip(segment.images, counts, strict=True)
            if counted
        ]

    def search(
        self,
        queries: Queries,
        top: int,
        *,
        per_image: int = 1,
        apart: int = 4,
        probes: int | None = None,
        exact: bool | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Found]:
        """Find the places of the highest scores.

        Parameters
        ----------
        queries : Queries
            What is looked for; at least one positive.
        top : int
            How many places.
        per_image : int
            The most places of one image.
        apart : int
            Patches, down or across, that two places of an image are apart at
            least.
        probes : int, optional
            Cells looked into for each positive; by default `PROBES`.
        exact : bool, optional
            Look into all cells; by default if there are no more than
            `EXACT_UP_TO` patches.
        cancel : CancelToken, optional
            Obeyed between pieces of some ten thousand patches.

        Returns
        -------
        list of Found
            The best first, as many as there are.

        Raises
        ------
        ValueError
            If there is no positive.
        StegoError
            If the index is damaged or cannot be read. What is damaged is
            deleted, so that the next `build` makes it anew.
        Cancelled
            If `cancel` is set.
        """
        if not len(queries.positives):
            raise ValueError("nothing to be like")
        known, segments = self._contents  # another thread may build meanwhile
        if known is None:
            return []
        if exact is None:
            exact = self.n_rows <= EXACT_UP_TO
        cells = None if exact else known.nearest(queries.positives, probes or PROBES)
        found: list[Found] = []
        for segment, counts in segments:
            try:
                rows = _best_rows(segment, counts, cells, queries, top, per_image, cancel)
            except DamagedIndexError as error:
                with suppress(OSError):
                    segment.path.unlink()
                raise DamagedIndexError(f"{error} It was deleted: build the index again.") from None
            except FileNotFoundError as error:
                raise StegoError(
                    f"{segment.path} is gone: another program has built the index anew. Search "
                    "again."
                ) from error
            except OSError as error:
                raise _unreadable(segment.path, error) from error
            found += _spread(segment.images, rows, per_image, apart)
        found.sort(key=lambda each: (-each.score, each.image, each.row, each.column))
        return found[:top]


@dataclass(frozen=True, eq=False)
class _Scored:
    images: npt.NDArray[np.int64]
    down: npt.NDArray[np.int64]
    across: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


def _best_rows(
    segment: IndexSegment,
    counts: npt.NDArray[np.bool_],
    cells: npt.NDArray[np.int64] | None,
    queries: Queries,
    top: int,
    per_image: int,
    cancel: CancelToken | None,
) -> _Scored:
    """Score the rows of some cells, and keep those of the best images."""
    best = np.full(len(segment.images), -np.inf, np.float32)
    directions = np.ascontiguousarray(queries.directions.T)
    found = np.dtype([("image", np.int64), ("place", np.uint32), ("score", np.float32)])
    kept = [np.empty(0, found)]
    for runs in _pieces(segment.runs(cells)):
        if cancel is not None:
            cancel.raise_if_cancelled()
        rows = segment.rows(runs)
        cosines = rows["codes"].astype(np.float32) @ directions
        cosines *= rows["scale"][:, None]
        part = np.empty(len(rows), found)
        part["image"], part["place"] = rows["image"], rows["place"]
        part["score"] = queries.combine(cosines)
        np.maximum.at(best, part["image"], part["score"])
        if per_image == 1:
            part = part[part["score"] >= best[part["image"]]]
        kept.append(part)
    best[~counts] = -np.inf
    chosen = np.isfinite(best)
    chosen[np.argsort(-best, kind="stable")[top:]] = False
    all_kept = np.concatenate(kept)
    all_kept = all_kept[chosen[all_kept["image"]]]
    return _Scored(all_kept["image"], *segment.places(all_kept), all_kept["score"])


def _pieces(runs: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Cut runs into pieces that fit the processor's cache."""
    piece: list[tuple[int, int]] = []
    room = _ROWS_AT_ONCE
    for start, end in runs:
        while start < end:
            stop = min(end, start + room)
            piece.append((start, stop))
            room -= stop - start
            start = stop
            if not room:
                yield piece
                piece, room = [], _ROWS_AT_ONCE
    if piece:
        yield piece


def _spread(names: Sequence[str], rows: _Scored, per_image: int, apart: int) -> list[Found]:
    """Take the best places of each image, none too near to a better one."""
    found: list[Found] = []
    order = np.lexsort((rows.across, rows.down, -rows.scores, rows.images))
    bounds = np.flatnonzero(np.diff(rows.images[order], prepend=-1, append=-1))
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        free = order[start:end]
        for _ in range(per_image):
            if not len(free):
                break
            first = int(free[0])
            row, column = int(rows.down[first]), int(rows.across[first])
            found.append(Found(names[rows.images[first]], row, column, float(rows.scores[first])))
            away = np.maximum(np.abs(rows.down[free] - row), np.abs(rows.across[free] - column))
            free = free[away >= apart]
    return found


def _area(grid: tuple[int, int]) -> int:
    return grid[0] * grid[1]


def _unreadable(path: Path, error: OSError) -> StegoError:
    return StegoError(
        f"Cannot read the search index {path}: {error.strerror or error}. Check the disk and its "
        "permissions, or delete the folder and build the index again."
    )
