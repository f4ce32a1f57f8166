"""Which photographs are listed, and in which order; no widgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from napari_stego.corpus import CorpusImage


class Sort(Enum):
    """What photographs can be sorted by, as it is called."""

    NAME = "Folder and name"
    DATE = "Date"
    COVER = "Cover of a class"
    UNCERTAINTY = "Uncertainty"
    LIKENESS = "Likeness"


# What most people want to see first.
HIGH_FIRST = frozenset({Sort.COVER, Sort.UNCERTAINTY, Sort.LIKENESS})


@dataclass(frozen=True)
class Query:
    """What is asked for.

    Attributes
    ----------
    words : str
        Parts of the name, in any order, upper or lower case.
    folder : str, optional
        Folder below the corpus root, folders in it included; None for all.
    day : numpy.datetime64, optional
        When they were taken; None for any day.
    class_id : int, optional
        A class that they have; None for any.
    cover : float
        How much of it they have at least, in ``[0, 1]``; with 0, any at all.
    edited, features : bool, optional
        Whether anything was painted on them, and whether they have features;
        None for either.
    uncertain : float
        Share of the corpus that is listed, the most uncertain; 1 for all.
    sort : Sort
        What they are sorted by.
    sort_class : int, optional
        The class by whose cover they are sorted.
    backwards : bool
        Whether the order is turned around.
    """

    words: str = ""
    folder: str | None = None
    day: np.datetime64 | None = None
    class_id: int | None = None
    cover: float = 0.0
    edited: bool | None = None
    features: bool | None = None
    uncertain: float = 1.0
    sort: Sort = Sort.NAME
    sort_class: int | None = None
    backwards: bool = False

    @property
    def filters(self) -> bool:
        """Whether anything may be left out."""
        return self != Query(sort=self.sort, sort_class=self.sort_class, backwards=self.backwards)

    @property
    def classes(self) -> frozenset[int]:
        """The classes whose cover it depends on."""
        sorted_by = self.sort_class if self.sort is Sort.COVER else None
        return frozenset(i for i in (self.class_id, sorted_by) if i is not None)

    @property
    def needs_dates(self) -> bool:
        """Whether it depends on dates."""
        return self.sort is Sort.DATE or self.day is not None

    @property
    def needs_margins(self) -> bool:
        """Whether it depends on margins."""
        return self.sort is Sort.UNCERTAINTY or self.uncertain < 1


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of n photographs, in corpus order; what is not known is NaN.

    Attributes
    ----------
    images : tuple of CorpusImage
        The photographs.
    dates : numpy.ndarray, optional
        ``(n,) datetime64[s]``.
    margins, likeness : numpy.ndarray, optional
        ``(n,) float32``.
    covers : mapping of int to numpy.ndarray
        ``(n,) float32`` in ``[0, 1]``, by class.
    edited, features : numpy.ndarray, optional
        ``(n,) bool``.
    """

    images: tuple[CorpusImage, ...]
    dates: npt.NDArray[np.datetime64] | None = None
    margins: npt.NDArray[np.float32] | None = None
    likeness: npt.NDArray[np.float32] | None = None
    covers: Mapping[int, npt.NDArray[np.float32]] = field(default_factory=dict)
    edited: npt.NDArray[np.bool_] | None = None
    features: npt.NDArray[np.bool_] | None = None


