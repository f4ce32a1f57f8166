"""A STEGO run: head, settings and history, and the one file that holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from napari_stego.errors import StegoError
from napari_stego.features import Preparation
from napari_stego.files import replacing
from napari_stego.stego.bias import BiasControl
from napari_stego.stego.head import StegoHead
from napari_stego.stego.settings import StegoSettings

_FORMAT = "napari-stego run 2"
_MAX_HEADER_BYTES = 1_000_000

_CONTROL = TypeAdapter(BiasControl)
_ROLES = TypeAdapter(tuple[Literal["random", "knn", "self"], ...])
_WARNINGS = TypeAdapter(list[str])

_Kind = tuple[str, tuple[int, ...]]
"""Type and shape of a tensor, as safetensors writes them."""


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
    control: BiasControl | None = None,
) -> None:
    """Write a run to one safetensors file, replacing it in a single move.

    Parameters
    ----------
    path : Path
        The file; its folder is made.
    run : StegoRun
        The run, after one step at least.
    training_state : mapping of str to torch.Tensor, optional
        State of the optimiser, for a run that is to be resumed.
    control : BiasControl, optional
        State of the shifts, for a run that is to be resumed.

    Raises
    ------
    StegoError
        If the file cannot be written; a file that was there stays as it was.
    """
    roles = tuple(run.history[0].correspondence)
    tensors = {f"head.{name}": value.contiguous() for name, value in run.head.state_dict().items()}
    tensors["history"] = _to_rows(run.history, roles)
    if run.preparation.mean is not None:
        tensors["preparation.mean"] = torch.from_numpy(run.preparation.mean)
    for name, value in (training_state or {}).items():
        tensors[f"training.{name}"] = value.contiguous()
    metadata = {
        "format": _FORMAT,
        "settings": run.settings.model_dump_json(by_alias=True),
        "roles": json.dumps(roles),
        "warnings": json.dumps(run.warnings),
    }
    if control is not None:
        metadata["control"] = json.dumps(vars(control))
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_run(
    path: Path, device: str = "cpu"
) -> tuple[StegoRun, dict[str, torch.Tensor], BiasControl | None]:
    """Read a run.

    Only tensors and JSON are read: whatever the file holds, no code in it
    runs, and no more memory is taken than its own size calls for.

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
    control : BiasControl or None
        State of the shifts; None for a finished run.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or anything else than a run.
    """
    try:
        with path.open("rb") as raw:
            if int.from_bytes(raw.read(8), "little") > _MAX_HEADER_BYTES:
                raise ValueError("its header is too large")
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise CheckpointError(
                    f"{path} holds tensors, but is no run of this version of napari-stego. "
                    "Delete it and train again."
                )
            names = list(file.keys())
            slices = {name: file.get_slice(name) for name in names}
            kinds = {n: (str(s.get_dtype()), tuple(s.get_shape())) for n, s in slices.items()}
            settings = StegoSettings.model_validate_json(metadata["settings"])
            roles = _ROLES.validate_json(metadata["roles"])
            head = _checked_head(kinds, settings, roles)
            # Copies: Windows does not replace a file while parts of it are mapped.
            tensors = {name: file.get_tensor(name).clone() for name in names}
        if not tensors["history"].isfinite().all():
            raise ValueError("its history is not finite")
        head.load_state_dict(_part(tensors, "head."), assign=True)
        mean = tensors.get("preparation.mean")
        run = StegoRun(
            settings,
            head.to(device).eval(),
            Preparation(None if mean is None else mean.numpy()),
            _to_history(tensors["history"], roles),
            _WARNINGS.validate_json(metadata["warnings"]),
        )
        if run.finished:
            return run, {}, None
        return run, _part(tensors, "training."), _checked_control(metadata, settings, roles)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no run at {path}. Train first.") from error
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} is not a run of napari-stego, or it is damaged ({error}). "
            "Nothing in it was executed. Delete it and train again."
        ) from error


def _to_rows(history: Sequence[StepRecord], roles: Sequence[str]) -> torch.Tensor:
    rows = [
        [
            record.loss,
            *(record.correspondence[role] for role in roles),
            *(record.shifts[role] for role in roles),
        ]
        for record in history
    ]
    return torch.from_numpy(np.array(rows, np.float64))


def _to_history(rows: torch.Tensor, roles: Sequence[str]) -> list[StepRecord]:
    middle = 1 + len(roles)
    return [
        StepRecord(
            step,
            row[0],
            dict(zip(roles, row[1:middle], strict=True)),
            dict(zip(roles, row[middle:], strict=True)),
        )
        for step, row in enumerate(rows.tolist(), start=1)
    ]


def _checked_head(
    kinds: Mapping[str, _Kind], settings: StegoSettings, roles: Sequence[str]
) -> StegoHead:
    """Compare the tensors of a file with what its settings ask for, before any is read.

    Returns a head that takes no memory yet.
    """
    steps = kinds["history"][1][0]
    if len(set(roles)) != len(roles) or not 1 <= steps <= settings.steps:
        raise ValueError("its history does not fit its settings")
    n_channels = kinds["head.linear.weight"][1][-1]
    with torch.device("meta"):
        head = StegoHead(n_channels, settings.dim)
    expected: dict[str, _Kind] = {"history": ("F64", (steps, 1 + 2 * len(roles)))}
    if settings.subtract_mean:
        expected["preparation.mean"] = ("F32", (n_channels,))
    training: dict[str, _Kind] = {}
    for index, (name, value) in enumerate(head.state_dict().items()):
        expected[f"head.{name}"] = ("F32", tuple(value.shape))
        training[f"training.{index}.step"] = ("F32", ())
        training[f"training.{index}.exp_avg"] = ("F32", tuple(value.shape))
        training[f"training.{index}.exp_avg_sq"] = ("F32", tuple(value.shape))
    # Of a run that was cancelled right after its last step, the state is there but not needed.
    if steps < settings.steps or kinds.keys() & training.keys():
        expected |= training
    wrong = [n for n in expected.keys() | kinds.keys() if expected.get(n) != kinds.get(n)]
    if wrong:
        raise ValueError(f"{min(wrong)} is missing, or not as its settings ask for")
    return head


def _checked_control(
    metadata: Mapping[str, Any], settings: StegoSettings, roles: Sequence[str]
) -> BiasControl:
    control = _CONTROL.validate_python(json.loads(metadata["control"]))
    needed: list[Mapping[str, object]] = [control.shifts]
    if settings.shifts is None:
        needed += [control.bounds, control.spread, control.smoothed]
    targets = settings.targets.model_dump(by_alias=True)
    if control.targets != targets or not all(values.keys() >= set(roles) for values in needed):
        raise ValueError("the state of its shifts is incomplete")
    return control


def _part(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
