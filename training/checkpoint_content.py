"""What a checkpoint must hold: every key with its type and range, every tensor plain and finite."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, ValidationError

from ramify.data.image_source import ImageSource
from ramify.preprocessing.prepare import PreprocessingSettings
from ramify.training.settings import RunSettings

DECISIVE: dict[str, tuple[str, ...]] = {
    "config": ("model", "inference", "loading", "train"),
    "config.model": ("network", "formulation", "levels", "base_channels", "deep_supervision", "arguments"),
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
ModelT = TypeVar("ModelT", bound=BaseModel)
_REMEDY = "it is damaged or was changed; use another checkpoint of that training"
_Lengths = Annotated[list[Annotated[StrictInt, Field(ge=1)]], Field(min_length=2, max_length=3)]
_Steps = Annotated[list[Annotated[StrictFloat, Field(gt=0, allow_inf_nan=False)]], Field(min_length=2, max_length=3)]
_ScalerKey = Literal["scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker"]
_Number = StrictInt | StrictFloat


class NetworkShape(BaseModel, frozen=True, extra="forbid"):
    """What a network is built for, besides its settings."""

    in_channels: StrictInt = Field(ge=1)
    """Channels of the image."""
    scales: StrictInt = Field(ge=0, le=255)
    """Scales S of the labels."""
    ndim: StrictInt = Field(ge=2, le=3)
    """Axes of space."""


class _Prepared(BaseModel, frozen=True):
    shape: _Lengths
    spacing_mm: _Steps


class _Cases(BaseModel, frozen=True):
    train: list[StrictStr]
    val: list[StrictStr]


class _Optimiser(BaseModel, frozen=True, extra="forbid"):
    state: dict[StrictInt, dict[StrictStr, Any]]
    param_groups: list[dict[StrictStr, Any]]


class _Means(BaseModel, frozen=True, extra="forbid"):
    sums: dict[StrictStr, _Number]
    counts: dict[StrictStr, StrictInt]


class _Content(BaseModel):
    """The keys of a checkpoint; what another version adds is left alone."""

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True)
    config: dict[StrictStr, Any]
    preprocessing: dict[StrictStr, Any]
    network: NetworkShape
    prepared: _Prepared
    model: dict[StrictStr, torch.Tensor]
    epoch: StrictInt = Field(ge=0)
    source: ImageSource | None = None
    orientation: StrictStr | None = None
    cases: _Cases | None = None
    identities: dict[StrictStr, Any] | None = None
    optimiser: _Optimiser | None = None
    scaler: dict[_ScalerKey, _Number] | None = None
    bank: dict[StrictStr, Any] | None = None
    rng: dict[StrictStr, Any] | list[Any] | None = None
    best: _Number | None = None
    history: list[dict[StrictStr, _Number]] | None = None
    step: StrictInt = Field(default=0, ge=0)
    means: list[_Means] = []
    skipped: StrictInt = Field(default=0, ge=0)


def check_content(state: Mapping[str, Any]) -> None:
    """Raise ValueError, in one line, for the first thing in a checkpoint that is not as `train.py` writes it."""
    for name, value in _leaves(state):
        if isinstance(value, torch.Tensor):
            _check_tensor(name, value)
    content = _validated(_Content, state, "")
    _check_decisive(state)
    _validated(RunSettings, state["config"], "config.")
    _validated(PreprocessingSettings, state["preprocessing"], "preprocessing.")
    ndim = content.network.ndim
    for key, length in (("shape", len(content.prepared.shape)), ("spacing_mm", len(content.prepared.spacing_mm))):
        if length != ndim:
            raise ValueError(f"prepared.{key}: {length} numbers for a network of {ndim} axes; {_REMEDY}")
    if content.history is not None and len(content.history) != content.epoch:
        raise ValueError(f"history: {len(content.history)} rows for {content.epoch} epochs; {_REMEDY}")


def check_training_parts(state: Mapping[str, Any]) -> None:
    """Raise ValueError where a part is missing that a training goes on from."""
    for key in ("optimiser", "scaler", "bank", "rng", "best", "history"):
        if state.get(key) is None:
            raise ValueError(f"{key}: missing, so the training cannot be resumed from it; start it anew")
    if math.isnan(state["best"]):
        raise ValueError(f"best: not a number; {_REMEDY}")
    if state.get("step") and not any(of_rank["counts"] for of_rank in state.get("means", ())):
        raise ValueError(f"means: missing for the {state['step']} steps that are done of an epoch; {_REMEDY}")


def _validated(model: type[ModelT], content: Any, prefix: str) -> ModelT:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = prefix + ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise ValueError(f"{key}: missing; {_REMEDY}") from None
        message, came = first["msg"].removeprefix("Value error, "), f"{first['input']!r}"
        raise ValueError(f"{key.strip('.')}: {message} (got {came:.60}); {_REMEDY}") from None


def _check_decisive(state: Mapping[str, Any]) -> None:
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
