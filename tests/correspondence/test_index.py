from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from napari_stego.clustering import unit
from napari_stego.correspondence import DamagedIndexError, Queries, SearchIndex, index, index_build
from napari_stego.errors import StegoError
from napari_stego.progress import Cancelled, CancelToken

LENGTH = 12
GRIDS = [(4, 5), (6, 3), (1, 9)]


class Made:
    """Codes of some directions with a little noise, in images of several sizes."""

    length = LENGTH

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.directions = unit(rng.normal(size=(8, LENGTH)).astype(np.float32))
        self.asked: list[str] = []

    def grid_shape(self, name):
        return GRIDS[int(name, 16) % len(GRIDS)]

    def codes(self, name):
        self.asked.append(name)
        rng = np.random.default_rng(int(name, 16))
        labels = rng.integers(8, size=self.grid_shape(name))
        noise = rng.normal(size=(*labels.shape, LENGTH)) * 0.1
        return (3 * (self.directions[labels] + noise)).astype(np.float32)


def names(count, first=0):
    return [f"{place:064x}" for place in range(first, first + count)]


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.fixture(autouse=True)
def small_cells(monkeypatch):
    monkeypatch.setattr(index_build, "_PATCHES_A_CELL", 16)


def built(folder: Path, made: Made, images) -> SearchIndex:
    found = SearchIndex(folder, made, images)
    found.build()
    return found


def positive(*vectors) -> Queries:
    return Queries(unit(np.array(vectors, np.float32)), np.empty((0, LENGTH), np.float32))


def test_the_best_place_of_each_image_is_found(tmp_path, made):
    queries = positive(made.directions[2])
    found = built(tmp_path, made, names(40)).search(queries, 10, exact=True)
    scores = {name: queries.scores(unit(made.codes(name))) for name in names(40)}
    tenth = sorted(each.max() for each in scores.values())[-10]
    assert len({each.image for each in found}) == 10
    assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)
    for each in found:
        # Whole numbers of one byte are good to some thousandths.
        assert scores[each.image].max() >= tenth - 0.005
        own = scores[each.image][each.row, each.column]
        assert own == pytest.approx(scores[each.image].max(), abs=0.005)
        assert own == pytest.approx(each.score, abs=0.005)


@pytest.mark.parametrize("per_image", [2, 3])
def test_places_of_one_image_are_apart(tmp_path, made, per_image):
    search = built(tmp_path, made, names(20))
    found = search.search(positive(made.directions[1]), 1000, per_image=per_image, apart=2)
    for name in names(20):
        places = [(each.row, each.column) for each in found if each.image == name]
        assert 1 <= len(places) <= per_image
        for number, (row, column) in enumerate(places):
            for other in places[number + 1 :]:
                assert max(abs(row - other[0]), abs(column - other[1])) >= 2
    assert len(found) > 20


def test_a_few_cells_are_enough_for_what_is_alike(tmp_path, made):
    images = names(120)
    search = built(tmp_path, made, images)
    shares = []
    for direction in made.directions:
        exact = search.search(positive(direction), 20, exact=True)
        quick = search.search(positive(direction), 20, exact=False, probes=40)
        assert all(each.score <= exact[0].score + 1e-6 for each in quick)
        shares.append(len({e.image for e in exact} & {e.image for e in quick}) / 20)
    assert np.mean(shares) > 0.95


def test_negative_prompts_count(tmp_path, made):
    search = built(tmp_path, made, names(30))
    first, second = made.directions[0], made.directions[1]
    like = unit(first + second)
    queries = Queries(like[None], second[None])
    for found in search.search(queries, 10):
        code = unit(made.codes(found.image))[found.row, found.column]
        assert code @ first > code @ second


