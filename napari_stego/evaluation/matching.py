"""Matching clusters to classes, and the scores that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class Scores:
    """How well clusters agree with classes.

    Attributes
    ----------
    accuracy : float
        Share of pixels whose cluster is matched to their class, in ``[0, 1]``.
    miou : float
        Mean of `per_class_iou` over the classes that occur, in ``[0, 1]``.
    per_class_iou : numpy.ndarray
        ``(n_classes,) float64`` intersection over union; NaN for a class
        without pixels.
    names : numpy.ndarray
        ``(n_clusters,) int64``, the class of each cluster; -1 for none.
    confusion : numpy.ndarray
        ``(n_classes, n_classes + 1) int64``, pixels by their class and by the
        class of their cluster; the last column counts clusters without one.
    """

    accuracy: float
    miou: float
    per_class_iou: npt.NDArray[np.float64]
    names: npt.NDArray[np.int64]
    confusion: npt.NDArray[np.int64]


def confusion_matrix(
    true: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    n_classes: int,
    n_clusters: int,
) -> npt.NDArray[np.int64]:
    """Count pixels by class and cluster; add matrices to count several images.

    Parameters
    ----------
    true : numpy.ndarray
        Classes, any shape; values outside ``0..n_classes-1`` are ignored.
    predicted : numpy.ndarray
        Clusters ``0..n_clusters-1``, of the same shape.
    n_classes, n_clusters : int
        Size of the matrix.

    Returns
    -------
    numpy.ndarray
        ``(n_classes, n_clusters) int64``.

    Raises
    ------
    ValueError
        If the shapes differ, or a cluster is out of range.
    """
    if true.shape != predicted.shape:
        raise ValueError(f"shapes {true.shape} and {predicted.shape} differ")
    counted = (true >= 0) & (true < n_classes)
    classes = true[counted].astype(np.int64)
    clusters = predicted[counted].astype(np.int64)
    if clusters.size and not 0 <= clusters.min() <= clusters.max() < n_clusters:
        raise ValueError(f"clusters must be in 0..{n_clusters - 1}")
    cells = np.bincount(classes * n_clusters + clusters, minlength=n_classes * n_clusters)
    return cells.reshape(n_classes, n_clusters)


def hungarian_scores(confusion: npt.NDArray[np.int64]) -> Scores:
    """Match clusters to classes one to one, for the most agreement.

    Every pixel counts: those of clusters beyond the number of classes are
    errors, and a class that gets no cluster has an IoU of 0.

    Parameters
    ----------
    confusion : numpy.ndarray
        ``(n_classes, n_clusters)``.

    Returns
    -------
    Scores
        The scores.

    References
    ----------
    Kuhn, "The Hungarian method for the assignment problem", 1955.
    """
    names = np.full(confusion.shape[1], -1, np.int64)
    classes, clusters = linear_sum_assignment(confusion, maximize=True)
    names[clusters] = classes
    return named_scores(confusion, names)


def many_to_one_scores(confusion: npt.NDArray[np.int64]) -> Scores:
    """Match each cluster to the class that most of its pixels have.

    Several clusters may share a class, so this is never below
    `hungarian_scores` in accuracy. The matching sees the pixels that it
    scores: with more clusters than classes it flatters.

    Parameters
    ----------
    confusion : numpy.ndarray
        ``(n_classes, n_clusters)``.

    Returns
    -------
    Scores
        The scores.

    Raises
    ------
    ValueError
        If no pixel is counted.
    """
    return named_scores(confusion, majority_names(confusion))


def majority_names(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Name each cluster by the class that most of its pixels have.

    Parameters
    ----------
    confusion : numpy.ndarray
        ``(n_classes, n_clusters)``, of the pixels that may name.

    Returns
    -------
    numpy.ndarray
        ``(n_clusters,) int64``; a cluster without pixels gets the commonest class.
    """
    names = confusion.argmax(axis=0)
    names[confusion.sum(axis=0) == 0] = confusion.sum(axis=1).argmax()
    return np.asarray(names, dtype=np.int64)


def named_scores(confusion: npt.NDArray[np.int64], names: npt.NDArray[np.int64]) -> Scores:
    """Score clusters that have been named, several perhaps alike.

    Parameters
    ----------
    confusion : numpy.ndarray
        ``(n_classes, n_clusters)``, of the pixels that score.
    names : numpy.ndarray
        ``(n_clusters,)``, the class of each cluster; -1 for none.

    Returns
    -------
    Scores
        The scores.

    Raises
    ------
    ValueError
        If no pixel is counted.
    """
    n_classes = len(confusion)
    if confusion.sum() == 0:
        raise ValueError("there are no pixels to score")
    joined = np.zeros((n_classes, n_classes + 1), np.int64)
    for cluster, name in enumerate(names):
        joined[:, name] += confusion[:, cluster]  # no name, -1, is the last column
    true_positives = np.diag(joined)
    pixels = confusion.sum(axis=1)
    union = pixels + joined[:, :n_classes].sum(axis=0) - true_positives
    iou = np.full(n_classes, np.nan)
    occurs = pixels > 0
    iou[occurs] = true_positives[occurs] / union[occurs]
    accuracy = float(true_positives.sum() / confusion.sum())
    return Scores(accuracy, float(np.nanmean(iou)), iou, names, joined)
