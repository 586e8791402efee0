"""Damaged checkpoints: a real tiny one as training writes it, and changes to its bytes and to what it holds.

Every change comes from (seed, number), so that a failure can be made again.
"""

import copy
import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.settings import LossSettings
from ramify.models.build import build_network
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.tasks.class_table import SINGLE
from ramify.training.checkpoint import FORMAT, load_checkpoint
from ramify.training.loop import train_run
from ramify.training.settings import RunSettings, TrainSettings, ValidationSettings
from tests.asked import ASKED
from tests.fuzzing.reader import Reader

WRONG: tuple[Any, ...] = ("nonsense", -7, 2.5, math.nan, [], {}, [None], {"a": {"b": 1}}, torch.zeros(2, 3))
"""Values of another type or range than most keys have; none of them is the value that means "not set"."""
CORES = ("config.model", "config.inference", "config.loading", "preprocessing", "network", "prepared", "model")
"""Sections in which every key decides what is predicted."""


def make_checkpoint(cases: Path, output: Path) -> Path:
    """Train a tiny network of two scales for an epoch; its final checkpoint. `cases`: a store with splits."""
    settings = RunSettings(
        cases=cases,
        output=output,
        device="cpu",
        model=ModelSettings(levels=1, base_channels=2, contrast=ContrastHeadSettings(head="per_scale")),
        loss=LossSettings(lambda_scales=(0.5,), anchors=AnchorSettings(cap=8, bank=4)),
        train=TrainSettings(epochs=1),
        validation=ValidationSettings(every=1, figures_every=100),
    )
    return train_run(settings).checkpoint("final")


def untrained_checkpoint() -> bytes:
    """A tiny binary network's checkpoint, the same bytes each time."""
    model = ModelSettings(tasks=ASKED["binary"], levels=1, base_channels=1)
    settings = RunSettings(cases=Path("cases"), output=Path("run"), device="cpu", model=model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = build_network(model, 1, 2, 2).state_dict()
    return saved(
        {
            "format": FORMAT,
            "config": settings.model_dump(mode="json"),
            "preprocessing": PreprocessingSettings().model_dump(mode="json"),
            "classes": SINGLE.model_dump(mode="json"),
            "channels": ["image"],
            "network": {"in_channels": 1, "scales": 2, "ndim": 2},
            "prepared": {"shape": [16, 16], "spacing_mm": [1.0, 1.0]},
            "model": weights,
            "epoch": 0,
        }
    )


def equal(first: Any, second: Any) -> bool:
    """Whether two checkpoints hold the same, every tensor and every value."""
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, dict):
        return isinstance(second, dict) and [*first] == [*second] and all(equal(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        return type(first) is type(second) and len(first) == len(second) and all(map(equal, first, second))
    return type(first) is type(second) and first == second


def _read_unchanged(path: Path) -> None:
    """Read a checkpoint; what is read although it was damaged must be what it was."""
    whole = torch.load(io.BytesIO(untrained_checkpoint()), weights_only=True)
    if not equal(load_checkpoint(path), whole):
        raise AssertionError("damaged, and read as something else")


def bytes_damaged(content: bytes, seed: int, number: int) -> tuple[str, bytes]:
    """One change of a file's bytes, and what it was."""
    random = np.random.default_rng((seed, number, 0))
    data = bytearray(content)
    kind = number % 6
    place = int(random.integers(len(data)))
    if kind in (0, 1):
        places = random.integers(len(data), size=1 + 2 * kind)
        for each in places:
            data[each] ^= 1 << int(random.integers(8))
        return f"bits flipped in bytes {places.tolist()}", bytes(data)
    if kind == 2:
        return f"cut after {place} bytes", bytes(data[:place])
    if kind == 3:
        length = int(random.integers(1, 2000))
        data[place : place + length] = bytes(len(data[place : place + length]))
        return f"{length} bytes of zero from {place}", bytes(data)
    if kind == 4:
        length = int(random.integers(1, 300))
        return f"{length} bytes lost at {place}", bytes(data[:place] + data[place + length :])
    length = int(random.integers(1, 300))
    return f"{length} bytes put in at {place}", bytes(data[:place] + random.bytes(length) + data[place:])


def content_damaged(state: dict[str, Any], seed: int, number: int) -> tuple[str, dict[str, Any]]:
    """One key of the core sections lost, of another type, or with a tensor that is no weight of this network."""
    random = np.random.default_rng((seed, number, 1))
    changed = copy.deepcopy(state)
    names = [name for name in _names(changed) if name in changed or name.startswith(CORES)]
    name = names[int(random.integers(len(names)))]
    holder, key = _holder(changed, name)
    if random.random() < 0.4:
        del holder[key]
        return f"{name} lost", changed
    before = holder[key]
    if isinstance(before, torch.Tensor) and random.random() < 0.7:
        what, holder[key] = _another_tensor(before, random)
        return f"{name}: {what}", changed
    wrong = WRONG[int(random.integers(len(WRONG)))]
    holder[key] = wrong
    return f"{name} is {wrong!r}", changed


def saved(state: dict[str, Any]) -> bytes:
    """A checkpoint's bytes as torch writes them."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def with_a_second_part(content: bytes, name: str, part: bytes) -> bytes:
    """A checkpoint with one more part under a name, there already or not."""
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, part)
    return buffer.getvalue()


def _another_tensor(tensor: torch.Tensor, random: np.random.Generator) -> tuple[str, torch.Tensor]:
    kind = int(random.integers(4))
    if kind == 0:
        return "one row more", torch.zeros(tensor.numel() + 1)
    if kind == 1:
        return "complex", tensor.to(torch.complex64)
    if kind == 2:
        return "all NaN", torch.full(tensor.shape, math.nan)
    return "one infinite", torch.full(tensor.shape, math.inf)


def _names(content: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in content.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict) and prefix + str(key) != "model":
            yield from _names(value, f"{prefix}{key}.")
        elif isinstance(value, dict):
            yield from (f"model.{name}" for name in value)


def _holder(content: dict[str, Any], name: str) -> tuple[dict[str, Any], str]:
    if name.startswith("model."):
        return content["model"], name.removeprefix("model.")
    *sections, key = name.split(".")
    for section in sections:
        content = content[section]
    return content, key


READERS = [Reader("checkpoint", "final.pt", lambda: [untrained_checkpoint()], _read_unchanged)]
