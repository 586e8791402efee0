"""How what a network predicts is cleaned up: from which probability on, gaps bridged, loose pieces left out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from ramify.console.error_line import line_of
from ramify.data.clean_up_note import CLEAN_UP, clean_up_note
from ramify.disk.json_files import read_json
from ramify.tasks.formulation import Tasks
from ramify.training.inference import VESSEL_PROBABILITY
from ramify.training.segmentation import ClassMap, Mask, class_map_of, overlaid
from ramify.vessels.box import foreground_box
from ramify.vessels.bridges import bridged
from ramify.vessels.components import chosen_components
from ramify.vessels.pieces import Pieces

TIE = 1 + 1e-9
"""By so much a piece may miss a bound and meets it: sums of voxels are rounded."""


class MaskRule(BaseModel, frozen=True, extra="forbid"):
    """How the mask of one class or region is cleaned up; the defaults change nothing."""

    threshold: float = Field(VESSEL_PROBABILITY, gt=0, lt=1)
    """A voxel is in the mask from this probability on; of classes that exclude one another the likeliest is taken."""
    bridge_mm: float = Field(0.0, ge=0)
    """Gaps between pieces up to this long are closed where an end faces the other and the way is likely; 0: none."""
    smallest_mm3: float = Field(0.0, ge=0)
    """Pieces below this volume are left out (in 2D below this area, mm²)."""
    farthest_mm: float | None = Field(None, ge=0)
    """Pieces farther than this from the largest one are left out; none keeps them."""

    def bridged(
        self,
        mask: Mask,
        probabilities: NDArray[np.float32],
        spacing_mm: Sequence[float],
        free: Mask | None = None,
    ) -> Mask:
        """A mask (*S) with its gaps bridged, by its probabilities (*S); free: where a bridge may lie."""
        (only,) = bridged(mask, probabilities, spacing_mm, (self.bridge_mm,), free)
        return only

    def kept(self, mask: Mask, spacing_mm: Sequence[float]) -> Mask:
        """What is left of a mask, bool (*S): its largest piece always is."""
        if not self.smallest_mm3 and self.farthest_mm is None:
            return mask
        box = foreground_box(mask)
        pieces = Pieces(np.ascontiguousarray(mask[box]), spacing_mm)
        stays = pieces.volumes_mm3 * TIE >= self.smallest_mm3
        if self.farthest_mm is not None:
            stays &= pieces.distances_mm <= self.farthest_mm * TIE
        left = np.zeros_like(mask)
        left[box] = chosen_components(pieces.labels, stays | pieces.is_largest)
        return left

    def in_words(self) -> str:
        """The rule, as people read it."""
        words = [f"from a probability of {self.threshold:g} on"] if self.threshold != VESSEL_PROBABILITY else []
        words += [f"gaps of up to {self.bridge_mm:g} mm bridged"] if self.bridge_mm else []
        words += [f"no piece below {self.smallest_mm3:g} mm³"] if self.smallest_mm3 else []
        words += [f"none farther than {self.farthest_mm:g} mm from the largest"] if self.farthest_mm is not None else []
        return ", ".join(words) or "as it is"


class CleanUp(BaseModel, frozen=True, extra="forbid"):
    """What was learned of a run's folds about how their predictions are to be cleaned up: a run's `clean_up.json`."""

    format: Literal[1] = 1
    weights: str
    """Which checkpoint of each fold it was learned with."""
    epochs: dict[str, int]
    """Fold -> epochs that its checkpoint had behind it."""
    rules: dict[str, MaskRule]
    """Of each class or region by name, and of vessels where these are all there is."""
    evidence: dict[str, Any] = {}
    """What was found on cases left out in turn, of each mask."""

    @classmethod
    def of_run(cls, run: Path) -> Self | None:
        """That of a run; None where none was learned.

        Raises ValueError for a file that is damaged or of another version.
        """
        path = run / CLEAN_UP
        if not path.is_file():
            return None
        try:
            return cls.model_validate(read_json(path))
        except ValidationError as error:
            raise ValueError(f"{path}: {line_of(error)}; learn it again, or predict with --no-clean-up") from None

    def check(self, tasks: Tasks) -> None:
        """Raise ValueError for rules that are of another network's classes."""
        if unknown := [name for name in self.rules if name not in tasks.segmented]:
            raise ValueError(
                f"{CLEAN_UP}: a rule for {unknown[0]}, which the network does not tell apart; it has "
                f"{', '.join(tasks.segmented)}: learn it again, or predict with --no-clean-up"
            )

    def in_words(self) -> str:
        """All rules in a line."""
        return "; ".join(f"{name} {rule.in_words()}" for name, rule in self.rules.items())

    def beside_masks(self) -> str:
        """What is said beside masks that are cleaned up so."""
        rules = {name: rule.model_dump(mode="json") for name, rule in self.rules.items()}
        return clean_up_note(rules, {name: rule.in_words() for name, rule in self.rules.items()})


