"""What a study searches: settings of the training by their dotted keys, each with a range or choices.

loss.temperature: {low: 0.05, high: 1.0, log: true}
loss.anchors.mode: {choices: [dense, masked]}
loss.main.soft_cldice: {low: 0, high: 0.5, complement: [loss.main.dice]}      the other takes 1 - value
"""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import optuna
from pydantic import BaseModel, Field, ValidationError, model_validator

from ramify.training.settings import RunSettings
from ramify.tuning.dotted_keys import look_up, put

Value = bool | int | float | str | None
Kind = Literal["float", "int", "choice"]
# They say where, how long and by what a trial is scored: trials that differ in them cannot be compared.
FIXED = {
    "cases",
    "output",
    "fold",
    "splits",
    "seed",
    "device",
    "resume",
    "validation",
    "train.epochs",
    "loading.workers",
}
# Neither end nor middle of a range: a setting of whole numbers refuses what lies here.
_WITHIN = 1 / math.e


class SearchRange(BaseModel, frozen=True, extra="forbid"):
    """Where one setting is searched, as a user writes it."""

    low: float | None = Field(None, allow_inf_nan=False)
    """Smallest value."""
    high: float | None = Field(None, allow_inf_nan=False)
    """Largest value."""
    log: bool = False
    """Whether the logarithm is drawn evenly."""
    choices: tuple[Any, ...] | None = Field(None, min_length=2)
    """Values to choose from, in place of low and high."""
    also: tuple[str, ...] = ()
    """Further settings that take the same value."""
    complement: tuple[str, ...] = ()
    """Settings that take 1 - value."""

    @model_validator(mode="after")
    def _range_or_choices(self) -> Self:
        low, high = self.low, self.high
        if self.choices is not None:
            if (low, high, self.log) != (None, None, False):
                raise ValueError("expected either choices or low and high, got both")
            if self.complement:
                raise ValueError("complement needs low and high, got choices")
            if odd := [each for each in self.choices if not isinstance(each, bool | int | float | str | None)]:
                raise ValueError(f"expected plain values to choose from, got {odd[0]!r}")
        elif low is None or high is None:
            raise ValueError("expected low and high, or choices")
        elif low >= high:
            raise ValueError(f"low must be below high, got {low:g} and {high:g}")
        elif self.log and low <= 0:
            raise ValueError(f"log needs a low above 0, got {low:g}")
        return self

    @property
    def ends(self) -> tuple[Any, Any]:
        """Low and high, or the first and the last choice."""
        return (self.choices[0], self.choices[-1]) if self.choices else (self.low, self.high)


@dataclass(frozen=True)
class Dimension:
    """One searched setting, checked against the configuration."""

    key: str
    kind: Kind
    given: SearchRange

    def suggest(self, trial: optuna.Trial) -> Value:
        """Its value in a trial."""
        its = self.given
        low, high = its.ends
        if its.choices:
            choice: Value = trial.suggest_categorical(self.key, its.choices)
            return choice
        if self.kind == "int":
            return trial.suggest_int(self.key, int(low), int(high), log=its.log)
        return trial.suggest_float(self.key, low, high, log=its.log)

    def holds(self, value: Any) -> bool:
        """Whether it could take this value."""
        if self.given.choices:
            return value in self.given.choices
        low, high = self.given.ends
        return isinstance(value, int | float) and low <= value <= high


@dataclass(frozen=True)
class SearchSpace:
    """Every searched setting of a study."""

    dimensions: tuple[Dimension, ...]

    def suggest(self, trial: optuna.Trial) -> dict[str, Value]:
        """The values of a trial, by key."""
        return {dimension.key: dimension.suggest(trial) for dimension in self.dimensions}

    def apply(self, config: RunSettings, values: Mapping[str, Value]) -> RunSettings:
        """The configuration with these values in place of its own; raises ValueError where they do not fit."""
        changed: dict[str, Value] = {}
        for dimension in self.dimensions:
            changed |= _spread(dimension.key, values[dimension.key], dimension.given)
        return _changed(config, changed)

    def baseline(self, config: RunSettings) -> dict[str, Value] | None:
        """The values that give the configuration itself; None where the space does not hold it."""
        values = {dimension.key: look_up(config, dimension.key) for dimension in self.dimensions}
        inside = all(dimension.holds(values[dimension.key]) for dimension in self.dimensions)
        return values if inside and self.apply(config, values) == config else None

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return {dimension.key: dimension.given.model_dump(mode="json") for dimension in self.dimensions}


