"""Everything a GPU is asked, in one run of minutes: is it right, how fast is it, how much memory does it take?

    python -m benchmarks.gpu [--output FOLDER]      make gpu-check
    python -m benchmarks.gpu --tiny                 the same on the CPU with tiny sizes: it shows that everything runs

Networks and losses beside the CPU's; a training step at the paper's 256 x 256 x 128 of each variant of Table 1, with
each loss, compiled, and with channels last; whether the loader keeps up; how often a step waits for the device; the
prediction of a CT of 512 x 512 x 400. It prints tables in Markdown and, with --output, writes gpu.json. What does not
fit into memory is a line, and so is what differs from the CPU, after which it exits with 1.
"""

import contextlib
import io
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from pydantic import BaseModel

from benchmarks.cost import Cost, cost_of, synchronised
from benchmarks.device_equality import differences
from benchmarks.loss_overhead import PLAIN, step_with, terms_in_3d
from benchmarks.loss_overhead import Setting as LossSetting
from benchmarks.step_waits import CONFIGURATIONS, counted
from benchmarks.training import (
    BASELINE,
    SCALES,
    TABLE_EPOCHS,
    TABLE_FOLDS,
    TABLE_VARIANTS,
    TABLE_VOLUMES,
    Setting,
    contestants,
    step_of,
    waiting_share,
)
from benchmarks.training_step import Size
from benchmarks.verdicts import print_table
from ramify import preprocess
from ramify.command_line import parse, run
from ramify.data.loading_settings import LoadingSettings
from ramify.data.provenance import versions
from ramify.disk.json_files import write_json
from ramify.disk.outputs import Outputs
from ramify.models.build import build_inference_network, place_network
from ramify.models.settings import ModelSettings
from ramify.tasks.settings import TaskSettings
from ramify.training.device import autocast
from ramify.training.inference import infer
from ramify.training.inference_settings import InferenceSettings
from ramify.training.settings import RunSettings

Row = dict[str, Any]
"""What was measured of one thing, by the name of its column; numbers are written in three digits."""
Device = Literal["cpu", "cuda"]
PUBLISHED = {"soft_cldice": (0.88, 0.52), "skeleton_recall": (0.08, 0.02)}
"""What a loss adds to time and memory of a step, as shares, by Kirchhoff et al. 2024."""


class GpuCommand(BaseModel, frozen=True, extra="forbid"):
    """How large."""

    tiny: bool = False
    """On the CPU, with sizes that say nothing of speed."""
    output: Path | None = None
    """Folder of gpu.json; none writes no file."""


class Sizes(NamedTuple):
    """What is computed: z y x voxels.

    Attributes:
        rounds: how often each call is timed.
        losses: which; None takes all.
        levels: of the network that the loader works for; None takes the paper's.
        steps: whose waits for the device are counted.
    """

    step: Size
    equality: Size
    ct: Size
    window: Size
    rounds: int
    batch: int
    losses: tuple[str, ...] | None
    levels: int | None
    steps: tuple[str, ...]


