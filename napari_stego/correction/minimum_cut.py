"""The minimum cut of a graph of pieces of a photograph."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

# The solver counts in int32. No capacity and no sum of them comes near its end.
_ALL_CAPACITY = 2**29
_FINEST = 1000.0


def minimum_cut(
    unary: npt.NDArray[np.float64],
    pairs: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64],
    pinned: npt.NDArray[np.int8],
) -> npt.NDArray[np.bool_]:
    """Choose the nodes inside, so that what is paid for all nodes and pairs is the least.

    A node outside pays its unary term where that is positive, a node inside
    pays its negative where it is negative, and a pair that is parted pays its
    weight. Where several choices cost the same, it is that of the fewest
    nodes inside. Costs are rounded to about a billionth of their sum.

    Parameters
    ----------
    unary : numpy.ndarray
        ``(M,) float64``, finite; positive for nodes that are rather inside.
    pairs : numpy.ndarray
        ``(E, 2) int64`` pairs of nodes, each once.
    weights : numpy.ndarray
        ``(E,) float64``, finite, at least 0.
    pinned : numpy.ndarray
        ``(M,) int8``: 1 for nodes that must be inside, -1 for those that must
        be outside, 0 for others.

    Returns
    -------
    numpy.ndarray
        ``(M,) bool``, the nodes inside.

    References
    ----------
    Boykov and Jolly, "Interactive Graph Cuts for Optimal Boundary & Region
    Segmentation of Objects in N-D Images", ICCV 2001.
    """
    count = len(unary)
    free = np.where(pinned == 0, unary, 0.0)
    scale = min(_ALL_CAPACITY / max(np.abs(free).sum() + 4 * weights.sum(), 1e-30), _FINEST)
    links = np.rint(weights * scale).astype(np.int64)
    ends = np.bincount(pairs.ravel(), np.repeat(links, 2), count).astype(np.int64)
    terms = np.rint(free * scale).astype(np.int64)
    # A pinned node would rather be parted from all its neighbours.
    terms = np.where(pinned == 0, terms, pinned * (ends + 1))
    inside, outside = np.flatnonzero(terms > 0), np.flatnonzero(terms < 0)
    first, second = pairs.T
    source, sink = count, count + 1
    rows = np.concatenate([first, second, np.full(len(inside), source), outside])
    columns = np.concatenate([second, first, inside, np.full(len(outside), sink)])
    capacities = np.concatenate([links, links, terms[inside], -terms[outside]])
    graph = csr_array(
        (capacities.astype(np.int32), (rows.astype(np.int32), columns.astype(np.int32))),
        shape=(count + 2, count + 2),
    )
    left = (graph - maximum_flow(graph, source, sink).flow).tocsr()
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    chosen = np.zeros(count + 2, bool)
    chosen[reached] = True
    return chosen[:count]
