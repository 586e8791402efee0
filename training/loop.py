"""One training, from settings to finished weights: what train.py and every study call."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext

from ramify.console.progress import Progress, postfix, progress, say, silent
from ramify.data.loading import Batch, TrainingBatches, TrainingSamples
from ramify.training.breaks import Breaks, Stop
from ramify.training.checkpoint import CheckpointName, load_checkpoint
from ramify.training.device import choose_device, choose_workers
from ramify.training.distributed import Ranks, joined_ranks
from ramify.training.inference import NotFiniteError
from ramify.training.presentation import Presentation
from ramify.training.run_folder import RunFolder, kept_run
from ramify.training.running_means import RunningMeans
from ramify.training.schedule import learning_rate
from ramify.training.settings import RunSettings
from ramify.training.state import Training, restore, save, set_up
from ramify.training.step import train_step
from ramify.training.validation import validate

OnValidation = Callable[[int, Mapping[str, float]], None]


def train_run(settings: RunSettings, on_validation: OnValidation | None = None, stop: Stop | None = None) -> RunFolder:
    """Train one fold, or go on with it, and return its folder.

    Args:
        settings: of the training.
        on_validation: called with (epoch, measures) after each validation; it may raise to stop the training.
        stop: asked between any two steps, and any two cases of a validation: why to stop there, or None. In a
            distributed training every process asks its own, and all stop where one is told to.

    Raises:
        ValueError: settings that do not fit the cases or a run that is there already; a loss that is not finite.
        TrainingStopped: `stop` said so; checkpoints/latest.pt is where a resumed training goes on, bit for bit.

    Examples:
        >>> from ramify.models import ModelSettings
        >>> from ramify.training import RunSettings, TrainSettings, train_run
        >>> model, train = ModelSettings(formulation="binary", levels=2, base_channels=2), TrainSettings(epochs=1)
        >>> settings = RunSettings(cases=cases, output="runs/small", fold_count=2, model=model, train=train)
        >>> folder = train_run(settings)  # on a folder that preprocess.py wrote
        >>> sorted(path.name for path in folder.root.glob("checkpoints/*"))
        ['best.pt', 'final.pt', 'latest.pt']
    """
    with joined_ranks(choose_device(settings.device)) as ranks, kept_run(settings) if ranks.writes else nullcontext():
        return _train(settings, ranks, on_validation, stop)


def _train(settings: RunSettings, ranks: Ranks, on_validation: OnValidation | None, stop: Stop | None) -> RunFolder:
    training, state = set_up(settings, ranks)
    if state is not None:
        restore(training, state)
    # On several machines the first one alone may have the file.
    if ranks.of_first(_is_finished(training)):
        say(f"{training.folder.root}: already trained for {training.epoch} epochs")
        if ranks.writes:
            training.folder.write_history(training.history)
        return training.folder
    batches = _batches(training)
    if training.step > len(batches):
        latest = training.folder.checkpoint("latest")
        raise ValueError(f"{latest}: {training.step} steps are done of an epoch of {len(batches)}; use an earlier copy")
    if not ranks.writes:
        _run_epochs(training, batches, None, on_validation, stop)
        return training.folder
    training.folder.write_config(settings)
    if state is None:
        about_cases = {key: training.description[key] for key in ("cases", "identities")}
        training.folder.write_description(settings, about_cases)
    presentation = Presentation(training, begins=state is None)
    try:
        _run_epochs(training, batches, presentation, on_validation, stop)
    finally:
        presentation.close()
    return training.folder


def _is_finished(training: Training) -> bool:
    """Whether nothing is left to train, and `final` is of the last epoch: a training that was prolonged had one."""
    final = training.folder.checkpoint("final")
    if training.epoch != training.settings.train.epochs or not final.exists():
        return False
    try:
        return bool(load_checkpoint(final)["epoch"] == training.epoch)
    except ValueError:
        return False  # damaged, and soon written anew


def _batches(training: Training) -> TrainingBatches:
    settings = training.settings
    samples = TrainingSamples(
        settings.cases,
        training.train_cases,
        settings.loading,
        settings.augmentation if settings.train.augment else None,
        training.network.size_multiple,
        settings.seed,
    )
    device, ranks = training.runner.device, training.ranks
    workers = choose_workers(settings.loading.workers, device)
    return TrainingBatches(samples, workers, pin_memory=device.type == "cuda", rank=ranks.rank, world=ranks.world)


def _run_epochs(
    training: Training,
    batches: TrainingBatches,
    presentation: Presentation | None,
    on_validation: OnValidation | None,
    stop: Stop | None,
) -> None:
    """Train until the last epoch; only the rank with a presentation writes."""
    settings = training.settings
    epochs = settings.train.epochs
    breaks = _breaks(training, stop)
    measures: dict[str, float] = {}
    if training.epoch == epochs:
        # Fewer epochs than were planned: the last one that was done is the last one, and needs what that has.
        training.epoch, training.step = training.epoch - 1, len(batches)
        measures = _finish_epoch(training, training.history.pop(), None, presentation, on_validation)
    done = training.epoch * len(batches) + training.step
    # One of several processes that train together tells how far they are.
    follow = progress("train", epochs * len(batches), "step", done) if presentation is not None else silent()
    with follow as bar:
        while training.epoch < epochs:
            rate = learning_rate(settings.train.schedule, settings.train.learning_rate, training.epoch, epochs)
            for group in training.optimiser.param_groups:
                group["lr"] = rate
            means = train_epoch(training, batches.of_epoch(training.epoch, training.step), bar, breaks)
            row = {"epoch": float(training.epoch), "learning_rate": rate, **means}
            measures = _finish_epoch(training, row, breaks, presentation, on_validation) or measures
            bar.set_postfix_str(postfix({"loss": means["loss/total"], **measures}))
    if presentation is not None:
        presentation.conclude(measures)


def _breaks(training: Training, stop: Stop | None) -> Breaks:
    def where() -> str:
        at = f"epoch {training.epoch}, after {training.step} of its steps"
        return f"{training.folder.root}: stopped in {at}; checkpoints/latest.pt is saved, --resume goes on from there"

    minutes = training.settings.train.checkpoint_minutes
    return Breaks(training.ranks, minutes, stop, lambda: save(training, ["latest"]), where)


def train_epoch(
    training: Training, batches: Iterator[Batch], bar: Progress, breaks: Breaks | None = None
) -> dict[str, float]:
    """The steps of an epoch that are not done yet, and the mean over all of them of what they return."""
    training.network.train()
    for step, batch in enumerate(batches, start=training.step):
        training.means.add(train_step(training, batch, step))
        training.step = step + 1
        bar.update()
        if breaks is not None:
            breaks.take()
    return training.means.over(training.ranks)


def _finish_epoch(
    training: Training,
    row: dict[str, float],
    breaks: Breaks | None,
    presentation: Presentation | None,
    on_validation: OnValidation | None,
) -> dict[str, float]:
    """Validate where it is time, save, and only then show; the measures, none without a validation."""
    settings, epoch = training.settings, training.epoch
    last = epoch + 1 == settings.train.epochs
    measures: dict[str, float] = {}
    names: list[CheckpointName] = []
    if last or (epoch + 1) % settings.validation.every == 0:
        measures = _validate(training, breaks)
        row = row | {f"validation/{name}": value for name, value in measures.items()}
        score = measures[settings.validation.best_by]
        if score > training.best:
            names.append("best")
        training.best = max(training.best, score)
    if last:
        names.append("final")
    training.history.append(row)
    training.epoch, training.step, training.means = epoch + 1, 0, RunningMeans()
    # `latest` comes last: a kill in between makes the resumed training write the others once more.
    save(training, [*names, "latest"])
    if breaks is not None:
        breaks.saved()
    if presentation is not None:
        every = settings.validation.figures_every
        pictures = bool(measures) and (last or (epoch + 1) % every < settings.validation.every)
        presentation.epoch(row, pictures=pictures)
    if on_validation and measures:
        on_validation(epoch, measures)
    return measures


def _validate(training: Training, breaks: Breaks | None) -> dict[str, float]:
    between_cases = breaks.take if breaks else lambda: None
    cases, store = training.validation_cases, training.settings.cases
    try:
        return validate(training.runner, store, cases, training.ranks, between_cases)
    except NotFiniteError as error:
        raise ValueError(
            f"training stopped at epoch {training.epoch}, in validation: {error}; lower train.learning_rate, or use "
            "train.precision float32"
        ) from None
