"""Checkpoints of the official STEGO code, read without running what is in them.

They are PyTorch Lightning's: tensors, and the settings as objects of omegaconf.
Neither library is imported; inert stand-ins take the place of their objects.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ValidationError
from torch.serialization import get_unsafe_globals_in_checkpoint

from napari_stego.backbones.registry import build_model
from napari_stego.backbones.state_dicts import (
    Inert,
    StateDict,
    WeightsError,
    fit_to_model,
    load_pickle,
)
from napari_stego.errors import StegoError
from napari_stego.features import FeatureSettings, Preparation
from napari_stego.stego.head import StegoHead
from napari_stego.stego.probes import ClusterProbe, LinearProbe
from napari_stego.stego.run import CheckpointError, StegoRun
from napari_stego.stego.settings import StegoSettings

_LIBRARIES = ("omegaconf", "pytorch_lightning")
_ANNOTATIONS = frozenset(
    f"builtins.{name}" for name in ("bool", "bytes", "dict", "float", "int", "list", "str", "tuple")
) | {"typing.Any"}
"""Types that omegaconf notes beside its values."""
_DICTIONARIES: dict[str, Any] = {
    "pytorch_lightning.utilities.parsing.AttributeDict": dict,
    "collections.defaultdict": lambda *_: {},
}

_SIZES = {384: "small", 768: "base"}
_MAX_SIDE = 100_000
_MAX_DEPTH = 8

_SETTINGS = {
    "max_steps": "steps",
    "batch_size": "batch_size",
    "num_neighbors": "neighbours",
    "neg_samples": "negatives",
    "pointwise": "centre",
    "zero_clamp": "zero_clamp",
    "stabalize": "stabilise",
    "lr": "learning_rate",
}
_ROLES = {"random": "neg_inter", "knn": "pos_inter", "self": "pos_intra"}


@dataclass(frozen=True)
class OfficialStego:
    """What a checkpoint of the official code holds.

    Attributes
    ----------
    head : StegoHead
        The two 1 x 1 convolutions. It takes tokens of the last block after
        the final norm, as they are.
    settings : StegoSettings
        As far as they can be told; the rest are the official defaults.
    cluster_probe : ClusterProbe, optional
        Its clusters.
    linear_probe : LinearProbe, optional
        Its classifier of codes.
    backbone : str, optional
        Name in timm; None if it is none of DINO's that timm has.
    backbone_weights : dict of str to torch.Tensor, optional
        Weights under timm's names, if they are in the file.
    facet : "tokens" or "keys"
        What of the backbone the head takes.
    data_set : str
        Name of the data set, or empty.
    """

    head: StegoHead
    settings: StegoSettings
    cluster_probe: ClusterProbe | None = None
    linear_probe: LinearProbe | None = None
    backbone: str | None = None
    backbone_weights: StateDict | None = field(default=None, repr=False)
    facet: Literal["tokens", "keys"] = "tokens"
    data_set: str = ""

    @property
    def dim(self) -> int:
        """Length D of a code."""
        return self.head.dim

    def run(self) -> StegoRun:
        """Make a finished run of it, to be used or saved, or to start another from.

        Returns
        -------
        StegoRun
            With ``source`` ``"official"`` and no history.
        """
        return StegoRun(
            self.settings,
            self.head,
            Preparation(),
            cluster_probe=self.cluster_probe,
            linear_probe=self.linear_probe,
            source="official",
        )

    def check_features(self, settings: FeatureSettings) -> None:
        """Make sure that features are of the backbone that the head was trained on.

        Parameters
        ----------
        settings : FeatureSettings
            How the features were extracted.

        Raises
        ------
        StegoError
            If their backbone or facet is another one. A backbone that the
            checkpoint does not tell is not compared.
        """
        backbone = self.backbone or settings.backbone
        if (_full_name(settings.backbone), settings.facet) == (_full_name(backbone), self.facet):
            return
        raise StegoError(
            f"The head was trained on the {self.facet} of {backbone}; the project's features are "
            f"the {settings.facet} of {settings.backbone}. Extract those it was trained on: "
            f"`napari-stego features IMAGES --project FOLDER --backbone {backbone} --facet "
            f"{self.facet} --layer final`."
        )


def load_official(path: Path) -> OfficialStego:
    """Read a checkpoint of the official STEGO code (``LitUnsupervisedSegmenter``).

    The file is read with ``weights_only=True``. Objects of omegaconf and
    PyTorch Lightning become inert; a file that names anything else is refused.

    Parameters
    ----------
    path : Path
        A ``.ckpt`` file, such as ``cocostuff27_vit_base_5.ckpt``.

    Returns
    -------
    OfficialStego
        Head, probes and, if it is there, the backbone.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, of another layout, or holds more than
        such a checkpoint does. Nothing in it is executed.
    """
    content = _read(path)
    try:
        return _parse(content)
    except (WeightsError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} is no checkpoint of the official STEGO code, or it is damaged ({error}). "
            "Nothing in it was executed."
        ) from error


def _full_name(backbone: str) -> str:
    """Add the tag of the weights that timm takes for a name without one."""
    if "." in backbone:
        return backbone
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(backbone)
    return f"{backbone}.{config.tag}" if config is not None and config.tag else backbone


def _read(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            # PyTorch does not compress; what is compressed could be of any size once unpacked.
            if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
                raise ValueError("it is compressed, which PyTorch's files are not")
        named = get_unsafe_globals_in_checkpoint(str(path))
        strange = sorted(name for name in named if not _expected(name))
        if strange:
            raise ValueError(f"it asks for {', '.join(strange[:3])}, which none of them needs")
        stand_ins = {name: _DICTIONARIES.get(name, Inert) for name in named}
        return load_pickle(path, stand_ins, mapped=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no file {path}.") from error
    except Exception as error:  # damaged pickles raise whatever their bytes happen to ask for
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint of the official STEGO code: {error}. "
            "Nothing in it was executed."
        ) from error


def _expected(name: str) -> bool:
    library = name.split(".", 1)[0]
    return library in _LIBRARIES or name in _ANNOTATIONS or name in _DICTIONARIES


def _parse(content: Any) -> OfficialStego:
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise ValueError("it has no state_dict")
    tensors = {
        str(name): value
        for name, value in content["state_dict"].items()
        if isinstance(value, torch.Tensor)
    }
    head = _head(tensors)
    cluster_probe, linear_probe = _probes(tensors, head.dim)
    options = _options(content.get("hyper_parameters"))
    settings = _settings(options, head.dim, cluster_probe)
    backbone = _backbone(tensors, options, head.n_channels)
    prefix = "net.model."
    weights = {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
    return OfficialStego(
        head,
        settings,
        cluster_probe,
        linear_probe,
        backbone,
        _fitted(weights, backbone) if weights and backbone else None,
        "keys" if options.get("dino_feat_type") == "KK" else "tokens",
        str(options.get("dataset_name") or "")[:100],
    )


def _head(tensors: StateDict) -> StegoHead:
    dim, n_channels = _shape(tensors, "net.cluster1.0.weight", 4)[:2]
    with torch.device("meta"):
        head = StegoHead(n_channels, dim)
    state = {
        "linear.weight": _matrix(tensors, "net.cluster1.0.weight", (dim, n_channels)),
        "linear.bias": _taken(tensors, "net.cluster1.0.bias", (dim,)),
    }
    if any(name.startswith("net.cluster2.") for name in tensors):
        for place, shape in (("0", (n_channels, n_channels)), ("2", (dim, n_channels))):
            name = f"net.cluster2.{place}"
            state[f"nonlinear.{place}.weight"] = _matrix(tensors, f"{name}.weight", shape)
            state[f"nonlinear.{place}.bias"] = _taken(tensors, f"{name}.bias", shape[:1])
    else:  # projection_type "linear"
        state |= {
            f"nonlinear.{name}": torch.zeros(value.shape)
            for name, value in head.nonlinear.state_dict().items()
        }
    head.load_state_dict(state, assign=True)
    return head.eval()


def _probes(tensors: StateDict, dim: int) -> tuple[ClusterProbe | None, LinearProbe | None]:
    cluster = linear = None
    if "cluster_probe.clusters" in tensors:
        clusters = _shape(tensors, "cluster_probe.clusters", 2)[0]
        cluster = ClusterProbe(_taken(tensors, "cluster_probe.clusters", (clusters, dim))).eval()
    if "linear_probe.weight" in tensors:
        classes = _shape(tensors, "linear_probe.weight", 4)[0]
        linear = LinearProbe(
            _matrix(tensors, "linear_probe.weight", (classes, dim)),
            _taken(tensors, "linear_probe.bias", (classes,)),
        ).eval()
    return cluster, linear


def _shape(tensors: StateDict, name: str, dimensions: int) -> tuple[int, ...]:
    if name not in tensors:
        raise ValueError(f"{name} is missing")
    shape = tuple(tensors[name].shape)
    if len(shape) != dimensions or not all(1 <= side <= _MAX_SIDE for side in shape):
        raise ValueError(f"{name} is {shape}")
    return shape


def _matrix(tensors: StateDict, name: str, shape: tuple[int, ...]) -> torch.Tensor:
    return _taken(tensors, name, (*shape, 1, 1)).reshape(shape)


def _taken(tensors: StateDict, name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Copy a tensor out of the file, if it is what it should be."""
    if name not in tensors:
        raise ValueError(f"{name} is missing")
    value = tensors[name].detach()
    if tuple(value.shape) != shape:
        raise ValueError(f"{name} is {tuple(value.shape)} instead of {shape}")
    dense = value.device.type == "cpu" and value.layout == torch.strided
    # A tensor can claim more values than there are, by steps of zero.
    if (
        not dense
        or not value.is_floating_point()
        or value.numel() * value.itemsize > value.untyped_storage().nbytes()
    ):
        raise ValueError(f"{name} does not hold the values that it should")
    copied = value.to(torch.float32, copy=True).contiguous()
    if not copied.isfinite().all():
        raise ValueError(f"{name} is not finite")
    return copied


