"""Where and in which precision a network computes."""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
PrecisionName = Literal["auto", "float32", "bfloat16", "float16"]
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
MOST_LOADER_WORKERS = 8


def choose_device(name: DeviceName) -> torch.device:
    """The device of that name.

    Raises:
        ValueError: this machine lacks it.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if present[kind]))
    if not present[name]:
        raise ValueError(f"--device {name}: this machine (or this build of PyTorch) has none; use --device cpu or auto")
    return torch.device(name)


def choose_precision(name: PrecisionName, device: torch.device) -> torch.dtype:
    """The dtype of the network's arithmetic on a device."""
    if name == "auto":
        if device.type != "cuda":
            return torch.float32
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if name == "float16" and device.type == "cpu":
        raise ValueError("train.precision: float16 needs a GPU; use bfloat16 or float32 on the CPU")
    return _DTYPES[name]


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Context in which the network computes in `dtype`."""
    if dtype is torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype)


def choose_workers(wanted: int | None, device: torch.device) -> int:
    """Loader processes: none on the CPU, where they would take the cores that the network computes on."""
    if wanted is not None:
        return wanted
    if device.type == "cpu":
        return 0
    return max(0, min(MOST_LOADER_WORKERS, (os.cpu_count() or 1) - 1))


def set_determinism(deterministic: bool) -> None:
    """Allow only algorithms that give the same result every time, or let cuDNN choose the fastest."""
    if deterministic:
        # cuBLAS reads it at its first call; without it, it refuses to be deterministic.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic
