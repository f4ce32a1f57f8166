"""From the rows of a list to labels with their place in the hierarchy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from napari_stego.classes.rows import CODE_LENGTH
from napari_stego.labelsets.labels import (
    LABEL_LENGTH,
    MAX_ALIASES,
    MAX_DEPTH,
    MAX_LABELS,
    Ancestor,
    Label,
    Problem,
)

MAX_PROBLEMS = 1000

_HEX = re.compile(r"#?([0-9a-f]{6})")
_SHORT_HEX = re.compile(r"#([0-9a-f])([0-9a-f])([0-9a-f])")
_RGB = re.compile(r"(?:rgb)?[(\[]?\s*(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})\s*[)\]]?")
_FORMULA = frozenset("=+-@")  # names and codes are exported to spreadsheets
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass
class Row:
    """A row of a list, as it is written.

    Attributes
    ----------
    line : int
        Where it stands.
    name, code, colour : str
        As written; empty if not given.
    key : str
        What children call it in their `parent`; empty if it has none.
    parent : str
        Key, code or name of the label above it; empty if there is none.
    above : tuple of str
        Names of the labels above it, the topmost first, for a list that
        writes them out.
    aliases : tuple of str
        Other names and codes.
    """

    line: int
    name: str
    code: str = ""
    colour: str = ""
    key: str = ""
    parent: str = ""
    above: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass
class Problems:
    """Problems, of which only the first 1000 are kept."""

    found: list[Problem] = field(default_factory=list)
    more: int = 0

    def add(self, line: int, text: str) -> None:
        """Report a problem of a line."""
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(Problem(line, text))
        else:
            self.more += 1

    def all(self) -> tuple[Problem, ...]:
        """Return the problems by line, and how many more there are."""
        found = sorted(self.found, key=lambda problem: problem.line)
        if self.more:
            found.append(Problem(found[-1].line, f"{self.more} more problems are not shown."))
        return tuple(found)


def build_labels(rows: Iterable[Row], problems: Problems) -> tuple[Label, ...]:
    """Check rows and find what is above each.

    Parameters
    ----------
    rows : iterable of Row
        The rows.
    problems : Problems
        Takes what is wrong with them.

    Returns
    -------
    tuple of Label
        The good rows, in their order.
    """
    kept: list[Row] = []
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        if len(kept) == MAX_LABELS:
            problems.add(row.line, f"only the first {MAX_LABELS} labels are read.")
            break
        if _is_good(row, problems) and _is_new(row, seen, problems):
            kept.append(row)
    parents = _Parents(kept, problems)
    return tuple(
        Label(row.name, row.code, row.colour or None, parents.path(i), row.aliases)
        for i, row in enumerate(kept)
    )


def read_colour(text: str) -> str | None:
    """Read a colour written as hexadecimal digits or three numbers up to 255.

    Parameters
    ----------
    text : str
        ``#rrggbb``, ``rrggbb``, ``#rgb``, ``r, g, b`` or ``rgb(r, g, b)``.

    Returns
    -------
    str or None
        ``#rrggbb`` in lower case; None if it is no colour.
    """
    text = text.strip().lower()
    if match := _HEX.fullmatch(text):
        return f"#{match[1]}"
    if match := _SHORT_HEX.fullmatch(text):
        return "#" + "".join(2 * digit for digit in match.groups())
    if match := _RGB.fullmatch(text):
        parts = [int(part) for part in match.groups()]
        if max(parts) <= 255:
            return "#" + "".join(f"{part:02x}" for part in parts)
    return None


def _is_good(row: Row, problems: Problems) -> bool:
    row.name, row.code = " ".join(row.name.split()), " ".join(row.code.split())
    row.above = tuple(name for each in row.above if (name := " ".join(each.split())))
    texts = (row.name, row.code, *row.above)
    fault = ""
    if not row.name:
        fault = "the name is empty; the row is left out."
    elif max(map(len, (row.name, *row.above))) > LABEL_LENGTH:
        fault = f"a name is longer than {LABEL_LENGTH} characters; the row is left out."
    elif len(row.code) > CODE_LENGTH:
        fault = f"the code is longer than {CODE_LENGTH} characters; the row is left out."
    elif len(row.above) > MAX_DEPTH:
        fault = f"more than {MAX_DEPTH} labels are above it; the row is left out."
    elif any(text[:1] in _FORMULA for text in (row.name, row.code) if text):
        fault = "a spreadsheet would take it for a formula; the row is left out."
    elif any(map(_CONTROL.search, texts)):
        fault = "there are control characters in it; the row is left out."
    if fault:
        problems.add(row.line, fault)
        return False
    if row.colour.strip():
        colour = read_colour(row.colour)
        if colour is None:
            problems.add(row.line, f"{row.colour[:40]!r} is no colour; the label has none.")
        row.colour = colour or ""
    else:
        row.colour = ""
    aliases = (" ".join(alias.split()) for alias in row.aliases)
    good = [a for a in aliases if 0 < len(a) <= LABEL_LENGTH and not _CONTROL.search(a)]
    if len(good) < len(row.aliases) or len(good) > MAX_ALIASES:
        problems.add(row.line, "some other names are too long or too many; they are left out.")
    row.aliases = tuple(good[:MAX_ALIASES])
    return True


def _is_new(row: Row, seen: set[tuple[str, ...]], problems: Problems) -> bool:
    place = ("name", row.name.casefold(), row.parent, *row.above)
    if row.code and ("code", row.code) in seen:
        fault = f"the code {row.code!r} is there already"
    elif row.key and ("key", row.key) in seen:
        fault = f"the id {row.key[:40]!r} is there already"
    elif place in seen:
        fault = f"the name {row.name[:40]!r} is there already"
    else:
        seen |= {place, ("code", row.code), ("key", row.key)}
        return True
    problems.add(row.line, f"{fault}; the row is left out.")
    return False


class _Parents:
    """What is above each row, each looked up once."""

    def __init__(self, rows: list[Row], problems: Problems) -> None:
        self._rows = rows
        self._by_text: dict[str, int] = {}
        for texts in ([r.key for r in rows], [r.code for r in rows], [r.name for r in rows]):
            for i, text in enumerate(texts):
                if text:
                    self._by_text.setdefault(text, i)
        self._by_place = {(*row.above, row.name): i for i, row in enumerate(rows)}
        self._above = [self._find(i, problems) for i in range(len(rows))]
        self._break_cycles(problems)

    def _find(self, i: int, problems: Problems) -> int | None:
        row = self._rows[i]
        parent = row.parent.strip()
        if not parent or row.above:
            return None
        if parent not in self._by_text:
            problems.add(
                row.line, f"there is no parent {parent[:40]!r}; the label is put at the top."
            )
        return self._by_text.get(parent)

    def _break_cycles(self, problems: Problems) -> None:
        # Steps to the top; those of a row whose parents are known need no walk.
        depths: dict[int, int] = {}
        for start in range(len(self._rows)):
            walked: dict[int, None] = {}
            at: int | None = start
            while at is not None and at not in depths:
                walked[at] = None
                above = self._above[at]
                if above in walked:
                    problems.add(
                        self._rows[at].line,
                        "the label is under itself in the hierarchy; it is put at the top.",
                    )
                    above = self._above[at] = None
                at = above
            for each in reversed(walked):
                above = self._above[each]
                depths[each] = 0 if above is None else depths[above] + 1
                if depths[each] > MAX_DEPTH:
                    problems.add(
                        self._rows[each].line,
                        f"more than {MAX_DEPTH} labels are above it; it is put at the top.",
                    )
                    self._above[each], depths[each] = None, 0

    def path(self, i: int) -> tuple[Ancestor, ...]:
        above = self._rows[i].above
        if above:
            return tuple(Ancestor(name, self._code(above[: n + 1])) for n, name in enumerate(above))
        path = []
        at = self._above[i]
        while at is not None:
            path.append(Ancestor(self._rows[at].name, self._rows[at].code))
            at = self._above[at]
        return tuple(reversed(path))

    def _code(self, place: tuple[str, ...]) -> str:
        found = self._by_place.get(place)
        return "" if found is None else self._rows[found].code
