"""One training, from settings to finished weights: what train.py and every study call."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from data.case_store import read_case
from data.folds import load_fold
from data.loading import Batch, TrainingBatches, TrainingSamples, label_voxels
from losses.total import TotalLoss
from losses.truth import Truth
from models.build import Network, build_network, load_weights, place_network
from training.checkpoint import save_checkpoint
from training.device import autocast, choose_device, choose_precision, choose_workers, set_determinism
from training.figures import task_panels
from training.gradient_figure import gradient_courses
from training.gradients import term_gradients
from training.run_folder import RunFolder, open_run
from training.schedule import learning_rate
from training.settings import RunSettings
from training.tracking import Tracker
from training.validation import CaseView, Runner, projections_of, validate

OnValidation = Callable[[int, Mapping[str, float]], None]


@dataclass
class Training:
    """Everything a training is made of while it runs."""

    settings: RunSettings
    folder: RunFolder
    train_cases: list[str]
    validation_cases: list[str]
    network: Network
    loss: TotalLoss
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    runner: Runner
    description: dict[str, Any]
    """What a checkpoint tells of the cases: preprocessing settings, channels, scales, dimensions, cases."""
    epoch: int = 0
    """Epochs finished."""
    best: float = -math.inf
    history: list[dict[str, float]] = field(default_factory=list)


def train_run(settings: RunSettings, on_validation: OnValidation | None = None) -> RunFolder:
    """Train one fold, or go on with it, and return its folder.

    Args:
        settings: of the training.
        on_validation: called with (epoch, measures) after each validation; it may raise to stop the training.

    Raises:
        ValueError: settings that do not fit the cases or a run that is there already; a loss that is not finite.
    """
    training, state = set_up(settings)
    if state is not None:
        restore(training, state)
    if training.epoch >= settings.train.epochs:
        tqdm.write(f"{training.folder.root}: already trained for {training.epoch} epochs")
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
    batches = TrainingBatches(samples, workers, pin_memory=training.runner.device.type == "cuda")
    tracker = Tracker(training.folder.tensorboard, training.epoch)
    if state is None:
        fold_cases = {"train": training.train_cases, "val": training.validation_cases}
        training.folder.write_description(settings, fold_cases)
        tracker.config(settings.model_dump(mode="json"))
    try:
        _run_epochs(training, batches, tracker, on_validation)
    finally:
        tracker.close()
    return training.folder


def set_up(settings: RunSettings) -> tuple[Training, dict[str, Any] | None]:
    """Build everything a training needs, and read the state to go on from, if there is one."""
    device = choose_device(settings.device)
    dtype = choose_precision(settings.train.precision, device)
    fold = load_fold(settings.cases, settings.splits, settings.fold)
    folder, state = open_run(settings)
    set_determinism(settings.train.deterministic)
    torch.manual_seed(settings.seed)

    description = _describe_cases(settings, fold)
    scales, ndim = description["network"]["scales"], description["network"]["ndim"]
    network = place_network(build_network(settings.model, 1, scales, ndim), device)
    loss = TotalLoss(
        settings.loss, settings.model.formulation, scales, label_voxels(settings.cases, fold["train"], scales)
    )
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings.train.learning_rate, weight_decay=settings.train.weight_decay
    )
    runner = Runner(network, settings.model.formulation, device, dtype, settings.inference, settings.loading.patch_size)
    training = Training(
        settings=settings,
        folder=folder,
        train_cases=list(fold["train"]),
        validation_cases=list(fold["val"]),
        network=network,
        loss=loss,
        optimiser=optimiser,
        # Only float16 underflows; for other dtypes the scaler passes everything through.
        scaler=torch.amp.GradScaler(device.type, enabled=dtype is torch.float16),
        runner=runner,
        description=description,
    )
    return training, state


def _describe_cases(settings: RunSettings, fold: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What prediction must know of the cases a network was trained on."""
    records = [read_case(settings.cases, case_id).record for case_id in fold["train"]]
    return {
        "preprocessing": records[0]["settings"],
        "network": {
            "in_channels": 1,
            "scales": len(records[0]["scales"]["thresholds_mm"]) + 1,
            "ndim": len(records[0]["shape"]),
        },
        "prepared": {
            "shape": np.median([record["shape"] for record in records], axis=0).astype(int).tolist(),
            "spacing_mm": np.median([record["spacing_mm"] for record in records], axis=0).tolist(),
        },
        "cases": {"train": list(fold["train"]), "val": list(fold["val"])},
    }


def _run_epochs(
    training: Training, batches: TrainingBatches, tracker: Tracker, on_validation: OnValidation | None
) -> None:
    settings = training.settings
    epochs = settings.train.epochs
    bar = tqdm(total=epochs * len(batches), initial=training.epoch * len(batches), unit="step", desc="train")
    measures: dict[str, float] = {}
    with bar:
        while training.epoch < epochs:
            epoch = training.epoch
            rate = learning_rate(settings.train.schedule, settings.train.learning_rate, epoch, epochs)
            for group in training.optimiser.param_groups:
                group["lr"] = rate
            means = _train_epoch(training, batches.of_epoch(epoch), bar)
            row = {"epoch": float(epoch), "learning_rate": rate, **means}
            last = epoch + 1 == epochs
            improved = False
            if last or (epoch + 1) % settings.validation.every == 0:
                measures, view = validate(training.runner, settings.cases, training.validation_cases)
                row |= {f"validation/{name}": value for name, value in measures.items()}
                improved = measures[settings.validation.best_by] > training.best
                training.best = max(training.best, measures[settings.validation.best_by])
                if last or (epoch + 1) % settings.validation.figures_every < settings.validation.every:
                    _show(tracker, view, epoch)
            tracker.scalars({name: value for name, value in row.items() if name != "epoch"}, epoch)
            training.history.append(row)
            training.epoch += 1
            _save(training, improved=improved, last=last)
            bar.set_postfix({"loss": means["loss/total"], **measures})
            if on_validation and any(name.startswith("validation/") for name in row):
                on_validation(epoch, measures)
    if (courses := gradient_courses(training.history)) is not None:
        training.folder.write_gradients(courses)
        tracker.figure("gradients", courses, training.epoch - 1)
    tracker.hyperparameters(settings.model_dump(mode="json"), measures)
    if settings.model.formulation == "multi_task":
        case = read_case(settings.cases, training.validation_cases[0])
        tracker.embeddings(projections_of(training.runner, case), training.epoch - 1)


