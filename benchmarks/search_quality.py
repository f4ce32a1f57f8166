"""Measure what a search of the corpus finds: the share of hits in the class pointed at.

Run::

    python benchmarks/search_quality.py SET --project FOLDER

where SET holds ``train`` and ``test``, each with ``images`` and ``masks``. The
head is trained on the training photographs, without masks; what is in FOLDER
already is used again. Each prompt is a random pixel of a random test
photograph. The other test photographs are searched, and the 20 best hits, one a
photograph, are compared with the masks. What chance would find is the mean
share of the prompt's class in those photographs.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from napari_stego.correspondence import Prompt
from napari_stego.evaluation.masks import VOID, find_masks, read_mask
from napari_stego.features import FeatureSettings
from napari_stego.files import replacing
from napari_stego.project import (
    Encodings,
    Project,
    Source,
    extract,
    open_photographs,
    score_layers,
    train,
)
from napari_stego.project.inspecting import Inspector
from napari_stego.project.searching import CorpusSearch
from napari_stego.stego import StegoSettings

TOP = 20
NAMES: dict[Source, str] = {"features": "raw tokens", "codes": "STEGO codes"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--project", type=Path, required=True, help="folder for the projects")
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3, help="heads, and draws of prompts")
    options = parser.parse_args()
    shares: dict[str, list[float]] = defaultdict(list)
    for seed in range(options.seeds):
        project = _project(options.set, options.project, seed)
        prompts = _prompts(project, options.set / "test" / "masks", options.prompts, seed)
        for source, name in NAMES.items():
            shares[name].append(_share(project, prompts, source))
        shares["chance"].append(float(np.mean([prompt.chance for prompt in prompts])))
    print(f"| searched by | share of the top {TOP} in the same class |\n|---|---|")
    for name, found in shares.items():
        print(f"| {name} | {100 * np.mean(found):.1f} ± {100 * np.std(found):.1f} % |")


class Pointed:
    """A prompt, with the class of each pixel of the photographs that are searched."""

    def __init__(self, place: tuple[str, int, int], masks: dict[str, np.ndarray]) -> None:
        image, row, column = place
        self.prompt = Prompt.point(image, row, column)
        self.masks = {name: mask for name, mask in masks.items() if name != image}
        self.wanted = int(masks[image][row, column])
        self.chance = float(np.mean([(m == self.wanted).mean() for m in self.masks.values()]))


def _project(data: Path, folder: Path, seed: int) -> Project:
    """Open the test photographs with a head that was trained on the others."""
    images = data / "train" / "images"
    training = open_photographs(folder / "train.stego", images)
    layer = score_layers(training, FeatureSettings(layer="final")).best
    extract(training, FeatureSettings(layer=layer))
    train(training, StegoSettings(seed=seed))
    project = open_photographs(folder / "test.stego", data / "test" / "images")
    extract(project, FeatureSettings(layer=layer))
    key = training.state.run
    with replacing(project.run_file(key)) as temporary:
        temporary.write_bytes(training.run_path.read_bytes())
    project.update(run=key)
    return project


def _prompts(project: Project, masks: Path, count: int, seed: int) -> list[Pointed]:
    images = project.corpus.images
    of_image = {
        image.content_hash: read_mask(find_masks(masks, (image,))[image.name], image)
        for image in images
    }
    rng = np.random.default_rng(seed)
    found: list[Pointed] = []
    while len(found) < count:
        image = images[rng.integers(len(images))]
        row, column = rng.integers((image.height, image.width)).tolist()
        if of_image[image.content_hash][row, column] != VOID:
            found.append(Pointed((image.content_hash, row, column), of_image))
    return found


def _share(project: Project, prompts: list[Pointed], source: Source) -> float:
    encodings = Encodings(project)
    inspector, search = Inspector(project, encodings), CorpusSearch(project, encodings, source)
    search.build()
    right = []
    for each in prompts:
        hits = search.search(inspector.queries([each.prompt], source), TOP + 1)
        others = [hit for hit in hits if hit.image.content_hash in each.masks][:TOP]
        right += [
            each.masks[hit.image.content_hash][hit.row, hit.column] == each.wanted for hit in others
        ]
    return float(np.mean(right))


if __name__ == "__main__":
    main()
