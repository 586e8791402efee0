"""Which files make a case: predictions, truths and organ masks meet by name."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ramify.data.case_paths import folder_of_cases
from ramify.data.mask_folders import match_masks
from ramify.data.mask_of_case import without_halves
from ramify.evaluation.case_images import find_images
from ramify.evaluation.nnunet_summary import cases_validated_by_nnunet
from ramify.evaluation.settings import EvaluateCommand
from ramify.metrics.classes import ClassSet

MADE_OF = ("prediction", "truth")
"""What makes a case."""


class Job(NamedTuple):
    """One case to evaluate: the files found for each role (prediction, truth, organ), of which there should be one."""

    case_id: str
    files: dict[str, list[Path]]
    command: EvaluateCommand
    chosen: ClassSet
    """The classes that the command asks for."""
    image: Path | None = None
    """File or DICOM folder of its image, where the command has images and one is of this case."""


def find_jobs(command: EvaluateCommand, chosen: ClassSet) -> list[Job]:
    """One job a case; one that lacks a partner is a job too and fails by name: nothing is dropped in silence.

    Raises FileNotFoundError or ValueError for paths where no case can be found.
    """
    sources = {
        "prediction": (command.prediction, command.prediction_suffix),
        "truth": (command.truth, command.truth_suffix),
    }
    if command.organ is not None:
        sources["organ"] = (command.organ, command.organ_suffix)
    matched = without_halves(match_masks(sources, required=MADE_OF), MADE_OF)
    nothing: dict[str, list[Path]] = {role: [] for role in sources}
    cases: Iterable[str] = command.cases or matched
    if not command.cases and (validated := cases_validated_by_nnunet(folder_of_cases(command.prediction))):
        # The other folds' truths lie beside those of this one.
        cases = sorted(validated | {case for case, files in matched.items() if files["prediction"]})
    cases = command.chosen(list(cases))
    images = find_images(command.image, command.image_suffix, cases) if command.image is not None else {}
    return [Job(case, matched.get(case, nothing), command, chosen, images.get(case)) for case in cases]
