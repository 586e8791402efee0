"""Memory for time: activations that are computed again in the backward pass rather than kept."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

ResultT = TypeVar("ResultT")


def run(
    function: Callable[..., ResultT], *inputs: object, of: nn.Module | None = None, recompute: bool = False
) -> ResultT:
    """function(*inputs), with nothing inside kept for the backward pass where `recompute` says so.

    Values, gradients and batch-norm statistics stay the same (Chen et al. 2016); the forward pass runs twice.

    Args:
        function: a module, or a function over the parts of one. It may draw nothing from a random generator.
        inputs: its arguments.
        of: the module whose batch norms the function runs, unless it is that module itself.
        recompute: False just calls the function.
    """
    if not recompute:
        return function(*inputs)
    module = function if isinstance(function, nn.Module) else of
    assert module is not None, "recomputation must know the batch norms that run twice"
    result: ResultT = checkpoint(
        function,
        *inputs,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), _WithoutStatistics(module)),
    )
    return result


class _WithoutStatistics:
    """Context in which batch norms leave their running statistics as they are: they have counted this batch already.

    They must go on handing the statistics to torch, which keeps them for the backward pass in both runs or in neither.
    It can be entered again: every backward pass through a kept graph computes the activations once more.
    """

    def __init__(self, module: nn.Module) -> None:
        self._norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
        self._before: list[tuple[float | None, Tensor | None]] = []

    def __enter__(self) -> None:
        self._before = [(norm.momentum, norm.num_batches_tracked) for norm in self._norms]
        for norm, (_, batches) in zip(self._norms, self._before):
            norm.momentum = 0.0
            norm.num_batches_tracked = None if batches is None else batches.clone()

    def __exit__(self, *_: object) -> None:
        for norm, (momentum, batches) in zip(self._norms, self._before):
            norm.momentum, norm.num_batches_tracked = momentum, batches
