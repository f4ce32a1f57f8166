"""One training of a head, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from napari_stego.backbones.precision import training_type
from napari_stego.errors import StegoError
from napari_stego.features import Preparation, TokenSet, corpus_mean
from napari_stego.progress import CancelToken, ProgressCallback
from napari_stego.stego.batches import BatchSampler, Draw
from napari_stego.stego.bias import BiasControl, targets_of
from napari_stego.stego.collapse import collapse_warning
from napari_stego.stego.head import StegoHead
from napari_stego.stego.histograms import (
    HISTOGRAM_EVERY,
    count_correspondences,
    thinned,
)
from napari_stego.stego.labelled import LabelSampler
from napari_stego.stego.loss import centred, correspondence_loss, normalised
from napari_stego.stego.neighbours import nearest_images
from napari_stego.stego.probes import (
    PROBE_LEARNING_RATE,
    ClusterProbe,
    LinearProbe,
    TokenLabels,
)
from napari_stego.stego.run import StegoRun, StepRecord
from napari_stego.stego.run_file import save_run
from napari_stego.stego.sampling import chosen_images
from napari_stego.stego.settings import StegoSettings

_FIRST_LOOK = 2**31
"""Number of the first batch that starts the shifts: beyond all steps, however many there are."""
_LOOKS = 8


@dataclass(frozen=True)
class Saved:
    """An unfinished run with what it needs to go on.

    Attributes
    ----------
    run : StegoRun
        The run.
    training_state : dict of str to torch.Tensor
        State of the optimiser.
    control : BiasControl
        State of the shifts.
    """

    run: StegoRun
    training_state: dict[str, torch.Tensor]
    control: BiasControl


@dataclass(frozen=True)
class _Pair:
    """Correspondences of one kind of pair, over all of its image pairs in the batch."""

    role: str
    features: torch.Tensor
    codes: torch.Tensor


class Training:
    """The state of a training between two steps.

    Parameters
    ----------
    tokens : TokenSet
        The corpus.
    settings : StegoSettings
        How to train.
    device : str
        Where.
    origin : Saved or StegoRun, optional
        An unfinished run to go on with; or a new one, whose head and probes
        are trained further.
    labels : TokenLabels, optional
        For a linear probe.
    progress : ProgressCallback
        Called while tokens are read for the first time.
    cancel : CancelToken, optional
        Obeyed meanwhile.

    Attributes
    ----------
    run : StegoRun
        What there is so far.
    """

    def __init__(
        self,
        tokens: TokenSet,
        settings: StegoSettings,
        device: str,
        origin: Saved | StegoRun | None,
        labels: TokenLabels | None,
        progress: ProgressCallback,
        cancel: CancelToken | None,
    ) -> None:
        mean, pooled = corpus_mean(tokens, progress, cancel)
        if settings.subtract_mean:
            pooled = pooled - mean
        if isinstance(origin, Saved):
            self.run = origin.run
        else:
            self.run = origin or StegoRun(
                settings,
                _new_head(tokens.n_channels, settings),
                Preparation(mean if settings.subtract_mean else None),
            )
            self._add_probes(labels)
        self.settings = settings
        self._device = torch.device(device)
        self._reduced = None if settings.precision == "float32" else training_type(device)
        self._sampler = BatchSampler(
            tokens,
            self.run.preparation,
            nearest_images(
                pooled, settings.neighbours, device=device, progress=progress, cancel=cancel
            ),
            settings,
            progress,
            cancel,
        )
        self._labels = (
            None if labels is None else LabelSampler(tokens, self.run.preparation, labels, settings)
        )
        self._parts: dict[str, nn.Module] = {"head": self.run.head}
        if self.run.cluster_probe is not None:
            self._parts["cluster"] = self.run.cluster_probe
        if self.run.linear_probe is not None:
            self._parts["linear"] = self.run.linear_probe
        for part in self._parts.values():
            part.to(device).train()
        self._optimiser = torch.optim.Adam(
            [
                {
                    "params": list(part.parameters()),
                    "lr": settings.learning_rate if name == "head" else PROBE_LEARNING_RATE,
                }
                for name, part in self._parts.items()
            ]
        )
        if isinstance(origin, Saved):
            self.control = origin.control
            self._restore_optimiser(origin.training_state)
        else:
            self.control = self._new_control()

    def _add_probes(self, labels: TokenLabels | None) -> None:
        run, settings = self.run, self.run.settings
        # Three numbers, unlike those of the steps: a stream that no step draws from.
        rng = np.random.default_rng((settings.seed, 0, 2))
        if settings.cluster_probe and run.cluster_probe is None:
            run.cluster_probe = ClusterProbe.drawn(settings.cluster_probe, settings.dim, rng)
        if labels is not None and run.linear_probe is None:
            run.linear_probe = LinearProbe.drawn(labels.classes, settings.dim, rng)

    def _new_control(self) -> BiasControl:
        settings = self.settings
        weights = settings.weights.model_dump(by_alias=True)
        if settings.shifts is not None:
            return BiasControl({}, weights, settings.shifts.model_dump(by_alias=True))
        seen: dict[str, list[torch.Tensor]] = {}
        with torch.no_grad():
            for look in range(_LOOKS):
                for pair in self._pairs(self._draw(_FIRST_LOOK + look)):
                    seen.setdefault(pair.role, []).append(thinned(pair.features).flatten().cpu())
        found = {role: torch.cat(values).numpy() for role, values in seen.items()}
        # Spatial centring keeps the mean.
        means = {role: float(values.mean(dtype=np.float64)) for role, values in found.items()}
        asked = settings.targets.model_dump(by_alias=True, exclude_none=True)
        control = BiasControl(targets_of(means) | asked, weights)
        for role, values in found.items():
            control.start(role, values)
        return control

    def _draw(self, step: int) -> Draw:
        with self._autocast():
            return self._sampler.draw(step, self.run.head)

    def _autocast(self) -> torch.autocast:
        kind = self._device.type
        return torch.autocast(kind, dtype=self._reduced, enabled=self._reduced is not None)

    def _pairs(self, draw: Draw) -> list[_Pair]:
        with torch.no_grad():
            features = self._reduce(normalised(draw.images.features))
        codes = self._reduce(normalised(draw.images.codes))
        pairs = [self._pair("self", features @ features.mT, codes @ codes.mT)]
        if draw.neighbours is not None:
            with torch.no_grad():
                near = self._reduce(normalised(draw.neighbours.features))
            near_codes = self._reduce(normalised(draw.neighbours.codes))
            pairs.append(self._pair("knn", features @ near.mT, codes @ near_codes.mT))
        if draw.partners:
            partners = [torch.from_numpy(p).to(features.device) for p in draw.partners]
            # One after another: repeating the features for a single product costs more.
            of_features = torch.cat([features @ features[p].mT for p in partners])
            first = torch.arange(len(codes), device=codes.device).repeat(len(partners))
            second = torch.cat(partners)
            of_codes = chosen_images(codes, first) @ chosen_images(codes, second).mT
            pairs.append(self._pair("random", of_features, of_codes))
        return pairs

    def _reduce(self, vectors: torch.Tensor) -> torch.Tensor:
        return vectors if self._reduced is None else vectors.to(self._reduced)

    def _pair(self, role: str, features: torch.Tensor, codes: torch.Tensor) -> _Pair:
        with torch.no_grad():
            features = features.float()
            if self.settings.centre:
                features = centred(features)
        return _Pair(role, features, codes.float())

    def step(self) -> StepRecord:
        """Take one step of the optimiser and of the control.

        Returns
        -------
        StepRecord
            What it showed; it is in the run's history, too.

        Raises
        ------
        StegoError
            If the loss is no finite number; nothing is changed then.
        """
        settings, run = self.settings, self.run
        step = run.steps_done + 1
        draw = self._draw(run.steps_done)
        pairs = self._pairs(draw)
        loss = self._head_loss(pairs)
        if not loss.isfinite():
            raise StegoError(
                f"The training diverged: after {run.steps_done} steps its loss is no finite "
                f"number. Lower the learning rate ({settings.learning_rate:g}) and train again."
            )
        probes = self._probe_losses(draw)
        self._optimiser.zero_grad(set_to_none=True)
        # Codes enter the probes without their graph, so that the sum is three trainings in one.
        torch.stack([loss, *probes.values()]).sum().backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        found = {pair.role: float(pair.codes.detach().mean()) for pair in pairs}
        if settings.shifts is None:
            self.control.update(found)
        shifts = {role: self.control.shifts[role] for role in found}
        probe_losses = {name: float(value.detach()) for name, value in probes.items()}
        controlled = settings.shifts is None
        targets = {role: self.control.targets[role] for role in found} if controlled else {}
        record = StepRecord(step, float(loss.detach()), found, shifts, probe_losses, targets)
        run.history.append(record)
        if step % HISTOGRAM_EVERY == 0 or run.finished:
            counted = ((pair.role, pair.features, pair.codes) for pair in pairs)
            run.histograms = count_correspondences(step, counted)
        if not run.warnings:
            warning = collapse_warning(run.history, settings)
            if warning is not None:
                run.warnings.append(warning)
        return record

    def _head_loss(self, pairs: list[_Pair]) -> torch.Tensor:
        weights = self.settings.weights.model_dump(by_alias=True)
        terms = [
            weights[pair.role]
            * correspondence_loss(
                pair.features,
                pair.codes,
                self.control.shifts[pair.role],
                zero_clamp=self.settings.zero_clamp,
                stabilise=self.settings.stabilise,
            ).mean()
            for pair in pairs
        ]
        return torch.stack(terms).sum()

    def _probe_losses(self, draw: Draw) -> dict[str, torch.Tensor]:
        run, losses = self.run, {}
        if run.cluster_probe is not None:
            losses["cluster"] = run.cluster_probe(draw.images.codes.detach())
        if run.linear_probe is not None and self._labels is not None:
            codes, classes = self._labels.draw(run.steps_done, run.head)
            losses["linear"] = F.cross_entropy(run.linear_probe(codes), classes)
        return losses

    def save(self, path: Path) -> None:
        """Write all that is needed to go on from here.

        Parameters
        ----------
        path : Path
            The file.

        Raises
        ------
        StegoError
            If it cannot be written.
        """
        state = self._optimiser.state_dict()["state"]
        tensors = {
            f"{index}.{name}": torch.as_tensor(value)
            for index, entry in state.items()
            for name, value in entry.items()
        }
        save_run(path, self.run, tensors, self.control)

    def look(self, call: Callable[[StegoRun], None]) -> None:
        """Let somebody look at the run between two steps.

        Parameters
        ----------
        call : callable
            Takes the run, its head in evaluation mode.
        """
        self.run.head.eval()
        try:
            call(self.run)
        finally:
            self.run.head.train()

    def close(self) -> None:
        """End the training: probes and head to evaluation mode, memory given back."""
        for part in self._parts.values():
            part.eval()
        self._sampler.close()

    def _restore_optimiser(self, tensors: Mapping[str, torch.Tensor]) -> None:
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": state, "param_groups": groups})


def _new_head(n_channels: int, settings: StegoSettings) -> StegoHead:
    # The only draw from torch's own generator: fork it, to leave the caller's state alone.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return StegoHead(n_channels, settings.dim)
