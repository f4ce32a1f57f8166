"""Settings of a command: what is asked for, else what the project has, else the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from napari_stego.backbones import Layer
    from napari_stego.clustering import ClusterSettings, CrfSettings
    from napari_stego.features import FeatureSettings
    from napari_stego.project import Project
    from napari_stego.stego import PresetName, StegoSettings


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
    project: Project, preset: PresetName | None, start: Path | None, **changes: Any
) -> StegoSettings:
    """Resolve the settings of a training.

    Parameters
    ----------
    project : Project
        What is not asked for is taken from the run trained last in it.
    preset : str, optional
        Published settings to take instead of those of the project.
    start : Path, optional
        Official checkpoint that will be trained further: its code length is
        kept, and tokens are taken as they are, as it was trained.
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
    from napari_stego.stego import StegoSettings, load_official, load_run

    known: dict[str, Any] = {}
    if preset is not None:
        known = StegoSettings.preset(preset).model_dump(by_alias=True)
    elif start is not None:
        known = {"dim": load_official(start).head.dim, "subtract_mean": False}
    elif project.state.run is not None and project.run_path.is_file():
        known = load_run(project.run_path)[0].settings.model_dump(by_alias=True)
    settings: StegoSettings = _validated(StegoSettings, known | _asked(changes))
    return settings


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
