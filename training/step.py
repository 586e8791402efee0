"""One step of a training: a batch forwards and backwards, and where it is time an update of the weights."""

import math
from dataclasses import dataclass

import torch

from ramify.data.loading import Batch
from ramify.data.random_streams import Purpose, derived_seed
from ramify.losses.truth import Truth
from ramify.training.device import autocast
from ramify.training.gradients import term_gradients
from ramify.training.schedule import learning_rate, set_learning_rate
from ramify.training.state import Training

MOST_SKIPPED_STEPS = 30
"""In a row, in float16: from 2^16 the scale has come to 2^-14 by then, and there is no overflow left to avoid."""
_REMEDY = "lower train.learning_rate, set train.gradient_clip, or use train.precision float32"


def truth_of(batch: Batch, device: torch.device) -> Truth:
    """What a batch is held against, on a device."""
    labels, tube, spacing, classes = (
        part if part is None else part.to(device, non_blocking=True)
        for part in (batch["scale_map"], batch["tubed_skeleton"], batch["spacing_mm"], batch["class_map"])
    )
    assert labels is not None, "every batch has scales"
    return Truth(labels, tube, spacing, classes)


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

    # Forwards, and nothing that is not finite goes further.
    if place.is_first:
        training.optimiser.zero_grad(set_to_none=True)
    with autocast(device, training.runner.dtype):
        outputs = training.distributed(image)
    if not torch.isfinite(outputs.logits).all():
        raise ValueError(f"training stopped at {where}: the network's output is not finite; {_REMEDY}")
    terms = training.loss(outputs, truth, torch.Generator().manual_seed(seed))
    if not torch.isfinite(terms["total"]):
        culprit = next(name for name, value in terms.items() if not torch.isfinite(value))
        raise ValueError(f"training stopped at {where}: the loss term {culprit} is {terms[culprit].item()}; {_REMEDY}")
    if not terms["total"].requires_grad:
        raise ValueError(f"training stopped at {where}: the loss reaches no weight that learns; shorten train.freeze")

    # A look at what each term pulls at, with the draws of the step itself.
    looks: dict[str, float] = {}
    every = settings.train.gradients_every
    if every and step % every == 0:
        looks = term_gradients(training.loss, outputs, truth, training.network, torch.Generator().manual_seed(seed))

    # Backwards, and on; the gradient of an update is the mean over its steps.
    training.scaler.scale(terms["total"] / place.together).backward()
    if place.is_last:
        _update(training, place, where)

    # What the next steps know of this one.
    losses = {f"loss/{name}": value.detach() for name, value in terms.items()}
    if training.loss.contrast is not None:
        losses |= {f"contrast/{name}": value for name, value in training.loss.contrast.looks().items()}
        training.loss.contrast.remember()

    if training.scaler.is_enabled():
        looks |= {"float16/scale": training.scaler.get_scale(), "float16/skipped": float(training.skipped > 0)}
    return losses | {name: torch.tensor(value) for name, value in looks.items()}


def _update(training: Training, place: Place, where: str) -> None:
    """Move the weights; by a gradient that is not finite they learn nothing."""
    train = training.settings.train
    set_learning_rate(training.optimiser, learning_rate(train, training.epoch, (place.step + 1) / place.steps))
    training.scaler.unscale_(training.optimiser)
    norm = torch.nn.utils.clip_grad_norm_(training.network.parameters(), train.gradient_clip or math.inf)
    _check_gradient(training, norm, where)
    training.scaler.step(training.optimiser)
    training.scaler.update()
    if training.average is not None and not training.skipped:
        training.average.update(training.network, place.updates(training.epoch))


def _check_gradient(training: Training, norm: torch.Tensor, where: str) -> None:
    """Raise ValueError for a gradient that is not finite; in float16 for one that never is."""
    if torch.isfinite(norm):
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
