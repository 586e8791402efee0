"""What a loss adds to a training step: over Dice and cross-entropy, and against the number of classes."""

import importlib.util
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from benchmarks.cost import alternating_seconds, cost_of, in_own_process, synchronised
from benchmarks.training_step import Size, training_step
from ramify.drawing.figure_files import write_figure
from ramify.losses.settings import LossSettings
from ramify.losses.term_settings import TERM_SETTINGS, SoftClDiceSettings
from ramify.losses.terms import TERMS, SupervisedTask, Term
from ramify.models.settings import ModelSettings
from ramify.tasks.settings import TaskSettings

PLAIN = "Dice + cross-entropy"
PEER = "MONAI soft-clDice"
LEVELS = {"cpu": 4, "cuda": 5}
COLOURS = {"skeleton_recall": "#2a9d8f", "soft_cldice": "#e76f51", PEER: "#8d99ae"}


class Overhead(NamedTuple):
    """A training step with one more loss, beside the step without it.

    seconds: of the step, median of the rounds. time, memory: shares of the plain step's that the loss adds; of time,
    the median of the rounds.
    """

    loss: str
    classes: int
    seconds: float
    time: float
    mebibytes: float
    memory: float

    def row(self) -> str:
        """As a line of a table."""
        return (
            f"{self.loss:24}{self.classes:>8}{self.seconds * 1e3:>10.0f} ms{self.time:>+9.1%}"
            f"{self.mebibytes:>10.0f} MiB{self.memory:>+9.1%}"
        )


HEADER = f"{'':24}{'classes':>8}{'step':>13}{'more':>9}{'peak':>14}{'more':>9}"


class Setting(NamedTuple):
    """What the losses are measured in."""

    tasks: TaskSettings
    classes: int
    size: Size
    device: Literal["cpu", "cuda"]


def terms_in_3d() -> list[str]:
    """Every term of a loss that sees volumes and whose package is here."""
    # The perceptual loss sees 2D alone, and weights that nobody ships.
    lacking = {"perceptual"} | ({"persistent_homology"} if importlib.util.find_spec("gudhi") is None else set())
    return [name for name in TERMS if name not in lacking]


def overhead_of_losses(size: Size, device: Literal["cpu", "cuda"], rounds: int) -> Iterator[Overhead]:
    """Every loss there is beside Dice and cross-entropy, on the main task and three scales."""
    names = [name for name in terms_in_3d() if name not in ("dice", "cross_entropy")]
    yield from overheads(
        [*names, PEER], Setting(TaskSettings(main="vessels", auxiliary="scales"), 3, size, device), rounds
    )


def overhead_of_classes(
    counts: Sequence[int], size: Size, device: Literal["cpu", "cuda"], rounds: int
) -> Iterator[Overhead]:
    """The losses of centrelines against the number of exclusive classes (Kirchhoff et al. 2024, Fig. 7)."""
    for classes in counts:
        yield from overheads(list(COLOURS), Setting(TaskSettings(main="scales"), classes, size, device), rounds)


def overheads(names: Sequence[str], setting: Setting, rounds: int) -> Iterator[Overhead]:
    """The plain step, then the step with each loss: their times taken in turns, each peak in a process of its own."""
    seconds = in_own_process(step_seconds, [PLAIN, *names], setting, rounds)
    peaks: dict[str, float] = {}
    for name, own in seconds.items():
        peaks[name] = in_own_process(step_peak, name, setting)
        more = statistics.median(one / plain for one, plain in zip(own, seconds[PLAIN])) - 1
        yield Overhead(name, setting.classes, statistics.median(own), more, peaks[name], peaks[name] / peaks[PLAIN] - 1)


def step_seconds(names: Sequence[str], setting: Setting, rounds: int) -> dict[str, list[float]]:
    """Times of a training step with each loss."""
    return alternating_seconds({name: step_with(name, setting) for name in names}, rounds)


def step_peak(name: str, setting: Setting) -> float:
    """Peak memory of a training step with a loss, MiB."""
    return cost_of(step_with(name, setting), 1, setting.device).mebibytes


def step_with(name: str, setting: Setting) -> Callable[[], object]:
    """A training step with Dice, cross-entropy and one more loss, in the precision a training takes on that device."""
    if name == PEER:
        TERMS[PEER], TERM_SETTINGS[PEER] = Term(_monai_soft_cldice), None
    terms = ({} if name == PLAIN else {name: 0.1}) | {"dice": 1.0, "cross_entropy": 1.0}
    loss = LossSettings(
        main=terms, auxiliary=terms, lambda_scales=(1.0,), lambda_contrastive=0.0, foreground_weight=2.0
    )
    model = ModelSettings(tasks=setting.tasks, levels=LEVELS[setting.device])
    batch, dtype = (2, torch.bfloat16) if setting.device == "cuda" else (1, torch.float32)
    return synchronised(
        training_step(model, loss, setting.classes, setting.size, batch, setting.device, dtype), setting.device
    )


def _monai_soft_cldice(task: SupervisedTask, _: None) -> torch.Tensor:
    from monai.losses.cldice import SoftclDiceLoss

    loss: torch.Tensor = SoftclDiceLoss(iter_=SoftClDiceSettings().iterations)(task.target, task.probabilities)
    return loss


def draw_overheads(losses: Sequence[Overhead], classes: Sequence[Overhead], device: str, path: Path) -> None:
    """Time and memory each loss adds to a step, and their course over the number of classes, as a picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7.5), layout="constrained")
    axes = figure.subplots(2, 2, width_ratios=(1, 1.15))
    for row, what in enumerate(("time", "memory")):
        bars, lines = axes[row]
        shown = [overhead for overhead in losses if overhead.loss != PLAIN]
        names = [overhead.loss.replace("_", " ") for overhead in shown]
        values = [100 * getattr(overhead, what) for overhead in shown]
        drawn = bars.barh(names, values, color=[COLOURS.get(overhead.loss, "#457b9d") for overhead in shown])
        bars.bar_label(drawn, fmt="%+.0f %%", padding=3, fontsize=8)
        bars.set_xscale("symlog", linthresh=10)
        bars.invert_yaxis()
        bars.set_xlabel(f"{what} added to a step with {PLAIN}, %")
        for name, colour in COLOURS.items():
            course = [overhead for overhead in classes if overhead.loss == name]
            lines.plot(
                [overhead.classes for overhead in course],
                [100 * getattr(overhead, what) for overhead in course],
                "o-",
                color=colour,
                label=name.replace("_", " "),
            )
        lines.set_xlabel("classes")
        lines.set_ylabel(f"{what} added, %")
        lines.set_ylim(bottom=min(0, lines.get_ylim()[0]))
        lines.legend(frameon=False)
        for axis in (bars, lines):
            axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"What a loss adds to a training step ({device})")
    write_figure(figure, path)
