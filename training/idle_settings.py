"""Settings that were changed and have no effect beside the others, and the line that says so."""

from collections.abc import Iterator
from functools import reduce
from typing import Any

from pydantic import BaseModel

from ramify.data.augmentations.kind_settings import Occasional
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.losses.term_settings import TERM_SETTINGS
from ramify.training.settings import RunSettings

_WEIGHT = "loss.lambda_contrastive"
OF_A_CONTRAST = (
    "model.contrast.features",
    _WEIGHT,
    "loss.hard_negatives",
    "loss.anchors.bank",
    "loss.anchors.mode",
    "loss.anchors.mixed",
    "loss.anchors.near_background",
    "loss.anchors.errors",
)
OF_A_SHARED_HEAD = (
    "model.contrast.features",
    "loss.anchors.mixed",
    "loss.anchors.near_background",
    "loss.anchors.errors",
)
OF_AUXILIARY_TASKS = ("model.auxiliary_halvings", "model.auxiliary_width", "loss.in_turn")
OF_A_HEAD_A_SCALE = ("loss.anchors.mode",)


def idle_settings(settings: RunSettings) -> list[str]:
    """One line for each need that is not met by the settings, naming the changed ones that have it; best none.

    A setting at its default is never named: it may not have been chosen.

    Examples:
        >>> from ramify.training import RunSettings
        >>> from ramify.training.idle_settings import idle_settings
        >>> settings = RunSettings.model_validate({"cases": "cases", "output": "run", "loss": {"hard_negatives": 1.0}})
        >>> idle_settings(settings)
        ['loss.hard_negatives 1.0: no effect without model.contrast.head per_scale or shared']
    """
    lines = []
    for names, need in _unmet(settings):
        changed = [f"{name} {_shown(value)}" for name in names if (value := _changed(settings, name)) is not None]
        if changed:
            lines.append(f"{', '.join(changed)}: no effect without {need}")
    return lines


def _unmet(settings: RunSettings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Settings, and what they need and do not have."""
    head, loss = settings.model.contrast.head, settings.loss
    # A weight of 0 asks for no contrast, and gets none.
    of_a_contrast = tuple(name for name in OF_A_CONTRAST if name != _WEIGHT or loss.lambda_contrastive)
    if head == "none":
        yield of_a_contrast, "model.contrast.head per_scale or shared"
    elif head == "per_scale" and not settings.model.tasks.has_scales_beside:
        yield of_a_contrast, "model.tasks.auxiliary scales or model.contrast.head shared"
    elif head == "per_scale":
        yield OF_A_SHARED_HEAD, "model.contrast.head shared"
    else:
        yield OF_A_HEAD_A_SCALE, "model.contrast.head per_scale"

    if settings.model.tasks.auxiliary == "none" or settings.model.tasks.main == "scales":
        yield OF_AUXILIARY_TASKS, "model.tasks.auxiliary scales or class_scales"

    if not settings.loading.vessel_patches:
        yield ("loading.scale_shares", "loading.class_shares"), "loading.vessel_patches above 0"
    if not settings.appearance.paint:
        yield tuple(_names_in(settings.appearance, "appearance")), "appearance.paint true"
    if settings.train.augment:
        yield from _unmet_of_augmentation(settings.augmentation)
    else:
        yield tuple(_names_in(settings.augmentation, "augmentation")), "train.augment true"

    if settings.train.optimiser != "sgd":
        yield ("train.momentum",), "train.optimiser sgd"

    for name, own in TERM_SETTINGS.items():
        if own and not (loss.main.get(name) or loss.auxiliary.get(name)):
            fields = tuple(f"loss.{name}.{field}" for field in own.model_fields)
            yield fields, f"{name} in loss.main or loss.auxiliary"


def _names_in(section: BaseModel, before: str) -> Iterator[str]:
    """The dotted names of its settings, those of its sections among them."""
    for name, value in section:
        yield from _names_in(value, f"{before}.{name}") if isinstance(value, BaseModel) else [f"{before}.{name}"]


def _unmet_of_augmentation(augmentation: AugmentationSettings) -> Iterator[tuple[tuple[str, ...], str]]:
    if not augmentation.probability:
        yield ("augmentation.rotation_degrees", "augmentation.translation_mm"), "augmentation.probability above 0"
    if not augmentation.flip_probability:
        yield ("augmentation.flip_swaps",), "augmentation.flip_probability above 0"
    for name, section in augmentation:
        if isinstance(section, Occasional) and not section.probability:
            fields = tuple(f"augmentation.{name}.{field}" for field in type(section).model_fields)
            yield fields, f"augmentation.{name}.probability above 0"
    of_gamma = tuple(f"augmentation.gamma_{field}" for field in ("probability", "channels", "keeps"))
    if augmentation.gamma == (1.0, 1.0):
        yield of_gamma, "an augmentation.gamma beside 1 1"
    elif not augmentation.gamma_probability:
        yield ("augmentation.gamma", *of_gamma[1:]), "augmentation.gamma_probability above 0"


def _changed(settings: RunSettings, name: str) -> Any:
    """The value of a setting by its dotted name, None where it is the default."""
    *sections, last = name.split(".")
    section: BaseModel = reduce(getattr, sections, settings)
    value = getattr(section, last)
    return None if value == type(section).model_fields[last].get_default(call_default_factory=True) else value


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {its}" for key, its in value.items())
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
