"""Whether what a checkpoint holds fits the training that goes on from it."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from ramify.console.error_line import line_of

_HYPERPARAMETERS = {
    torch.optim.AdamW: ("lr", "betas", "eps", "weight_decay"),
    torch.optim.SGD: ("lr", "momentum", "nesterov", "weight_decay"),
}


@contextlib.contextmanager
def resuming_from(path: Path) -> Iterator[None]:
    """Turn whatever keeps a training from going on from a checkpoint into one ValueError of one line."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError) as error:
        said = line_of(error)
        reason = f"it lacks {said}" if isinstance(error, KeyError) else said
        raise ValueError(
            f"{path}: the training cannot be resumed from it ({reason}); give it an earlier copy, or train anew"
        ) from None


def check_optimiser(optimiser: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    """Raise ValueError where a saved state is not that of this optimiser and its weights.

    torch itself compares the number of weights alone, and fails at the first step.
    """
    groups = saved["param_groups"]
    counts = [len(group["params"]) for group in groups]
    expected = [len(group["params"]) for group in optimiser.param_groups]
    if counts != expected:
        raise ValueError(f"optimiser: of {counts} weights by group, the network has {expected}")
    for group, its in zip(groups, optimiser.param_groups, strict=True):
        if missing := [key for key in _HYPERPARAMETERS[type(optimiser)] if key not in group]:
            raise ValueError(f"optimiser.param_groups: without {missing[0]}")
        # The learning rate is set anew for each update.
        for key in optimiser.defaults.keys() - {"lr"}:
            if group.get(key, its[key]) != its[key]:
                raise ValueError(f"optimiser.param_groups: {key} is {group[key]!r:.60}, expected {its[key]!r}")
    numbered = [
        (number, weight)
        for group, its in zip(groups, optimiser.param_groups, strict=True)
        for number, weight in zip(group["params"], its["params"], strict=True)
    ]
    if surplus := saved["state"].keys() - {number for number, _ in numbered}:
        raise ValueError(f"optimiser.state: of weights {sorted(surplus)[:3]}, which no group names")
    for number, weight in numbered:
        # A weight that has had no gradient yet has no state.
        if number in saved["state"]:
            _check_state(saved["state"][number], _shapes(optimiser, weight), f"optimiser.state.{number}")


def _shapes(optimiser: torch.optim.Optimizer, weight: torch.Tensor) -> dict[str, torch.Size]:
    """What an optimiser keeps of a weight, and its shape."""
    if isinstance(optimiser, torch.optim.SGD):
        return {"momentum_buffer": weight.shape}
    return {"step": torch.Size(()), "exp_avg": weight.shape, "exp_avg_sq": weight.shape}


def _check_state(state: Mapping[str, Any], shapes: Mapping[str, torch.Size], name: str) -> None:
    for key, shape in shapes.items():
        value = state.get(key)
        if not isinstance(value, torch.Tensor) or value.shape != shape or not value.is_floating_point():
            came = str(tuple(value.shape)) if isinstance(value, torch.Tensor) else f"{value!r:.60}"
            raise ValueError(f"{name}.{key}: expected numbers of shape {tuple(shape)}, got {came}")
    if any((state[key] < 0).any() for key in shapes.keys() & {"step", "exp_avg_sq"}):
        raise ValueError(f"{name}: a count or a square is negative")
