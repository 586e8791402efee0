"""From the folds of a run to its clean-up: each fold's network segments the cases it did not see."""

from collections.abc import Callable, Iterator, Sequence
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
from ramify.training.clean_up import CleanUp
from ramify.training.held_out import HeldOut, held_out_of
from ramify.training.inference_settings import InferenceOverrides
from ramify.training.names import AxisName, CheckpointName, DeviceName
from ramify.training.predictor import Predictor
from ramify.training.run_folder import find_checkpoints
from ramify.training.runner import inside_organ
from ramify.training.segmentation import class_map_of, known, masks_of, true_class_map
from ramify.vessels.bridges import bridged


def folds_to_learn_from(run: Path, weights: CheckpointName, store: Path | None) -> list[HeldOut]:
    """The validation cases of each fold of a run.

    Args:
        run: its folder. weights: which checkpoint of each fold. store: of the prepared cases; None: as the training had
            it.

    Raises ValueError or FileNotFoundError: as `held_out_of`; no run, no fold, or too few patients.
    """
    checkpoints = find_checkpoints(run, weights)
    if {checkpoint.resolve().parents[2] for checkpoint in checkpoints} != {run.resolve()}:
        # A prediction asks the run, and would never come by what is kept elsewhere.
        raise ValueError(f"{run}: is not the folder of one run with its folds; give that, as --output of train.py was")
    found = held_out_of(checkpoints, store)
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
        folds: what `folds_to_learn_from` found.
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
