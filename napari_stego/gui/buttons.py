"""Buttons as the panels have them."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QPushButton, QWidget

WAIT_TIP = "Something else is running: wait for it, or cancel it in the bar below"
"""Why a button cannot be pressed."""


def push_button(text: str, tip: str, call: Callable[[], None], parent: QWidget) -> QPushButton:
    """Make a button.

    Parameters
    ----------
    text : str
        What is on it.
    tip : str
        What it does, and the key that does the same.
    call : callable
        Does it.
    parent : QWidget
        Owner.

    Returns
    -------
    QPushButton
        Not laid out yet.
    """
    button = QPushButton(text, parent)
    button.setToolTip(tip)
    button.clicked.connect(lambda *_: call())  # without the state that Qt would hand on
    return button
