from __future__ import annotations

import threading
from contextlib import closing
from functools import partial

import pytest

from napari_stego.project.ahead import ahead


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order_and_few_calls_run_ahead(workers):
    begun = []

    def call(number):
        begun.append(number)
        return number

    found = ahead((partial(call, number) for number in range(20)), workers)
    for number, result in enumerate(found):
        assert result == number
        assert max(begun) <= number + workers
    assert sorted(begun) == list(range(20))


def test_calls_run_at_the_same_time():
    both = threading.Barrier(2, timeout=20)
    assert len(list(ahead([both.wait] * 4, 2))) == 4


@pytest.mark.parametrize("workers", [1, 2])
def test_after_an_error_or_an_end_no_call_begins_and_no_thread_stays(workers):
    begun = []

    def call(number):
        begun.append(number)
        if number == 3:
            raise OSError("3")

    with pytest.raises(OSError, match="3"):
        list(ahead((partial(call, number) for number in range(100)), workers))
    assert len(begun) <= 4 + 2 * workers
    with closing(ahead((partial(begun.append, None) for _ in range(100)), workers)) as found:
        next(found)
    assert len(begun) <= 6 + 4 * workers
    assert not [each for each in threading.enumerate() if "ahead" in each.name]
