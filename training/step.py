"""One step of a training: a batch forwards and backwards, and where it is time an update of the weights."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ramify.data.loading import Batch
from ramify.data.random_streams import Purpose, derived_seed
from ramify.losses.truth import Truth
from ramify.losses.value_checks import without_value_checks
from ramify.training.device import autocast
from ramify.training.gradients import term_gradients
from ramify.training.schedule import learning_rate, set_learning_rate
from ramify.training.state import Training

MOST_SKIPPED_STEPS = 30
"""In a row, in float16: from 2^16 the scale has come to 2^-14 by then, and there is no overflow left to avoid."""
_REMEDY = "lower train.learning_rate, set train.gradient_clip, or use train.precision float32"


def truth_of(batch: Batch, device: torch.device) -> Truth:
    """What a batch is held against, on a device; elsewhere than on the CPU, in host memory too."""
    on_host = Truth(batch["scale_map"], batch["tubed_skeleton"], batch["spacing_mm"], batch["class_map"])
    if device.type == "cpu":
        return on_host
    tube, spacing, classes = (
        part if part is None else part.to(device, non_blocking=True)
        for part in (on_host.tubed_skeleton, on_host.spacing_mm, on_host.class_map)
    )
    return Truth(on_host.scale_map.to(device, non_blocking=True), tube, spacing, classes, on_host)


@dataclass(frozen=True)
class Place:
    """Where a step lies in its epoch.

    step: its number, from 0. steps: of the epoch. accumulate: steps that make an update; the last ones of an epoch
    make one though they be fewer.
    """

    step: int
    steps: int
    accumulate: int = 1

    @property
    def is_first(self) -> bool:
        """Whether an update begins with it."""
        return self.step % self.accumulate == 0

    @property
    def is_last(self) -> bool:
        """Whether an update ends with it."""
        return (self.step + 1) % self.accumulate == 0 or self.step + 1 == self.steps

    @property
    def together(self) -> int:
        """How many steps make its update."""
        return min(self.accumulate, self.steps - self.step // self.accumulate * self.accumulate)

    def updates(self, epoch: int) -> int:
        """Updates of the training before its own."""
        return epoch * -(-self.steps // self.accumulate) + self.step // self.accumulate


def train_step(training: Training, batch: Batch, step: int, steps: int) -> dict[str, torch.Tensor]:
    """A batch of an epoch of so many steps, forwards and backwards, and an update of the weights where it is time.

    Returns:
        "loss/" + each loss term, "contrast/" + what `ScaleContrast.looks` returns, and on some steps what
        `term_gradients` returns.

    Raises:
        ValueError: a term or the gradient is not finite, in float16 many times in a row; the weights are left as they
            were.
    """
    device, settings = training.runner.device, training.settings
    place = Place(step, steps, settings.train.accumulate)
    where = f"epoch {training.epoch}, step {step}, cases {', '.join(batch['case_ids'])}"
    image = batch["image"].to(device, non_blocking=True)
    truth = truth_of(batch, device)
    # Whatever a loss draws comes from (seed, epoch, step) alone, so that a resumed training draws the same.
    seed = derived_seed(settings.seed, Purpose.LOSS, training.epoch, step)
    turn = (training.epoch * steps + step) % len(training.loss.tasks.auxiliary) if training.loss.in_turn else None

    # Forwards. Labels are looked at in host memory; all else a loss could ask is right by how it is made here.
    if place.is_first:
        training.optimiser.zero_grad(set_to_none=True)
    with autocast(device, training.runner.dtype):
        outputs = training.distributed(image) if turn is None else training.distributed(image, turn)
    with _blamed_on_output(outputs.logits, where), without_value_checks():
        terms = training.loss(outputs, truth, torch.Generator().manual_seed(seed), turn=turn)
    if not terms["total"].requires_grad:
        raise ValueError(f"training stopped at {where}: the loss reaches no weight that learns; shorten train.freeze")

    # A look at what each term pulls at, with the draws of the step itself.
    looks: dict[str, float] = {}
    every = settings.train.gradients_every
    if every and step % every == 0:
        _check_finite(outputs.logits, terms, None, where)
        replayed = torch.Generator().manual_seed(seed)
        looks = term_gradients(training.loss, outputs, truth, training.network, replayed, turn)

    # Backwards; the gradient of an update is the mean over its steps.
    training.scaler.scale(terms["total"] / place.together).backward()
    norm = _whole_gradient(training) if place.is_last else None

    # The one answer that is waited for: nothing that is not finite moves a weight.
    finite = _check_finite(outputs.logits, terms, norm, where)
    if place.is_last:
        _update(training, place, finite, where)

    # What the next steps know of this one.
    losses = {f"loss/{name}": value.detach() for name, value in terms.items()}
    if training.loss.contrast is not None:
        losses |= {f"contrast/{name}": value for name, value in training.loss.contrast.looks().items()}
        training.loss.contrast.remember()

    if training.scaler.is_enabled():
        # A tensor as the losses are, which nobody reads before the epoch is over.
        losses["float16/scale"] = training.scaler.scale(terms["total"].new_ones(()))
        looks["float16/skipped"] = float(training.skipped > 0)
    return losses | {name: torch.tensor(value) for name, value in looks.items()}


@contextmanager
def _blamed_on_output(logits: torch.Tensor, where: str) -> Iterator[None]:
    """What fails in here, fails for the network's output where that is not finite."""
    try:
        yield
    except Exception as error:
        if torch.isfinite(logits).all():
            raise
        raise _of_output(where) from error


