"""How fast a training is, where it computes and what memory it takes, in a line."""

from __future__ import annotations

import time
from collections import deque

import psutil
import torch
from qtpy.QtWidgets import QLabel, QWidget

from napari_stego.stego import StepRecord

_WINDOW_SECONDS = 10.0
_GIB = 2**30


class TrainingFacts(QLabel):
    """Steps per second, device and memory of a training; hidden while there is none.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._device = ""
        self._seen: deque[tuple[float, int]] = deque()
        self._process = psutil.Process()
        self.setToolTip("The mean of the last 10 seconds; the memory is that of napari as a whole")
        self.hide()

    def start(self, device: str) -> None:
        """Begin anew.

        Parameters
        ----------
        device : str
            Where the head is trained.
        """
        self._device = device
        self._seen.clear()
        self.hide()

    def extend(self, records: list[StepRecord]) -> None:
        """Take further steps.

        Parameters
        ----------
        records : list of StepRecord
            The steps that were done since the last call.
        """
        now = time.monotonic()
        self._seen.append((now, len(records)))
        while self._seen[0][0] < now - _WINDOW_SECONDS:
            self._seen.popleft()
        seconds = now - self._seen[0][0]
        # The first report is the start of the clock: when its steps began is not known.
        steps = sum(count for _, count in self._seen) - self._seen[0][1]
        parts = [f"{steps / seconds:.1f} steps/s"] if steps and seconds > 0 else []
        parts += [self._device, f"memory {self._process.memory_info().rss / _GIB:.1f} GiB"]
        if self._device == "cuda":
            parts.append(f"on the GPU {torch.cuda.memory_allocated() / _GIB:.1f} GiB")
        self.setText(" · ".join(parts))
        self.show()
