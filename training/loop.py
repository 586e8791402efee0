"""One training, from settings to finished weights: what train.py and every study call."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext

from ramify.console.progress import say
from ramify.data.folds import keep_splits
from ramify.data.loading import Batch, TrainingBatches, TrainingSamples
from ramify.planning.choices import Choice
from ramify.training.breaks import Breaks, Stop, breaks_of
from ramify.training.course import Course, Tell
from ramify.training.device import choose_device, choose_workers
from ramify.training.distributed import Ranks, joined_ranks
from ramify.training.ending import is_over, told
from ramify.training.recording import OnValidation, Recorder, is_finished, recorded
from ramify.training.remarks import tell_remarks
from ramify.training.run_folder import RunFolder, kept_run
from ramify.training.schedule import learning_rate
from ramify.training.settings import RunSettings
from ramify.training.state import Training, restore, set_up
from ramify.training.step import Place, train_step
from ramify.training.validation import ValidatedCase, is_due, measures_of, validation_of


def train_run(
    settings: RunSettings,
    on_validation: OnValidation | None = None,
    stop: Stop | None = None,
    tell: Tell | None = None,
    choices: Sequence[Choice] = (),
) -> RunFolder:
    """Train one fold, or go on with it, and return its folder.

    Args:
        settings: of the training.
        on_validation: called with (epoch, measures) after each validation; it may raise to stop the training.
        stop: asked before the first step, between any two, and between any two cases of a validation: why to stop
            there, or None. In a distributed training every process asks its own, and all stop where one is told to.
        tell: told in lines what the training is going to be, and what its steps and its validation take once the first
            are done; in a distributed training the first process's.
        choices: what of the settings was chosen automatically, to be told and kept in plan.json.

    Raises:
        ValueError: settings that do not fit the cases or a run that is there already; a loss that is not finite.
        TrainingStopped: `stop` said so; checkpoints/latest.pt, if a step was done, is where a resumed training goes on,
            bit for bit.

    Examples:
        >>> from ramify.models import ModelSettings
        >>> from ramify.training import RunSettings, TrainSettings, train_run
        >>> model, train = ModelSettings(levels=2, base_channels=2), TrainSettings(epochs=1)
        >>> settings = RunSettings(cases=cases, output="runs/small", fold_count=2, model=model, train=train)
        >>> folder = train_run(settings)  # on a folder that preprocess.py wrote
        >>> sorted(path.name for path in folder.root.glob("checkpoints/*"))
        ['best.pt', 'final.pt', 'latest.pt']
    """
    with joined_ranks(choose_device(settings.device)) as ranks, kept_run(settings) if ranks.writes else nullcontext():
        return _train(settings, ranks, on_validation, stop, tell, choices)


def _train(
    settings: RunSettings,
    ranks: Ranks,
    on_validation: OnValidation | None = None,
    stop: Stop | None = None,
    tell: Tell | None = None,
    choices: Sequence[Choice] = (),
) -> RunFolder:
    training, state = set_up(settings, ranks)
    if state is not None:
        restore(training, state)

    # On several machines the first one alone may have the file.
    if ranks.of_first(is_finished(training)):
        say(f"{training.folder.root}: already trained for {training.epoch} epochs")
        if ranks.writes:
            training.folder.write_history(training.history)
            training.folder.write_case_scores(training.case_scores, training.runner.tasks.segmented)
        return training.folder

    batches = batches_of(training)
    if training.step > len(batches):
        latest = training.folder.checkpoint("latest")
        raise ValueError(f"{latest}: {training.step} steps are done of an epoch of {len(batches)}; use an earlier copy")
    breaks = breaks_of(training, stop)
    breaks.before_the_first_step()
    if ranks.writes and settings.splits is None and settings.fold != "all":
        # Only now that all else fits.
        keep_splits(settings.cases, settings.fold_count)
    course = Course(training, batches, tell)
    course.plan(choices)
    if ranks.writes and state is None:
        tell_remarks(training, len(batches))
    with recorded(training, on_validation, begins=state is None, choices=choices) as recorder:
        _run_epochs(training, batches, recorder, breaks, course)
    return training.folder


def batches_of(training: Training) -> TrainingBatches:
    """The batches of a training, or this rank's part of each."""
    settings = training.settings
    samples = TrainingSamples(
        settings.cases,
        training.train_cases,
        settings.loading,
        settings.augmentation if settings.train.augment else None,
        training.network.size_multiples,
        settings.seed,
        settings.appearance if settings.appearance.paint else None,
    )
    device, ranks = training.runner.device, training.ranks
    workers = choose_workers(settings.loading.workers, device)
    return TrainingBatches(samples, workers, pin_memory=device.type == "cuda", rank=ranks.rank, world=ranks.world)


