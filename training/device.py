"""Where and in which precision a network computes."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext

import torch

from ramify.training.names import DeviceName, PrecisionName

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
    """The dtype a network is trained in on a device.

    Raises:
        ValueError: the device cannot train in it.
    """
    if name == "auto":
        if device.type != "cuda":
            return torch.float32
        # PyTorch counts a bfloat16 that is emulated, many times slower, as supported.
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if name == "float16" and device.type == "cpu":
        raise ValueError(
            "train.precision: float16 needs a GPU; on the CPU use --train.precision bfloat16 or float32 "
            "(or go on with --device cuda, where the training began on one)"
        )
    return _DTYPES[name]


def choose_prediction_precision(
    name: PrecisionName, device: torch.device, asked: PrecisionName | None = None
) -> torch.dtype:
    """The dtype a trained network predicts in: the one asked for, or that of its training.

    What was trained in float16 predicts in float32 on the CPU, and a line says so.

    Raises:
        ValueError: the device cannot compute in what is asked for.
    """
    if asked is not None:
        if asked == "float16" and device.type == "cpu":
            raise ValueError("--precision float16: needs a GPU; on the CPU use bfloat16, float32 or auto")
        return choose_precision(asked, device)
    if name == "float16" and device.type == "cpu":
        print("warning: trained in float16, which needs a GPU: predicting in float32 on the CPU", file=sys.stderr)
        return torch.float32
    return choose_precision(name, device)


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