def clean_up_of(checkpoints: Sequence[Path]) -> CleanUp | None:
    """That of the run of these checkpoints; None where none was learned, or they are of no run.

    Raises ValueError where they are of runs that are cleaned up in different ways.
    """
    homes = dict.fromkeys(_run_of(path.resolve()) for path in checkpoints)
    found = {run: None if run is None else CleanUp.of_run(run) for run in homes}
    rules = [None if one is None else one.rules for one in found.values()]
    if any(one != rules[0] for one in rules):
        named = " and ".join(str(run) for run in found)
        raise ValueError(f"{CLEAN_UP}: {named} are cleaned up in different ways; predict with --no-clean-up")
    return next(iter(found.values()))


def _run_of(checkpoint: Path) -> Path | None:
    """The folder of the run that a checkpoint is of, run/fold_0/checkpoints/best.pt; None for a file elsewhere."""
    return checkpoint.parents[2] if checkpoint.parent.name == "checkpoints" else None


def remarks_on(clean_up: CleanUp, checkpoints: Mapping[Path, int]) -> list[str]:
    """What says that a clean-up is of other weights than those that predict, a line each.

    checkpoints: each with the epochs it has behind it.
    """
    for path, epoch in checkpoints.items():
        learned = clean_up.epochs.get(path.resolve().parents[1].name)
        if path.stem != clean_up.weights or learned not in (None, epoch):
            return [
                f"{CLEAN_UP} was learned with other weights ({clean_up.weights}, epoch {learned}) than those of {path} "
                f"(epoch {epoch}); run clean_up.py again, or predict with --no-clean-up"
            ]
    return []


def cleaned_class_map(
    probabilities: NDArray[np.float32], tasks: Tasks, rules: Mapping[str, MaskRule], spacing_mm: Sequence[float]
) -> ClassMap:
    """The class of each voxel by number, uint8 (*S), cleaned up; without rules that of `class_map_of`.

    Args:
        probabilities: (C, *S) of `tasks.segmented`.
        tasks: of the network.
        rules: by name of what they are for. Of a class whose pieces are left out, background is in their place; each
            class and region is cleaned up by itself, first its gaps and then its pieces.
        spacing_mm: voxel size along each array axis.
    """
    if not rules:
        return class_map_of(probabilities, tasks)
    rule_of = {name: rules.get(name, MaskRule()) for name in tasks.segmented}
    if tasks.asked == "classes":
        class_map = class_map_of(probabilities, tasks)
        for number, rule in enumerate(rule_of.values(), 1):
            mask = class_map == number
            # A bridge lies in background alone: of two classes it joins neither to the other.
            whole = rule.bridged(mask, probabilities[number - 1], spacing_mm, class_map == 0)
            class_map[whole] = number
            class_map[whole & ~rule.kept(whole, spacing_mm)] = 0
        return class_map
    masks = []
    for own, rule in zip(probabilities, rule_of.values(), strict=True):
        masks.append(rule.kept(rule.bridged(own >= rule.threshold, own, spacing_mm), spacing_mm))
    return overlaid(masks, tasks)