FULL = Sizes((128, 256, 256), (32, 64, 64), (400, 512, 512), (128, 256, 256), 3, 2, None, None, tuple(CONFIGURATIONS))
TINY = Sizes((64, 32, 32), (16, 16, 16), (64, 36, 32), (64, 32, 32), 1, 1, ("skeleton_recall",), 1, ("binary",))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all parts, and say whether everything is right."""
    command = parse(GpuCommand, "Everything a GPU is asked, in one run of minutes.", argv)
    if not command.tiny and not torch.cuda.is_available():
        raise ValueError("no GPU here: --tiny shows on the CPU that everything runs")
    if command.output is not None:
        Outputs().claim_folder(command.output, "benchmark", ["gpu.json"])
    device: Device = "cpu" if command.tiny else "cuda"
    sizes = TINY if command.tiny else FULL
    parts: Mapping[str, Callable[[Device, Sizes], Iterator[Row]]] = {
        "Beside the CPU": _equality,
        "A training step": _steps,
        "What a loss adds": _losses,
        "Compiled, and channels last": _forms,
        "Loader and prediction": _data_and_prediction,
    }
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}")
    found: dict[str, list[Row]] = {}
    for title, part in parts.items():
        began = time.perf_counter()
        found[title] = list(part(device, sizes))
        print(f"\n### {title} ({time.perf_counter() - began:.0f} s)\n")
        first, *others = dict.fromkeys(name for row in found[title] for name in row)
        print_table(
            first, others, [(str(row[first]), [_cell(row.get(name)) for name in others]) for row in found[title]]
        )
    if command.output is not None:
        write_json(command.output / "gpu.json", {"device": name, "versions": versions(), "parts": found})
    different = [row for row in found["Beside the CPU"] if not row["equal"]]
    for row in different:
        print(f"differs from the CPU: {row['what']} in {row['precision']}")
    return 1 if different else 0


def _equality(device: Device, sizes: Sizes) -> Iterator[Row]:
    for one in differences(torch.device(device), sizes.equality):
        yield {
            "what": one.name,
            "precision": one.precision,
            "forwards": one.forwards,
            "backwards": one.backwards,
            "equal": one.equal,
        }


def _steps(device: Device, sizes: Sizes) -> Iterator[Row]:
    """The variants of Table 1, and the hours that the whole table takes."""
    precision: Literal["float32", "bfloat16"] = "bfloat16" if device == "cuda" else "float32"
    setting, costs = Setting(sizes.step, sizes.batch, device, precision), dict[str, Cost]()
    for name in TABLE_VARIANTS:
        row, cost = _measured(name, partial(step_of, contestants()[name], setting), device, sizes.rounds)
        if cost is not None:
            costs[name] = cost
            row |= _more_than(costs.get(BASELINE), cost)
        yield row
    if len(costs) == len(TABLE_VARIANTS):
        steps = TABLE_FOLDS * TABLE_EPOCHS * math.ceil(TABLE_VOLUMES / sizes.batch)
        hours = steps * sum(cost.seconds for cost in costs.values()) / 3600
        yield {"what": f"Table 1: 4 variants x {TABLE_FOLDS} folds x {TABLE_EPOCHS} epochs", "hours": hours}


def _losses(device: Device, sizes: Sizes) -> Iterator[Row]:
    setting = LossSetting(TaskSettings(main="vessels", auxiliary="none"), SCALES, sizes.step, device)
    plain = None
    for name in (PLAIN, *(sizes.losses or [name for name in terms_in_3d() if name not in ("dice", "cross_entropy")])):
        row, cost = _measured(name, partial(step_with, name, setting), device, sizes.rounds)
        plain = plain or cost
        if cost is not None:
            row |= _more_than(plain, cost)
            row |= dict(zip(("published, time", "published, memory"), PUBLISHED.get(name, ())))
        yield row


def _forms(device: Device, sizes: Sizes) -> Iterator[Row]:
    """The inference part of the binary network as it is, with channels last, and compiled."""
    model = ModelSettings(tasks=TaskSettings(main="vessels", auxiliary="none"))
    image = torch.randn(1, 1, *sizes.step, device=device)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32

    def form(compiled: bool, last: bool) -> Callable[[], object]:
        network = place_network(build_inference_network(model, 1, SCALES, 3), device).eval()
        network.to(memory_format=torch.channels_last_3d if last else torch.contiguous_format)  # type: ignore[call-overload]
        called = torch.compile(network) if compiled else network

        def predict() -> None:
            with torch.inference_mode(), autocast(torch.device(device), dtype):
                called(image)

        predict()
        return synchronised(predict, device)

    forms = {"as it is": (False, False), "channels last": (False, True), "compiled": (True, False)}
    # A compiler for C++ is not everywhere, and takes longer than everything else that is tiny.
    for name, (compiled, last) in list(forms.items())[: 3 if device == "cuda" else 2]:
        yield _measured(name, partial(form, compiled, last), device, sizes.rounds)[0]


def _data_and_prediction(device: Device, sizes: Sizes) -> Iterator[Row]:
    """Waiting for data, the host's waiting for the device in a step, and a prediction."""
    with tempfile.TemporaryDirectory() as folder:
        cases = Path(folder) / "cases"
        shape = [str(length) for length in sizes.step]
        words = ["--dataset", "phantom", "--phantom.cases", "4", "--phantom.size", *shape, "--folds.folds", "2"]
        words += ["--preprocessing.grid.crop", "volume"]
        with contextlib.redirect_stdout(io.StringIO()):
            preprocess.main([*words, "--output", str(cases)])
        loading = LoadingSettings(samples_per_epoch=16 if device == "cuda" else 2)
        model = ModelSettings(levels=sizes.levels)
        settings = RunSettings(cases=cases, output=Path(folder) / "run", device=device, model=model, loading=loading)
        share, steps = waiting_share(settings)
        yield {"what": f"waiting for data in {steps} steps", "share": share}
        for name, plain, scaled in counted(cases, device, sizes.steps):
            yield {"what": f"a step, {name}", "waits for the device": plain, "with float16's scaler": scaled}
    model = ModelSettings(tasks=TaskSettings(main="vessels", auxiliary="scales"))
    network = place_network(build_inference_network(model, 1, SCALES, 3), device).eval()
    image = torch.randn(1, 1, *sizes.ct, device=device)

    def probabilities(window: torch.Tensor) -> torch.Tensor:
        with autocast(torch.device(device), torch.bfloat16 if device == "cuda" else torch.float32):
            return torch.sigmoid(network(window).logits)

    def predict() -> None:
        infer(probabilities, image, InferenceSettings(window=sizes.window), None, network.size_multiples)

    name = f"prediction of {' x '.join(map(str, sizes.ct))}"
    yield _measured(name, lambda: synchronised(predict, device), device, 1)[0]


def _measured(
    name: str, prepared: Callable[[], Callable[[], object]], device: str, rounds: int
) -> tuple[Row, Cost | None]:
    """A row and a cost; without the second where memory is short."""
    try:
        cost = cost_of(prepared(), rounds, device)
    except (torch.OutOfMemoryError, MemoryError):
        torch.cuda.empty_cache()
        return {"what": name, "seconds": "out of memory"}, None
    return {"what": name, "seconds": cost.seconds, "MiB at most": cost.mebibytes}, cost


def _more_than(baseline: Cost | None, cost: Cost) -> Row:
    """More time and memory than the baseline takes, as shares of its own; nothing where it was not measured."""
    if baseline is None or baseline.mebibytes <= 0:
        return {}
    return {
        "more time": cost.seconds / baseline.seconds - 1,
        "more memory": cost.mebibytes / baseline.mebibytes - 1,
    }


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    run(main)
