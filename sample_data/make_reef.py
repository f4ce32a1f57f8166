"""Make the sample corpus: synthetic underwater photographs of a reef with exact masks.

The image and its mask come from the same rays through the same geometry. Light travels through the
water by the model of D. Akkaynak and T. Treibitz, "A Revised Underwater Image Formation Model",
CVPR 2018 (see ``reef_water.py``).

The same seed gives the same arrays. Among Pillow versions the bytes of the JPEG files may differ,
because their encoders do, and so may a few edge pixels of blades and branches, because Pillow draws
their polygons (at most 5 of 307200 in a mask between Pillow 11.0 and 13.0).
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image
from reef_life import CORAL, FISH, ROCK, SAND, SEAGRASS, WATER
from reef_scene import compose, textures_for

CLASSES = (
    (SAND, "sand ripples", "#e6c86e"),
    (SEAGRASS, "seagrass", "#3c9a4b"),
    (ROCK, "rock", "#7d6b5d"),
    (CORAL, "coral", "#ff6f61"),
    (WATER, "water column", "#3b82d6"),
    (FISH, "fish", "#a64ac9"),
)
"""Id, name and colour of every class; id 0 never occurs."""

JPEG_QUALITY = 92


def write_corpus(out: Path, count: int, seed: int, size: tuple[int, int]) -> None:
    """Write ``images/``, ``masks/`` and ``classes.csv``.

    Parameters
    ----------
    out
        Folder to write into; made where it is missing.
    count
        Number of images.
    seed
        Seed of the corpus. Image ``i`` does not depend on ``count``.
    size
        Width and height (px).
    """
    for name in ("images", "masks"):
        (out / name).mkdir(parents=True, exist_ok=True)
    textures = textures_for(seed)
    for index in range(count):
        image, mask = compose(seed, index, size, textures)
        stem = f"reef_{index + 1:02d}"
        Image.fromarray(image).save(out / "images" / f"{stem}.jpg", quality=JPEG_QUALITY)
        save_mask(out / "masks" / f"{stem}.png", mask)
    with (out / "classes.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", "name", "colour"))
        writer.writerows(CLASSES)


def save_mask(path: Path, mask: np.ndarray) -> None:
    """Save class ids, (h, w) uint8, as an indexed PNG with the colours of `CLASSES`."""
    palette = bytearray(3)
    for _, _, colour in CLASSES:
        palette += bytes.fromhex(colour[1:])
    image = Image.fromarray(mask)
    image.putpalette(bytes(palette))
    image.save(path, optimize=True)


def parse_size(text: str) -> tuple[int, int]:
    """Read ``640x480`` as width and height (px)."""
    width, height = text.lower().split("x")
    return int(width), int(height)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Make the synthetic reef corpus.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to fill")
    parser.add_argument("--count", type=int, default=16, help="number of images")
    parser.add_argument("--seed", type=int, default=7, help="seed of the corpus")
    parser.add_argument("--size", type=parse_size, default=(640, 480), help="WIDTHxHEIGHT")
    options = parser.parse_args()
    write_corpus(options.out, options.count, options.seed, options.size)


if __name__ == "__main__":
    main()
