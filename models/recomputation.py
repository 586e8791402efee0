"""Memory for time: activations that are computed again in the backward pass rather than kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar

from torch import nn
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
    return checkpoint(
        function,
        *inputs,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), _without_statistics(module)),
    )


@contextmanager
def _without_statistics(module: nn.Module) -> Iterator[None]:
    """Batch norms leave their running statistics as they are: they have counted this batch already.

    They must go on handing the statistics to torch, which keeps them for the backward pass in both runs or in neither.
    """
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm, (_, batches) in zip(norms, before):
        norm.momentum = 0.0
        norm.num_batches_tracked = None if batches is None else batches.clone()
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, before):
            norm.momentum, norm.num_batches_tracked = momentum, batches
