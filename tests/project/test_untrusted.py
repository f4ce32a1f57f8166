"""Project folders made to do harm: each is refused with a message, quickly, in little memory."""

from __future__ import annotations

import base64
import json
import os
import pickle
import shutil
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zarr
from safetensors.numpy import load_file, save_file

from napari_stego.classes.log_lines import encode_line
from napari_stego.errors import StegoError
from napari_stego.project import (
    ExportSettings,
    Project,
    Segmentation,
    export,
    extract,
    judge_run,
)

SECONDS = 10
MEBIBYTES = 400
STATUS = Path("/proc/self/status")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, clustered) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    project = clustered(folder)
    assert judge_run(project) is not None
    return folder


@pytest.fixture
def folder(prepared, tmp_path) -> Path:
    """A whole project beside its photographs."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return tmp_path / "reef.stego"


def content(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def use(folder: Path) -> None:
    """Do all that reads a project."""
    project = Project.open(folder)
    project.tokens()
    segmentation = Segmentation(project)
    segmentation.label_image(project.corpus.images[0])
    judge_run(project)
    export(project, folder / "export", ExportSettings(tiff=False, overlays=False))


@contextmanager
def little() -> Iterator[None]:
    """Bound the time and the memory of what is done within."""
    start, before = time.process_time(), _memory(reset=True)
    yield
    assert time.process_time() - start < SECONDS
    assert _memory() - before < MEBIBYTES * 1024


def _memory(*, reset: bool = False) -> int:
    """Peak of the memory in use, in KiB; 0 on systems that do not tell."""
    if not STATUS.exists():
        return 0
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    line = next(x for x in STATUS.read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1])


def refused(folder: Path, match: str) -> None:
    with little(), pytest.raises(StegoError, match=match):
        use(folder)


class Bomb:
    """Makes a file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("fired"),)


def sparse(path: Path, size: int, start: bytes = b"") -> None:
    """Make a file that is large and takes no room on the disk."""
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)


def replaced(path: Path, kind: str, elsewhere: Path) -> None:
    """Put something else in the place of a file."""
    if kind == "link":
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
        return
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    elif kind == "deep":
        path.write_bytes(b"[" * 2_000_000)
    elif kind == "huge":
        sparse(path, 2**36)


def run_of(folder: Path) -> Path:
    return next((folder / "runs").glob("*.safetensors"))


def clusters_of(folder: Path) -> Path:
    return next((folder / "clusters").glob("*/clusters.safetensors"))


def segment_of(folder: Path) -> Path:
    return next((folder / "features").glob("*/*"))


FILES = {
    "project": lambda folder: folder / "project.json",
    "run": run_of,
    "clusters": clusters_of,
    "edits": lambda folder: clusters_of(folder).with_name("edits.jsonl"),
    "header": lambda folder: segment_of(folder) / "zarr.json",
    "data": lambda folder: segment_of(folder) / "c" / "0" / "0",
}
MESSAGES = {"header": "images are missing", "data": "images are missing|are damaged"}


def test_the_project_is_whole_before_anything_is_done_to_it(folder):
    with little():
        use(folder)


@pytest.mark.skipif(os.name != "posix", reason="pipes and links are made otherwise")
@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "pickle", "deep", "huge"])
@pytest.mark.parametrize("file", [*FILES])
def test_no_file_can_be_something_else(folder, monkeypatch, tmp_path, file, kind):
    monkeypatch.chdir(tmp_path)
    replaced(FILES[file](folder), kind, tmp_path / "elsewhere")
    refused(folder, MESSAGES.get(file, r"damaged|is a link|not a file|cannot be read|is not a run"))
    assert not (tmp_path / "fired").exists()


@pytest.mark.skipif(os.name != "posix", reason="links are made otherwise")
@pytest.mark.parametrize(
    "name", ["features", "runs", "clusters", "clusters/*", "features/*", "choices"]
)
def test_no_folder_can_lead_out_of_the_project(folder, tmp_path, name, small_weights):
    settings = Project.open(folder).state.features.settings
    elsewhere = tmp_path / "elsewhere"
    place = next(folder.glob(name))
    place.rename(elsewhere)
    (elsewhere / "dear").mkdir()
    place.symlink_to(elsewhere)
    before = content(elsewhere)
    refused(folder, "is a link, and a project keeps everything in its own folder")
    if name.startswith("features"):
        with pytest.raises(StegoError, match="is a link"):
            extract(Project.open(folder), settings, weights_file=small_weights, device="cpu")
    assert content(elsewhere) == before


