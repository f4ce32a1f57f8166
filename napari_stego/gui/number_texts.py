"""Numbers as the panels write them."""

from __future__ import annotations


def share_text(share: float) -> str:
    """Write a share as a percentage.

    Parameters
    ----------
    share : float
        In ``[0, 1]``.

    Returns
    -------
    str
        With a decimal; what is there is never written as 0.
    """
    return "<0.1%" if 0 < share < 0.0005 else f"{100 * share:.1f}%"


def short_number(number: int) -> str:
    """Write a large number in a few characters.

    Parameters
    ----------
    number : int
        Not negative.

    Returns
    -------
    str
        With k, M, G or T for thousands and so on.
    """
    if number < 10_000:
        return f"{number:,}"
    value = float(number)
    for suffix in ("k", "M", "G"):
        value /= 1000
        if value < 999.5:
            return f"{value:.1f}{suffix}" if value < 99.95 else f"{value:.0f}{suffix}"
    return f"{value / 1000:.1f}T"
