"""What each form of the contrast between scales does to small trainings: scores of held-out cases, and a probe.

    python -m benchmarks.contrast_forms --cases CASES --output RUNS --forms none paper encoder.1 main_decoder.0

Any prepared cases, in 2D or 3D. `none` has no contrast, `paper` a head a scale, other names are the features that a
shared head sits on. All forms of a seed start from the same weights but those of the heads (`paper` draws others), and
see the same patches.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from ramify.command_line import parse, run
from ramify.console.progress import say
from ramify.data.case_store import read_case
from ramify.data.loading import spacing_of
from ramify.data.loading_settings import LoadingSettings
from ramify.experiments.operating_point import counts_of, levels_of, threshold_of, total
from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.settings import LossSettings
from ramify.metrics.centreline import cldice
from ramify.metrics.masks import Mask
from ramify.metrics.overlap import dice
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.tasks.settings import Auxiliary, TaskSettings
from ramify.training.checkpoint import load_checkpoint
from ramify.training.inference import VESSEL_PROBABILITY
from ramify.training.inference_settings import InferenceSettings
from ramify.training.loop import train_run
from ramify.training.probe import balanced_accuracy, probe_checkpoint
from ramify.training.run_folder import RunFolder
from ramify.training.runner import inside_organ
from ramify.training.settings import RunSettings, TrainSettings, ValidationSettings
from ramify.training.state import restore, set_up
from ramify.vessels.skeleton import skeletonize

STEPS_AN_EPOCH = 50


class FormsCommand(BaseModel, frozen=True, extra="forbid"):
    """Which forms are trained, on what and how."""

    cases: Path
    """Folder of prepared cases."""
    output: Path
    """Folder of the trainings, a folder each; one that is there already is not trained again."""
    splits: Path | None = None
    """Splits in nnU-Net's form; none takes splits_final.json of the cases."""
    fold: int = 0
    """Which fold is held out and scored."""
    forms: tuple[str, ...] = ("none", "encoder.1", "main_decoder.0")
    """none, paper, or the features of a shared head."""
    auxiliary: Auxiliary = "none"
    """Tasks beside the main one; the paper's form needs scales."""
    seeds: tuple[int, ...] = (0, 1)
    """Each form is trained with each."""
    steps: int = Field(500, ge=STEPS_AN_EPOCH)
    """Updates of the weights."""
    weight: float = 0.2
    """Of the contrast with a shared head."""
    temperature: float = 0.1
    """Of the contrast with a shared head."""
    anchors: AnchorSettings = AnchorSettings(cap=1024)
    """Of the contrast."""
    hard_negatives: float = 0.0
    """Of the contrast with a shared head."""
    patch: tuple[int, ...] = (64, 64)
    """Voxels of a patch."""
    window: tuple[int, ...] | None = None
    """Voxels that are segmented at a time; none takes the patch's."""
    levels: int = 3
    """Of the network."""
    precision: float = Field(0.8, gt=0, lt=1)
    """At whose threshold small vessels are counted once more, so that no form gains by painting more."""
    probe: tuple[str, ...] = ("encoder.1", "main_decoder.0")
    """Features that the scale is read from."""


