"""Reading weight files of any origin, without running what is in them."""

from __future__ import annotations

import hashlib
import pickle
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from napari_stego.errors import StegoError

StateDict = dict[str, torch.Tensor]

_NESTS = ("teacher", "state_dict", "model", "model_ema")
_PREFIXES = ("module.", "_orig_mod.", "teacher.", "backbone.")
_MAX_WRAPPINGS = 8
_OPTIONS = "argparse.Namespace"
"""What trainers keep their command line in, those of DINO among them."""

_allowing = threading.Lock()


class WeightsError(StegoError):
    """Weights that cannot be found, read or trusted."""


class Inert:
    """Stands for an object in a pickle whose class is neither imported nor run.

    Attributes
    ----------
    state : Any
        What the object would have been given back; None for nothing.
    """

    state: Any = None

    def __init__(self, *_args: object, **_options: object) -> None:
        """Take whatever the object would have been made from, and keep nothing."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


def load_pickle(path: Path, stand_ins: Mapping[str, Any], *, mapped: bool = False) -> Any:
    """Read what ``torch.save`` wrote, with ``weights_only=True`` and stand-ins.

    Parameters
    ----------
    path : Path
        The file.
    stand_ins : mapping of str to Any
        What to take, `Inert` above all, for the classes and functions of these
        full names.
    mapped : bool
        Leave tensors in the file until they are used.

    Returns
    -------
    Any
        The content.

    Raises
    ------
    Exception
        Anything, of a damaged or malicious file; nothing in it is executed.
    """
    allowed: list[Any] = [(stand_in, name) for name, stand_in in stand_ins.items()]
    # The list of what is allowed is one for the whole process.
    with _allowing, torch.serialization.safe_globals(allowed):
        return torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)


def read_state_dict(path: Path) -> StateDict:
    """Read tensors from a safetensors, pth, pt, ckpt or bin file.

    Pickles are read with ``weights_only=True``: a file that holds code is
    refused, and the code does not run. The options in a trainer's checkpoint
    (``argparse.Namespace``) are passed over.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to torch.Tensor
        Tensors by name, without the wrappings of trainers (``teacher``,
        ``state_dict``, ``module.``, ``teacher.``, ``backbone.``).

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or holds anything but tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return _unwrap(load_file(path))
        content = load_pickle(path, {_OPTIONS: Inert})
    except FileNotFoundError as error:
        raise WeightsError(f"There is no file {path}.") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds more than tensors, or is damaged. It was refused and nothing in it was "
            "executed. Use weights from the backbone's authors, best as safetensors."
        ) from error
    except Exception as error:  # damaged pickles raise whatever their bytes happen to ask for
        raise WeightsError(f"{path} cannot be read as weights: {error}") from error
    return _unwrap(content)


def _unwrap(content: Any) -> StateDict:
    for _ in range(_MAX_WRAPPINGS):  # a file can hold a dictionary that holds itself
        if not isinstance(content, Mapping):
            break
        inner = next((content[nest] for nest in _NESTS if nest in content), None)
        if not isinstance(inner, Mapping):
            break
        content = inner
    if not isinstance(content, Mapping):
        raise WeightsError("The file does not hold named tensors.")
    tensors = {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor)}
    for _ in range(_MAX_WRAPPINGS):
        prefix = next((p for p in _PREFIXES if any(n.startswith(p) for n in tensors)), None)
        if prefix is None:
            break
        tensors = {
            name.removeprefix(prefix): value
            for name, value in tensors.items()
            if name.startswith(prefix)
        }
    return tensors


def fit_to_model(tensors: StateDict, model: Any) -> StateDict:
    """Bring tensors into a timm model's names and check that they are all there.

    Parameters
    ----------
    tensors : dict of str to torch.Tensor
        Weights under timm's or the original authors' names.
    model : torch.nn.Module
        The model.

    Returns
    -------
    dict of str to torch.Tensor
        As ``model.load_state_dict`` takes them, nothing missing or left over.

    Raises
    ------
    WeightsError
        If they do not fit; the message names what does not.
    """
    expected = model.state_dict()
    # timm keeps beside each family the translation from the authors' names.
    translate = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if translate is not None and not expected.keys() <= tensors.keys():
        try:
            tensors = translate(dict(tensors), model)
        except (KeyError, RuntimeError, AttributeError) as error:
            raise WeightsError(f"The weights are of another architecture ({error}).") from error
    missing = [name for name in expected if name not in tensors]
    if missing:
        raise WeightsError(
            f"The weights are of another architecture: {len(missing)} of {len(expected)} tensors "
            f"are missing, {', '.join(missing[:3])} among them."
        )
    wrong = [name for name in expected if tensors[name].shape != expected[name].shape]
    if wrong:
        name = wrong[0]
        raise WeightsError(
            f"The weights are of another architecture: {len(wrong)} tensors differ in shape; "
            f"{name} is {tuple(tensors[name].shape)} instead of {tuple(expected[name].shape)}."
        )
    return {name: tensors[name].to(torch.float32).contiguous() for name in expected}


def digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """Hash tensors, whatever file they came in.

    Parameters
    ----------
    tensors : mapping of str to torch.Tensor
        The tensors.

    Returns
    -------
    str
        SHA-256 over names, shapes and values, hexadecimal.
    """
    total = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        total.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        total.update(value.numpy().tobytes())
    return total.hexdigest()
