"""How often the host waits for the device in a call: on CUDA as torch tells it, and without a GPU on a device of paper.

A wait is a value that the host reads (`item`, `tolist`, `cpu`, `if tensor:`), a result whose size depends on values
(`nonzero`, `unique`, a mask as an index), and a copy to the device that is not told to go on alone. Until it is over,
nothing more is given to the device, and afterwards the device waits for the host.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

PAPER = torch.device("meta")
"""What the device of paper is called: no CPU to whoever asks, and of no package that is missing."""
_READS = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape, torch.Tag.cudagraph_unsafe)
_BY_INDEX = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_", "aten::_unsafe_index")


class OnPaper(Tensor):
    """A tensor that says it is on the device of paper; its values are on the CPU, where everything is computed."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "OnPaper":
        own: OnPaper = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=PAPER,
            requires_grad=False,
        )
        own.held = held
        return own

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        raise RuntimeError(f"{func}: the device of paper is there within `paper_device` alone")


class Waits(Counter[str]):
    """How often each operation let the host wait."""


class _Values(TorchDispatchMode):
    """Computes on the CPU, and counts."""

    def __init__(self, waits: Waits) -> None:
        super().__init__()
        self.waits = waits

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        ours = [tensor for tensor in tensors if isinstance(tensor, OnPaper)]
        target = kwargs.get("device")
        name = func._schema.name
        to_paper = target is not None and torch.device(target).type == PAPER.type
        on_paper = to_paper or (bool(ours) and target is None)
        if to_paper:
            kwargs["device"] = torch.device("cpu")
        self._count(func, name, args, kwargs, tensors, ours, to_paper)

        # Nothing within is counted again: the mode is off here.
        result = func(*_bare(args), **_bare(kwargs))
        if not on_paper:
            return result
        wrapped = tree_map_only(Tensor, OnPaper, result)
        if name in ("aten::_local_scalar_dense", "aten::is_nonzero", "aten::equal") or target is not None:
            return wrapped
        return return_and_correct_aliasing(func, args, kwargs, wrapped)

    def _count(
        self,
        func: Any,
        name: str,
        args: Any,
        kwargs: dict[str, Any],
        tensors: list[Tensor],
        ours: list[OnPaper],
        to_paper: bool,
    ) -> None:
        copies = name in ("aten::_to_copy", "aten::copy_")
        others = [tensor for tensor in tensors if not isinstance(tensor, OnPaper)]
        non_blocking = kwargs.get("non_blocking") or (name == "aten::copy_" and len(args) > 2 and args[2])
        if copies:
            crosses = (bool(ours) != to_paper) if name == "aten::_to_copy" else bool(ours and others)
            leaves = crosses and isinstance(args[0] if name == "aten::_to_copy" else args[1], OnPaper)
            if name == "aten::_to_copy" and kwargs.get("device") is None:
                return
            if crosses and (leaves or not non_blocking):
                self.waits[f"{name} {'to the host' if leaves else 'to the device'}"] += 1
            return
        if not ours:
            return
        if name in _BY_INDEX:
            indices = [each for each in args[1] if each is not None]
            of_mask = any(each.dtype in (torch.bool, torch.uint8) for each in indices)
            fills = name != "aten::index" and args[2].numel() == 1  # torch makes a masked_fill of it
            if (of_mask and not fills) or any(not isinstance(each, OnPaper) and each.ndim for each in indices):
                self.waits[name] += 1
            return
        if any(tensor.ndim for tensor in others):
            raise RuntimeError(f"{name}: of tensors on the host and on the device")
        if name == "aten::repeat_interleave" and kwargs.get("output_size") is not None:
            return
        if any(tag in func.tags for tag in _READS):
            self.waits[name] += 1


class _Made(TorchFunctionMode):
    """Tensors made of numbers on the device of paper: torch would make them without values there."""

    def __init__(self, waits: Waits) -> None:
        super().__init__()
        self.waits = waits

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") == PAPER:
            self.waits[f"{func.__name__} to the device"] += 1
            return func(*args, **kwargs | {"device": "cpu"}).to(PAPER, non_blocking=True)
        if func is Tensor.new_tensor and isinstance(args[0], OnPaper):
            self.waits["new_tensor to the device"] += 1
            kwargs.setdefault("dtype", args[0].dtype)
            return torch.tensor(*args[1:], **kwargs).to(PAPER, non_blocking=True)
        if func is Tensor.tolist and isinstance(args[0], OnPaper):
            return args[0].cpu().tolist()
        return func(*args, **kwargs)


def _bare(values: Any) -> Any:
    return tree_map_only(OnPaper, lambda tensor: tensor.held, values)


class _Autocast(torch.autocast):
    """Of the device of paper, which torch knows no autocast of: none at all."""

    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        known = device_type != PAPER.type
        super().__init__(device_type if known else "cpu", *args, **(kwargs if known else kwargs | {"enabled": False}))


@contextmanager
def paper_device() -> Iterator[Waits]:
    """Within it PAPER is a device that computes what the CPU does; what it had the host wait for is counted.

    It computes in float32, under autocast too.
    """
    waits = Waits()
    with _Made(waits), _Values(waits), patch.object(torch, "autocast", _Autocast):
        yield waits


def on_paper(network: nn.Module) -> None:
    """Put a network's weights and statistics onto the device of paper, within `paper_device`."""
    for module in network.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            moved = nn.Parameter(weight.detach().to(PAPER, non_blocking=True), requires_grad=weight.requires_grad)
            setattr(module, name, moved)
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, buffer.to(PAPER, non_blocking=True))


def waits_on_cuda(call: Callable[[], object]) -> Waits:
    """How often a call lets the host wait for CUDA, by the line of code that did."""
    torch.cuda.synchronize()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            call()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return Waits(_places(told))


def _places(told: Iterable[warnings.WarningMessage]) -> Iterator[str]:
    for each in told:
        if "synchroniz" in str(each.message):
            yield f"{each.filename.rpartition('/')[2]}:{each.lineno}"