class Names:
    """Names of photographs, made ready to be searched.

    Parameters
    ----------
    images : tuple of CorpusImage
        The photographs.
    """

    def __init__(self, images: tuple[CorpusImage, ...]) -> None:
        self._images = images

    @cached_property
    def folded(self) -> list[str]:
        """The names, without regard to upper and lower case."""
        return [image.name.casefold() for image in self._images]

    @cached_property
    def folder_of(self) -> npt.NDArray[np.int64]:
        """``(n,)`` places in `folders`."""
        places = {name: place for place, name in enumerate(self.folders)}
        own = (places[_folder(image)] for image in self._images)
        return np.fromiter(own, np.int64, len(self._images))

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """The folders that hold photographs or such folders, the root (``""``) included."""
        found: dict[str, None] = {}
        for folder in dict.fromkeys(map(_folder, self._images)):
            above = [str(p) for p in reversed(PurePosixPath(folder).parents) if str(p) != "."]
            found |= dict.fromkeys((*above, folder))
        return tuple(found)

    def below(self, folder: str) -> npt.NDArray[np.bool_]:
        """Tell which photographs are in a folder, or in folders in it.

        Parameters
        ----------
        folder : str
            One of `folders`.

        Returns
        -------
        numpy.ndarray
            ``(n,) bool``.
        """
        inside = [each == folder or each.startswith(f"{folder}/") for each in self.folders]
        return np.array(inside, bool)[self.folder_of]

    def matching(self, words: str) -> npt.NDArray[np.bool_]:
        """Tell which photographs have all of some words in their names.

        Parameters
        ----------
        words : str
            With spaces between them.

        Returns
        -------
        numpy.ndarray
            ``(n,) bool``.
        """
        found = np.ones(len(self._images), bool)
        for word in words.casefold().split():
            found &= np.fromiter((word in name for name in self.folded), bool, len(found))
        return found


def arrange(query: Query, facts: Facts, names: Names) -> npt.NDArray[np.int64]:
    """List photographs.

    Parameters
    ----------
    query : Query
        Which ones, and in which order.
    facts : Facts
        What is known of them. A filter by what is not known at all leaves none
        out; one by what is not known of a photograph leaves that out.
    names : Names
        Of the same photographs.

    Returns
    -------
    numpy.ndarray
        ``(m,) int64`` places in the corpus. Photographs of which what they are
        sorted by is not known come last, and equal ones in corpus order.
    """
    wanted = names.matching(query.words)
    if query.folder is not None:
        wanted &= names.below(query.folder)
    if query.day is not None and facts.dates is not None:
        wanted &= facts.dates.astype("datetime64[D]") == query.day
    cover = facts.covers.get(query.class_id) if query.class_id is not None else None
    if cover is not None:
        wanted &= (cover > 0) & (cover >= query.cover)
    for asked, known in ((query.edited, facts.edited), (query.features, facts.features)):
        if asked is not None and known is not None:
            wanted &= known == asked
    if query.uncertain < 1 and facts.margins is not None and np.isfinite(facts.margins).any():
        wanted &= facts.margins <= np.nanquantile(facts.margins, query.uncertain)
    rows = np.flatnonzero(wanted)
    key = sort_key(query, facts)
    if key is None:
        return rows[::-1] if query.backwards else rows
    values = key[rows]
    known = ~np.isnan(values)
    order = np.argsort(-values[known] if query.backwards else values[known], kind="stable")
    return np.concatenate([rows[known][order], rows[~known]])


def sort_key(query: Query, facts: Facts) -> npt.NDArray[np.float64] | None:
    """Return what photographs are sorted by.

    Parameters
    ----------
    query : Query
        What is asked for.
    facts : Facts
        What is known.

    Returns
    -------
    numpy.ndarray or None
        ``(n,) float64``, low first; None for the order of the corpus, also
        while what is asked for is not known.
    """
    match query.sort:
        case Sort.NAME:
            return None
        case Sort.DATE if facts.dates is not None:
            seconds = facts.dates.astype(np.int64).astype(np.float64)
            return np.where(np.isnat(facts.dates), np.nan, seconds)
        case Sort.COVER if query.sort_class in facts.covers:
            return facts.covers[query.sort_class].astype(np.float64)
        case Sort.UNCERTAINTY if facts.margins is not None:
            return -facts.margins.astype(np.float64)
        case Sort.LIKENESS if facts.likeness is not None:
            return facts.likeness.astype(np.float64)
    return None


def _folder(image: CorpusImage) -> str:
    return image.name.rpartition("/")[0]
