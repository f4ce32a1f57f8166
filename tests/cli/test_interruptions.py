"""Ctrl-C and kill in the middle of the long stages."""

from __future__ import annotations

import signal

import pytest


def exported(out):
    return {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def finished_segments(project):
    """Features of 48 images each, and of fewer after a Ctrl-C."""
    return sorted(path.parent.name for path in project.glob("features/*/[!.]*/c"))


def checkpoints(project):
    """The run's file, written every 100 steps."""
    return [path.stat().st_mtime_ns for path in project.glob("runs/[!.]*.safetensors")]


# Two minutes; `benchmarks/crashes`, of which the tests run a few trials, kills more often.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "images", "options"),
    [
        (finished_segments, 150, ["--long-side", 256, "--steps", 2]),
        (checkpoints, 4, ["--steps", 500]),
    ],
    ids=["extraction", "training"],
)
def test_stopped_and_then_killed_the_same_command_goes_on_to_the_same_masks(
    stego, photographs, tmp_path, stage, images, options
):
    folder = photographs(tmp_path / "images", images, size=(48, 64))
    whole, parts = tmp_path / "whole.stego", tmp_path / "parts.stego"
    done = stego.run(*stego.small(folder, whole), *options)
    assert done.returncode == 0, done.stderr

    arguments = [*stego.small(folder, parts), *options, "--json"]
    for kind in (signal.SIGINT, signal.SIGKILL):
        before = stage(parts)
        stopped = stego.interrupt(
            *arguments, when=lambda before=before: stage(parts) != before, with_signal=kind
        )
        if kind == signal.SIGINT:
            assert stopped.returncode == 130, stopped.stderr
            assert "Run the same command again to go on" in stopped.stderr
            assert "Traceback" not in stopped.stderr
            assert stopped.stdout.startswith('{"error": "Cancelled')
        else:
            assert stopped.returncode == -kind
        assert not (parts / "export").exists()
    values = stego.json(*arguments[:-1])
    assert values["reused"] > 0
    assert values["images"] == images
    files = exported(parts / "export")
    assert len(files) == 4 * images + 2
    assert files == exported(whole / "export")
    assert not list(parts.rglob(".*"))