def _options(content: Any) -> dict[str, Any]:
    """Find the settings, with or without omegaconf's wrapping."""
    options = _plain(content)
    for key in ("cfg", "train"):  # forks keep them one level deeper
        inner = _plain(options.get(key)) if isinstance(options, dict) else None
        if isinstance(inner, dict):
            options = inner
    if not isinstance(options, dict):
        return {}
    return {str(name): _plain(value) for name, value in options.items()}


def _plain(value: Any) -> Any:
    for _ in range(_MAX_DEPTH):
        if not isinstance(value, Inert):
            return value
        state = value.state if isinstance(value.state, Mapping) else {}
        value = state.get("_content", state.get("_val"))
    return None


def _settings(
    options: Mapping[str, Any], dim: int, cluster_probe: ClusterProbe | None
) -> StegoSettings:
    values = StegoSettings.preset("official-defaults").model_dump(by_alias=True)
    values["dim"] = dim
    values["cluster_probe"] = 0 if cluster_probe is None else len(cluster_probe.centres)
    try:
        settings = StegoSettings.model_validate(values)
    except ValidationError as error:
        problems = (f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
        raise ValueError("; ".join(problems)) from error
    told: dict[str, Any] = {ours: options.get(theirs) for theirs, ours in _SETTINGS.items()}
    samples = options.get("feature_samples")
    told["positions"] = samples**2 if isinstance(samples, int) and samples < 1000 else None
    for part in ("weight", "shift"):
        roles = {role: options.get(f"{theirs}_{part}") for role, theirs in _ROLES.items()}
        told[f"{part}s"] = roles if all(_is_number(value) for value in roles.values()) else None
    for name, value in told.items():
        if value is None:
            continue
        try:
            settings = StegoSettings.model_validate(
                settings.model_dump(by_alias=True) | {name: value}
            )
        except ValidationError:  # what cannot be used is not told
            continue
    return settings


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e6


def _backbone(tensors: StateDict, options: Mapping[str, Any], n_channels: int) -> str | None:
    size = _SIZES.get(n_channels)
    patch = options.get("dino_patch_size")
    if "net.model.patch_embed.proj.weight" in tensors:
        patch = _shape(tensors, "net.model.patch_embed.proj.weight", 4)[-1]
    if size is None or patch not in (8, 16):
        return None
    return f"vit_{size}_patch{patch}_224.dino"


def _fitted(weights: StateDict, backbone: str) -> StateDict:
    with torch.device("meta"):
        model = build_model(backbone)
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    there = {name: _taken(weights, name, shapes[name]) for name in weights if name in shapes}
    return fit_to_model(there, model)
