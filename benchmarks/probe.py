"""Whether the scale of a vessel can be read from a network's features: a linear probe at each of its levels.

    python -m benchmarks.probe --run RUN

Beside the trained network stand the same one with fresh weights, and what the grey values alone say; chance is 1 / S.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel

from ramify.command_line import parse, run
from ramify.training.checkpoint import load_checkpoint
from ramify.training.level_features import OF_THE_IMAGE, features_of
from ramify.training.names import DeviceName
from ramify.training.probe import Recalls, balanced_accuracy, probe_checkpoint
from ramify.training.run_folder import find_checkpoint
from ramify.training.settings import RunSettings
from ramify.training.trained_network import network_of


class ProbeCommand(BaseModel, frozen=True, extra="forbid"):
    """Which network is probed, and where."""

    run: Path
    """Folder of a training's fold, or of a run with one fold; its held-out cases are probed."""
    checkpoint: Literal["final", "best", "latest"] = "final"
    """Whose weights. Those of `best` were chosen by the held-out cases."""
    cases: Path | None = None
    """Folder of prepared cases; none takes the training's own."""
    features: tuple[str, ...] = ()
    """Such as encoder.1, bottleneck, main_decoder.0, intensity, surroundings; none takes all there are."""
    device: DeviceName = "auto"
    """Where to compute."""


def main(argv: Sequence[str] | None = None) -> int:
    command = parse(ProbeCommand, "Read the scale of vessels from a network's features.", argv)
    checkpoint = find_checkpoint(command.run, command.checkpoint)
    state = load_checkpoint(checkpoint)
    settings = RunSettings.model_validate(state["config"])
    if "cases" not in state:
        raise ValueError(f"{checkpoint}: does not say which cases were held out; train again")
    cases = state["cases"]["val"]
    names = command.features or features_of(network_of(state, settings))

    of_network = [name for name in names if name not in OF_THE_IMAGE]
    store = command.cases or settings.cases
    trained = probe_checkpoint(checkpoint, store, cases, names, command.device)
    untrained = probe_checkpoint(checkpoint, store, cases, of_network, command.device, trained=False)
    n_scales = state["network"]["scales"]
    print(f"{checkpoint}: {len(cases)} held-out cases, balanced accuracy; chance {1 / n_scales:.3f}")
    scales = "".join(f"{f'scale {scale}':>9}" for scale in range(1, 1 + n_scales))
    print(f"{'features':<16}{'trained':>9}{'untrained':>11}{scales}")
    for name in names:
        fresh = f"{_mean(untrained[name]):.3f}" if name in untrained else "-"
        of_scales = "".join(f"{_recall(trained[name], scale):>9.3f}" for scale in range(n_scales))
        print(f"{name:<16}{_mean(trained[name]):>9.3f}{fresh:>11}{of_scales}")
    return 0


def _mean(of_cases: Mapping[str, Recalls]) -> float:
    """Mean over the cases that have every scale."""
    known = [value for recalls in of_cases.values() if (value := balanced_accuracy(recalls)) is not None]
    return float(np.mean(known)) if known else float("nan")


def _recall(of_cases: Mapping[str, Recalls], scale: int) -> float:
    known = [recall for recalls in of_cases.values() if (recall := recalls[scale]) is not None]
    return float(np.mean(known)) if known else float("nan")


if __name__ == "__main__":
    run(main)
