"""Runs commands of the program, each in a process of its own, without starting from nothing.

Loading torch and its like takes most of a short command. This process has done so; for each
command that it reads from its input it forks, as a fresh start would find everything.
"""

from __future__ import annotations

import json
import os
import sys


def serve() -> None:
    import timm  # noqa: F401

    import napari_stego.project  # noqa: F401
    from napari_stego.cli import main

    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(main, job)
        status = os.waitpid(pid, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(main, job) -> None:
    code = 1
    try:
        for stream, path in enumerate((os.devnull, job["out"], job["errors"])):
            flags = os.O_RDONLY if stream == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(path, flags), stream)
        sys.argv = ["napari-stego", *job["args"]]
        try:
            code = main() or 0
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else int(done.code is not None)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve()
