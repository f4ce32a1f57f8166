from __future__ import annotations

import errno
import json
import os
import resource
import threading
import zlib
from time import process_time

import numpy as np
import pytest

from napari_stego.classes import (
    AddClass,
    ClassEditError,
    ClassHistory,
    ClassTable,
    Do,
    EditLog,
    EditLogError,
    LockClass,
    MergeClasses,
    RecolourClass,
    RenameClass,
    create_log,
    read_edits,
)
from napari_stego.errors import StegoError

IMAGE = "5e" * 32


def summary(history):
    texts = [history.text(i) for i in range(len(history))]
    return history.table.rows, history.strokes(IMAGE), texts, history.position


def test_every_action_is_in_the_file_before_the_call_returns(path, stroke):
    history = EditLog(path).history
    history.do(RenameClass(id=1, name="sand"))
    history.do(stroke())
    for call in (history.undo, history.undo, history.redo, lambda: history.jump(0)):
        call()
        assert summary(read_edits(path).history) == summary(history)
    history.jump(2)
    history.undo()
    history.do(RecolourClass(id=1, colour="#010203"))
    again = EditLog(path)
    assert summary(again.history) == summary(history)
    assert again.note == ""
    again.history.do(LockClass(id=4))
    assert [row.locked for row in EditLog(path).history.table.rows] == [False] * 3 + [True]


def test_each_line_is_json_with_number_check_and_what_was_done(edited):
    lines = edited.read_bytes().splitlines()
    values = [json.loads(each) for each in lines]
    assert [value["n"] for value in values] == [0, 1, 2, 3, 4]
    assert [value["act"]["kind"] for value in values] == ["start", "do", "do", "do", "undo"]
    for number, (raw, value) in enumerate(zip(lines, values, strict=True)):
        act = raw[raw.index(b'"act":') + 6 : -1]
        assert int(value["crc"], 16) == zlib.crc32(b"%d:" % number + act)


def test_what_does_nothing_is_not_written(edited):
    history, content = EditLog(edited).history, edited.read_bytes()
    with pytest.raises(ClassEditError):
        history.do(RenameClass(id=1, name=""))
    with pytest.raises(ClassEditError):
        history.jump(9)
    history.jump(history.position)
    history.redo()
    history.redo()
    assert len(edited.read_bytes().splitlines()) == len(content.splitlines()) + 1


def test_ids_of_edits_undone_do_not_come_back_after_reopening(path):
    history = EditLog(path).history
    history.do(AddClass(id=5, name="kelp", colour="#112233"))
    history.undo()
    again = EditLog(path).history
    assert again.table.next_id == 6
    assert again.table == ClassTable.from_clusters(4)


def test_a_log_starts_from_any_table_and_strokes(tmp_path, stroke):
    old = ClassHistory(ClassTable.from_clusters(3))
    old.do(stroke(class_id=2))
    old.do(MergeClasses(ids=(1, 2), into=1))
    old.do(stroke(class_id=0, first=2))
    path = tmp_path / "new.jsonl"
    create_log(path, old.table.over(5), old.strokes(IMAGE))
    history = EditLog(path).history
    assert not history.can_undo
    assert (history.table.n_clusters, history.table.next_id) == (5, 4)
    labels = history.label_image(IMAGE, np.zeros((30, 40), np.uint16))
    assert labels.ravel()[:8].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    with pytest.raises(EditLogError, match="is there already"):
        create_log(path, old.table)
    history.do(RenameClass(id=1, name="sand"))
    assert summary(read_edits(path).history) == summary(history)


def test_an_edit_that_is_too_large_for_a_line_is_refused(path, monkeypatch, stroke):
    history, content = EditLog(path).history, path.read_bytes()
    monkeypatch.setattr("napari_stego.classes.log_lines.MAX_LINE", 100)
    with pytest.raises(EditLogError, match="smaller steps"):
        history.do(stroke())
    assert path.read_bytes() == content
    assert not history.can_undo


def test_a_reader_refuses_edits(edited):
    content, history = edited.read_bytes(), read_edits(edited).history
    for call in (history.undo, history.redo, lambda: history.do(LockClass(id=1))):
        with pytest.raises(EditLogError, match="reading only"):
            call()
    assert history.position == 2
    assert edited.read_bytes() == content


def test_a_full_disk_refuses_the_edit_and_leaves_no_part_of_it(edited):
    history, content = EditLog(edited).history, edited.read_bytes()
    before = summary(history)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) + 10, limit[1]))
    try:
        for call in (history.undo, history.redo, lambda: history.do(LockClass(id=1))):
            with pytest.raises(StegoError, match=r"Cannot write .*edit was not made.*Free some"):
                call()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert edited.read_bytes() == content
    assert summary(history) == before
    history.do(LockClass(id=1))
    assert summary(EditLog(edited).history) == summary(history)


