"""What a loss adds to a training step: over Dice and cross-entropy, and against the number of classes."""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from benchmarks.cost import Cost, cost_of, in_own_process
from benchmarks.training_step import training_step
from losses.settings import LossSettings
from losses.soft_cldice import SoftClDiceSettings
from losses.terms import TERMS, SupervisedTask, Term
from models.settings import ModelSettings

PLAIN = "Dice + cross-entropy"
PEER = "MONAI soft-clDice"
CLASS_COUNTS = (1, 2, 4, 7, 10, 13)
COLOURS = {"skeleton_recall": "#2a9d8f", "soft_cldice": "#e76f51", PEER: "#8d99ae"}


class Overhead(NamedTuple):
    """A training step with one more loss, beside the step without it."""

    loss: str
    classes: int
    plain: Cost
    added: Cost

    @property
    def time(self) -> float:
        """Share of the plain step's time that the loss adds."""
        return self.added.seconds / self.plain.seconds - 1

    @property
    def memory(self) -> float:
        """Share of the plain step's peak memory that the loss adds."""
        return self.added.mebibytes / self.plain.mebibytes - 1

    def row(self) -> str:
        """As a line of a table."""
        return (
            f"{self.loss:24}{self.classes:>8}{self.added.seconds * 1e3:>10.0f} ms{self.time:>+9.1%}"
            f"{self.added.mebibytes:>10.0f} MiB{self.memory:>+9.1%}"
        )


HEADER = f"{'':24}{'classes':>8}{'step':>13}{'more':>9}{'peak':>14}{'more':>9}"


def overhead_of_losses(size: tuple[int, int, int], device: str, repeats: int) -> Iterator[Overhead]:
    """Every loss there is beside Dice and cross-entropy, on the main task and three scales."""
    names = [name for name in TERMS if name not in ("dice", "cross_entropy")]
    if importlib.util.find_spec("gudhi") is None:
        names.remove("persistent_homology")
    plain = in_own_process(step_cost, None, "multi_task", 3, size, device, repeats)
    yield Overhead(PLAIN, 3, plain, plain)
    for name in [*names, PEER]:
        yield Overhead(name, 3, plain, in_own_process(step_cost, name, "multi_task", 3, size, device, repeats))


def overhead_of_classes(size: tuple[int, int, int], device: str, repeats: int) -> Iterator[Overhead]:
    """The losses of centrelines against the number of exclusive classes (Kirchhoff et al. 2024, Fig. 7)."""
    for classes in CLASS_COUNTS:
        plain = in_own_process(step_cost, None, "multi_class", classes, size, device, repeats)
        for name in COLOURS:
            added = in_own_process(step_cost, name, "multi_class", classes, size, device, repeats)
            yield Overhead(name, classes, plain, added)


def step_cost(
    loss: str | None,
    formulation: Literal["multi_task", "multi_class"],
    classes: int,
    size: tuple[int, int, int],
    device: str,
    repeats: int,
) -> Cost:
    """Of a training step: network, loss, gradient and update, in the precision a training takes on that device."""
    if loss == PEER:
        TERMS[PEER] = Term(_monai_soft_cldice)
    terms = ({loss: 0.1} if loss else {}) | {"dice": 1.0, "cross_entropy": 1.0}
    settings = LossSettings(
        main=terms, auxiliary=terms, lambda_scales=(1.0,), lambda_contrastive=0.0, foreground_weight=2.0
    )
    model = ModelSettings(formulation=formulation, levels=5 if device == "cuda" else 4)
    batch, dtype = (2, torch.bfloat16) if device == "cuda" else (1, torch.float32)
    return cost_of(training_step(model, settings, classes, size, batch, device, dtype), repeats, device)


def _monai_soft_cldice(task: SupervisedTask, _: None) -> torch.Tensor:
    from monai.losses.cldice import SoftclDiceLoss

    loss: torch.Tensor = SoftclDiceLoss(iter_=SoftClDiceSettings().iterations)(task.target, task.probabilities)
    return loss


def draw_overheads(losses: Sequence[Overhead], classes: Sequence[Overhead], device: str, path: Path) -> None:
    """Time and memory each loss adds to a step, and their course over the number of classes, as a picture."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(11, 7.5), layout="constrained", width_ratios=(1, 1.15))
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
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
