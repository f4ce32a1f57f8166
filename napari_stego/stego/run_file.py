"""The one file that holds a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, FiniteFloat, TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from napari_stego.features import Preparation
from napari_stego.files import replacing
from napari_stego.stego.bias import BiasControl
from napari_stego.stego.head import StegoHead
from napari_stego.stego.histograms import HISTOGRAM_EDGES, CorrespondenceHistograms
from napari_stego.stego.probes import ClusterProbe, LinearProbe
from napari_stego.stego.run import CheckpointError, RunSource, StegoRun, StepRecord
from napari_stego.stego.settings import StegoSettings
from napari_stego.untrusted import check_file

_FORMAT = "napari-stego run 3"
_FORMAT_2 = "napari-stego run 2"
"""Without probes, histograms and sources, and with the state of an earlier control."""

_MAX_HEADER_BYTES = 1_000_000
# An unfinished head for tokens of 7,680 numbers takes 0.7 GB.
_MAX_BYTES = 2**30

_CONTROL = TypeAdapter(BiasControl)
_ROLES = TypeAdapter(tuple[Literal["random", "knn", "self"], ...])
_TARGETS = TypeAdapter(dict[str, Annotated[FiniteFloat, Field(ge=-1, le=1)]])
_WARNINGS = TypeAdapter(list[str])
_SOURCE: TypeAdapter[RunSource] = TypeAdapter(RunSource)

_Kind = tuple[str, tuple[int, ...]]
"""Type and shape of a tensor, as safetensors writes them."""


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
        The run: official, or after one step at least.
    training_state : mapping of str to torch.Tensor, optional
        State of the optimiser, for a run that is to be resumed.
    control : BiasControl, optional
        State of the shifts, for a run that is to be resumed.

    Raises
    ------
    StegoError
        If the file cannot be written; a file that was there stays as it was.
    """
    roles = tuple(run.history[0].correspondence) if run.history else ()
    parts = _Parts(run.head, run.cluster_probe, run.linear_probe)
    tensors = parts.tensors() | {"history": _to_rows(run.history, roles, parts.probes)}
    if run.preparation.mean is not None:
        tensors["preparation.mean"] = torch.from_numpy(run.preparation.mean)
    for name, value in (training_state or {}).items():
        tensors[f"training.{name}"] = value
    metadata = {
        "format": _FORMAT,
        "settings": run.settings.model_dump_json(by_alias=True),
        "roles": json.dumps(roles),
        "warnings": json.dumps(run.warnings),
        "source": json.dumps(run.source),
        "start": run.start,
        "targets": json.dumps(run.history[-1].targets if run.history else {}),
    }
    if run.histograms is not None:
        metadata["histograms"] = str(run.histograms.step)
        for kind, counts in _counts(run.histograms).items():
            tensors[f"histograms.{kind}"] = torch.from_numpy(
                np.stack([counts[role] for role in roles])
            )
    if control is not None:
        metadata["control"] = json.dumps(vars(control))
    with replacing(path) as temporary:
        contiguous = {name: value.contiguous() for name, value in tensors.items()}
        save_file(contiguous, temporary, metadata=metadata)


