"""The token that stops a long call, or lets it wait."""

from __future__ import annotations

import threading

import pytest

from napari_stego.progress import Cancelled, CancelToken


def waiting(token):
    """A thread at a safe point, and what it met there."""
    met = []

    def call():
        try:
            token.raise_if_cancelled()
            met.append("on")
        except Cancelled:
            met.append("cancelled")

    thread = threading.Thread(target=call)
    thread.start()
    return thread, met


def test_a_fresh_token_stops_nothing():
    CancelToken().raise_if_cancelled()


def test_a_cancelled_token_stops_every_time():
    token = CancelToken()
    token.cancel()
    for _ in range(2):
        with pytest.raises(Cancelled):
            token.raise_if_cancelled()


@pytest.mark.parametrize(("end", "outcome"), [("resume", "on"), ("cancel", "cancelled")])
def test_a_paused_call_waits_until_it_is_resumed_or_cancelled(end, outcome):
    token = CancelToken()
    token.pause()
    thread, met = waiting(token)
    thread.join(0.1)
    assert not met
    getattr(token, end)()
    thread.join(10)
    assert met == [outcome]


def test_a_cancelled_token_cannot_be_paused():
    token = CancelToken()
    token.cancel()
    token.pause()
    thread, met = waiting(token)
    thread.join(10)
    assert met == ["cancelled"]
