from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image

from napari_stego.corpus import discover
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
