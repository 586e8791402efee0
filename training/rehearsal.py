"""A training looked at before it begins: what it is going to be and what it takes, measured, with nothing written."""

import itertools
import math
import time
from collections.abc import Sequence

from ramify.data.case_store import read_case, read_record
from ramify.data.loading import TrainingBatches
from ramify.planning.choices import Choice
from ramify.training.course import Course, Tell
from ramify.training.device import choose_device
from ramify.training.distributed import joined_ranks
from ramify.training.loop import batches_of
from ramify.training.remarks import tell_remarks
from ramify.training.run_folder import check_run
from ramify.training.settings import RunSettings
from ramify.training.state import Training, restore, set_up
from ramify.training.step import train_step
from ramify.training.validation import validated_case


def dry_run(settings: RunSettings, tell: Tell, choices: Sequence[Choice] = (), *, here: bool = True) -> None:
    """Tell what a training is going to be, do a few of its steps and validate its largest case, and leave nothing.

    Args:
        settings: of the training; with `resume`, of what is left of it.
        tell: gets the lines; warnings go to stderr.
        choices: what of the settings was chosen automatically, to be told.
        here: whether the training is for this machine; of another one nothing can be measured.

    Raises ValueError and OSError as `train_run` does; nothing is written either way, not even splits.
    """
    with joined_ranks(choose_device(settings.device)) as ranks:
        if ranks.writes:
            check_run(settings)
        training, state = set_up(settings, ranks)
        if state is not None:
            restore(training, state)
        batches = batches_of(training)
        course = Course(training, batches, tell)
        course.plan(choices)
        if ranks.writes and state is None:
            tell_remarks(training, len(batches))
        if not here:
            tell("a step:      not measured; it was planned for another machine")
            return
        _take_steps(training, batches)
        course.tell_steps()
        if ranks.writes:
            course.tell_validation(_validation_seconds(training))


def _take_steps(training: Training, batches: TrainingBatches) -> None:
    """So many steps that the time of one is known; what they do to the weights goes with this process."""
    training.network.train()
    training.freezing.begin_epoch(training.epoch)
    for epoch in itertools.count(training.epoch):
        training.timing.begin_epoch()
        for step, batch in enumerate(batches.of_epoch(epoch)):
            train_step(training, batch, step, len(batches))
            training.timing.step_done()
            if training.timing.step_seconds is not None:
                return


def _validation_seconds(training: Training) -> float:
    """What a validation is going to take: that of the largest case, and of the others by their voxels."""
    store = training.settings.cases
    voxels: dict[str, int] = {
        case_id: math.prod(read_record(store, case_id)["shape"]) for case_id in training.validation_cases
    }
    largest = max(voxels, key=lambda case_id: voxels[case_id])
    case = read_case(store, largest)
    began = time.perf_counter()
    validated_case(training.runner, case)
    took = time.perf_counter() - began
    return took * sum(voxels.values()) / voxels[largest] / training.ranks.world