def test_new_images_are_added_and_others_passed_over(tmp_path, made):
    built(tmp_path, made, names(10))
    made.asked.clear()
    search = SearchIndex(tmp_path, made, names(11, first=3))
    assert search.missing == tuple(names(4, first=10))
    search.build()
    assert made.asked == names(4, first=10)
    assert search.missing == ()
    found = search.search(positive(made.directions[0]), 100)
    assert {each.image for each in found} == set(names(11, first=3))
    made.asked.clear()
    search.build()
    assert made.asked == []


def test_many_small_segments_become_one(tmp_path, made):
    for count in range(4, 14):
        search = built(tmp_path, made, names(count))
    assert search.missing == ()
    assert len([*tmp_path.glob("images-*")]) < 10
    assert {e.image for e in search.search(positive(made.directions[0]), 99)} == set(names(13))


def test_a_much_larger_corpus_gets_cells_of_its_own(tmp_path, made):
    built(tmp_path, made, names(4))
    before = (tmp_path / "cells.safetensors").read_bytes()
    built(tmp_path, made, names(10))
    assert (tmp_path / "cells.safetensors").read_bytes() == before
    search = built(tmp_path, made, names(30))
    assert (tmp_path / "cells.safetensors").read_bytes() != before
    assert search.missing == ()
    assert len([*tmp_path.glob("images-*")]) == 1


def test_two_builds_at_once_count_each_image_once(tmp_path, made):
    built(tmp_path, made, names(5))
    first, second = (SearchIndex(tmp_path, made, names(9)) for _ in range(2))
    second.refresh = lambda: None  # it has looked just before the other one wrote
    first.build()
    second.build()
    search = SearchIndex(tmp_path, made, names(9))
    found = search.search(positive(made.directions[0]), 99, exact=True)
    assert sorted(each.image for each in found) == names(9)


def test_a_cancelled_build_goes_on_where_it_was(tmp_path, made, monkeypatch):
    token = CancelToken()

    def progress(done, total, message):
        if message == "indexing" and done == 6:
            token.cancel()

    search = SearchIndex(tmp_path, made, names(12))
    with pytest.raises(Cancelled):
        search.build(progress=progress, cancel=token)
    made.asked.clear()
    search = SearchIndex(tmp_path, made, names(12))
    assert search.missing == tuple(names(5, first=7))
    search.build()
    assert made.asked == names(5, first=7)
    with pytest.raises(Cancelled):
        search.search(positive(made.directions[0]), 5, cancel=token)


def test_an_empty_index_finds_nothing(tmp_path, made):
    search = SearchIndex(tmp_path / "none", made, names(3))
    assert search.search(positive(made.directions[0]), 5) == []
    assert search.missing == tuple(names(3))
    with pytest.raises(ValueError, match="nothing to be like"):
        search.search(Queries(np.empty((0, LENGTH), np.float32), made.directions[:1]), 5)


def segment_of(folder: Path) -> Path:
    return next(folder.glob("images-*.safetensors"))


def header_of(path: Path) -> tuple[dict, bytes]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def rewrite(path: Path, header: dict, data: bytes) -> None:
    raw = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)


def _change(name, field, value):
    def change(header, data):
        header[name][field] = value
        return data

    return change


def _cells_backwards(header, data):
    start, end = header["starts"]["data_offsets"]
    values = np.frombuffer(data[start:end], "<i8")[::-1]
    return data[:start] + values.tobytes() + data[end:]


def _no_grid(header, data):
    start, end = header["grids"]["data_offsets"]
    return data[:start] + bytes(end - start) + data[end:]


