"""A STEGO run: head, settings and history, and the one file that holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from napari_stego.errors import StegoError
from napari_stego.features import Preparation
from napari_stego.files import replacing
from napari_stego.stego.head import StegoHead
from napari_stego.stego.settings import StegoSettings

_FORMAT = "napari-stego run 1"


class CheckpointError(StegoError):
    """A file that does not hold a STEGO run."""


@dataclass(frozen=True)
class StepRecord:
    """What one step of the training showed.

    Attributes
    ----------
    step : int
        Steps done, from 1.
    loss : float
        Weighted sum of the terms.
    correspondence : dict of str to float
        Mean code correspondence of ``random``, ``knn`` and ``self`` pairs.
    shifts : dict of str to float
        The shifts b after the step.
    """

    step: int
    loss: float
    correspondence: dict[str, float]
    shifts: dict[str, float]


@dataclass
class StegoRun:
    """A trained, or half-trained, STEGO head.

    Attributes
    ----------
    settings : StegoSettings
        How it is trained.
    head : StegoHead
        The projection of prepared tokens to codes.
    preparation : Preparation
        What tokens go through first.
    history : list of StepRecord
        One record a step.
    warnings : list of str
        What the user should know, a collapse above all.
    """

    settings: StegoSettings
    head: StegoHead
    preparation: Preparation
    history: list[StepRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def steps_done(self) -> int:
        """Steps done so far."""
        return len(self.history)

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.steps_done >= self.settings.steps

    def encode(self, tokens: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
        """Turn patch tokens into codes.

        Parameters
        ----------
        tokens : numpy.ndarray
            ``(h, w, C) float16`` as stored.

        Returns
        -------
        numpy.ndarray
            ``(h, w, D) float32``.
        """
        return self.head.encode(self.preparation.apply(tokens))


def save_run(
    path: Path,
    run: StegoRun,
    training_state: Mapping[str, torch.Tensor] | None = None,
    control: Mapping[str, Any] | None = None,
) -> None:
    """Write a run to one safetensors file, replacing it in a single move.

    Parameters
    ----------
    path : Path
        The file; its folder is made.
    run : StegoRun
        The run.
    training_state : mapping of str to torch.Tensor, optional
        State of the optimiser, for a run that is to be resumed.
    control : mapping, optional
        State of the bias control, as JSON values.

    Raises
    ------
    StegoError
        If the file cannot be written; a file that was there stays as it was.
    """
    tensors = {f"head.{name}": value.contiguous() for name, value in run.head.state_dict().items()}
    if run.preparation.mean is not None:
        tensors["preparation.mean"] = torch.from_numpy(run.preparation.mean)
    for name, value in (training_state or {}).items():
        tensors[f"training.{name}"] = value.contiguous()
    metadata = {
        "format": _FORMAT,
        "settings": run.settings.model_dump_json(by_alias=True),
        "history": json.dumps([vars(record) for record in run.history]),
        "warnings": json.dumps(run.warnings),
        "control": json.dumps(dict(control or {})),
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_run(
    path: Path, device: str = "cpu"
) -> tuple[StegoRun, dict[str, torch.Tensor], dict[str, Any]]:
    """Read a run.

    Only tensors and JSON are read: whatever the file holds, no code in it runs.

    Parameters
    ----------
    path : Path
        A file that `save_run` wrote.
    device : str
        Where the head goes.

    Returns
    -------
    run : StegoRun
        The run, its head in evaluation mode.
    training_state : dict of str to torch.Tensor
        State of the optimiser; empty for a finished run.
    control : dict
        State of the bias control.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or anything else than a run.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get("format") != _FORMAT:
            raise CheckpointError(f"{path} holds tensors, but is no run of napari-stego.")
        settings = StegoSettings.model_validate_json(metadata["settings"])
        history = [StepRecord(**record) for record in json.loads(metadata["history"])]
        head_state = _part(tensors, "head.")
        head = StegoHead(head_state["linear.weight"].shape[1], settings.dim)
        head.load_state_dict(head_state)
        mean = tensors.get("preparation.mean")
        run = StegoRun(
            settings,
            head.to(device).eval(),
            Preparation(None if mean is None else mean.numpy()),
            history,
            list(json.loads(metadata["warnings"])),
        )
        return run, _part(tensors, "training."), dict(json.loads(metadata["control"]))
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no run at {path}. Train first.") from error
    except (
        SafetensorError,
        ValidationError,
        OSError,
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
    ) as error:
        raise CheckpointError(
            f"{path} is not a run of napari-stego, or it is damaged ({error}). "
            "Nothing in it was executed. Delete it and train again."
        ) from error


def _part(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
