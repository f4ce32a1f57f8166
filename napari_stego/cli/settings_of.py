"""Settings of a command: what is asked for, else what the project has, else the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_stego.backbones import Layer
    from napari_stego.clustering import ClusterSettings, CrfSettings
    from napari_stego.features import FeatureSettings
    from napari_stego.project import Project
    from napari_stego.stego import PresetName, StegoSettings

_OF_TOKENS = "tokens"

# The first three have options of their own; the probe is for benchmarks.
_NOT_BY_NAME = frozenset({"dim", "steps", "seed", "cluster_probe"})


def feature_settings(
    project: Project, backbone: str | None, layer: str | None, **changes: Any
) -> tuple[FeatureSettings, bool]:
    """Resolve the settings of an extraction.

    Parameters
    ----------
    project : Project
        Where what is not asked for is taken from.
    backbone, layer : str, optional
        What is asked for; the layer of a new project or of another backbone
        is chosen for it.
    **changes : Any
        Other fields that are asked for; None for nothing.

    Returns
    -------
    settings : FeatureSettings
        The settings.
    auto_layer : bool
        Whether the layer is to be chosen.

    Raises
    ------
    StegoError
        If they do not work.
    """
    from napari_stego.features import FeatureSettings

    record = project.state.features
    known = record.settings if record else FeatureSettings.model_validate({})
    values = known.model_dump() | _asked(changes)
    auto_layer = record is None
    if backbone is not None and backbone != known.backbone:
        values |= {"backbone": backbone, "layer": None}
        auto_layer = True
    if layer is not None:
        auto_layer = layer == "auto"
        if not auto_layer:
            values["layer"] = _layer(layer)
    settings: FeatureSettings = _validated(FeatureSettings, values)
    return settings, auto_layer


def stego_settings(
    project: Project,
    preset: PresetName | None,
    start: Path | None,
    named: Sequence[str],
    **changes: Any,
) -> StegoSettings:
    """Resolve the settings of a training.

    Parameters
    ----------
    project : Project
        What is not asked for is taken from the run trained last in it, as far
        as a user chose it: see `_of_last_run`.
    preset : str, optional
        Settings to take instead of those of the project.
    start : Path, optional
        Official checkpoint that will be trained further: its code length is
        kept, and tokens are taken as they are, as it was trained.
    named : sequence of str
        What is asked for as ``NAME=VALUE``, such as ``targets.knn=0.2``.
    **changes : Any
        What is asked for; None for nothing.

    Returns
    -------
    StegoSettings
        The settings.

    Raises
    ------
    StegoError
        If they do not work.
    """
    from napari_stego.stego import StegoSettings, load_official

    known: dict[str, Any] = {}
    if preset is not None:
        known = StegoSettings.preset(preset).model_dump(by_alias=True)
    elif start is not None:
        known = {"dim": load_official(start).head.dim, "subtract_mean": False}
    elif project.state.run is not None and project.run_path.is_file():
        known = _of_last_run(project)
    values = _with_named(known | _asked(changes), named)
    settings: StegoSettings = _validated(StegoSettings, values)
    return settings


def _with_named(values: dict[str, Any], named: Sequence[str]) -> dict[str, Any]:
    """Set fields of a training that are given as ``NAME=VALUE``.

    Raises
    ------
    StegoError
        If there is no such name.
    """
    from napari_stego.errors import StegoError
    from napari_stego.stego import StegoSettings

    defaults, names = StegoSettings().model_dump(by_alias=True), _names()
    for text in named:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign or name not in names:
            raise StegoError(
                f"--set takes NAME=VALUE, as in --set targets.knn=0.2; not {text!r}. The names are "
                f"{', '.join(names)}."
            )
        field, _, role = name.partition(".")
        if role:
            others = values.get(field, defaults[field]) or {}
            wanted = None if (field, value) == ("targets", _OF_TOKENS) else value
            values = values | {field: {**others, role: wanted}}
        else:
            values = values | {field: value}
    return values


def _names() -> list[str]:
    """Name the settings of a training that have no option of their own."""
    from napari_stego.stego import RoleValues, StegoSettings, Targets

    roles = [field.alias or name for name, field in RoleValues.model_fields.items()]
    names: list[str] = []
    for name, field in StegoSettings.model_fields.items():
        if field.annotation in (RoleValues, RoleValues | None, Targets):
            names += [f"{name}.{role}" for role in roles]
        elif name not in _NOT_BY_NAME:
            names.append(name)
    return names


def _of_last_run(project: Project) -> dict[str, Any]:
    """Give the settings of the run trained last, but for those that nobody chose one by one.

    Fixed shifts come with a preset or an official head, and suit other
    photographs only by luck: such settings are not passed on at all. The best
    of several trials does not pass on the D of a variant.
    """
    from napari_stego.project.choosing import settings_asked_for
    from napari_stego.stego import load_run

    run = load_run(project.run_path)[0]
    if run.source == "official" or run.start or run.settings.shifts is not None:
        return {}
    return settings_asked_for(project, run.settings).model_dump(by_alias=True)


def cluster_settings(project: Project, **changes: Any) -> ClusterSettings:
    """Resolve the settings of a clustering.

    Parameters
    ----------
    project : Project
        What is not asked for is taken from its clusters in use.
    **changes : Any
        What is asked for; None for nothing.

    Returns
    -------
    ClusterSettings
        The settings.

    Raises
    ------
    StegoError
        If they do not work.
    """
    from napari_stego.clustering import ClusterSettings

    result = project.state.result
    known = result.settings.model_dump() if result is not None else {}
    settings: ClusterSettings = _validated(ClusterSettings, known | _asked(changes))
    return settings


def _asked(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if value is not None}


def _layer(text: str) -> Layer | tuple[Layer, ...]:
    from napari_stego.errors import StegoError

    parts: list[Layer] = []
    for part in text.split(","):
        if part == "final":
            parts.append("final")
        elif part.isdecimal():
            parts.append(int(part))
        else:
            raise StegoError(
                "--layer is the number of a block, from 0, `final`, several of them with commas, "
                f"or `auto`; not {text!r}."
            )
    return parts[0] if len(parts) == 1 else tuple(parts)


def _validated(model: Any, values: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    from napari_stego.errors import StegoError

    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()
        )
        raise StegoError(f"These settings do not work: {problems}.") from error


def crf(wanted: bool, *, exact: bool = False) -> CrfSettings | None:
    """Resolve the settings of the dense CRF.

    Parameters
    ----------
    wanted : bool
        Whether it is asked for.
    exact : bool
        By pydensecrf, as for published scores, and not by the fast method.

    Returns
    -------
    CrfSettings or None
        The published ones.

    Raises
    ------
    StegoError
        If the exact one is not installed.
    """
    from napari_stego.clustering import CrfSettings, crf_available
    from napari_stego.errors import StegoError

    if not wanted:
        return None
    if exact and not crf_available():
        raise StegoError(
            "The exact dense CRF is not installed. Install it with "
            '`pip install "napari-stego[crf]"` (it needs a C++ compiler), or leave out --crf.'
        )
    return CrfSettings(method="exact" if exact else "fast")