def _of_output(where: str) -> ValueError:
    return ValueError(f"training stopped at {where}: the network's output is not finite; {_REMEDY}")


def _whole_gradient(training: Training) -> torch.Tensor:
    """The norm of an update's gradient, which is cut to train.gradient_clip; in its own numbers, no more scaled."""
    training.scaler.unscale_(training.optimiser)
    clip = training.settings.train.gradient_clip or math.inf
    return torch.nn.utils.clip_grad_norm_(training.network.parameters(), clip)


def _check_finite(
    logits: torch.Tensor, terms: Mapping[str, torch.Tensor], norm: torch.Tensor | None, where: str
) -> bool:
    """Raise ValueError for an output or a term that is not finite; whether the gradient's norm is, or there is none.

    All are asked at once: each answer by itself would have the host wait until a GPU has done what it was given.
    """
    asked = [torch.isfinite(logits).all(), torch.isfinite(terms["total"])]
    if norm is not None:
        asked.append(torch.isfinite(norm))
    of_output, of_loss, *of_gradient = torch.stack(asked).tolist()
    if not of_output:
        raise _of_output(where)
    if not of_loss:
        culprit, value = next((name, value) for name, value in terms.items() if not torch.isfinite(value))
        raise ValueError(f"training stopped at {where}: the loss term {culprit} is {value.item()}; {_REMEDY}")
    return all(of_gradient)


def _update(training: Training, place: Place, finite: bool, where: str) -> None:
    """Move the weights; by a gradient that is not finite they learn nothing."""
    train = training.settings.train
    set_learning_rate(training.optimiser, learning_rate(train, training.epoch, (place.step + 1) / place.steps))
    _check_gradient(training, finite, where)
    if finite:
        # Not by way of the scaler, which would read once more what is known by now.
        training.optimiser.step()
    training.scaler.update()
    if training.average is not None and not training.skipped:
        training.average.update(training.network, place.updates(training.epoch))


def _check_gradient(training: Training, finite: bool, where: str) -> None:
    """Raise ValueError for a gradient that is not finite; in float16 for one that never is."""
    if finite:
        training.skipped = 0
        return
    if not training.scaler.is_enabled():
        raise ValueError(f"training stopped at {where}: the gradient is not finite; lower train.learning_rate")
    # In float16 an overflow is expected now and then: the scaler skips that step and halves its scale.
    training.skipped += 1
    if training.skipped >= MOST_SKIPPED_STEPS:
        raise ValueError(
            f"training stopped at {where}: the gradient was not finite in {training.skipped} steps in a row, though "
            f"float16 scaled it by as little as {training.scaler.get_scale():g}; lower train.learning_rate, or start "
            "again with train.precision bfloat16 or float32"
        )
