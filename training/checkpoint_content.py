"""Whether a file holds a checkpoint: every key with its type and range, every tensor plain and finite."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from pydantic import TypeAdapter, ValidationError

from ramify.data.image_source import ImageSource
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.tasks.class_table import ClassTable
from ramify.training.checkpoint_record import TRAINING_PARTS, Checkpoint
from ramify.training.settings import RunSettings

DECISIVE: dict[str, tuple[str, ...]] = {
    "config": ("model", "inference", "loading", "train"),
    "config.model": (
        "network",
        "tasks",
        "levels",
        "base_channels",
        "contrast",
        "deep_supervision",
        "arguments",
    ),
    "config.inference": ("window", "overlap", "windows_at_once"),
    "config.loading": ("patch_size",),
    "config.train": ("precision",),
    "preprocessing": ("grid", "intensity", "restrict_to_organ"),
    "preprocessing.grid": ("crop", "margin_mm", "size", "spacing_mm"),
    "preprocessing.intensity": ("method", "window", "percentiles", "output_range", "inside_organ"),
}
"""Keys that decide what a network predicts: where one is missing, its default might be another than it was trained
with. Every checkpoint of this format has them; keys that came later have defaults that change nothing."""

MOST_ENTRIES = 3_000_000
"""Numbers, texts and tensors a checkpoint may hold: one that refers to itself would be endless."""
_REMEDY = "it is damaged or was changed; use another checkpoint of that training"
_OTHER_VERSION = "this version has no such setting; use the version that wrote the checkpoint, or train anew"
_RECORD = TypeAdapter(Checkpoint)


_SETTINGS, _PREPROCESSING, _CLASSES, _SOURCE = (
    TypeAdapter(kind) for kind in (RunSettings, PreprocessingSettings, ClassTable, ImageSource)
)


def checked_content(content: Mapping[str, Any]) -> Checkpoint:
    """The content of a file as a checkpoint; a key that holds None is one that is missing.

    Raises ValueError, in one line, for the first thing that is not as `train.py` writes it.
    """
    for name, value in _leaves(content):
        if isinstance(value, torch.Tensor):
            _check_tensor(name, value)
    state = cast(Checkpoint, {key: value for key, value in content.items() if value is not None})
    _validate(_RECORD, state, "")

    _check_decisive(state)
    _validate(_SETTINGS, state["config"], "config.")
    _validate(_PREPROCESSING, state["preprocessing"], "preprocessing.")
    _validate(_CLASSES, state["classes"], "classes.")
    _validate(_SOURCE, state.get("source", {}), "source.")

    ndim, prepared = state["network"]["ndim"], state["prepared"]
    for key, length in (("shape", len(prepared["shape"])), ("spacing_mm", len(prepared["spacing_mm"]))):
        if length != ndim:
            raise ValueError(f"prepared.{key}: {length} numbers for a network of {ndim} axes; {_REMEDY}")
    if len(state["channels"]) != state["network"]["in_channels"]:
        count = state["network"]["in_channels"]
        raise ValueError(f"channels: {len(state['channels'])} names for a network of {count}; {_REMEDY}")
    if "history" in state and len(state["history"]) != state["epoch"]:
        raise ValueError(f"history: {len(state['history'])} rows for {state['epoch']} epochs; {_REMEDY}")
    return state


def check_training_parts(state: Checkpoint) -> None:
    """Raise ValueError where a part is missing that a training goes on from."""
    if missing := [key for key in TRAINING_PARTS if key not in state]:
        raise ValueError(f"{missing[0]}: missing, so the training cannot be resumed from it; start it anew")
    if "epochs" not in state["config"]["train"]:
        raise ValueError(f"config.train.epochs: missing; {_REMEDY}")
    if math.isnan(state["best"]):
        raise ValueError(f"best: not a number; {_REMEDY}")
    if state.get("step") and not any(of_rank["counts"] for of_rank in state.get("means", ())):
        raise ValueError(f"means: missing for the {state['step']} steps that are done of an epoch; {_REMEDY}")


def _validate(kind: TypeAdapter[Any], content: object, prefix: str) -> None:
    try:
        kind.validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = prefix + ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise ValueError(f"{key}: missing; {_REMEDY}") from None
        if first["type"] == "extra_forbidden":
            raise ValueError(f"{key}: {_OTHER_VERSION}") from None
        message, came = first["msg"].removeprefix("Value error, "), f"{first['input']!r}"
        raise ValueError(f"{key.strip('.')}: {message} (got {came:.60}); {_REMEDY}") from None


def _check_decisive(state: Checkpoint) -> None:
    for section, keys in DECISIVE.items():
        found: Any = state
        for part in section.split("."):
            found = found[part]
        if not isinstance(found, dict):
            raise ValueError(f"{section}: expected keys with values, got {type(found).__name__}; {_REMEDY}")
        if missing := [key for key in keys if key not in found]:
            raise ValueError(f"{section}.{missing[0]}: missing; {_REMEDY}")


def _leaves(content: Any) -> Iterator[tuple[str, Any]]:
    """Everything in nested plain data that holds nothing else, with its dotted name."""
    waiting: list[tuple[str, Any]] = [("", content)]
    for _ in range(MOST_ENTRIES):
        if not waiting:
            return
        name, value = waiting.pop()
        if isinstance(value, dict | list | tuple):
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [(f"{name}.{key}".strip(".")[-200:], each) for key, each in inner][::-1]
        elif value is None or isinstance(value, bool | int | float | str | torch.Tensor):
            yield name, value
        else:
            raise ValueError(f"{name}: {type(value).__name__} is neither a tensor nor plain data; {_REMEDY}")
    raise ValueError(f"holds itself, or more than {MOST_ENTRIES:,} entries; use a checkpoint written by train.py")


def _check_tensor(name: str, tensor: torch.Tensor) -> None:
    """Refuse what is no dense tensor in memory, claims more numbers than are stored, or is not finite."""
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or tensor.layout is not torch.strided or tensor.is_meta:
        raise ValueError(f"{name}: not a dense tensor; {_REMEDY}")
    if tensor.is_quantized or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError(f"{name}: {tuple(tensor.shape)} numbers are not all stored; {_REMEDY}")
    if (tensor.is_floating_point() or tensor.is_complex()) and not torch.isfinite(tensor).all():
        raise ValueError(
            f"{name}: holds NaN or infinite numbers, so nothing that it predicts would mean anything; "
            "use an earlier checkpoint, or train again with a lower train.learning_rate or train.precision float32"
        )
