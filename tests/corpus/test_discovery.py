from __future__ import annotations

import errno
import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_stego.corpus import ImageReadError, discover
from napari_stego.errors import StegoError
from napari_stego.progress import Cancelled, CancelToken


def photograph(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((20, 30, 3), value, np.uint8)).save(path)


def test_finds_photographs_in_all_folders_in_natural_order(tmp_path):
    for name in ["frame10.jpg", "frame2.JPG", "dive 1/a.png", "dive 1/Ünterwasser.tif", "b.bmp"]:
        photograph(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    photograph(tmp_path / ".hidden.jpg")
    photograph(tmp_path / ".cache" / "thumb.jpg")
    photograph(tmp_path / "survey.stego" / "export" / "x.png")
    corpus = discover(tmp_path)
    names = [image.name for image in corpus.images]
    assert set(names) == {
        "frame10.jpg",
        "frame2.JPG",
        "dive 1/a.png",
        "dive 1/Ünterwasser.tif",
        "b.bmp",
    }
    assert names.index("frame2.JPG") < names.index("frame10.jpg")
    assert corpus.skipped == ()
    first = corpus.images[0]
    assert (first.height, first.width) == (20, 30)
    assert first.content_hash == hashlib.sha256(first.path.read_bytes()).hexdigest()


def test_project_folders_of_any_name_are_passed_over(tmp_path):
    photograph(tmp_path / "a.png")
    photograph(tmp_path / "survey" / "export" / "overlays" / "a.jpg")
    (tmp_path / "survey" / "features").mkdir()
    (tmp_path / "survey" / "project.json").write_text("{}")
    assert [image.name for image in discover(tmp_path).images] == ["a.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text_is_skipped_with_the_reason(tmp_path):
    photograph(tmp_path / "good.png")
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes((tmp_path / "good.png").read_bytes())
    corpus = discover(tmp_path)
    assert [image.name for image in corpus.images] == ["good.png"]
    assert [(s.name, "rename it" in s.reason) for s in corpus.skipped] == [("caf?.png", True)]


def test_an_image_is_read_again_only_while_it_is_the_same(tmp_path):
    photograph(tmp_path / "a.png", 7)
    image = discover(tmp_path).images[0]
    assert image.read().shape == (20, 30, 3)
    Image.new("RGB", (30, 21)).save(image.path)
    with pytest.raises(ImageReadError, match=r"a\.png is another picture now"):
        image.read()
    image.path.unlink()
    with pytest.raises(ImageReadError, match=r"a\.png: the file is gone\. Put the file back"):
        image.read()


def rewrite(path, value):
    """Put another picture into a file without a trace in its size and time of change."""
    status = path.stat()
    photograph(path, value)
    assert path.stat().st_size == status.st_size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_photograph_of_the_same_size_that_is_another_one_is_noticed(tmp_path):
    photograph(tmp_path / "a.bmp", 7)
    image = discover(tmp_path).images[0]
    photograph(tmp_path / "a.bmp", 8)
    os.utime(image.path, ns=(1, image.modified_ns + 1))
    with pytest.raises(ImageReadError, match=r"a\.bmp is another picture now"):
        image.read()
    photograph(tmp_path / "a.bmp", 7)
    os.utime(image.path, ns=(1, image.modified_ns + 1))
    assert image.read().max() == 7  # touched, not replaced


def test_known_photographs_are_not_read_again(tmp_path):
    for name in ("a.bmp", "dive/b.bmp", "c.bmp"):
        photograph(tmp_path / name, 1)
    known = discover(tmp_path)
    status = (tmp_path / "a.bmp").stat()
    assert (known.images[0].size, known.images[0].modified_ns) == (
        status.st_size,
        status.st_mtime_ns,
    )
    rewrite(tmp_path / "a.bmp", 2)
    photograph(tmp_path / "c.bmp", 3)
    os.utime(tmp_path / "c.bmp", ns=(1, known.images[0].modified_ns + 1))
    photograph(tmp_path / "d.bmp", 4)
    again = {image.name: image for image in discover(tmp_path, known=known).images}
    before = {image.name: image for image in known.images}
    afresh = {image.name: image for image in discover(tmp_path).images}
    assert again["a.bmp"] == before["a.bmp"] != afresh["a.bmp"]
    assert again["dive/b.bmp"] == before["dive/b.bmp"]
    assert again["c.bmp"] == afresh["c.bmp"] != before["c.bmp"]
    assert again["d.bmp"] == afresh["d.bmp"]


def test_photographs_of_unknown_size_and_time_are_read_again(tmp_path):
    photograph(tmp_path / "a.bmp", 1)
    known = discover(tmp_path)
    old = replace(known.images[0], size=0, modified_ns=0, content_hash="old")
    assert discover(tmp_path, known=replace(known, images=(old,))).images == known.images


def test_known_photographs_move_with_their_folder(tmp_path):
    photograph(tmp_path / "here" / "a.bmp", 1)
    known = discover(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    again = discover(tmp_path / "there", known=known)
    assert again.images[0].path == (tmp_path / "there" / "a.bmp").resolve()
    assert again.images[0].content_hash == known.images[0].content_hash


def test_folders_that_cannot_be_listed_are_named(tmp_path, monkeypatch):
    photograph(tmp_path / "a.png")
    photograph(tmp_path / "locked" / "deep" / "b.png")
    scandir = os.scandir

    def locked(path):
        if Path(path).name == "deep":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    corpus = discover(tmp_path)
    assert [image.name for image in corpus.images] == ["a.png"]
    assert [(s.name, "Permission denied" in s.reason) for s in corpus.skipped] == [
        ("locked/deep", True)
    ]
    (tmp_path / "a.png").unlink()
    with pytest.raises(StegoError, match=r"locked/deep: .*Permission denied"):
        discover(tmp_path)


def test_unreadable_files_are_listed_with_the_reason(tmp_path):
    photograph(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8 not really")
    corpus = discover(tmp_path)
    assert [image.name for image in corpus.images] == ["good.png"]
    assert [(s.name, "damaged" in s.reason) for s in corpus.skipped] == [("bad.jpg", True)]


def test_one_file_is_a_corpus(tmp_path):
    photograph(tmp_path / "only.png")
    photograph(tmp_path / "other.png")
    assert [image.name for image in discover(tmp_path / "only.png").images] == ["only.png"]


def test_nothing_to_read_is_an_error_that_helps(tmp_path):
    with pytest.raises(StegoError, match=r"No photographs in .*jpg"):
        discover(tmp_path)
    with pytest.raises(StegoError, match="no folder"):
        discover(tmp_path / "nowhere")
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(StegoError, match=r"bad\.png"):
        discover(tmp_path)


def test_cancel(tmp_path):
    photograph(tmp_path / "a.png")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        discover(tmp_path, cancel=token)
