"""Kill processes at random moments, and see that every project reopens with all that was done.

Run as ``python benchmarks/crashes/harness.py --kills 300``. Each trial is a process that edits,
clusters, extracts, trains or exports, and is killed (SIGKILL) at a random moment. In every third
calls that write fail now and then (ENOSPC, EIO), and take a part only; where it may be mounted
(root on Linux), another third is on a file system of a few MiB that is full most of the time. In
every second trial of editing jobs open the classes meanwhile. Needs POSIX.
"""

from __future__ import annotations

import argparse
import errno
import os
import pickle
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import timm
import torch
from activities import ACTIVITIES, Place, Told, first_state, make_project
from PIL import Image
from safetensors.torch import save_file

_IMAGES = 6
_FULL_MIB = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="crashes-") as name, _small_disk() as disk:
        base = _prepare(Path(name))
        trials = _Trials(base, disk, random.Random(options.seed))
        for number in range(options.kills):
            trials.run(number)
    print(trials.table())
    if trials.problems:
        print("\n".join(trials.problems), file=sys.stderr)
        sys.exit(1)


class _Trials:
    """All trials, and what came of them."""

    def __init__(self, base: Place, disk: Path | None, rng: random.Random) -> None:
        self.problems: list[str] = []
        self._base, self._disk, self._rng = base, disk, rng
        self._counts: Counter[tuple[str, str]] = Counter()
        self._acts: Counter[tuple[str, str]] = Counter()
        self._refused: Counter[tuple[str, str]] = Counter()
        self._bad: Counter[tuple[str, str]] = Counter()
        self._places: dict[tuple[str, str], tuple[Place, str]] = {}

    def run(self, number: int) -> None:
        names = list(ACTIVITIES)
        # Editing is what a week of work consists of: every second trial.
        name = names[0] if number % 2 else names[1 + (number // 2) % (len(names) - 1)]
        troubles = ["none", "failing writes"] + (["full disk"] if self._disk else [])
        trouble = troubles[(number // 2) % len(troubles)]
        key, activity = (name, trouble), ACTIVITIES[name]
        place, before = self._place(key, fresh=activity.fresh, number=number)
        seconds = self._rng.uniform(0.0, activity.seconds)
        failing = self._rng.randrange(2**31) if trouble == "failing writes" else None
        self._counts[key] += 1
        with _filled(self._disk if trouble == "full disk" else None, self._rng):
            told = _killed(lambda tell: activity.run(place, tell), seconds, failing)
        self._acts[key] += len(told.done)
        self._refused[key] += told.refused
        after, problem = _in_child(lambda: activity.check(place, told, before))
        if problem:
            self._bad[key] += 1
            self.problems.append(f"trial {number}, {name}, {trouble}: {problem}")
            self._places.pop(key, None)
        else:
            self._places[key] = (place, str(after))

    def _place(self, key: tuple[str, str], *, fresh: bool, number: int) -> tuple[Place, str]:
        if key in self._places and not fresh:
            place, before = self._places[key]
            return replace(place, seed=number), before
        root = self._disk if key[1] == "full disk" and self._disk else self._base.out
        out = root / f"{key[0]}-{key[1]}".replace(" ", "-")
        shutil.rmtree(out / "reef.stego", ignore_errors=True)
        shutil.rmtree(out / "export", ignore_errors=True)
        shutil.copytree(self._base.project, out / "reef.stego")
        place = replace(self._base, project=out / "reef.stego", out=out, seed=number)
        before, problem = _in_child(lambda: first_state(key[0], place))
        if problem:
            raise RuntimeError(problem)
        return place, str(before)

    def table(self) -> str:
        lines = [
            "| activity | trouble | kills | acts done before them | writes refused | lost |",
            "|---|---|---|---|---|---|",
        ]
        for key in sorted(self._counts):
            values = (self._counts[key], self._acts[key], self._refused[key], self._bad[key])
            lines.append(f"| {key[0]} | {key[1]} | {' | '.join(map(str, values))} |")
        total = sum(self._counts.values())
        acts, bad = sum(self._acts.values()), sum(self._bad.values())
        lines.append(f"| all | | {total} | {acts} | {sum(self._refused.values())} | {bad} |")
        return "\n".join(lines)


def _prepare(folder: Path) -> Place:
    images, weights = folder / "images", folder / "weights.safetensors"
    images.mkdir()
    rng = np.random.default_rng(0)
    for index in range(_IMAGES):
        colours = rng.integers(0, 255, (4, 6, 3)).repeat(16, 0).repeat(16, 1)
        Image.fromarray(colours.astype(np.uint8)).save(images / f"frame{index}.png")
    project = folder / "reef.stego"
    place = Place(project, images, weights, folder / "work", project, 0)
    place.out.mkdir()
    problem = _in_child(lambda: (_make_weights(weights), make_project(place))[0])[1]
    if problem:
        raise RuntimeError(problem)
    return place


def _make_weights(path: Path) -> None:
    torch.manual_seed(0)
    save_file(timm.create_model("test_vit", num_classes=0).state_dict(), path)


def _killed(act: Callable[..., None], seconds: float, failing: int | None) -> Told:
    """Do something in a process, kill it, and return what it told."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)

        def tell(kind: str, what: str) -> None:
            _real_write(writing, f"{kind} {what}\n".encode())

        try:
            _real_write(writing, b"start -\n")
            if failing is not None:
                _fail_now_and_then(random.Random(failing))
            act(tell)
        except BaseException:
            _real_write(writing, b"error " + traceback.format_exc().replace("\n", "~").encode())
        os._exit(0)
    os.close(writing)
    text = b""
    while not text:  # the clock starts when the process does
        text += os.read(reading, 1 << 16)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([reading], [], [], left)[0]:
            piece = os.read(reading, 1 << 16)
            if not piece:
                break
            text += piece
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while piece := os.read(reading, 1 << 16):
        text += piece
    os.close(reading)
    told = Told()
    for line in text.decode().splitlines():
        kind, _, what = line.partition(" ")
        if kind == "error":
            raise RuntimeError(what.replace("~", "\n"))
        if kind == "refused":
            told.refused += 1
        elif kind == "intend":
            told.pending.add(what)
        elif kind == "done":
            told.done.append(what)
            told.pending.clear()
    return told


def _in_child(call: Callable[[], object]) -> tuple[object, str]:
    """Call something in a process of its own; return what it returns, and its error."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = (call(), "")
        except BaseException as error:
            lines = traceback.format_exception_only(error)
            answer = (None, "".join(lines).strip() + "\n" + traceback.format_exc())
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pickle.load(pipe)
    os.waitpid(pid, 0)
    return answer


_real_write = os.write


def _fail_now_and_then(rng: random.Random) -> None:
    """Let calls that write fail, as on a bad or full disk."""

    def failing(call: Callable[..., object], often: float) -> Callable[..., object]:
        def or_fail(*args: object, **options: object) -> object:
            if rng.random() < often:
                number = rng.choice([errno.ENOSPC, errno.EIO])
                raise OSError(number, os.strerror(number))
            return call(*args, **options)

        return or_fail

    def in_parts(descriptor: int, data: bytes) -> int:
        """Write a part only, as any call may; whoever looks then sees half of what is written."""
        done = _real_write(descriptor, data[: rng.randrange(1, len(data) + 1)])
        time.sleep(0.001)
        return done

    os.write = failing(in_parts, 0.05)
    os.fsync = failing(os.fsync, 0.05)
    os.replace = failing(os.replace, 0.05)
    os.rename = failing(os.rename, 0.05)


@contextmanager
def _small_disk() -> Iterator[Path | None]:
    """Mount a small file system, where that is allowed."""
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={_FULL_MIB}m", "tmpfs", str(folder)]
    mounted = False
    with suppress(OSError):
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    if not mounted:
        print("A small file system cannot be mounted here: full disks are left out.")
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)
        folder.rmdir()


@contextmanager
def _filled(disk: Path | None, rng: random.Random) -> Iterator[None]:
    """Leave next to nothing free on a disk for as long as this lasts."""
    if disk is None:
        yield
        return
    filler = disk / "filler"
    free = shutil.disk_usage(disk).free
    keep = rng.choice([0, 4, 16, 64, 1024, 4096]) * 1024
    with filler.open("wb") as file, suppress(OSError):
        file.write(b"\0" * max(0, free - keep))
    try:
        yield
    finally:
        filler.unlink()


if __name__ == "__main__":
    main()
