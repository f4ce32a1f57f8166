from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(sys.executable).with_name("napari-stego")
SERVER = Path(__file__).with_name("server.py")


class CommandLine:
    """The installed program, with a cache of its own and without network."""

    def __init__(self, folder: Path, weights: Path) -> None:
        self.weights = weights
        self._folder = folder
        self._server: subprocess.Popen[str] | None = None
        self.env = {
            **os.environ,
            "NAPARI_STEGO_CACHE": str(folder / "cache"),
            "NAPARI_STEGO_OFFLINE": "1",
            "HF_HOME": str(folder / "huggingface"),
            "OMP_NUM_THREADS": "1",
            "PYTHONIOENCODING": "utf-8",
        }

    def run(self, *args: object, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in a process that finds everything loaded."""
        if env or os.name != "posix":
            return self.start(*args, **env)
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, SERVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=self.env,
            )
            assert self._server.stdout.readline() == "ready\n"
        out, errors = self._folder / "out.txt", self._folder / "errors.txt"
        job = {"args": [*map(str, args)], "out": str(out), "errors": str(errors)}
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        texts = (path.read_text("utf-8") for path in (out, errors))
        return subprocess.CompletedProcess(job["args"], code, *texts)

    def close(self) -> None:
        """End the process that commands come from."""
        if self._server is not None:
            self._server.communicate()

    def start(self, *args: object, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, from nothing, as a user does."""
        return subprocess.run(
            [PROGRAM, *map(str, args)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=self.env | env,
            timeout=120,
            check=False,
        )

    def json(self, *args: object, **env: str) -> Any:
        """Run a command that has to succeed, and parse what it prints."""
        done = self.run(*args, "--json", **env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def interrupt(
        self, *args: object, when: Callable[[], bool], with_signal: int
    ) -> subprocess.CompletedProcess[str]:
        """Start a command and send it a signal as soon as a condition holds."""
        process = subprocess.Popen(
            [PROGRAM, *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=self.env,
        )
        deadline = time.monotonic() + 60
        while process.poll() is None and not when() and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(with_signal)
        out, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, errors)

    def small(self, images: Path, project: Path) -> list[object]:
        """Arguments of a `run` that takes seconds."""
        options = ["--backbone", "test_vit", "--weights", self.weights, "--device", "cpu"]
        options += ["--long-side", 96, "--steps", 20, "--dim", 8, "-k", 4]
        return ["run", images, "--project", project, *options]


@pytest.fixture(scope="session")
def stego(tmp_path_factory, small_weights) -> Iterator[CommandLine]:
    program = CommandLine(tmp_path_factory.mktemp("cli"), small_weights)
    yield program
    program.close()