def build_space(given: Mapping[str, Any], config: RunSettings, name: str) -> SearchSpace:
    """The search space of a study, every key, bound and choice checked against the configuration.

    Args:
        given: dotted keys with their ranges, as in a YAML file.
        config: the training that is varied.
        name: of the file, for errors.

    Raises:
        ValueError: an unknown key (with the near miss), a value outside the setting's bounds or of another type, a
            setting that cannot be searched or is named twice.
    """
    if not given:
        raise ValueError(
            f"{name}: an empty search space; give it lines such as loss.temperature: {{low: 0.1, high: 1}}"
        )
    seen: set[str] = set()
    dimensions = []
    for key, entry in given.items():
        key = str(key)
        try:
            its = _read_range(key, entry, config)
            for every in (key, *its.also, *its.complement):
                if every in seen:
                    raise ValueError(f"{every}: named twice")
                seen.add(every)
            dimensions.append(Dimension(key, _check(key, its, config), its))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    space = SearchSpace(tuple(dimensions))
    for end, where in enumerate(("lowest", "highest")):
        try:
            space.apply(config, {dimension.key: dimension.given.ends[end] for dimension in dimensions})
        except ValueError as error:
            raise ValueError(f"{name}: with every setting at its {where} value: {error}") from None
    return space


def _read_range(key: str, entry: Any, config: RunSettings) -> SearchRange:
    look_up(config, key)
    if not isinstance(entry, dict):
        raise ValueError(f"{key}: expected {{low: …, high: …}} or {{choices: […]}}, got {entry!r}")
    try:
        return SearchRange.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        inside = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(inside, SearchRange.model_fields, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(SearchRange.model_fields)}"
            raise ValueError(f"{key}: unknown part {inside!r}; {hint}") from None
        message = first["msg"].removeprefix("Value error, ")
        got = f" (got {first['input']!r})" if inside else ""
        raise ValueError(f"{key}: {inside + ': ' if inside else ''}{message}{got}") from None


def _check(key: str, its: SearchRange, config: RunSettings) -> Kind:
    """Check a range against every setting that takes its values, and say what kind of number it is."""
    kinds = {every: _kind(every, its, its.ends, config) for every in (key, *its.also)}
    opposite = tuple(1 - end for end in its.ends) if its.complement else its.ends
    kinds |= {every: _kind(every, its, opposite, config) for every in its.complement}
    if len(set(kinds.values())) > 1:
        raise ValueError(f"{key}: {' and '.join(kinds)} are not of one kind")
    return kinds[key]


def _kind(key: str, its: SearchRange, ends: tuple[Any, Any], config: RunSettings) -> Kind:
    parts = key.split(".")
    if FIXED & {parts[0], ".".join(parts[:2])}:
        raise ValueError(f"{key}: is the same in every trial and cannot be searched")
    look_up(config, key)
    for choice in its.choices or ():
        read = _accepted(config, key, choice)
        if read != choice or isinstance(read, bool) != isinstance(choice, bool):
            raise ValueError(f"{key}: {choice!r} would be read as {read!r}; write it so")
    if its.choices:
        return "choice"
    if any(isinstance(_accepted(config, key, end), bool | str) for end in ends):
        raise ValueError(f"{key}: takes no range of numbers; give it choices")
    try:
        _accepted(config, key, ends[0] + _WITHIN * (ends[1] - ends[0]))
    except ValueError:
        if all(float(end).is_integer() for end in its.ends):
            return "int"
        raise
    return "float"


def _accepted(config: RunSettings, key: str, value: Any) -> Any:
    """The setting's own reading of a value; raises ValueError where it refuses it."""
    return look_up(_changed(config, {key: value}), key)


def _spread(key: str, value: Any, its: SearchRange) -> dict[str, Value]:
    # Twelve digits: 1 - 0.3 is to be written 0.7.
    rest = {name: round(1 - value, 12) for name in its.complement}
    return dict.fromkeys((key, *its.also), value) | rest


def _changed(config: RunSettings, values: Mapping[str, Value]) -> RunSettings:
    plain = config.model_dump(mode="json")
    for key, value in values.items():
        put(plain, key, value)
    try:
        return RunSettings.model_validate(plain)
    except ValidationError as error:
        # Of a setting that takes several types, the number's complaint says more than that of a name.
        complaints = error.errors(include_url=False)
        first = next(
            (each for each in complaints if each["type"] not in ("literal_error", "none_required")), complaints[0]
        )
        blamed = ".".join(map(str, first["loc"]))
        meant = [key for key in values if blamed.startswith(key) or key.startswith(blamed)]
        key = meant[0] if len(meant) == 1 else blamed
        got = values.get(key, first["input"])
        raise ValueError(f"{key}: {first['msg'].removeprefix('Value error, ')} (got {got!r})") from None