def load_run(
    path: Path, device: str = "cpu"
) -> tuple[StegoRun, dict[str, torch.Tensor], BiasControl | None]:
    """Read a run.

    Only tensors and JSON are read: whatever the file holds, no code in it
    runs, and no more memory is taken than its own size calls for.

    Parameters
    ----------
    path : Path
        A file that `save_run` wrote, in this or the previous format.
    device : str
        Where the head and the probes go.

    Returns
    -------
    run : StegoRun
        The run, its head in evaluation mode.
    training_state : dict of str to torch.Tensor
        State of the optimiser; empty where there is no control.
    control : BiasControl or None
        State of the shifts; None for a finished run, and for an unfinished one
        in the previous format, which can be used but not resumed.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or anything else than a run.
    """
    try:
        check_file(path, _MAX_BYTES)
        with path.open("rb") as raw:
            if int.from_bytes(raw.read(8), "little") > _MAX_HEADER_BYTES:
                raise ValueError("its header is too large")
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") not in (_FORMAT, _FORMAT_2):
                raise CheckpointError(
                    f"{path} holds tensors, but is no run of this version of napari-stego. "
                    "Delete it and train again."
                )
            names = list(file.keys())
            slices = {name: file.get_slice(name) for name in names}
            kinds = {n: (str(s.get_dtype()), tuple(s.get_shape())) for n, s in slices.items()}
            settings = StegoSettings.model_validate_json(metadata["settings"])
            roles = _ROLES.validate_json(metadata["roles"])
            source = _SOURCE.validate_json(metadata.get("source", '"trained"'))
            parts = _checked_parts(kinds, settings, roles, source)
            # Copies: Windows does not replace a file while parts of it are mapped.
            tensors = {name: file.get_tensor(name).clone() for name in names}
        if not tensors["history"].isfinite().all():
            raise ValueError("its history is not finite")
        parts.load(tensors, device)
        mean = tensors.get("preparation.mean")
        run = StegoRun(
            settings,
            parts.head,
            Preparation(None if mean is None else mean.numpy()),
            _to_history(
                tensors["history"], roles, parts.probes, _checked_targets(metadata, settings, roles)
            ),
            _WARNINGS.validate_json(metadata["warnings"]),
            parts.cluster_probe,
            parts.linear_probe,
            _to_histograms(tensors, metadata, roles),
            source,
            metadata.get("start", ""),
        )
        if run.finished or metadata["format"] == _FORMAT_2:
            return run, {}, None
        return run, _part(tensors, "training."), _checked_control(metadata, settings, roles)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no run at {path}. Train first.") from error
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} is not a run of napari-stego, or it is damaged ({error}). "
            "Nothing in it was executed. Delete it and train again."
        ) from error


@dataclass(frozen=True)
class _Parts:
    """All that is trained."""

    head: StegoHead
    cluster_probe: ClusterProbe | None
    linear_probe: LinearProbe | None

    @property
    def probes(self) -> tuple[str, ...]:
        """Names under which a record has the losses of the probes."""
        there = {"cluster": self.cluster_probe, "linear": self.linear_probe}
        return tuple(name for name, probe in there.items() if probe is not None)

    def _modules(self) -> dict[str, torch.nn.Module]:
        modules = {
            "head.": self.head,
            "cluster_probe.": self.cluster_probe,
            "linear_probe.": self.linear_probe,
        }
        return {prefix: module for prefix, module in modules.items() if module is not None}

    def tensors(self) -> dict[str, torch.Tensor]:
        """Parameters by their names in the file, in the order of the optimiser."""
        return {
            prefix + name: value
            for prefix, module in self._modules().items()
            for name, value in module.state_dict().items()
        }

    def load(self, tensors: Mapping[str, torch.Tensor], device: str) -> None:
        for prefix, module in self._modules().items():
            module.load_state_dict(_part(tensors, prefix), assign=True)
            module.to(device).eval()


def _to_rows(
    history: Sequence[StepRecord], roles: Sequence[str], probes: Sequence[str]
) -> torch.Tensor:
    rows = [
        [
            record.loss,
            *(record.correspondence[role] for role in roles),
            *(record.shifts[role] for role in roles),
            *(record.probes[name] for name in probes),
        ]
        for record in history
    ]
    columns = 1 + 2 * len(roles) + len(probes)
    return torch.from_numpy(np.array(rows, np.float64).reshape(len(rows), columns))


def _to_history(
    rows: torch.Tensor, roles: Sequence[str], probes: Sequence[str], targets: dict[str, float]
) -> list[StepRecord]:
    first, second = 1 + len(roles), 1 + 2 * len(roles)
    return [
        StepRecord(
            step,
            row[0],
            dict(zip(roles, row[1:first], strict=True)),
            dict(zip(roles, row[first:second], strict=True)),
            dict(zip(probes, row[second:], strict=True)),
            targets,
        )
        for step, row in enumerate(rows.tolist(), start=1)
    ]


def _counts(histograms: CorrespondenceHistograms) -> dict[str, dict[str, Any]]:
    return {"features": histograms.features, "codes": histograms.codes}


