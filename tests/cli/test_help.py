from __future__ import annotations

import re
import subprocess
import sys

import pytest

import napari_stego
from napari_stego.clustering import ClusterSettings
from napari_stego.features import FeatureSettings
from napari_stego.stego import StegoSettings

COMMANDS = {
    (): [
        *("run", "features", "train", "cluster", "export", "evaluate", "weights"),
        *("gather", "cluster-k", "relink", "inspect", "search", "why"),
    ],
    ("run",): [
        *("IMAGES", "--project", "--backbone", "--weights", "--steps", "--clusters", "--crf"),
        *("--set", "--balance"),
    ],
    ("features",): ["IMAGES", "--layer", "auto", "--long-side", "--facet", "--crops"],
    ("train",): [
        *("--steps", "--dim", "--seed", "--trials", "--preset", "--set", "--start", "--as-is"),
    ],
    ("cluster",): ["--clusters", "--source", "--balance"],
    ("export",): ["--out", "--crf"],
    ("evaluate",): ["--masks", "--naming-masks", "--json"],
    ("cluster-k",): ["--ks", "--repeats"],
    ("relink",): ["--project", "FOLDER", "--json"],
    ("inspect",): ["--at", "--not", "--neighbours", "--centred", "--out", "--assign"],
    ("search",): ["--at", "--not", "--top", "--per-image", "--out", "--assign"],
    ("why",): ["--image", "--at", "--json"],
    ("regions",): ["--image", "--out", "--level"],
    ("correct",): ["--image", "--class", "--at", "--not", "--region-level", "--preview"],
    ("refine",): [
        "--image",
        "--smallest",
        "--largest-hole",
        "--crf",
        "--dry-run",
        "--reviewed-too",
    ],
    ("teach",): [
        *("--click", "--apply", "--only", "--dry-run", "--reviewed-too", "--next", "--confidence"),
        "--json",
    ],
    ("review",): ["list", "accept", "skip", "again", "status"],
    ("runs",): ["list", "use", "compare"],
    ("cooccurrence",): ["--masks", "--json"],
    ("gather",): ["--root", "--split"],
    ("weights",): ["list", "fetch", "check"],
    ("weights", "list"): ["--json"],
    ("weights", "fetch"): ["--weights"],
    ("weights", "check"): ["--json"],
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_names_the_options(stego, command):
    done = stego.run(*command, "--help")
    assert done.returncode == 0
    for word in COMMANDS[command]:
        assert word in done.stdout


@pytest.mark.parametrize("command", [("classes", "list"), ("search",), ("teach",)], ids=" ".join)
def test_help_comes_at_once(stego, command):
    """Nothing heavy is imported for it, whatever the command does."""
    done = stego.run(*command, "--help", PYTHONPROFILEIMPORTTIME="1")
    assert "| typer" in done.stderr
    assert "| torch" not in done.stderr


def test_help_states_the_defaults_that_there_are(stego):
    text = stego.run("run", "--help").stdout
    for option, default in {
        "--clusters": ClusterSettings().clusters,
        "--dim": StegoSettings().dim,
        "--steps": StegoSettings().steps,
        "--long-side": FeatureSettings().long_side,
    }.items():
        stated = re.search(rf"{option} <.*?default: (\w+)", text, re.DOTALL)
        assert stated is not None and stated[1] == str(default), option


def test_version_and_a_wrong_option(stego):
    assert stego.run("--version").stdout == f"{napari_stego.__version__}\n"
    wrong = stego.run("train", "--stepz", "3")
    assert wrong.returncode == 2
    assert "--stepz" in wrong.stderr


def test_importing_the_package_loads_neither_torch_nor_qt():
    code = (
        "import sys, napari_stego, napari_stego.cli\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "'napari_stego'" in loaded
    for name in ("torch", "timm", "zarr", "napari", "qtpy", "PyQt6", "magicgui"):
        assert f"'{name}'" not in loaded
