"""Lists of labels: CATAMI, CoralNet, BIIGLE, TagLab, and plain tables.

The layouts are those of the CATAMI 1.4 classification file, of CoralNet's
labelset files, of BIIGLE's label tree export, and of TagLab's label
dictionary.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from napari_stego.labelsets.building import Problems, Row, build_labels, read_colour
from napari_stego.labelsets.labels import MAX_LABELS, LabelSet, LabelSetError
from napari_stego.untrusted import UntrustedFileError, check_json, read_bytes

_MAX_BYTES = 2**25
_MAX_JSON_VALUES = 500_000
_HEADER_LINES = 10
_SAMPLE = 50

_FIELDS = {
    "key": "id label_id species_code spcode caab_code",
    "name": "name label label_name class class_name catami_display_name display_name",
    "code": "code short_code label_code default_short_code code_short",
    "colour": "colour color fill hex",
    "parent": "parent catami_parent_id parent_id parent_code parent_name",
    "above": "path label_hierarchy lineage lineage_names functional_group group",
    "aliases": "alias aliases cpc_codes cpc_code synonyms caab",
}
_FIELD_OF = {column: field for field, columns in _FIELDS.items() for column in columns.split()}
# Written by these programs, and of no use here.
_KNOWN = {
    *("label_tree_id", "source_id", "label_source_id", "uuid", "description", "border"),
    *("visible", "is_duplicate", "popularity", "created_at", "updated_at"),
}
_LEVELS = re.compile(r"[:>]")
_NUMBER = re.compile(r"\d+([.,]\d+)?")
_ALIASES = re.compile(r"[;,|]")


def read_label_set(path: Path) -> LabelSet:
    """Read a list of labels, whatever program it comes from.

    What it is is told by its content: JSON of TagLab (a dictionary of labels
    with a ``fill``) or BIIGLE (a label tree); CSV of CATAMI, CoralNet or
    BIIGLE by its columns; otherwise a plain table with comma, semicolon or
    tab, with a header or with name, code and parent in this order and a
    colour anywhere. Text is UTF-8 or UTF-16 or, if it is neither, Latin-1.

    Parameters
    ----------
    path : Path
        The file, of at most 32 MiB.

    Returns
    -------
    LabelSet
        The good rows; the others are among its `problems`.

    Raises
    ------
    LabelSetError
        If it cannot be read, or holds no label.
    """
    problems = Problems()
    try:
        content = read_bytes(path, _MAX_BYTES)
        text = _decode(content)
        if text.lstrip()[:1] in ("{", "["):
            check_json(text.encode(), _MAX_JSON_VALUES)
            kind, rows = _read_json(from_json(text), problems)
        else:
            kind, rows = _read_table(text, problems)
    except (OSError, UntrustedFileError) as error:
        raise LabelSetError(f"{path} cannot be read: {error}. Choose another file.") from error
    except ValueError as error:
        raise LabelSetError(f"{path} is no list of labels: {error}.") from error
    labels = build_labels(rows, problems)
    found = problems.all()
    if not labels:
        first = f" {found[0]}" if found else ""
        raise LabelSetError(
            f"There is no label in {path}.{first} A list has one label in each row, with a column "
            "“name”."
        )
    return LabelSet(f"{kind}: {path.name}", labels, found)


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")  # what Excel calls Unicode text
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _read_json(value: Any, problems: Problems) -> tuple[str, list[Row]]:
    kind = "BIIGLE"
    if isinstance(value, dict):
        lists = [value[key] for key in ("Labels", "labels") if key in value]
        value = lists[0] if lists else value
    if isinstance(value, dict):
        value = [{"name": k, **v} if isinstance(v, dict) else v for k, v in value.items()]
    if not isinstance(value, list):
        raise ValueError("its labels are not a list")
    records = []
    for number, item in enumerate(value, 1):
        if number > MAX_LABELS:
            problems.add(number, f"only the first {MAX_LABELS} labels are read.")
            break
        if not isinstance(item, dict):
            problems.add(number, "this is no label; it is left out.")
            continue
        record = {_column(str(key)): _as_text(each) for key, each in item.items()}
        if "fill" in record:
            kind = "TagLab"
        for column in record.keys() - _FIELD_OF.keys() - _KNOWN:
            problems.add(number, f"the field {column[:40]!r} is not known; it is left out.")
        records.append((number, record))
    return kind, [_row(line, record, kind) for line, record in records]


def _as_text(value: Any) -> str:
    if isinstance(value, list) and len(value) <= _SAMPLE:
        return ",".join(str(each) for each in value if isinstance(each, int | str))
    return str(value) if isinstance(value, str | int) else ""


def _read_table(text: str, problems: Problems) -> tuple[str, list[Row]]:
    lines = list(_cells(text, problems))
    for at, (line, cells) in enumerate(lines[:_HEADER_LINES]):
        columns = [_column(cell) for cell in cells]
        fields = {_FIELD_OF[column] for column in columns if column in _FIELD_OF}
        if fields & {"name", "code"} and (len(fields) > 1 or len(columns) == 1 or at == 0):
            for before, _ in lines[:at]:
                problems.add(before, "this stands before the header; it is left out.")
            return _headed(line, columns, lines[at + 1 :], problems)
    rows = list(_headless(lines, problems))
    if rows and _is_like_header([cells for _, cells in lines]):
        problems.add(
            lines[0][0],
            f"there is no column “name”: {rows[0].name!r} is taken for a label, too, if this is "
            "no header.",
        )
    return "List", rows


def _cells(text: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    sample = [line for line in text[: 2**16].splitlines() if line.strip()][:_SAMPLE]
    counts = {mark: sum(mark in line for line in sample) for mark in "\t;,"}
    mark = max(counts, key=lambda each: counts[each])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    count = 0
    while True:
        line = reader.line_num + 1
        if count > MAX_LABELS + _HEADER_LINES:
            problems.add(line, f"only the first {count} rows are read.")
            return
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.add(line, f"the row cannot be read ({error}); it is left out.")
            continue
        if any(cell.strip() for cell in cells):
            count += 1
            yield line, [cell.strip() for cell in cells]


def _headed(
    header: int, columns: list[str], lines: list[tuple[int, list[str]]], problems: Problems
) -> tuple[str, list[Row]]:
    for column in columns:
        if column and column not in _FIELD_OF and column not in _KNOWN:
            problems.add(header, f"the column {column[:40]!r} is not known; it is left out.")
    kind = _kind(set(columns))
    rows = []
    for line, cells in lines:
        if len(cells) > len(columns) and any(cells[len(columns) :]):
            problems.add(
                line, f"there are {len(cells)} cells under {len(columns)} columns; it is left out."
            )
            continue
        rows.append(_row(line, dict(zip(columns, cells, strict=False)), kind))
    return kind, rows


def _kind(columns: set[str]) -> str:
    if "catami_display_name" in columns or "spcode" in columns or "caab_code" in columns:
        return "CATAMI"
    if {"label_tree_id", "parent_id"} <= columns:
        return "BIIGLE"
    if "short_code" in columns or "default_short_code" in columns:
        return "CoralNet"
    return "List"


def _levels(text: str) -> tuple[str, ...]:
    return tuple(level.strip() for level in _LEVELS.split(text))


def _row(line: int, record: dict[str, str], kind: str) -> Row:
    fields: dict[str, str] = {}
    for column, value in record.items():
        if column in _FIELD_OF and value.strip():
            fields.setdefault(_FIELD_OF[column], value.strip())
    key, code = fields.get("key", ""), fields.get("code", "")
    name = fields.get("name", "" if kind != "CoralNet" else code)
    above = _levels(fields["above"]) if "above" in fields else ()
    aliases = tuple(a for a in _ALIASES.split(fields.get("aliases", "")) if a.strip())
    parent = fields.get("parent", "")
    if kind == "CATAMI":
        *levels, name = _levels(name)
        above = above or tuple(levels)
    elif above and above[-1] == name:
        above = above[:-1]
    if kind == "CoralNet" and key:
        aliases = (*aliases, key)
    elif not code:
        code = key
    return Row(line, name, code, fields.get("colour", ""), key, parent, above, aliases)


def _is_like_header(rows: list[list[str]]) -> bool:
    """Tell whether the first row has words where all others have numbers."""
    return len(rows) > 1 and any(
        not _NUMBER.fullmatch(cell)
        and all(len(row) > at and _NUMBER.fullmatch(row[at]) for row in rows[1:])
        for at, cell in enumerate(rows[0])
    )


def _headless(lines: list[tuple[int, list[str]]], problems: Problems) -> Iterator[Row]:
    colours = [
        sum(len(cells) > at and cells[at][:1] == "#" for _, cells in lines[:_SAMPLE])
        for at in range(min(4, max((len(cells) for _, cells in lines[:_SAMPLE]), default=0)))
    ]
    most = max(colours, default=0)
    colour_at = colours.index(most) if most else None
    for line, cells in lines:
        colour = cells[colour_at] if colour_at is not None and len(cells) > colour_at else ""
        texts = [cell for at, cell in enumerate(cells) if at != colour_at]
        if not colour and len(texts) > 1 and read_colour(texts[-1]) and "#" in texts[-1]:
            colour = texts.pop()
        if len(texts) > 3:
            problems.add(line, f"there are {len(cells)} cells, of which 4 are known; left out.")
            continue
        name, code, parent = (*texts, "", "", "")[:3]
        yield Row(line, name, code, colour, parent=parent)


def _column(text: str) -> str:
    return re.sub(r"[\s_\-/]+", "_", text.strip().casefold()).strip("_")
