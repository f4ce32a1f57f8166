"""Collects what is known of the session's photographs, as far as a query asks for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_stego.corpus import CorpusImage
from napari_stego.gui.browser_query import Facts, Query, Sort
from napari_stego.gui.browser_values import BrowserValues
from napari_stego.gui.number_texts import share_text
from napari_stego.gui.session import Session
from napari_stego.project.pixel_counts import PixelCounts


class FactFinder:
    """Knows where each of the facts comes from.

    Parameters
    ----------
    session : Session
        What is open.
    values : BrowserValues
        What is found in threads.
    """

    def __init__(self, session: Session, values: BrowserValues) -> None:
        self._session = session
        self._values = values
        self._places: tuple[PixelCounts, npt.NDArray[np.int64] | None] | None = None

    def find(self, query: Query, alike: int | None) -> Facts:
        """Collect what a query asks for.

        Parameters
        ----------
        query : Query
            The query.
        alike : int, optional
            Place of the photograph that others are compared with.

        Returns
        -------
        Facts
            What is known now.
        """
        corpus = self._session.corpus
        images = corpus.images if corpus is not None else ()
        return Facts(
            images,
            dates=self._values.dates,
            margins=self._values.margins,
            likeness=self._values.likeness(alike)
            if alike is not None and query.sort is Sort.LIKENESS
            else None,
            covers=self._covers(query, images),
            edited=self._edited(images) if query.edited is not None else None,
            features=self._features(images) if query.features is not None else None,
        )

    @property
    def counted(self) -> bool:
        """Whether the pixels of all photographs are counted."""
        counts = self._session.image_counts
        return counts is not None and counts.counts.complete

    @property
    def edited(self) -> frozenset[str]:
        """Content hashes of the photographs that something was painted on."""
        segmentation = self._session.segmentation
        if segmentation is None:
            return frozenset()
        return frozenset(segmentation.history.state.painted_images)

    def _edited(self, images: tuple[CorpusImage, ...]) -> npt.NDArray[np.bool_]:
        painted = self.edited
        found = (image.content_hash in painted for image in images)
        return np.fromiter(found, bool, len(images))

    def _features(self, images: tuple[CorpusImage, ...]) -> npt.NDArray[np.bool_]:
        encodings = self._session.encodings
        if encodings is None:
            return np.zeros(len(images), bool)
        return np.fromiter(map(encodings.has, images), bool, len(images))

    def _covers(
        self, query: Query, images: tuple[CorpusImage, ...]
    ) -> dict[int, npt.NDArray[np.float32]]:
        counts, table = self._session.image_counts, self._session.table
        if counts is None or table is None or not query.classes:
            return {}
        places = self._places_of(counts.counts, images)
        if places is None:
            return {}
        covers = {}
        for class_id in query.classes:
            cover = np.full(len(images), np.nan, np.float32)
            cover[places] = counts.cover(table, class_id)
            covers[class_id] = cover
        return covers

    def _places_of(
        self, counts: PixelCounts, images: tuple[CorpusImage, ...]
    ) -> npt.NDArray[np.int64] | None:
        """Return the places in the corpus of the rows that were counted."""
        if self._places is None or self._places[0] is not counts:
            waiting = iter(counts.images)
            wanted, places = next(waiting, None), []
            for place, image in enumerate(images):
                if image.content_hash == wanted:
                    places.append(place)
                    wanted = next(waiting, None)
            all_there = len(places) == len(counts.images)
            self._places = (counts, np.array(places, np.int64) if all_there else None)
        return self._places[1]


def note_of(query: Query, facts: Facts, place: int) -> str:
    """Put what a photograph is sorted by in a few characters.

    Parameters
    ----------
    query : Query
        What was asked for.
    facts : Facts
        What is known.
    place : int
        The photograph.

    Returns
    -------
    str
        Empty if there is nothing to say.
    """
    match query.sort:
        case Sort.DATE if facts.dates is not None and not np.isnat(facts.dates[place]):
            return str(facts.dates[place].astype("datetime64[m]")).replace("T", " ")
        case Sort.COVER if query.sort_class in facts.covers:
            share = float(facts.covers[query.sort_class][place])
            return "" if np.isnan(share) else share_text(share)
        case Sort.UNCERTAINTY if facts.margins is not None:
            margin = float(facts.margins[place])
            return "" if np.isnan(margin) else f"margin {margin:.3f}"
        case Sort.LIKENESS if facts.likeness is not None:
            likeness = float(facts.likeness[place])
            return "" if np.isnan(likeness) else f"{likeness:.3f} alike"
    return ""
