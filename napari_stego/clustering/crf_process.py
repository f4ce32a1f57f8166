"""The program that runs the dense CRF, in a process of its own.

The CRF library never lets go of Python's interpreter lock, so that seconds of
it in a thread would freeze every window of the process. `dense_crf` starts
this file with the folder that holds its input; it imports no more than it needs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

INPUT = "input.npz"
OUTPUT = "output.npy"


def main(folder: Path, settings: str) -> None:
    """Refine the probabilities in a folder.

    Parameters
    ----------
    folder : Path
        Holds ``input.npz``: ``image`` ``(H, W, 3) uint8``, its channels as
        the appearance kernel is to see them, and ``probabilities``
        ``(K, H, W) float32``. ``output.npy`` of the latter's shape is written there.
    settings : str
        `CrfSettings` as JSON.
    """
    from pydensecrf.densecrf import DenseCRF2D
    from pydensecrf.utils import unary_from_softmax

    values = json.loads(settings)
    with np.load(folder / INPUT) as file:
        image, probabilities = file["image"], file["probabilities"]
    n_labels, height, width = probabilities.shape
    field = DenseCRF2D(width, height, n_labels)
    field.setUnaryEnergy(np.ascontiguousarray(unary_from_softmax(probabilities)))
    field.addPairwiseGaussian(sxy=values["gaussian_sigma"], compat=values["gaussian_weight"])
    field.addPairwiseBilateral(
        sxy=values["bilateral_sigma"],
        srgb=values["bilateral_colour_sigma"],
        rgbim=image,
        compat=values["bilateral_weight"],
    )
    marginals = np.asarray(field.inference(values["iterations"]), dtype=np.float32)
    np.save(folder / OUTPUT, marginals.reshape(n_labels, height, width))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
