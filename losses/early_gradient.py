"""Values whose gradient is computed together with them, so that their graph need not wait for the backward pass.

The layers' outputs are all alive when a loss is computed: whatever its graph holds comes on top of them, at the highest
point of a step's memory. Differentiated at once, one task or class after the other, only one graph exists at a time.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def differentiated_at_once(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """function(inputs), a scalar, with its gradient by `inputs`, which is all that is kept.

    There is no second derivative, and tensors besides `inputs` get no gradient. While torch.compile traces it is the
    function alone: what is kept is then the compiler's to decide.
    """
    if torch.compiler.is_compiling() or not (inputs.requires_grad and torch.is_grad_enabled()):
        return function(inputs)
    leaf = inputs.detach().requires_grad_()
    value = function(leaf)
    if not value.requires_grad:
        return value
    (gradient,) = torch.autograd.grad(value, leaf)
    known: Tensor = _Known.apply(inputs, value.detach(), gradient)
    return known


class _Known(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return outer * gradient, None, None