def _huge_grid(header, data):
    start, end = header["grids"]["data_offsets"]
    values = np.full((end - start) // 4, 2**30, "<i4")
    return data[:start] + values.tobytes() + data[end:]


HARM = {
    "half": lambda header, data: data[: len(data) // 2],
    "shape": _change("rows", "shape", [2**40, LENGTH + 10]),
    "negative": _change("rows", "shape", [-1, -22]),
    "text": _change("rows", "shape", ["9", 22]),
    "dtype": _change("grids", "dtype", "F64"),
    "offsets": _change("rows", "data_offsets", [0, 2**60]),
    "cells": _change("__metadata__", "cells", "0" * 16),
    "format": _change("__metadata__", "format", "napari-stego index 9"),
    "backwards": _cells_backwards,
    "no grid": _no_grid,
    "huge grid": _huge_grid,
    "nothing": lambda header, data: (header.clear(), data)[1],
}


@pytest.mark.parametrize("harm", HARM)
def test_damaged_segments_are_made_anew(tmp_path, made, harm):
    built(tmp_path, made, names(6))
    path = segment_of(tmp_path)
    header, data = header_of(path)
    data = HARM[harm](header, data)
    rewrite(path, header, data)
    search = SearchIndex(tmp_path, made, names(6))
    assert search.missing == tuple(names(6))
    search.build()
    assert not path.exists()
    assert len(search.search(positive(made.directions[0]), 99)) == 6


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\xff" * 100, b"[" * 100_000])
@pytest.mark.parametrize("file", ["cells", "images"])
def test_files_of_another_kind_are_made_anew(tmp_path, made, file, content):
    built(tmp_path, made, names(6))
    next(tmp_path.glob(f"{file}*.safetensors")).write_bytes(content)
    search = SearchIndex(tmp_path, made, names(6))
    assert search.missing == tuple(names(6))
    search.build()
    assert len(search.search(positive(made.directions[0]), 99)) == 6


@pytest.mark.skipif(os.name != "posix", reason="links and pipes are made otherwise")
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_links_and_pipes_are_not_read(tmp_path, made, kind):
    folder = tmp_path / "index"
    built(folder, made, names(6))
    path = segment_of(folder)
    if kind == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.unlink()
        os.mkfifo(path)
    search = SearchIndex(folder, made, names(6))
    assert search.missing == tuple(names(6))
    search.build()
    assert (tmp_path / "elsewhere").exists() == (kind == "link")


@pytest.mark.parametrize("field", ["image", "place"])
def test_rows_of_nowhere_are_found_by_the_search(tmp_path, made, field):
    search = built(tmp_path, made, names(6))
    path = segment_of(tmp_path)
    header, data = header_of(path)
    start, end = header["rows"]["data_offsets"]
    rows = np.frombuffer(data[start:end], index_build.row_type(LENGTH)).copy()
    rows[field] = 60_000
    rewrite(path, header, data[:start] + rows.tobytes() + data[end:])
    with pytest.raises(DamagedIndexError, match="build the index again"):
        search.search(positive(made.directions[0]), 5)
    assert not path.exists()
    search.build()
    assert len(search.search(positive(made.directions[0]), 99)) == 6


def test_files_that_go_while_it_is_searched_are_told(tmp_path, made):
    search = built(tmp_path, made, names(6))
    path = segment_of(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:-50])
    with pytest.raises(DamagedIndexError, match="shorter than it was"):
        search.search(positive(made.directions[0]), 5, exact=True)
    search.build()
    segment_of(tmp_path).unlink()
    with pytest.raises(StegoError, match=r"is gone.*Search again"):
        search.search(positive(made.directions[0]), 5)


def test_equal_codes_give_equal_cells(tmp_path, made):
    for folder in ("a", "b"):
        built(tmp_path / folder, made, names(10))
    first, second = (tmp_path / folder / "cells.safetensors" for folder in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_only_small_corpora_are_searched_exactly_by_themselves(tmp_path, made, monkeypatch):
    search, queries = built(tmp_path, made, names(60)), positive(made.directions[0])
    monkeypatch.setattr(index, "PROBES", 1)
    assert search.search(queries, 60) == search.search(queries, 60, exact=True)
    monkeypatch.setattr(index, "EXACT_UP_TO", search.n_rows - 1)
    quick = search.search(queries, 60)
    assert quick == search.search(queries, 60, exact=False)
    assert 0 < len(quick) < 60