def failing(*errors):
    """A call that fails with these errors, one after the other, and then works."""
    left = list(errors)

    def call(real):
        def fail(*args):
            if left:
                raise OSError(left.pop(0), "made to fail")
            return real(*args)

        return fail

    return call


def test_what_cannot_be_synced_is_taken_away(edited, monkeypatch):
    history, content = EditLog(edited).history, edited.read_bytes()
    monkeypatch.setattr(os, "fsync", failing(errno.EIO)(os.fsync))
    with pytest.raises(EditLogError, match="made to fail"):
        history.do(LockClass(id=1))
    assert edited.read_bytes() == content
    history.do(LockClass(id=2))
    assert [row.locked for row in EditLog(edited).history.table.rows] == [False, True, False]


def test_what_cannot_be_taken_away_is_before_the_next_edit(edited, monkeypatch):
    history, content = EditLog(edited).history, edited.read_bytes()
    monkeypatch.setattr(os, "fsync", failing(errno.EIO)(os.fsync))
    monkeypatch.setattr(os, "ftruncate", failing(errno.EIO, errno.EIO)(os.ftruncate))
    for class_id in (1, 2):
        with pytest.raises(EditLogError, match="made to fail"):
            history.do(LockClass(id=class_id))
        assert edited.stat().st_size > len(content)
        assert not any(row.locked for row in history.table.rows)
    history.do(LockClass(id=4))
    assert edited.read_bytes().count(b"\n") == content.count(b"\n") + 1
    assert summary(EditLog(edited).history) == summary(history)


def test_an_interrupt_while_writing_leaves_no_part(edited, monkeypatch):
    history, content = EditLog(edited).history, edited.read_bytes()
    write = os.write

    def interrupt(descriptor, data):
        write(descriptor, data[:7])
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        history.undo()
    assert edited.read_bytes() == content
    assert history.position == 2


def test_a_log_opened_in_the_middle_of_an_edit_takes_nothing_away(edited, monkeypatch):
    """A job reads the classes in its thread, while the window writes an edit in two parts."""
    history, write, started = EditLog(edited).history, os.write, threading.Event()
    opened = []

    def open_meanwhile():
        started.set()
        opened.append(EditLog(edited))

    job = threading.Thread(target=open_meanwhile)

    def write_slowly(descriptor, data):
        if started.is_set():
            return write(descriptor, data)
        done = write(descriptor, data[:7])
        job.start()
        started.wait()
        job.join(0.5)  # time enough to open it, if it does not wait
        return done

    monkeypatch.setattr(os, "write", write_slowly)
    history.do(LockClass(id=2))
    job.join()
    assert opened[0].note == ""
    assert summary(opened[0].history) == summary(history) == summary(read_edits(edited).history)
    history.do(LockClass(id=1))
    assert summary(read_edits(edited).history) == summary(history)


def test_a_log_that_cannot_be_written_is_reported_at_once(edited, monkeypatch):
    monkeypatch.setattr(os, "open", _read_only(os.open))
    with pytest.raises(EditLogError, match=r"Cannot write .*Nothing was changed"):
        EditLog(edited)
    assert read_edits(edited).history.can_undo


def _read_only(real):
    def open_(path, flags, *args):
        if flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *args)

    return open_


@pytest.mark.parametrize("how", ["edited", "replaced", "deleted"])
def test_another_writer_is_noticed(edited, how):
    history = EditLog(edited).history
    before = summary(history)
    if how == "edited":
        EditLog(edited).history.do(LockClass(id=4))
    else:
        other = edited.read_bytes()[:-20] + b"a line as long as it"
        edited.rename(edited.with_suffix(".old"))
        if how == "replaced":
            edited.write_bytes(other)
    found = edited.read_bytes() if edited.exists() else None
    with pytest.raises(EditLogError, match=r"Another window|No such file"):
        history.do(LockClass(id=1))
    assert summary(history) == before
    assert (edited.read_bytes() if edited.exists() else None) == found


def test_a_log_that_was_moved_and_copied_back_is_written_on(edited):
    history, content = EditLog(edited).history, edited.read_bytes()
    edited.rename(edited.with_suffix(".old"))
    edited.write_bytes(content)
    history.do(LockClass(id=1))
    assert summary(EditLog(edited).history) == summary(history)


def test_five_thousand_edits_open_and_undo_quickly(tmp_path, stroke):
    """Far from the aims (0.5 s, 5 ms), which `benchmarks/` measures: replaying would be farther."""
    path = tmp_path / "edits.jsonl"
    edits = [RenameClass(id=i % 64 + 1, name=f"name {i}") for i in range(2500)]
    edits += [stroke(class_id=i % 64 + 1, first=i % 1000) for i in range(2500)]
    create_log(path, ClassTable.from_clusters(64), (), [Do(edit=edit) for edit in edits])
    before = process_time()
    history = read_edits(path).history
    assert process_time() - before < 3
    history.journal = None
    before = process_time()
    for _ in range(1000):
        history.undo()
    assert process_time() - before < 5