@pytest.mark.skipif(os.name != "posix", reason="links are made otherwise")
@pytest.mark.parametrize("name", ["export", "export/masks", "export/classes.csv"])
def test_no_export_into_a_project_leads_out_of_it(folder, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "frame000.png").write_bytes(b"dear")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).symlink_to(elsewhere)
    refused(folder, "is a link")
    assert content(elsewhere) == {"frame000.png": b"dear"}


@pytest.mark.skipif(os.name != "posix", reason="links are made otherwise")
def test_a_link_among_the_features_is_left_alone_with_all_behind_it(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "photographs").mkdir(parents=True)
    store = next((folder / "features").iterdir())
    (store / "segment").symlink_to(elsewhere)
    (store / "old.damaged").symlink_to(elsewhere)
    os.utime(elsewhere, (0, 0))
    use(folder)
    Project.open(folder).store.sweep()
    assert [*content(elsewhere)] == ["photographs"]


def rewritten(path: Path, change) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    path.write_text(json.dumps(values), encoding="utf-8")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "/etc/passwd.png"),
        ("name", "../outside/photographs/frame000.png"),
        ("name", "a/../../b.png"),
        ("name", "..\\b.png"),
        ("name", "C:\\b.png"),
        ("name", "\\\\host\\b.png"),
        ("name", "zero\0.png"),
        ("name", "x" * 5000),
        ("height", 10**6),
        ("width", 10**400),
        ("content_hash", "../" + "0" * 61),
        ("size", -1),
        ("more", 1),
    ],
)
def test_impossible_photographs_are_refused(folder, field, value):
    square = {"width": value} if field == "height" else {}
    rewritten(
        folder / "project.json", lambda values: values["images"][0].update({field: value} | square)
    )
    refused(folder, r"project\.json is damaged or cannot be read: .*images\.0")


@pytest.mark.parametrize(
    ("start", "piece", "count", "end"),
    [
        (b'{"format": 2, "images": [', b"1,", 12_000_000, b"1]}"),
        (b'{"format": 2, "images": [', b"{},", 2_000_000, b"{}]}"),
        (b'{"format": 2, "skipped": [', b'{"name":1},', 1_000_000, b"{}]}"),
        (b'{"format": 1, "images": [', b"1,", 4_000_000, b"1]}"),
        (b'{"format": 1, "root": "', b"\\u0000", 1, b'"}'),
        (b'{"format": 2, "root": "', b"x", 10_000_000, b'"}'),
        (b'{"format": ', b"9", 100_000, b"}"),
        (b'{"format": 2, "run": "', b"../", 5, b'"}'),
        (b"", b'{"a":', 100_000, b""),
        (b'{"format": ', b'{"a":', 50_000, b""),
        (b"", b"\0", 1000, b""),
    ],
)
def test_impossible_project_files_are_refused(folder, start, piece, count, end):
    (folder / "project.json").write_bytes(start + piece * count + end)
    refused(folder, r"project\.json (is damaged or cannot be read|has the format)")


def tensors(path: Path, header: dict, size: int) -> None:
    raw = json.dumps(header).encode()
    sparse(path, 8 + len(raw) + size, struct.pack("<Q", len(raw)) + raw)


@pytest.mark.parametrize("file", [run_of, clusters_of])
def test_absurd_tensors_are_refused(folder, file):
    path = file(folder)
    whole = path.read_bytes()
    names = [*load_file(path)]
    for size, claimed in ((2**40, 2**40), (0, 2**40), (64, 2**62)):
        shape = [claimed // 4]
        tensors(path, {n: _tensor(shape, claimed) for n in names[:1]}, size)
        refused(folder, r"damaged|larger")
    path.write_bytes(struct.pack("<Q", 2**63) + b"{}")
    refused(folder, "damaged")
    path.write_bytes(whole)
    use(folder)


def _tensor(shape: list[int], size: int) -> dict:
    return {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}


@pytest.mark.parametrize(
    "centroids",
    [
        np.ones((4, 5), np.float32),
        np.ones((4, 8), np.float64),
        np.full((4, 8), np.nan, np.float32),
        np.ones((0, 8), np.float32),
        np.ones(8, np.float32),
    ],
)
def test_centroids_that_fit_nothing_are_refused(folder, centroids):
    save_file({"centroids": centroids}, clusters_of(folder))
    refused(folder, "cluster again")


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.update(shape=[2**50, 64]),
        lambda header: header.update(shape=[2**31, 2**31]),
        lambda header: header["attributes"].update(images=[1] * 1_000_000),
        lambda header: header["attributes"]["images"][0].update(height=2**60),
        lambda header: header["attributes"].update(more=[[]] * 2_000_000),
        lambda header: header["codecs"][0]["configuration"]["codecs"].append(
            {"name": "gzip", "configuration": {"level": 9}}
        ),
        lambda header: header.update(codecs=[{"name": "pickle"}]),
        lambda header: header.update(data_type="object"),
    ],
)
def test_absurd_headers_of_features_are_refused(folder, change):
    rewritten(segment_of(folder) / "zarr.json", change)
    refused(folder, "images are missing")


