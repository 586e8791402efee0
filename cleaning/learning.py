"""From the folds of a run to its clean-up: each fold's network segments the cases it did not see."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ramify.cleaning.candidates import Candidates
from ramify.cleaning.choice import LEAST_PATIENTS, Choice, choose
from ramify.cleaning.tally import Mask, Tally, tally_of
from ramify.data.case_store import Case, read_case
from ramify.data.folds import patients_of
from ramify.data.loading import spacing_of
from ramify.tasks.formulation import Tasks
from ramify.training.checkpoint import load_checkpoint
from ramify.training.clean_up import CleanUp
from ramify.training.inference_settings import InferenceOverrides
from ramify.training.names import AxisName, CheckpointName, DeviceName
from ramify.training.predictor import Predictor
from ramify.training.run_folder import find_checkpoints
from ramify.training.runner import inside_organ
from ramify.training.same_cases import identities_of, identity_differences
from ramify.training.segmentation import class_map_of, known, masks_of, true_class_map
from ramify.training.settings import RunSettings
from ramify.vessels.bridges import bridged


@dataclass(frozen=True)
class HeldOut:
    """A fold's validation cases, and the checkpoint that has not seen them.

    Attributes:
        fold: name of its folder.
        epoch: epochs that the checkpoint has behind it.
        store: the prepared cases.
    """

    fold: str
    checkpoint: Path
    epoch: int
    store: Path
    cases: tuple[str, ...]


def held_out_of(run: Path, weights: CheckpointName, store: Path | None) -> list[HeldOut]:
    """The validation cases of each fold of a run.

    Args:
        run: its folder. weights: which checkpoint of each fold. store: of the prepared cases; None: as the training had
            it.

    Raises ValueError or FileNotFoundError: no run, no fold, a fold that validates on what it trained on, a case of two
    folds, cases that are not those of the training any more, or of too few patients.
    """
    found = list[HeldOut]()
    checkpoints = find_checkpoints(run, weights)
    if {checkpoint.resolve().parents[2] for checkpoint in checkpoints} != {run.resolve()}:
        # A prediction asks the run, and would never come by what is kept elsewhere.
        raise ValueError(f"{run}: is not the folder of one run with its folds; give that, as --output of train.py was")
    for checkpoint in checkpoints:
        state = load_checkpoint(checkpoint)
        parts = state.get("cases") or {"train": [], "val": []}
        where = store or RunSettings.model_validate(state["config"]).cases
        fold = checkpoint.parents[1].name
        if seen := sorted(set(parts["train"]) & set(parts["val"])):
            raise ValueError(f"{checkpoint}: has trained on what it validates on ({seen[0]}); move {fold} elsewhere")
        cases = {case_id: read_case(where, case_id) for case_id in parts["val"]}
        if different := identity_differences(state.get("identities", {}), identities_of(cases)):
            raise ValueError(f"{checkpoint}: the cases of {where} are not those it was trained beside: {different[0]}")
        found.append(HeldOut(fold, checkpoint, state["epoch"], where, tuple(cases)))
    every = [case_id for fold in found for case_id in fold.cases]
    if twice := sorted({case_id for case_id in every if every.count(case_id) > 1}):
        raise ValueError(f"{run}: {twice[0]} is a validation case of two folds; give the folder of one run")
    patients = {patient for fold in found for patient in _patients(fold)}
    if len(patients) < LEAST_PATIENTS:
        raise ValueError(
            f"{run}: its folds hold out {len(patients)} patients, and it takes {LEAST_PATIENTS} to tell a gain from "
            "chance; train more folds"
        )
    return found


def learn(
    folds: Sequence[HeldOut],
    weights: CheckpointName,
    device: DeviceName,
    inference: InferenceOverrides,
    mirror: Sequence[AxisName],
    followed: Callable[[Sequence[str]], Iterator[str]],
) -> tuple[CleanUp, dict[str, Choice]]:
    """The clean-up of a run and, of each mask, why.

    Args:
        folds: what `held_out_of` found.
        followed: shows how far the cases are.

    Raises ValueError or OSError where a case cannot be read or a network's output is not finite.
    """
    tallies, patients = dict[str, list[Tally]](), dict[str, list[str]]()
    places = {case_id: fold for fold in folds for case_id in fold.cases}
    predictor, of_fold, tasks = None, None, None
    for case_id in followed([*places]):
        fold = places[case_id]
        if predictor is None or of_fold != fold:
            predictor, of_fold = Predictor(fold.checkpoint, device, inference, mirror), fold
            tasks = predictor.tasks
        case = read_case(fold.store, case_id)
        probabilities = inside_organ(predictor.predict_prepared(case.arrays["image"], case_id), case)
        patient = _patients(fold)[fold.cases.index(case_id)]
        for name, tally in tallies_of(probabilities, case, predictor.tasks):
            tallies.setdefault(name, []).append(tally)
            patients.setdefault(name, []).append(patient)
    assert tasks is not None
    # A class that too few patients have is left as it is.
    choices = {
        name: choose(its, patients[name], Candidates.of(exclusive=tasks.asked == "classes"))
        for name, its in tallies.items()
        if len(set(patients[name])) >= LEAST_PATIENTS
    }
    clean_up = CleanUp(
        weights=weights,
        epochs={fold.fold: fold.epoch for fold in folds},
        rules={name: choice.rule for name, choice in choices.items() if any(part.kept for part in choice.parts)},
        evidence={name: choice.as_plain() for name, choice in choices.items()},
    )
    return clean_up, choices


def tallies_of(probabilities: NDArray[np.float32], case: Case, tasks: Tasks) -> Iterator[tuple[str, Tally]]:
    """How every candidate does on a case, of each class or region of vessels; of context nothing is cleaned up.

    probabilities: (C, *S) of `tasks.segmented`, on the case's prepared grid.
    """
    truth = true_class_map(case)
    counted, masks = known(truth), masks_of(truth, tasks)
    exclusive = tasks.asked == "classes"
    class_map = class_map_of(probabilities, tasks) if exclusive else None
    spacing_mm, candidates = spacing_of(case), Candidates.of(exclusive=exclusive)
    trees = tasks.main.trees if tasks.tells_apart else (0,)
    for place in trees:
        name = tasks.segmented[place]

        def bridged_at(threshold: float, place: int = place) -> list[Mask]:
            own = probabilities[place]
            if class_map is None:
                return bridged(own >= threshold, own, spacing_mm, candidates.bridge_mm)
            return bridged(class_map == 1 + place, own, spacing_mm, candidates.bridge_mm, class_map == 0)

        tally = tally_of(bridged_at, masks[name], spacing_mm, candidates, counted)
        if tally is not None:
            yield name, tally


def _patients(fold: HeldOut) -> list[str]:
    of_case = patients_of(fold.store)
    return [of_case[case_id] for case_id in fold.cases]
