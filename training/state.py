"""Everything a training is made of: built from settings, put back from a checkpoint, and saved as one."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch

from ramify.data.case_store import check_case, count_scales, read_case
from ramify.data.folds import load_fold
from ramify.data.image_source import ImageSource
from ramify.data.loading import label_voxels
from ramify.losses.total import TotalLoss
from ramify.models.build import build_network, load_weights, place_network
from ramify.models.network import Network
from ramify.models.outputs import TaskOutputs
from ramify.tasks.class_table import ClassTable
from ramify.tasks.formulation import Tasks
from ramify.tasks.members import ANY_VESSEL
from ramify.training.checkpoint import save_checkpoint
from ramify.training.checkpoint_record import CaseDescription, Checkpoint, OptimiserState, ScalerState, StartRecord
from ramify.training.compiling import compiled
from ramify.training.device import choose_device, choose_precision, set_determinism
from ramify.training.distributed import ALONE, Ranks, distribute
from ramify.training.freezing import Freezing
from ramify.training.inference import check_window
from ramify.training.names import CheckpointName
from ramify.training.opening import open_together
from ramify.training.optimiser import build_optimiser, load_optimiser
from ramify.training.resumption import resuming_from
from ramify.training.run_folder import RunFolder
from ramify.training.runner import Runner
from ramify.training.running_means import RunningMeans
from ramify.training.same_cases import check_alike, check_as_prepared, check_same_cases, check_version, identities_of
from ramify.training.settings import RunSettings
from ramify.training.start import begin_with
from ramify.training.timing import Timing
from ramify.training.weight_average import WeightAverage
from ramify.vessels.patient_axes import layout_name


@dataclass
class Training:
    """Everything a training is made of while it runs."""

    settings: RunSettings
    folder: RunFolder
    train_cases: list[str]
    validation_cases: list[str]
    network: Network
    distributed: Callable[..., TaskOutputs]
    """The network as a training step calls it: what it computes on all ranks together."""
    loss: TotalLoss
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    runner: Runner
    ranks: Ranks
    description: CaseDescription
    """What a checkpoint tells of the cases: preprocessing settings, channels, scales, dimensions, cases."""
    average: WeightAverage | None = None
    """Mean of the weights, whose network the runner has then; none where nothing is averaged."""
    start: StartRecord | None = None
    """Whose weights it began with; None where all were fresh."""
    epoch: int = 0
    """Epochs finished."""
    step: int = 0
    """Steps done of the epoch after them."""
    means: RunningMeans = field(default_factory=RunningMeans)
    """Of those steps."""
    skipped: int = 0
    """Latest steps in a row that changed no weight, since their gradient was not finite in float16."""
    timing: Timing = field(init=False)
    """What it takes; no checkpoint holds it, so that those of equal trainings are equal."""
    freezing: Freezing = field(init=False)
    """What holds parts of the network still for the first epochs."""
    best: float = -math.inf
    history: list[dict[str, float]] = field(default_factory=list)

    case_scores: list[dict[str, float | str]] = field(default_factory=list)
    """A row a validated case and epoch, see `validation.case_rows`."""

    def __post_init__(self) -> None:
        self.timing = Timing(self.runner.device)
        self.freezing = Freezing(self.network, self.settings.train)


def set_up(settings: RunSettings, ranks: Ranks = ALONE) -> tuple[Training, Checkpoint | None]:
    """Build everything a training needs, and read the state to go on from, if there is one."""
    device = choose_device(settings.device)
    dtype = choose_precision(settings.train.precision, device)
    fold = load_fold(settings.cases, settings.splits, settings.fold, settings.fold_count)
    folder, state = open_together(settings, ranks)
    set_determinism(settings.train.deterministic)
    torch.manual_seed(settings.seed)

    description = _describe_cases(settings, fold)
    if state is not None:
        check_same_cases(state, description, folder.root)
    # Only now, since what another preparation changed has a name.
    check_as_prepared(settings.cases, [*fold["train"], *fold["val"]])
    shape, table = description["network"], ClassTable.model_validate(description["classes"])
    n_scales = shape["scales"]
    tasks = Tasks.of(settings.model.tasks, n_scales, table)
    network = build_network(settings.model, shape["in_channels"], n_scales, shape["ndim"], table)
    # Found here, and not when the first case is validated.
    check_window(settings.inference.window, shape["ndim"], network.size_multiples)
    # What is gone on with has its weights, and needs those it began with no more.
    start = state.get("start") if state is not None else begin_with(network, settings, description, tell=ranks.writes)
    network = place_network(network, device)
    average = None if settings.train.average is None else WeightAverage(network, settings.train.average)
    # Replaces batch norms, so it comes before the optimiser takes the weights.
    distributed: Callable[..., TaskOutputs] = distribute(network, settings.train.sync_batch_norm)
    if settings.train.compile:
        distributed = compiled(distributed)
    counts = label_voxels(settings.cases, fold["train"], n_scales)
    if not ANY_VESSEL.voxels(counts):
        raise ValueError(
            f"{settings.cases}: no training case of fold {settings.fold} has a vessel, so there is nothing to learn; "
            "prepare cases with vessels, or choose another --fold"
        )
    loss = TotalLoss(settings.loss, tasks, counts, settings.model.contrast.head)
    _check_embedding(settings, loss)
    optimiser = build_optimiser(network, settings.train)
    predicts = network if average is None else average.network
    runner = Runner(predicts, loss.tasks, device, dtype, settings.inference, settings.loading.patch_size)
    training = Training(
        settings=settings,
        folder=folder,
        train_cases=list(fold["train"]),
        validation_cases=list(fold["val"]),
        network=network,
        distributed=distributed,
        loss=loss,
        optimiser=optimiser,
        # Only float16 underflows; for other dtypes the scaler passes everything through.
        scaler=torch.amp.GradScaler(device.type, enabled=dtype is torch.float16),
        runner=runner,
        ranks=ranks,
        description=description,
        average=average,
        start=start,
    )
    return training, state


def _check_embedding(settings: RunSettings, loss: TotalLoss) -> None:
    """Raise ValueError where the chosen embedding has no room for directions as far apart as the contrast asks for."""
    channels = settings.model.embedding_channels
    if loss.contrast is not None and channels is not None and channels < (least := loss.contrast.n_classes - 1):
        raise ValueError(
            f"model.embedding_channels: expected at least {least} to contrast {loss.contrast.n_classes} classes "
            f"(docs/contrast.md), got {channels}; raise it or leave it out"
        )


def _describe_cases(settings: RunSettings, fold: Mapping[str, Sequence[str]]) -> CaseDescription:
    """What prediction and a resumed training must know of the cases a network was trained on."""
    read = check_case if settings.verify else read_case
    cases = {case_id: read(settings.cases, case_id) for case_id in (*fold["train"], *fold["val"])}
    check_version(settings.cases, cases)
    check_alike(cases)
    records = [cases[case_id].record for case_id in fold["train"]]
    first = cases[fold["train"][0]].known
    return {
        "preprocessing": records[0]["settings"],
        "classes": first.classes.model_dump(mode="json"),
        "channels": list(first.channels),
        "network": {
            "in_channels": len(first.channels),
            "scales": count_scales(settings.cases, cases),
            "ndim": len(records[0]["shape"]),
        },
        "prepared": {
            "shape": np.median([record["shape"] for record in records], axis=0).astype(int).tolist(),
            "spacing_mm": np.median([record["spacing_mm"] for record in records], axis=0).tolist(),
        },
        "orientation": layout_name(len(records[0]["shape"])),
        "source": ImageSource.of_records(records).model_dump(mode="json"),
        "cases": {"train": list(fold["train"]), "val": list(fold["val"])},
        "identities": identities_of(cases),
        "sources": {case_id: cases[case_id].known.source_digests for case_id in fold["train"]},
    }


def restore(training: Training, state: Checkpoint) -> None:
    """Put a training back where its checkpoint left it; ValueError where that is of another training, or damaged."""
    with resuming_from(training.folder.checkpoint("latest")):
        load_weights(training.runner.network, state["model"])
        if training.average is not None:
            load_weights(training.network, state["latest"])
        load_optimiser(training.optimiser, training.network, state["optimiser"])
        training.scaler.load_state_dict(dict(state["scaler"]))
        if training.loss.bank:
            known = {str(scale) for scale in range(training.loss.tasks.n_scales + 1)}  # 0: background
            if unknown := sorted(state["bank"].keys() - known):
                raise ValueError(f"memory bank: anchors of {unknown[0]!r:.60}, which is no scale of the cases")
            training.loss.bank.load_state_dict(state["bank"])
        torch.set_rng_state(state["rng"]["torch"])
        if training.runner.device.type == "cuda" and state["rng"]["cuda"] is not None:
            torch.cuda.set_rng_state(state["rng"]["cuda"])
        training.epoch, training.step = state["epoch"], state.get("step", 0)
        training.means = RunningMeans.restored(state.get("means", ()), training.ranks)
        training.skipped = state.get("skipped", 0)
        training.best = state["best"]
        training.history = [dict(row) for row in state["history"]]
        training.case_scores = [dict(row) for row in state.get("case_scores", ())]


def save(training: Training, names: Sequence[CheckpointName]) -> None:
    """Write the state of a training, between two of its steps or epochs, as these checkpoints, in their order.

    Every rank must call it; the first one writes.

    Raises:
        ValueError: a weight is not finite; nothing is written, and an earlier checkpoint stays.
        OSError: the disk is full or the folder cannot be written.
    """
    latest = training.network.state_dict()
    _check_finite(training, latest)
    means = training.means.state(training.ranks)
    if not training.ranks.writes:
        return
    state: Checkpoint = {
        "config": training.settings.model_dump(mode="json"),
        **training.description,
        "model": training.runner.network.state_dict(),
        "latest": {} if training.average is None else latest,
        "optimiser": cast(OptimiserState, training.optimiser.state_dict()),
        "scaler": cast(ScalerState, training.scaler.state_dict()),
        "bank": training.loss.bank.state_dict() if training.loss.bank else {},
        "rng": {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if training.runner.device.type == "cuda" else None,
        },
        "epoch": training.epoch,
        "step": training.step,
        "means": means,
        "skipped": training.skipped,
        "best": training.best,
        "history": training.history,
        "case_scores": training.case_scores,
        "start": training.start,
    }
    for name in names:
        save_checkpoint(training.folder.checkpoint(name), state)


def _check_finite(training: Training, model: Mapping[str, torch.Tensor]) -> None:
    for name, value in model.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ValueError(
                f"{training.folder.root}: training stopped in epoch {training.epoch}: the weights {name} are not "
                "finite; its checkpoints are those of before: lower train.learning_rate, set train.gradient_clip, or "
                "use train.precision float32"
            )
