"""Make the second benchmark set: rooms, gardens and streets, path-traced, with a class per pixel.

The models are 396 of the 820 of Debian's ``sweethome3d-furniture``; the textures of walls,
floors and skies lie inside Debian's ``sweethome3d`` (only its jar is read; Java is not
needed). Blender's Cycles, from the Python package ``bpy``, renders them: nine minutes of
processor time for 148 scenes. It needs Python 3.11 and these, best in an environment of
their own::

    pip install "bpy==4.5.*" numpy pillow
    apt-get download sweethome3d sweethome3d-furniture
    for deb in sweethome3d*.deb; do dpkg -x "$deb" unpacked; done
    python benchmarks/scenes/make_scenes.py FOLDER --models unpacked/usr/share/sweethome3d

FOLDER then holds ``classes.csv`` and ``train`` and ``test``, each with ``images`` (JPEG)
and ``masks`` (indexed PNG; 255 is not counted). The same seed and package versions give
the same scenes; Cycles may round differently on another processor. Training and test
photographs share no model of furniture, car, tree, person or animal: one model in three of
each kind is kept for the test scenes. They do share the textures, in other colours.

Licences: models CC BY 3.0 (Scopia, Reallusion, Andrew Kator and Jennifer Legaz, the
BlendSwap contributors) and CC0; textures GPL-2+ or CC BY 3.0 (eTeks); ``bpy`` GPL-3+. The
pictures made are for measuring; share them with that attribution.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import tempfile
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image
from scene_models import CLASSES, read_catalogue


def make_part(
    folder: Path, models: Path, textures: Path, seed: int, split: str, numbers: range
) -> None:
    """Make some scenes of one split; runs in a process of its own."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    # Blender breaks the start of further processes, so the first process never imports it.
    from scene_blender import Scene, set_up_renderer, take_photograph
    from scene_layout import build_outdoors, build_room

    catalogue = read_catalogue(models, test=split == "test")
    with tempfile.TemporaryDirectory() as name:
        set_up_renderer(Path(name))
        for number in numbers:
            rng = np.random.default_rng([seed, split == "test", number])
            scene = Scene(catalogue, textures, rng)
            (build_room if number % 2 else build_outdoors)(scene)
            image, mask = take_photograph(Path(name), rng)
            stem = f"{split}_{number:04d}"
            image.save(folder / split / "images" / f"{stem}.jpg", quality=92)
            indexed = Image.fromarray(mask, mode="P")
            indexed.putpalette([c for colour in CLASSES.values() for c in colour])
            indexed.save(folder / split / "masks" / f"{stem}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=Path, default=Path("/usr/share/sweethome3d"))
    parser.add_argument("--train", type=int, default=104)
    parser.add_argument("--test", type=int, default=44)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if find_spec("bpy") is None:
        parser.error('bpy is missing; run: pip install "bpy==4.5.*" (it needs Python 3.11)')
    if not (options.models / "sweethome3d.jar").is_file():
        parser.error(f"no sweethome3d.jar in {options.models}; see the top of this file")
    start = time.perf_counter()
    for split in ("train", "test"):
        for kind in ("images", "masks"):
            (options.folder / split / kind).mkdir(parents=True, exist_ok=True)
    with (options.folder / "classes.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "colour"])
        writer.writerows(
            [i, name, "#{:02x}{:02x}{:02x}".format(*c)]
            for i, (name, c) in enumerate(CLASSES.items())
        )
    with tempfile.TemporaryDirectory() as name:
        unpacked = Path(name)
        for archive in sorted((options.models / "furniture").glob("*.sh3f")):
            with zipfile.ZipFile(archive) as file:
                file.extractall(unpacked / archive.stem)
        with zipfile.ZipFile(options.models / "sweethome3d.jar") as file:
            for entry in file.namelist():
                if "/resources/textures/" in entry and entry.endswith(".jpg"):
                    (unpacked / Path(entry).name).write_bytes(file.read(entry))
        # Rooms and streets differ in cost: more parts than processes share the work evenly.
        parts = 2 * options.processes
        tasks = [
            (options.folder, unpacked, unpacked, options.seed, split, range(first, count, parts))
            for split, count in (("train", options.train), ("test", options.test))
            for first in range(parts)
        ]
        context = multiprocessing.get_context("spawn")
        with context.Pool(options.processes, maxtasksperchild=1) as pool:
            pool.starmap(make_part, tasks, chunksize=1)
    print(f"{options.train} and {options.test} scenes in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
