"""A trained network as ONNX: probabilities out, sizes free, and what else must be known in the file's metadata."""

import copy
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ramify.exporting.description import METADATA, description_of
from ramify.exporting.trained import Probabilities, TrainedNetwork
from ramify.optional_packages import optional_package

INPUT, OUTPUT = "image", "probabilities"
MOST_APART = 1e-4
"""Between the probabilities of torch and of onnxruntime."""
_ROUNDINGS = 4  # by as many times torch's own error another order of its sums may be off


def check_exporter() -> None:
    """Raise ValueError where a package that writes ONNX is not installed."""
    for package in ("onnx", "onnxscript"):
        optional_package(package, "export to ONNX", "onnx onnxscript, which Ramify's extra `onnx` brings")


def onnx_of(trained: TrainedNetwork) -> bytes:
    """The file's content.

    Input `image` float32 (B, C, *S), each axis of S a multiple of the network's; output `probabilities` float32
    (B, M, *S). Batch and sizes are free.

    Raises ValueError where onnx or onnxscript is not installed, or the network cannot be recorded.
    """
    check_exporter()
    module = trained.module
    with _quietly(), torch.no_grad():
        try:
            program = torch.onnx.export(
                module,
                (module.example(2, 3, 4, batch=2),),
                dynamo=True,
                dynamic_shapes=(_free_sizes(module),),
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
        except Exception as error:
            # What a network of another package is made of, not every exporter knows.
            reason = str(error).strip().partition("\n")[0]
            raise ValueError(f"network {trained.settings.model.network}: cannot be recorded: {reason}") from error
    assert program is not None, "of the dynamo exporter"
    model = program.model_proto
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(description_of(trained))
    content: bytes = model.SerializeToString()
    return content


def largest_difference(content: bytes, trained: TrainedNetwork) -> float | None:
    """Between onnxruntime's probabilities and torch's, over noise of two sizes; None where it is not installed.

    Raises ValueError where they are more than MOST_APART from each other, and more than rounding makes of it: float32
    leaves as much of logits in the hundreds, such as those of a network that was hardly trained.
    """
    try:
        runtime = optional_package("onnxruntime", "comparison", "onnxruntime")
    except ValueError:
        return None
    # It would tell its maker of each session otherwise, from hospitals too.
    runtime.disable_telemetry_events()
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    largest = 0.0
    for image in (trained.module.example(2, 3), trained.module.example(4, 2, batch=2)):
        with torch.no_grad():
            ours = trained.module(image).numpy()
        (theirs,) = session.run([OUTPUT], {INPUT: image.numpy()})
        apart = float(np.abs(theirs - ours).max())
        if not apart <= MOST_APART and not apart <= _ROUNDINGS * _rounding(trained.module, image, ours):
            raise ValueError(
                f"ONNX: probabilities of onnxruntime and torch are up to {apart:.2g} apart; export a bundle, or use "
                "another version of onnxscript"
            )
        largest = max(largest, apart)
    return largest


def _rounding(module: Probabilities, image: torch.Tensor, ours: np.ndarray) -> float:
    """How far the module's float32 probabilities are from those that it has in float64."""
    with torch.no_grad():
        exact = copy.deepcopy(module).double()(image.double()).numpy()
    return float(np.abs(exact - ours).max())


def _free_sizes(module: Probabilities) -> dict[int, Any]:
    """Batch and axes of space, these multiples of the network's."""
    free: dict[int, Any] = {0: torch.export.Dim("batch")}
    for axis, multiple in enumerate(module.network.size_multiples):
        side = torch.export.Dim(f"n{axis}")
        free[2 + axis] = side if multiple == 1 else multiple * side
    return free


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporter's own warnings, about other packages and about itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
