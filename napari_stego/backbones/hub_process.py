"""The program that downloads a file from the model hub, in a process of its own.

The hub's client cannot be told to stop. `resolve_weights` starts this file and
ends it when the user cancels; what had arrived is kept and not fetched again.
"""

from __future__ import annotations

import sys

from huggingface_hub import hf_hub_download


def main(repository: str, name: str, endpoint: str) -> None:
    """Download a file and print where it is.

    Parameters
    ----------
    repository : str
        Repository on the hub.
    name : str
        The file in it.
    endpoint : str
        Address of the hub.

    Raises
    ------
    SystemExit
        If it cannot be had; the reason is one line.
    """
    try:
        path = hf_hub_download(repository, name, endpoint=endpoint)
    except Exception as error:  # the client raises the types of several libraries
        lines = str(error).strip().splitlines()
        sys.exit(lines[0] if lines else repr(error))
    # Not in the encoding of the console, which may lack letters of the path.
    sys.stdout.buffer.write(path.encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
