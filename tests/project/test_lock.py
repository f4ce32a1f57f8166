from __future__ import annotations

import errno
import fcntl
import gc
import json
import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path

import filelock
import numpy as np
import pytest
from typer.testing import CliRunner

from napari_stego.classes import ClassHistory, ClassTable, RenameClass
from napari_stego.cli.app import app
from napari_stego.clustering import ClusterSettings
from napari_stego.corpus import discover
from napari_stego.errors import StegoError
from napari_stego.gui import work
from napari_stego.gui.jobs import Reports
from napari_stego.gui.opened import Opened
from napari_stego.gui.session import Session
from napari_stego.progress import CancelToken
from napari_stego.project import (
    Project,
    ReadOnlyError,
    Segmentation,
    adopt,
    cluster,
    export,
    extract,
    judge_run,
    open_photographs,
    relink,
    train,
)

HOLD = """
import sys
from pathlib import Path
from napari_stego.project import Project
project = Project.open(Path(sys.argv[1]))
print(project.read_only or "writable", flush=True)
sys.stdin.read()
"""


class Other:
    """Another process that has a project open, as long as it is not ended."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def held():
    """Hold the lock of a folder: to the system, another open file is what another process is."""
    files = []

    def hold(folder: Path) -> None:
        file = (folder / "writer.lock").open("w")
        files.append(file)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    yield hold
    for file in files:
        file.close()


def free(folder: Path) -> bool:
    with (folder / "writer.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_a_second_process_reads_everything_and_writes_nothing_until_the_first_is_killed(
    tmp_path, clustered, features, short, small_weights
):
    project = clustered(tmp_path)
    folder, images = project.folder, project.corpus.images
    history = Segmentation(project).history
    history.do(RenameClass(id=1, name="sand"))
    expected = Segmentation(project).label_image(images[0])
    project.close()
    del history
    other = Other(folder)
    try:
        assert other.said == "writable"
        mine = Project.open(folder)
        assert f"process {other.process.pid} on this computer, since 20" in mine.read_only
        segmentation = Segmentation(mine)
        np.testing.assert_array_equal(segmentation.label_image(mine.corpus.images[0]), expected)
        assert segmentation.table.row(1).name == "sand"
        assert judge_run(mine) is not None
        assert not (folder / "choices").exists()
        assert export(mine, tmp_path / "out").images == len(images)
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        run = segmentation.encodings.run
        for write in (
            lambda: segmentation.history.do(RenameClass(id=2, name="kelp")),
            segmentation.history.undo,
            lambda: mine.update(run=None),
            lambda: mine.set_corpus(discover(images[0].path)),
            lambda: extract(mine, features, weights_file=small_weights, device="cpu"),
            lambda: train(mine, short, device="cpu"),
            lambda: adopt(mine, run),
            lambda: cluster(mine, ClusterSettings(clusters=4)),
            lambda: relink(mine, tmp_path / "images"),
        ):
            with pytest.raises(ReadOnlyError, match=rf"process {other.process.pid} on .*Close it"):
                write()
        assert segmentation.table.row(2).name == "class 2"
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
        assert open_photographs(folder, tmp_path / "images").read_only
        for images_ in (None, tmp_path / "images"):
            reports = Reports()
            opened = work.open_project(images_, folder, reports, CancelToken())
            assert reports.take().sentences == [mine.read_only]
        session = Session()
        session.adopt(opened)
        assert session.read_only == mine.read_only
        with pytest.raises(ReadOnlyError):
            session.edit(RenameClass(id=2, name="kelp"))
        with pytest.raises(ReadOnlyError):
            work.run(folder, work.RunSettings(auto_layer=True), reports, CancelToken())
    finally:
        other.kill()
    assert (folder / "writer.json").exists()
    again = Project.open(folder)
    assert not again.read_only
    session.adopt(Opened.read(again))
    assert session.read_only == ""
    session.edit(RenameClass(id=2, name="kelp"))
    assert Segmentation(again).table.row(2).name == "kelp"
    assert mine.read_only


@pytest.fixture
def project(tmp_path, photographs) -> Project:
    return open_photographs(tmp_path / "reef.stego", photographs(tmp_path / "images", 2))


def test_within_a_process_the_lock_is_shared_and_ends_with_the_last_project(project):
    folder = project.folder
    holder = json.loads((folder / "writer.json").read_text())
    assert (holder["pid"], holder["host"]) == (os.getpid(), platform.node())
    link = folder.with_name("link.stego")
    link.symlink_to(folder)
    second, third = Project.open(folder), Project.open(link)
    assert not (second.read_only or third.read_only)
    second.update(run="0" * 16)
    project.close()
    project.close()
    with pytest.raises(ReadOnlyError, match="was closed"):
        project.update(run=None)
    assert project.corpus
    del second
    gc.collect()
    assert not free(folder)
    third.update(run=None)
    del third
    gc.collect()
    assert free(folder)
    assert not (folder / "writer.json").exists()
    assert not Project.open(folder).read_only


def test_threads_that_open_and_forget_a_project_never_shut_each_other_out(project):
    folder, refused = project.folder, []
    project.close()

    def work() -> None:
        refused.extend(reason for _ in range(30) if (reason := Project.open(folder).read_only))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
    assert free(folder)


def test_opened_for_reading_only_nothing_is_locked_or_written(project):
    folder = project.folder
    project.close()
    before = sorted(folder.iterdir())
    reader = Project.open(folder, writable=False)
    assert "for reading only" in reader.read_only
    assert sorted(folder.iterdir()) == before
    assert free(folder)
    assert not Project.open(folder).read_only


def test_a_history_that_outlives_its_project_takes_the_lock_for_each_edit(
    tmp_path, clustered, held
):
    project = clustered(tmp_path)
    folder = project.folder
    history = Segmentation(project).history
    del project
    gc.collect()
    assert free(folder)
    history.do(RenameClass(id=1, name="sand"))
    assert free(folder)
    held(folder)
    with pytest.raises(ReadOnlyError, match="open elsewhere"):
        history.undo()
    assert history.table.row(1).name == "sand"


@pytest.mark.parametrize(
    ("content", "who"),
    [
        (None, "another program"),
        ('{"pid": 12, "host": "reef", "since": "2026-03-01T10:00:00Z"}', "process 12 on reef"),
        ('{"pid": -1, "host": "reef", "since": "2026-03-01T10:00:00Z"}', "another program"),
        ("[" * 100_000, "another program"),
        (" " * 100_000, "another program"),
    ],
)
def test_who_has_the_lock_is_told_as_far_as_it_is_known(project, held, content, who):
    folder = project.folder
    project.close()
    held(folder)
    if content is not None:
        (folder / "writer.json").write_text(content)
    assert who in Project.open(folder).read_only
    with pytest.raises(ReadOnlyError):
        Project.open(folder).check_writable()


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_lock_file_that_is_none_makes_a_project_read_only(project, tmp_path, kind):
    folder = project.folder
    project.close()
    lock = folder / "writer.lock"
    lock.unlink()
    if kind == "link":
        lock.symlink_to(tmp_path / "outside")
    else:
        lock.mkdir()
    assert "Delete that file" in Project.open(folder).read_only
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("number", "read_only", "note"),
    [
        (errno.ENOLCK, "", "cannot lock files"),
        (errno.ENOSYS, "", "cannot lock files"),
        (errno.EROFS, "cannot be written .*work on a copy", ""),
        (errno.EACCES, "cannot be written .*work on a copy", ""),
        (errno.EIO, "cannot be locked", ""),
    ],
)
def test_disks_that_cannot_lock_or_be_written_say_so(project, monkeypatch, number, read_only, note):
    folder = project.folder
    project.close()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    opened = Project.open(folder)
    if read_only:
        with pytest.raises(ReadOnlyError, match=read_only):
            opened.update(run="1" * 16)
    else:
        assert note in opened.note
        opened.update(run="1" * 16)
        assert Project.open(folder).state.run == "1" * 16
    assert bool(opened.read_only) == bool(read_only)


def test_making_a_project_where_another_process_makes_one_is_refused(tmp_path, held):
    folder = tmp_path / "reef.stego"
    folder.mkdir()
    held(folder)
    with pytest.raises(StegoError, match="open elsewhere"):
        Project.create(folder)
    assert not Project.exists(folder)


def test_old_classes_are_read_without_writing_by_who_may_only_read(tmp_path, clustered, held):
    project = clustered(tmp_path)
    beside = project.clusters_file(project.result.clusters).parent
    project.close()
    history = ClassHistory(ClassTable.from_clusters(4))
    history.do(RenameClass(id=1, name="sand"))
    (beside / "edits.jsonl").unlink()
    (beside / "classes.json").write_text(json.dumps(history.to_dict()), encoding="utf-8")
    reader = Project.open(project.folder, writable=False)
    assert Segmentation(reader).table.row(1).name == "sand"
    assert not (beside / "edits.jsonl").exists()
    with pytest.raises(ReadOnlyError):
        Segmentation(reader).history.undo()


@pytest.mark.parametrize(
    ("arguments", "writes"),
    [
        (["run", "{images}", "--project", "{folder}"], True),
        (["features", "{images}", "--project", "{folder}"], True),
        (["train", "--project", "{folder}"], True),
        (["cluster", "--project", "{folder}"], True),
        (["relink", "-p", "{folder}", "{images}"], True),
        (["export", "--project", "{folder}"], False),
        (["classes", "suggest", "--project", "{folder}"], False),
        (["cluster-k", "--project", "{folder}"], False),
        (["evaluate", "--project", "{folder}", "--masks", "{images}"], False),
    ],
)
def test_commands_that_write_say_who_has_the_project_and_others_read_it(
    project, tmp_path, held, arguments, writes
):
    folder = project.folder
    project.close()
    held(folder)
    places = {"folder": folder, "images": tmp_path / "images"}
    done = CliRunner().invoke(app, [each.format(**places) for each in arguments])
    assert done.exit_code == (1 if writes else done.exit_code)
    assert ("is open elsewhere" in done.output) == writes
    assert ("no features yet" in done.output or "no clusters yet" in done.output) != writes
