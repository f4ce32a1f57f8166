"""Logs that a crash, a disk or somebody has damaged."""

from __future__ import annotations

import json
import os
import tracemalloc
import zlib

import numpy as np
import pytest

from napari_stego.classes import (
    ClassTable,
    EditLog,
    EditLogError,
    PaintStroke,
    create_log,
    encode_runs,
    read_edits,
)
from napari_stego.classes.log_lines import MAX_LINE

STROKE = PaintStroke(
    image="5e" * 32, shape=(30, 40), runs=encode_runs(np.arange(5)), class_id=1
).model_dump()


def line(number, act):
    act = act if isinstance(act, bytes) else json.dumps(act).encode()
    check = zlib.crc32(b"%d:" % number + act)
    return b'{"n":%d,"crc":"%08x","act":%s}\n' % (number, check, act)


def append(path, *acts):
    content = path.read_bytes()
    first = content.count(b"\n")
    lines = [line(number, act) for number, act in enumerate(acts, first)]
    path.write_bytes(content + b"".join(lines))


@pytest.mark.parametrize("left", [1, 20, 40, -1])
def test_a_torn_tail_is_cut_off_by_a_writer_and_passed_over_by_a_reader(edited, left):
    content = edited.read_bytes()
    last = content[:-1].rindex(b"\n") + 1
    torn = content[: last + left] if left > 0 else content[:left]
    edited.write_bytes(torn)
    reader = read_edits(edited)
    assert edited.read_bytes() == torn
    assert (reader.history.position, len(reader.history)) == (3, 3)
    log = EditLog(edited)
    assert edited.read_bytes() == content[:last]
    for note in (reader.note, log.note):
        assert f"not written to its end ({len(torn) - last} bytes)" in note
    log.history.undo()
    assert edited.read_bytes() == content
    assert EditLog(edited).note == ""


@pytest.mark.parametrize(
    "tail",
    [b"\0" * 4096, b"\xff\xfe", b"{}\n", line(5, {"kind": "undo"}).replace(b"undo", b"redo")],
    ids=["zeros", "bytes", "other", "check"],
)
def test_a_last_line_of_anything_else_is_a_torn_tail_too(edited, tail):
    content = edited.read_bytes()
    edited.write_bytes(content + tail)
    assert f"({len(tail)} bytes)" in read_edits(edited).note
    assert EditLog(edited).note
    assert edited.read_bytes() == content


def damaged_at(path, number, message):
    content = path.read_bytes()
    for opener in (EditLog, read_edits):
        with pytest.raises(EditLogError, match=rf"Line {number} of .*{message}.*stays as it is"):
            opener(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("number", [1, 2, 4])
def test_damage_before_the_end_names_the_line_and_keeps_the_file(edited, number):
    lines = edited.read_bytes().splitlines(keepends=True)
    place = len(lines[number - 1]) // 2
    changed = bytearray(lines[number - 1])
    changed[place] ^= 1
    lines[number - 1] = bytes(changed)
    edited.write_bytes(b"".join(lines))
    damaged_at(edited, number, r"CRC-32")


def test_lines_in_another_order_are_damage(edited):
    lines = edited.read_bytes().splitlines(keepends=True)
    edited.write_bytes(b"".join([*lines[:2], lines[3], lines[2], lines[4]]))
    damaged_at(edited, 3, "it has the number 3, not 2")
    edited.write_bytes(b"".join([*lines[:4], lines[3]]))
    damaged_at(edited, 5, "it has the number 3, not 4")


@pytest.mark.parametrize("content", [b"", b"\n", b"noise", b"{}\n"])
def test_a_file_that_is_no_log_is_refused_and_not_cut(tmp_path, content):
    path = tmp_path / "edits.jsonl"
    path.write_bytes(content)
    damaged_at(path, 1, "")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "recursion"),
        (b'{"kind":"do","edit":' * 50_000 + b"0" + b"}" * 50_000, "recursion"),
        (b"{", "Invalid JSON"),
        (b"null", "Action|valid dictionary|Input"),
        ({"kind": "explode"}, "explode"),
        ({"kind": "do"}, "edit"),
        ({"kind": "do", "edit": {"kind": "explode"}}, "explode"),
        ({"kind": "do", "edit": {"kind": "delete", "id": 99}}, "no class with the id 99"),
        ({"kind": "do", "edit": {"kind": "delete", "id": 1, "x": 1}}, "Extra inputs"),
        ({"kind": "do", "edit": {"kind": "rename", "id": 1, "name": ""}}, "needs a name"),
        ({"kind": "do", "edit": {"kind": "merge", "ids": ["a"] * 9, "into": 1}}, "valid integer"),
        ({"kind": "do", "edit": {"kind": "batch", "edits": []}}, "at least 1"),
        ({"kind": "do", "edit": {**STROKE, "runs": "AAAA"}}, "damaged"),
        ({"kind": "do", "edit": {**STROKE, "shape": [1, 2]}}, "beyond|more than"),
        ({"kind": "do", "edit": {**STROKE, "image": "../x"}}, "pattern"),
        ({"kind": "undo", "x": 1}, "Extra inputs"),
        ({"kind": "jump", "to": 99}, "99 cannot be in force"),
        ({"kind": "jump", "to": -1}, "-1 cannot be in force"),
        ({"kind": "jump", "to": "1"}, "valid integer"),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("more", [(), ({"kind": "undo"},)], ids=["last", "middle"])
