"""The cases that the folds of a run hold out, each with the checkpoint that has not seen it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ramify.data.case_store import read_case
from ramify.training.checkpoint import load_checkpoint
from ramify.training.same_cases import identities_of, identity_differences
from ramify.training.settings import RunSettings


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


def held_out_of(checkpoints: Sequence[Path], store: Path | None) -> list[HeldOut]:
    """The validation cases of each fold of a run.

    Args:
        checkpoints: one a fold. store: of the prepared cases; None: as the training had it.

    Raises ValueError or FileNotFoundError: a checkpoint that does not say its cases, a fold that validates on what it
    trained on, a case of two folds, or cases that are not those of the training any more.
    """
    found = list[HeldOut]()
    for checkpoint in checkpoints:
        state = load_checkpoint(checkpoint)
        if not (parts := state.get("cases")) or not parts["val"]:
            raise ValueError(f"{checkpoint}: does not say which cases its training held out; give a run's own folder")
        where = store or RunSettings.model_validate(state["config"]).cases
        fold = checkpoint.resolve().parents[1].name
        if seen := sorted(set(parts["train"]) & set(parts["val"])):
            raise ValueError(f"{checkpoint}: has trained on what it validates on ({seen[0]}); move {fold} elsewhere")
        cases = {case_id: read_case(where, case_id) for case_id in parts["val"]}
        if different := identity_differences(state.get("identities", {}), identities_of(cases)):
            raise ValueError(f"{checkpoint}: the cases of {where} are not those it was trained beside: {different[0]}")
        found.append(HeldOut(fold, checkpoint, state["epoch"], where, tuple(cases)))
    every = [case_id for fold in found for case_id in fold.cases]
    if twice := sorted({case_id for case_id in every if every.count(case_id) > 1}):
        raise ValueError(
            f"{checkpoints[0].resolve().parents[2]}: {twice[0]} is a validation case of two folds; give the folder of "
            "one run"
        )
    return found