def _run_epochs(
    training: Training, batches: TrainingBatches, recorder: Recorder, breaks: Breaks, course: Course
) -> None:
    """Train until it is over."""
    settings = training.settings
    measures: dict[str, float] = {}
    if is_over(settings, training.history):
        measures = _finish_again(training, len(batches), recorder, course)

    with course:
        while not is_over(settings, training.history):
            row = _train_epoch_at_its_rate(training, batches, course, breaks)
            measures = _finish_epoch(training, row, recorder, breaks, course) or measures
    recorder.conclude(measures)
    if training.epoch < settings.train.epochs and training.ranks.writes:
        say(f"{training.folder.root}: {told(settings, training.history)}")


def _train_epoch_at_its_rate(
    training: Training, batches: TrainingBatches, course: Course, breaks: Breaks
) -> dict[str, float]:
    """The epoch at hand, as a row of the history."""
    epoch = training.epoch
    course.begin_epoch()
    means = train_epoch(training, batches.of_epoch(epoch, training.step), len(batches), course, breaks)
    # Of its last update.
    rate = learning_rate(training.settings.train, epoch, 1.0)
    return {"epoch": float(epoch), "learning_rate": rate, **means}


def train_epoch(
    training: Training, batches: Iterator[Batch], steps: int, course: Course, breaks: Breaks | None = None
) -> dict[str, float]:
    """The steps of an epoch that are not done yet, and the mean over all of them of what they return.

    batches: of those steps. steps: of the whole epoch.
    """
    training.network.train()
    training.freezing.begin_epoch(training.epoch)
    for step, batch in enumerate(batches, start=training.step):
        training.means.add(train_step(training, batch, step, steps))
        training.step = step + 1
        course.step_done()
        # Between the steps of an update there is a gradient that no checkpoint holds.
        if breaks is not None and Place(step, steps, training.settings.train.accumulate).is_last:
            breaks.take()
    return training.means.over(training.ranks)


def _finish_epoch(
    training: Training, row: dict[str, float], recorder: Recorder, breaks: Breaks | None, course: Course
) -> dict[str, float]:
    """Validate where it is time, keep, and only then show; the measures, none without a validation.

    breaks: to be taken between the cases of the validation.
    """

    def between_cases(done: int) -> None:
        course.case_validated(done)
        if breaks is not None:
            breaks.take()

    measures: dict[str, float] = {}
    cases: dict[str, ValidatedCase] = {}
    if is_due(training.settings, training.epoch):
        with training.timing.validating():
            cases = validation_of(training, between_cases)
        measures = measures_of(cases.values(), training.runner.tasks.segmented)
        row = row | {f"validation/{name}": value for name, value in measures.items()}

    recorder.keep(row, cases)
    if breaks is not None:
        breaks.saved()
    recorder.show(row, measures, cases)
    course.end_epoch(row, measures)
    return measures


def _finish_again(training: Training, steps: int, recorder: Recorder, course: Course) -> dict[str, float]:
    """Fewer epochs than were planned: the last one that was done is the last one, and gets what that has.

    steps: of an epoch. There is no break within: the means of the steps are gone, and nothing could go on from there.
    """
    training.epoch, training.step = training.epoch - 1, steps
    return _finish_epoch(training, training.history.pop(), recorder, None, course)