def test_a_line_that_makes_no_sense_is_refused_where_it_is(edited, act, message, more):
    append(edited, act, *more)
    damaged_at(edited, 6, message)


@pytest.mark.parametrize("back", [1, 2])
def test_undo_and_redo_of_nothing_are_refused(path, back):
    append(path, *[{"kind": "undo"} if back == 1 else {"kind": "redo"}])
    damaged_at(path, 2, "cannot be in force")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "format 2 instead of 1"),
        ({"format": "1"}, "format"),
        ({"kind": "do"}, "kind"),
        ({"strokes": -1}, "strokes"),
        ({"strokes": 1}, "the file ends here"),
        ({"strokes": 10**18}, "the file ends here"),
        ({"table": {}}, "table"),
        ({"table": {"rows": [], "n_clusters": 10**9, "next_id": 1}}, "n_clusters"),
        ({"more": 1}, "Extra inputs"),
    ],
    ids=repr,
)
def test_a_first_line_that_makes_no_sense_is_refused(tmp_path, changes, message):
    path = tmp_path / "edits.jsonl"
    table = {"rows": [], "n_clusters": 3, "next_id": 1}
    start = {"kind": "start", "format": 1, "table": table, "strokes": 0}
    path.write_bytes(line(0, start))
    EditLog(path)
    path.write_bytes(line(0, {**start, **changes}))
    damaged_at(path, 2 if "ends here" in message else 1, message)


def test_a_stroke_of_a_class_that_never_was_is_refused(tmp_path, stroke):
    path = tmp_path / "edits.jsonl"
    create_log(path, ClassTable.from_clusters(2), [stroke(class_id=2)])
    assert EditLog(path).history.strokes(STROKE["image"])
    path.unlink()
    create_log(path, ClassTable.from_clusters(2), [stroke(class_id=3)])
    damaged_at(path, 2, "unknown class 3")


def test_a_giant_line_is_refused_in_little_memory(edited):
    with edited.open("ab") as file:
        file.write(b'{"n":5,"crc":"00000000","act":"')
        file.truncate(edited.stat().st_size + 2**30)  # sparse
    tracemalloc.start()
    with pytest.raises(EditLogError, match=r"Line 6 of .* longer than"):
        read_edits(edited)
    assert tracemalloc.get_traced_memory()[1] < 5 * MAX_LINE
    tracemalloc.stop()


def test_a_file_that_is_not_one_is_not_opened(tmp_path, path):
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    for wrong in (link, pipe, tmp_path, tmp_path / "missing.jsonl"):
        for opener in (EditLog, read_edits):
            with pytest.raises(EditLogError, match=r"cannot be read|is not a file|There is no"):
                opener(wrong)
