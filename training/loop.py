"""One training, from settings to finished weights: what train.py and every study call."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext

import torch

from console.progress import Progress, postfix, progress, say, silent
from data.case_store import read_case
from data.loading import Batch, TrainingBatches, TrainingSamples
from training.device import choose_device, choose_workers
from training.distributed import Ranks, joined_ranks
from training.figures import task_panels
from training.gradient_figure import gradient_courses
from training.inference import NotFiniteError
from training.run_folder import RunFolder, kept_run
from training.schedule import learning_rate
from training.settings import RunSettings
from training.state import Training, restore, save, set_up
from training.step import train_step
from training.tracking import Tracker
from training.validation import CaseView, projections_of, validate

OnValidation = Callable[[int, Mapping[str, float]], None]


def train_run(settings: RunSettings, on_validation: OnValidation | None = None) -> RunFolder:
    """Train one fold, or go on with it, and return its folder.

    Args:
        settings: of the training.
        on_validation: called with (epoch, measures) after each validation; it may raise to stop the training.

    Raises:
        ValueError: settings that do not fit the cases or a run that is there already; a loss that is not finite.
    """
    with joined_ranks(choose_device(settings.device)) as ranks, kept_run(settings) if ranks.writes else nullcontext():
        return _train(settings, ranks, on_validation)


def _train(settings: RunSettings, ranks: Ranks, on_validation: OnValidation | None) -> RunFolder:
    training, state = set_up(settings, ranks)
    if state is not None:
        restore(training, state)
    if training.epoch >= settings.train.epochs:
        say(f"{training.folder.root}: already trained for {training.epoch} epochs")
        return training.folder
    samples = TrainingSamples(
        settings.cases,
        training.train_cases,
        settings.loading,
        settings.augmentation if settings.train.augment else None,
        training.network.size_multiple,
        settings.seed,
    )
    workers = choose_workers(settings.loading.workers, training.runner.device)
    on_cuda = training.runner.device.type == "cuda"
    batches = TrainingBatches(samples, workers, pin_memory=on_cuda, rank=ranks.rank, world=ranks.world)
    if not ranks.writes:
        _run_epochs(training, batches, None, on_validation)
        return training.folder
    tracker = Tracker(training.folder.tensorboard, training.epoch)
    if state is None:
        about_cases = {key: training.description[key] for key in ("cases", "identities")}
        training.folder.write_description(settings, about_cases)
        tracker.config(settings.model_dump(mode="json"))
    try:
        _run_epochs(training, batches, tracker, on_validation)
    finally:
        tracker.close()
    return training.folder


def _run_epochs(
    training: Training, batches: TrainingBatches, tracker: Tracker | None, on_validation: OnValidation | None
) -> None:
    """Train until the last epoch; only the rank with a tracker writes."""
    settings = training.settings
    epochs = settings.train.epochs
    done, all_steps = training.epoch * len(batches), epochs * len(batches)
    measures: dict[str, float] = {}
    # One of several processes that train together tells how far they are.
    follow = progress("train", all_steps, "step", done) if tracker is not None else silent()
    with follow as bar:
        while training.epoch < epochs:
            epoch = training.epoch
            rate = learning_rate(settings.train.schedule, settings.train.learning_rate, epoch, epochs)
            for group in training.optimiser.param_groups:
                group["lr"] = rate
            means = train_epoch(training, batches.of_epoch(epoch), bar)
            row = {"epoch": float(epoch), "learning_rate": rate, **means}
            last = epoch + 1 == epochs
            improved, view = False, None
            validates = last or (epoch + 1) % settings.validation.every == 0
            if validates:
                try:
                    measures, view = validate(
                        training.runner, settings.cases, training.validation_cases, training.ranks
                    )
                except NotFiniteError as error:
                    raise ValueError(
                        f"training stopped at epoch {epoch}, in validation: {error}; lower train.learning_rate, or use "
                        "train.precision float32"
                    ) from None
                row |= {f"validation/{name}": value for name, value in measures.items()}
                improved = measures[settings.validation.best_by] > training.best
                training.best = max(training.best, measures[settings.validation.best_by])
            training.history.append(row)
            training.epoch += 1
            bar.set_postfix_str(postfix({"loss": means["loss/total"], **measures}))
            if tracker is not None:
                if view and (last or (epoch + 1) % settings.validation.figures_every < settings.validation.every):
                    _show(tracker, view, epoch)
                tracker.scalars({name: value for name, value in row.items() if name != "epoch"}, epoch)
                save(training, improved=improved, last=last)
            if on_validation and validates:
                on_validation(epoch, measures)
    if tracker is not None:
        _conclude(training, tracker, measures)


def _conclude(training: Training, tracker: Tracker, measures: Mapping[str, float]) -> None:
    """What is shown once, at the end."""
    settings = training.settings
    if (courses := gradient_courses(training.history)) is not None:
        training.folder.write_gradients(courses)
        tracker.figure("gradients", courses, training.epoch - 1)
    tracker.hyperparameters(settings.model_dump(mode="json"), measures)
    if settings.model.formulation == "multi_task":
        case = read_case(settings.cases, training.validation_cases[0])
        if projections := projections_of(training.runner, case):
            tracker.embeddings(projections, training.epoch - 1)


def train_epoch(training: Training, batches: Iterator[Batch], bar: Progress) -> dict[str, float]:
    """One pass over the samples; the mean of everything the steps return, over those that returned it."""
    training.network.train()
    sums: dict[str, torch.Tensor] = {}
    counts: Counter[str] = Counter()
    for step, batch in enumerate(batches):
        for name, value in train_step(training, batch, step).items():
            sums[name] = sums.get(name, torch.zeros_like(value)) + value
            counts[name] += 1
        bar.update()
    totals = {name: float(value) for name, value in sums.items()}
    # A gradient of zero has no cosine: what is returned may differ from step to step, and from rank to rank.
    totals_of_ranks, counts_of_ranks = zip(*training.ranks.gathered((totals, counts)))
    all_counts = sum((Counter(of_rank) for of_rank in counts_of_ranks), start=Counter[str]())
    return {
        name: sum(of_rank.get(name, 0.0) for of_rank in totals_of_ranks) / count for name, count in all_counts.items()
    }


def _show(tracker: Tracker, view: CaseView, epoch: int) -> None:
    image = view.case.arrays["image"]
    panels = task_panels(image, view.truth, view.probabilities, view.spacing_mm)
    tracker.picture(f"validation/{view.case.case_id}", panels, epoch)
    tracker.precision_recall(view.truth[0], view.probabilities[0], epoch)