def main(argv: Sequence[str] | None = None) -> int:
    command = parse(FormsCommand, "Train each form of the contrast between scales, and score it.", argv)
    rows: dict[str, list[dict[str, float]]] = {}
    for seed in command.seeds:
        for form in command.forms:
            folder = train_run(training_of(command, form, seed))
            scores = scores_of(command, folder)
            rows.setdefault(form, []).append(scores)
            say(f"{form}, seed {seed}: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
    names = list(next(iter(rows.values()))[0])
    print(f"| | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for form, of_seeds in rows.items():
        cells = (" ".join(f"{scores[name]:.3f}".lstrip("0") for scores in of_seeds) for name in names)
        print(f"| {form} | {' | '.join(cells)} |")
    return 0


def training_of(command: FormsCommand, form: str, seed: int) -> RunSettings:
    """The settings of one training."""
    shared = form not in ("none", "paper")
    head = ContrastHeadSettings(head="shared", features=form) if shared else ContrastHeadSettings(head="per_scale")
    loss = LossSettings(lambda_scales=(0.6,), foreground_weight=3.0, anchors=command.anchors)
    if shared:
        contrast = {"lambda_contrastive": command.weight, "temperature": command.temperature}
        loss = loss.model_copy(update={**contrast, "hard_negatives": command.hard_negatives})
    batch = 4
    return RunSettings(
        cases=command.cases,
        output=command.output / f"{form}_seed_{seed}",
        splits=command.splits,
        fold=command.fold,
        seed=seed,
        device="cpu",
        resume=True,
        model=ModelSettings(
            tasks=TaskSettings(main="vessels", auxiliary=command.auxiliary),
            levels=command.levels,
            contrast=ContrastHeadSettings(head="none") if form == "none" else head,
        ),
        loading=LoadingSettings(
            batch_size=batch, patch_size=command.patch, samples_per_epoch=batch * STEPS_AN_EPOCH, workers=0
        ),
        loss=loss,
        train=TrainSettings(epochs=command.steps // STEPS_AN_EPOCH, learning_rate=3e-3, schedule="cosine"),
        inference=InferenceSettings(window=command.window),
        # Scored below, once; a checkpoint's choice is not wanted.
        validation=ValidationSettings(every=10**6, figures_every=10**6),
    )


def scores_of(command: FormsCommand, folder: RunFolder) -> dict[str, float]:
    """Means over the held-out cases: overlap, centreline, vessels found by scale, and the probe of each features."""
    checkpoint = folder.checkpoint("final")
    settings = RunSettings.model_validate(load_checkpoint(checkpoint)["config"])
    training, state = set_up(settings.model_copy(update={"resume": True}))
    assert state is not None
    restore(training, state)

    cases = {case_id: read_case(command.cases, case_id) for case_id in training.validation_cases}
    truths = {case_id: np.asarray(case.arrays["scales"]) for case_id, case in cases.items()}
    spacings = {case_id: spacing_of(case) for case_id, case in cases.items()}
    found = {
        case_id: inside_organ(training.runner.main_probabilities(case.arrays["image"])[0], case)
        for case_id, case in cases.items()
    }
    skeletons = {case_id: skeletonize(truth > 0, spacings[case_id]) for case_id, truth in truths.items()}
    masks = {case_id: probability >= VESSEL_PROBABILITY for case_id, probability in found.items()}
    precise = masks_at_precision(found, {case_id: truth > 0 for case_id, truth in truths.items()}, command.precision)

    def recall(scale: int, predicted: Mapping[str, Mask]) -> float:
        shares = [
            predicted[case_id][points].mean()
            for case_id, truth in truths.items()
            if (points := skeletons[case_id] & (truth == scale)).any()
        ]
        return float(np.mean(shares)) if shares else float("nan")

    n_scales = state["network"]["scales"]
    scores = {
        "Dice": float(np.mean([dice(masks[case_id], truth > 0) for case_id, truth in truths.items()])),
        "clDice": float(np.mean([cldice(masks[name], truth > 0, spacings[name]) for name, truth in truths.items()])),
        **{f"Tsens {scale}": recall(scale, masks) for scale in range(1, 1 + n_scales)},
        f"Tsens 1 at precision {command.precision:g}": recall(1, precise) if precise else float("nan"),
    }
    probed = probe_checkpoint(checkpoint, command.cases, list(cases), command.probe, "cpu")
    for name, of_cases in probed.items():
        known = [value for recalls in of_cases.values() if (value := balanced_accuracy(recalls)) is not None]
        scores[f"probe {name}"] = float(np.mean(known)) if known else float("nan")
    return scores


def masks_at_precision(
    probabilities: Mapping[str, NDArray[np.float32]], truths: Mapping[str, Mask], precision: float
) -> dict[str, Mask] | None:
    """The masks of some cases at the lowest threshold where all their voxels together have the precision.

    None where no threshold has it.
    """
    levels = {case_id: levels_of(of_case) for case_id, of_case in probabilities.items()}
    least = threshold_of(*total([counts_of(levels[case_id], truths[case_id]) for case_id in levels]), precision)
    return None if least is None else {case_id: of_case >= least for case_id, of_case in levels.items()}


if __name__ == "__main__":
    run(main)
