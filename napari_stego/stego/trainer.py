"""Training of the STEGO head on cached tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_stego.errors import StegoError
from napari_stego.features import Preparation, TokenSet, corpus_mean
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.stego.batches import BatchSampler, Draw, Sampled
from napari_stego.stego.bias import BiasControl
from napari_stego.stego.collapse import collapse_warning
from napari_stego.stego.head import StegoHead
from napari_stego.stego.loss import centred, correspondence, correspondence_loss
from napari_stego.stego.neighbours import nearest_images
from napari_stego.stego.run import StegoRun, StepRecord, load_run, save_run
from napari_stego.stego.settings import StegoSettings

_SAVE_EVERY = 100
_PROBE_STEPS = 8

StepObserver = Callable[[StepRecord], None]


@dataclass(frozen=True)
class _Pair:
    """Correspondences of one kind of pair, over all of its image pairs in the batch."""

    role: str
    features: torch.Tensor
    codes: torch.Tensor


def train_stego(
    tokens: TokenSet,
    settings: StegoSettings,
    *,
    checkpoint: Path | None = None,
    device: str = "cpu",
    on_step: StepObserver | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> StegoRun:
    """Train a STEGO head.

    Parameters
    ----------
    tokens : TokenSet
        Patch tokens of the corpus.
    settings : StegoSettings
        How to train.
    checkpoint : Path, optional
        File for the run. If it holds an unfinished run of the same settings,
        that is resumed and ends as if it had never stopped; a finished one is
        returned. Written every 100 steps, on cancel, and at the end.
    device : str
        Where to train.
    on_step : callable, optional
        Receives a `StepRecord` after each step.
    progress : ProgressCallback
        Called after each step.
    cancel : CancelToken, optional
        Obeyed between steps.

    Returns
    -------
    StegoRun
        The finished run, its head in evaluation mode.

    Raises
    ------
    CheckpointError
        If `checkpoint` exists and is not a run.
    StegoError
        If `checkpoint` cannot be written, or the training diverges.
    Cancelled
        If `cancel` is set.

    References
    ----------
    Hamilton et al., "Unsupervised Semantic Segmentation by Distilling Feature
    Correspondences", ICLR 2022, Sec. 3.
    """
    saved = _saved_run(checkpoint, settings, tokens, device)
    if isinstance(saved, StegoRun):
        return saved
    training = _Training(tokens, settings, device, saved, progress, cancel)
    run = training.run
    run.head.train()
    try:
        while not run.finished:
            if cancel is not None:
                cancel.raise_if_cancelled()
            record = training.step()
            if on_step is not None:
                on_step(record)
            progress(run.steps_done, settings.steps, "training")
            if checkpoint is not None and run.steps_done % _SAVE_EVERY == 0 and not run.finished:
                training.save(checkpoint)
    except Exception:
        # Not on KeyboardInterrupt, which may come between the two halves of a step.
        if checkpoint is not None and run.steps_done:
            training.save(checkpoint)
        raise
    run.head.eval()
    if checkpoint is not None:
        save_run(checkpoint, run)
    return run


@dataclass(frozen=True)
class _Saved:
    """An unfinished run with what it needs to go on."""

    run: StegoRun
    training_state: dict[str, torch.Tensor]
    control: BiasControl


def _saved_run(
    path: Path | None, settings: StegoSettings, tokens: TokenSet, device: str
) -> StegoRun | _Saved | None:
    """Read a run, finished or not, if there is one of the same settings and for such tokens."""
    if path is None or not path.exists():
        return None
    run, training_state, control = load_run(path, device)
    roles = {"self"}
    if len(tokens) > 1:
        roles |= {"knn", "random"} if settings.batch_size > 1 else {"knn"}
    if (
        run.settings != settings
        or run.head.n_channels != tokens.n_channels
        or run.history[-1].correspondence.keys() != roles
    ):
        return None
    return run if control is None else _Saved(run, training_state, control)


class _Training:
    """The state of a training between two steps."""

    def __init__(
        self,
        tokens: TokenSet,
        settings: StegoSettings,
        device: str,
        saved: _Saved | None,
        progress: ProgressCallback,
        cancel: CancelToken | None,
    ) -> None:
        mean, pooled = corpus_mean(tokens, progress, cancel)
        preparation = Preparation(mean if settings.subtract_mean else None)
        if settings.subtract_mean:
            pooled = pooled - mean
        self.settings = settings
        self.sampler = BatchSampler(
            tokens, preparation, nearest_images(pooled, settings.neighbours), settings
        )
        if saved is None:
            # The only draw from torch's own generator: fork it, to leave the caller's state alone.
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(settings.seed)
                head = StegoHead(tokens.n_channels, settings.dim).to(device)
            self.run = StegoRun(settings, head, preparation)
            self.control = self._new_control()
        else:
            self.run, self.control = saved.run, saved.control
        self.optimiser = torch.optim.Adam(self.run.head.parameters(), lr=settings.learning_rate)
        if saved is not None:
            self._restore_optimiser(saved.training_state)

    def _new_control(self) -> BiasControl:
        control = BiasControl(self.settings.targets.model_dump(by_alias=True))
        if self.settings.shifts is not None:
            control.shifts = self.settings.shifts.model_dump(by_alias=True)
            return control
        seen: dict[str, list[np.ndarray[Any, np.dtype[np.float32]]]] = {}
        with torch.no_grad():
            for probe in range(_PROBE_STEPS):
                # Steps count from 0, so that these batches come from a stretch of their own.
                draw = self.sampler.draw(self.settings.steps + probe, self.run.head)
                for pair in self._pairs(draw):
                    seen.setdefault(pair.role, []).append(pair.features.cpu().numpy().ravel())
        for role, values in seen.items():
            control.start(role, np.concatenate(values))
        return control

    def _pairs(self, draw: Draw) -> list[_Pair]:
        images = draw.images
        pairs = [self._pair("self", images, images)]
        if draw.neighbours is not None:
            pairs.append(self._pair("knn", images, draw.neighbours))
        if draw.partners:
            others = [
                self._pair("random", images, Sampled(images.features[p], images.codes[p]))
                for p in map(torch.from_numpy, draw.partners)
            ]
            pairs.append(
                _Pair(
                    "random",
                    torch.cat([pair.features for pair in others]),
                    torch.cat([pair.codes for pair in others]),
                )
            )
        return pairs

    def _pair(self, role: str, first: Sampled, second: Sampled) -> _Pair:
        with torch.no_grad():
            features = correspondence(first.features, second.features)
            if self.settings.centre:
                features = centred(features)
        return _Pair(role, features, correspondence(first.codes, second.codes))

    def step(self) -> StepRecord:
        """Take one step of the optimiser and of the control."""
        settings, run = self.settings, self.run
        weights = settings.weights.model_dump(by_alias=True)
        pairs = self._pairs(self.sampler.draw(run.steps_done, run.head))
        terms = [
            weights[pair.role]
            * correspondence_loss(
                pair.features,
                pair.codes,
                self.control.shifts[pair.role],
                zero_clamp=settings.zero_clamp,
                stabilise=settings.stabilise,
            ).mean()
            for pair in pairs
        ]
        loss = torch.stack(terms).sum()
        if not loss.isfinite():
            raise StegoError(
                f"The training diverged: after {run.steps_done} steps its loss is no finite "
                f"number. Lower the learning rate ({settings.learning_rate:g}) and train again."
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        found = {pair.role: float(pair.codes.detach().mean()) for pair in pairs}
        if settings.shifts is None:
            for role, value in found.items():
                self.control.update(role, value)
        shifts = {role: self.control.shifts[role] for role in found}
        record = StepRecord(run.steps_done + 1, float(loss.detach()), found, shifts)
        run.history.append(record)
        if not run.warnings:
            warning = collapse_warning(run.history, settings)
            if warning is not None:
                run.warnings.append(warning)
        return record

    def save(self, path: Path) -> None:
        """Write all that is needed to go on from here."""
        state = self.optimiser.state_dict()["state"]
        tensors = {
            f"{index}.{name}": torch.as_tensor(value)
            for index, entry in state.items()
            for name, value in entry.items()
        }
        save_run(path, self.run, tensors, self.control)

    def _restore_optimiser(self, tensors: dict[str, torch.Tensor]) -> None:
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