def _train_epoch(training: Training, batches: Iterator[Batch], bar: "tqdm[Any]") -> dict[str, float]:
    """One pass over the samples; the mean of everything the steps return."""
    training.network.train()
    sums: dict[str, torch.Tensor] = {}
    counts: Counter[str] = Counter()
    for step, batch in enumerate(batches):
        for name, value in train_step(training, batch, step).items():
            sums[name] = sums.get(name, torch.zeros_like(value)) + value
            counts[name] += 1
        bar.update()
    return {name: float(value) / counts[name] for name, value in sums.items()}


def train_step(training: Training, batch: Batch, step: int) -> dict[str, torch.Tensor]:
    """One update of the weights; "loss/" + each loss term, and on some steps what `term_gradients` returns.

    Raises:
        ValueError: a term or the gradient is not finite; the weights are left as they were.
    """
    device, settings = training.runner.device, training.settings
    image = batch["image"].to(device, non_blocking=True)
    truth = Truth(*(batch[name].to(device, non_blocking=True) for name in ("scales", "tubed_skeleton", "spacing_mm")))
    # Whatever a loss draws comes from (seed, epoch, step) alone, so that a resumed training draws the same.
    seed = np.random.SeedSequence((settings.seed, training.epoch, step)).generate_state(1)[0]
    draws = torch.Generator().manual_seed(int(seed))
    every = settings.train.gradients_every
    training.optimiser.zero_grad(set_to_none=True)
    with autocast(device, training.runner.dtype):
        outputs = training.network(image)
    where = f"epoch {training.epoch}, step {step}, cases {', '.join(batch['case_ids'])}"
    remedy = "lower train.learning_rate, set train.gradient_clip, or use train.precision float32"
    if not torch.isfinite(outputs.logits).all():
        raise ValueError(f"training stopped at {where}: the network's output is not finite; {remedy}")
    terms = training.loss(outputs, truth, draws)
    if not torch.isfinite(terms["total"]):
        culprit = next(name for name, value in terms.items() if not torch.isfinite(value))
        raise ValueError(f"training stopped at {where}: the loss term {culprit} is {terms[culprit].item()}; {remedy}")
    looks: dict[str, float] = {}
    if every and step % every == 0:
        same_draws = torch.Generator().manual_seed(int(seed))
        looks = term_gradients(training.loss, outputs, truth, training.network, same_draws)
    training.scaler.scale(terms["total"]).backward()
    training.scaler.unscale_(training.optimiser)
    norm = torch.nn.utils.clip_grad_norm_(training.network.parameters(), settings.train.gradient_clip or math.inf)
    # In float16 an overflow is expected now and then, and the scaler skips that step.
    if not training.scaler.is_enabled() and not torch.isfinite(norm):
        raise ValueError(f"training stopped at {where}: the gradient is not finite; lower train.learning_rate")
    training.scaler.step(training.optimiser)
    training.scaler.update()
    training.loss.remember()
    losses = {f"loss/{name}": value.detach() for name, value in terms.items()}
    return losses | {name: torch.tensor(value) for name, value in looks.items()}


def restore(training: Training, state: Mapping[str, Any]) -> None:
    """Put a training back where its checkpoint left it."""
    load_weights(training.network, state["model"])
    training.optimiser.load_state_dict(state["optimiser"])
    training.scaler.load_state_dict(state["scaler"])
    if training.loss.bank:
        training.loss.bank.load_state_dict(state["bank"])
    torch.set_rng_state(state["rng"]["torch"])
    if training.runner.device.type == "cuda" and state["rng"]["cuda"]:
        torch.cuda.set_rng_state_all(state["rng"]["cuda"])
    training.epoch = state["epoch"]
    training.best = state["best"]
    training.history = [dict(row) for row in state["history"]]


def _save(training: Training, *, improved: bool, last: bool) -> None:
    settings = training.settings
    state = {
        "config": settings.model_dump(mode="json"),
        **training.description,
        "model": training.network.state_dict(),
        "optimiser": training.optimiser.state_dict(),
        "scaler": training.scaler.state_dict(),
        "bank": training.loss.bank.state_dict() if training.loss.bank else {},
        "rng": {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if training.runner.device.type == "cuda" else [],
        },
        "epoch": training.epoch,
        "best": training.best,
        "history": training.history,
    }
    # `latest` comes last: a kill in between makes the resumed training write the others once more.
    if improved:
        save_checkpoint(training.folder.checkpoint("best"), state)
    if last:
        save_checkpoint(training.folder.checkpoint("final"), state)
    save_checkpoint(training.folder.checkpoint("latest"), state)
    training.folder.write_history(training.history)


def _show(tracker: Tracker, view: CaseView, epoch: int) -> None:
    image = view.case.arrays["image"]
    panels = task_panels(image, view.truth, view.probabilities, view.spacing_mm)
    tracker.picture(f"validation/{view.case.case_id}", panels, epoch)
    tracker.precision_recall(view.truth[0], view.probabilities[0], epoch)
