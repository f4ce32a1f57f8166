"""Search by the beginnings of words, with typing errors."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from rapidfuzz import process
from rapidfuzz.distance import OSA

# The earlier the field, the better a match in it.
_WEIGHTS = (8.0, 6.0, 4.0, 2.0)
_WHOLE_WORD = 1.5
_TYPO = 0.25
# From this length on, one error leaves enough of a word to tell it by; two from the other.
_ONE_TYPO, _TWO_TYPOS = 4, 8
_MAX_WORDS = 12

_WORD = re.compile(r"\w+")


class SearchIndex:
    """The words of many texts.

    Parameters
    ----------
    texts : iterable of tuple of str
        For each thing to find: name, code, aliases, and the names above it.
    """

    def __init__(self, texts: Iterable[tuple[str, str, str, str]]) -> None:
        found: dict[str, dict[int, float]] = {}
        self._names: list[str] = []
        for i, fields in enumerate(texts):
            self._names.append(fold(fields[0]))
            for field, weight in zip(fields, _WEIGHTS, strict=True):
                for word in words(field):
                    found.setdefault(word, {}).setdefault(i, weight)
        self._vocabulary = sorted(found)
        # One after the other, so that words of one beginning are one slice.
        places = [found[word] for word in self._vocabulary]
        self._starts = np.cumsum([0, *map(len, places)])
        self._found = np.array([i for place in places for i in place], dtype=np.int64)
        self._weights = np.array([w for place in places for w in place.values()])
        self._lengths = np.array([len(name) for name in self._names], dtype=np.int64)

    def search(self, text: str, limit: int) -> list[int]:
        """Return the numbers of at most `limit` things that match, the best first."""
        tokens = words(text)[:_MAX_WORDS]
        if not tokens:
            return list(range(min(limit, len(self._names)))) if not text.strip() else []
        each = np.stack([self._matches(token) for token in tokens])
        found = np.flatnonzero((each > 0).all(axis=0))
        scores = each.sum(axis=0)[found]
        whole = fold(text.strip())
        later = np.array([not self._names[i].startswith(whole) for i in found], dtype=bool)
        order = np.lexsort((found, self._lengths[found], later, -scores))
        return [int(i) for i in found[order[:limit]]]

    def _matches(self, token: str) -> npt.NDArray[np.float64]:
        shares = np.zeros(len(self._vocabulary))
        if len(token) >= _ONE_TYPO:
            beginnings = [word[: len(token)] for word in self._vocabulary]
            errors = 2 if len(token) >= _TWO_TYPOS else 1
            distances = process.cdist([token], beginnings, scorer=OSA.distance, dtype=np.uint8)[0]
            near = distances <= errors
            shares[near] = _TYPO / np.maximum(distances[near], 1)
        first = end = bisect_left(self._vocabulary, token)
        while end < len(self._vocabulary) and self._vocabulary[end].startswith(token):
            end += 1
        shares[first:end] = 1.0
        if first < end and self._vocabulary[first] == token:
            shares[first] = _WHOLE_WORD
        scores = np.zeros(len(self._names))
        share = np.repeat(shares, np.diff(self._starts))
        hit = share > 0
        np.maximum.at(scores, self._found[hit], self._weights[hit] * share[hit])
        return scores


def fold(text: str) -> str:
    """Return a text without case and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


def words(text: str) -> list[str]:
    """Return the words of a text without case and accents."""
    return _WORD.findall(fold(text).replace("_", " "))
