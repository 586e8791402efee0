"""A network as one program of torch.compile, which fails in one line where there is no compiler."""

from collections.abc import Callable

import torch

from ramify.console.error_line import line_of
from ramify.models.outputs import TaskOutputs

Called = Callable[..., TaskOutputs]


def compiled(network: Called) -> Called:
    """The same function as one program, made when it is called first.

    It raises ValueError there where it cannot be made, most often for want of a C++ compiler.
    """
    program: Called = torch.compile(network)

    def call(image: torch.Tensor, *turn: int) -> TaskOutputs:
        try:
            return program(image, *turn)
        except torch._dynamo.exc.TorchDynamoException as error:
            reason = line_of(getattr(error, "inner_exception", error))
            raise ValueError(
                f"train.compile: torch.compile cannot make a program of this network here ({reason:.200}); install a "
                "C++ compiler, or train without it"
            ) from error

    return call