def test_compressed_features_are_refused_before_they_are_unpacked(folder):
    segment = segment_of(folder)
    images = json.loads((segment / "zarr.json").read_text())["attributes"]["images"]
    images[0].update(start=0, height=2**20, width=2**11)
    shutil.rmtree(segment)
    bomb = zarr.create_array(
        segment,
        shape=(2**31, 1),
        dtype=np.float16,
        chunks=(2**29, 1),
        shards=(2**31, 1),
        attributes={"images": images[:1]},
    )
    assert bomb.shape == (2**31, 1)
    shard = segment / "c" / "0" / "0"
    shard.parent.mkdir(parents=True)
    sparse(shard, 2**33)
    refused(folder, "images are missing")


def log_of(folder: Path, *acts: bytes) -> None:
    path = FILES["edits"](folder)
    lines = path.read_bytes().splitlines(keepends=True)[:1]
    lines += [encode_line(number, act) for number, act in enumerate(acts, start=1)]
    path.write_bytes(b"".join(lines))


MERGE = b'{"kind":"do","edit":{"kind":"merge","into":1,"ids":['
BATCH = b'{"kind":"do","edit":{"kind":"batch","edits":['
RENAME = b'{"kind":"do","edit":{"kind":"rename","id":1,"name":'


@pytest.mark.parametrize(
    ("start", "piece", "count", "end"),
    [
        (MERGE, b"1,", 8_000_000, b"1]}}"),
        (MERGE, b'"a",', 2_000_000, b"1]}}"),
        (BATCH, b"{},", 4_000_000, b"{}]}}"),
        (RENAME, b"[", 1_000_000, b""),
        (RENAME + b'"', b"x", 15_000_000, b'"}}'),
        (b'{"kind":"do","edit":{"kind":"rename","id":', b"9", 1_000_000, b',"name":"x"}}'),
        (b"", b"[", 10_000_000, b""),
        (b'{"kind":"jump","to":', b"9", 4000, b"}"),
    ],
)
def test_absurd_edits_are_refused(folder, start, piece, count, end):
    log_of(folder, start + piece * count + end)
    refused(folder, r"Line 2 of .*edits\.jsonl is damaged")


@pytest.mark.parametrize("shape", [[64, 96], [65_000, 65_000], [2**31, 2**31]])
def test_strokes_that_unpack_to_more_than_the_image_are_refused(folder, shape):
    runs = zlib.compress(bytes(2**27), 1)
    stroke = {
        "kind": "stroke",
        "image": "0" * 64,
        "shape": shape,
        "runs": base64.b64encode(runs).decode(),
        "class_id": 1,
    }
    log_of(folder, json.dumps({"kind": "do", "edit": stroke}).encode())
    refused(folder, r"Line 2 of .*edits\.jsonl is damaged")


def test_a_remembered_verdict_that_makes_no_sense_is_found_anew(folder):
    verdict = next((folder / "choices").glob("verdict-*"))
    before = verdict.read_bytes()
    verdict.write_bytes(b"[" * 1_000_000)
    with little():
        assert judge_run(Project.open(folder)) is not None
    assert verdict.read_bytes() == before


def test_objects_of_very_many_fields_are_refused(folder):
    fields = b",".join(b'"%x":1' % number for number in range(300_000))
    log_of(folder, b'{"kind":"do","edit":{"kind":"merge",' + fields + b"}}")
    refused(folder, r"Line 2 of .*edits\.jsonl is damaged.*keys")
    (folder / "project.json").write_bytes(b'{"format":2,' + fields + b"}")
    refused(folder, r"project\.json is damaged.*keys")