def _to_histograms(
    tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str], roles: Sequence[str]
) -> CorrespondenceHistograms | None:
    if "histograms" not in metadata:
        return None
    step = int(metadata["histograms"])
    counts = [tensors[f"histograms.{kind}"] for kind in ("features", "codes")]
    if not 1 <= step <= len(tensors["history"]) or any((c < 0).any() for c in counts):
        raise ValueError("its histograms count what cannot be")
    return CorrespondenceHistograms(
        step, *(dict(zip(roles, part.numpy(), strict=True)) for part in counts)
    )


def _checked_parts(
    kinds: Mapping[str, _Kind], settings: StegoSettings, roles: Sequence[str], source: RunSource
) -> _Parts:
    """Compare the tensors of a file with what its settings ask for, before any is read.

    Returns parts that take no memory yet.
    """
    steps = kinds["history"][1][0]
    fits = steps == 0 if source == "official" else 1 <= steps <= settings.steps
    if len(set(roles)) != len(roles) or not fits:
        raise ValueError("its history does not fit its settings")
    n_channels = kinds["head.linear.weight"][1][-1]
    with torch.device("meta"):
        parts = _Parts(
            StegoHead(n_channels, settings.dim),
            ClusterProbe(torch.empty(settings.cluster_probe, settings.dim))
            if settings.cluster_probe
            else None,
            _linear_probe(kinds["linear_probe.bias"][1], settings.dim)
            if "linear_probe.bias" in kinds
            else None,
        )
    columns = 1 + 2 * len(roles) + len(parts.probes)
    expected: dict[str, _Kind] = {"history": ("F64", (steps, columns))}
    if settings.subtract_mean:
        expected["preparation.mean"] = ("F32", (n_channels,))
    if any(name.startswith("histograms.") for name in kinds):
        shape = (len(roles), len(HISTOGRAM_EDGES) - 1)
        expected |= dict.fromkeys(("histograms.features", "histograms.codes"), ("I64", shape))
    training: dict[str, _Kind] = {}
    for index, (name, value) in enumerate(parts.tensors().items()):
        expected[name] = ("F32", tuple(value.shape))
        training[f"training.{index}.step"] = ("F32", ())
        training[f"training.{index}.exp_avg"] = ("F32", tuple(value.shape))
        training[f"training.{index}.exp_avg_sq"] = ("F32", tuple(value.shape))
    # Of a run that was cancelled right after its last step, the state is there but not needed.
    finished = source == "official" or steps == settings.steps
    if not finished or kinds.keys() & training.keys():
        expected |= training
    wrong = [n for n in expected.keys() | kinds.keys() if expected.get(n) != kinds.get(n)]
    if wrong:
        raise ValueError(f"{min(wrong)} is missing, or not as its settings ask for")
    return parts


def _linear_probe(shape: tuple[int, ...], dim: int) -> LinearProbe:
    (classes,) = shape
    return LinearProbe(torch.empty(classes, dim), torch.empty(classes))


def _checked_targets(
    metadata: Mapping[str, str], settings: StegoSettings, roles: Sequence[str]
) -> dict[str, float]:
    if settings.shifts is not None:
        return {}
    if "targets" in metadata:
        targets = _TARGETS.validate_json(metadata["targets"])
        if targets and not targets.keys() >= set(roles):
            raise ValueError("its targets are incomplete")
    else:
        # Files of before targets were kept were trained with those asked for.
        targets = settings.targets.model_dump(by_alias=True, exclude_none=True)
    return {role: targets[role] for role in roles if role in targets}


def _checked_control(
    metadata: Mapping[str, Any], settings: StegoSettings, roles: Sequence[str]
) -> BiasControl:
    control = _CONTROL.validate_python(json.loads(metadata["control"]))
    needed: list[Mapping[str, object]] = [control.shifts]
    if settings.shifts is None:
        needed += [control.integral, control.bounds, control.mean, control.spread, control.smoothed]
    asked = settings.targets.model_dump(by_alias=True, exclude_none=True)
    known = control.weights == settings.weights.model_dump(by_alias=True)
    if settings.shifts is None:
        needed.append(_TARGETS.validate_python(control.targets))
        known &= all(asked.get(role, aim) == aim for role, aim in control.targets.items())
    if not known or not all(values.keys() >= set(roles) for values in needed):
        raise ValueError("the state of its shifts is incomplete")
    return control


def _part(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
