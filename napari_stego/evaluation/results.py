"""What an evaluation finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_stego.evaluation.matching import Scores
from napari_stego.evaluation.pairs import PairKind, PrecisionRecall
from napari_stego.evaluation.published import PUBLISHED, PublishedResult

Curves = Mapping[PairKind, PrecisionRecall]


@dataclass(frozen=True)
class EvaluationRow:
    """Scores of one way to make clusters.

    Attributes
    ----------
    name : str
        What was clustered.
    matched : Scores
        K equal to the number of classes, matched to them one to one.
    named : Scores or None
        More clusters, each named by the majority class of the naming masks.
    many_to_one : Scores
        The K clusters of `matched`, each matched to its commonest class.
    joined : Scores or None
        The clusters of `named`, joined along their merge tree to as many parts
        as there are classes, matched to them one to one.
    linear_probe : Scores or None
        A linear classifier fitted with the naming masks.
    curves : mapping of PairKind to PrecisionRecall, optional
        How well cosines tell which positions have the same class.
    refined_curves : mapping of PairKind to PrecisionRecall, optional
        The same of the cluster probabilities after the dense CRF.
    """

    name: str
    matched: Scores
    named: Scores | None
    many_to_one: Scores
    joined: Scores | None = None
    linear_probe: Scores | None = None
    curves: Curves | None = None
    refined_curves: Curves | None = None


@dataclass(frozen=True)
class Evaluation:
    """A project's scores.

    Attributes
    ----------
    images : int
        Images with masks.
    classes : numpy.ndarray
        Ids of the classes.
    rows : tuple of EvaluationRow
        Codes of the run, where there is one, and raw features.
    class_names : tuple of str
        A name for each of `classes`; of masks in a folder, the id.
    named_clusters : int or None
        K of the named clusters, if there are some.
    dataset : str or None
        Name of the data set that was scored.
    left_out : tuple of str
        Photographs of the data set whose masks do not fit them.
    conditions : dict
        Seed, features, CRF and whatever else the scores depend on.
    """

    images: int
    classes: npt.NDArray[np.int64]
    rows: tuple[EvaluationRow, ...]
    class_names: tuple[str, ...]
    named_clusters: int | None = None
    dataset: str | None = None
    left_out: tuple[str, ...] = ()
    conditions: dict[str, Any] = field(default_factory=dict)

    @property
    def published(self) -> tuple[PublishedResult, ...]:
        """What papers report for the data set."""
        return PUBLISHED.get(self.dataset, ()) if self.dataset is not None else ()
