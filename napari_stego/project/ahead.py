"""Results of calls, in their order, some of which run at the same time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

# Each needs memory of its own.
_MOST = 4


def processors() -> int:
    """Tell how many calls may run at the same time, of those that need a processor each.

    Returns
    -------
    int
        From 1 to 4.
    """
    return min(os.cpu_count() or 1, _MOST)


def ahead(calls: Iterable[Callable[[], T]], workers: int) -> Generator[T]:
    """Run calls in threads, a few ahead of their results being taken.

    It is for calls that spend their time outside of Python, such as the dense
    CRF. Threads cannot hang as processes of a pool can, whose death is noticed
    by nobody.

    Parameters
    ----------
    calls : iterable of callable
        Independent of one another; taken as they are needed.
    workers : int
        How many run at the same time; with 1 each runs when its result is taken.

    Yields
    ------
    object
        The result of each, in the order of the calls.

    Raises
    ------
    Exception
        What a call raises; those that have begun are waited for, the others
        never run.
    """
    if workers == 1:
        for call in calls:
            yield call()
        return
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="napari-stego ahead") as pool:
        try:
            for call in calls:
                waiting.append(pool.submit(call))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
