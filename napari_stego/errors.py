"""Errors that a user can act on."""

from __future__ import annotations


class StegoError(Exception):
    """Something the user can put right; the message says what and how.

    The command line prints the message without a traceback and the plugin
    shows it in a notification. Programming errors are never wrapped in it.
    """
