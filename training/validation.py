"""How well a network segments the held-out cases during training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from data.case_store import Case, read_case
from data.loading import spacing_of
from metrics.centreline import cldice
from metrics.overlap import dice
from models.build import Network
from models.outputs import Formulation, task_probabilities
from training.device import autocast
from training.distributed import ALONE, Ranks
from training.inference import InferenceSettings, NotFiniteError, infer


@dataclass(frozen=True, eq=False)
class CaseView:
    """What there is to see of one validated case: arrays on the prepared grid."""

    case: Case
    truth: np.ndarray
    """Masks of the tasks, bool (K, *S): vessels, then the scales."""
    probabilities: np.ndarray
    """Of the same tasks, float32 (K, *S)."""

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """Voxel size, z y x."""
        return spacing_of(self.case)


@dataclass(frozen=True)
class Runner:
    """A network with all that its inference needs."""

    network: Network
    formulation: Formulation
    device: torch.device
    dtype: torch.dtype
    settings: InferenceSettings
    patch_size: tuple[int, ...] | None

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Task probabilities, float32 (K, *S), of a prepared image (*S)."""
        was_training = self.network.training
        self.network.eval()
        tensor = torch.from_numpy(np.array(image, dtype=np.float32))[None, None].to(self.device)
        result = infer(self._task_probabilities, tensor, self.settings, self.patch_size, self.network.size_multiple)
        self.network.train(was_training)
        return result[0].cpu().numpy()

    def _task_probabilities(self, image: torch.Tensor) -> torch.Tensor:
        with autocast(self.device, self.dtype):
            logits = self.network(image).logits
        return task_probabilities(logits, self.formulation)


def validate(
    runner: Runner, store: Path, case_ids: Sequence[str], ranks: Ranks = ALONE
) -> tuple[dict[str, float], CaseView | None]:
    """Mean Dice and clDice of the main task over some cases, on their prepared grids, and a view of the first one.

    A case with nothing to find, in which nothing was found, is in no mean; where there is no other, the means are 1.
    Where the case has an organ mask, only the organ counts: the vessels were drawn there alone. Ranks share the cases;
    all get the means, the first one the view.
    """
    scores: list[tuple[float, float]] = []
    first: CaseView | None = None
    for case_id in case_ids[ranks.rank :: ranks.world]:
        case = read_case(store, case_id)
        try:
            probabilities = runner.probabilities(case.arrays["image"])
        except NotFiniteError as error:
            raise NotFiniteError(f"case {case_id}: {error}") from None
        if "organ" in case.arrays:
            probabilities = probabilities * np.asarray(case.arrays["organ"], dtype=bool)
        scales = np.asarray(case.arrays["scales"])
        truth = scales > 0
        prediction = probabilities[0] >= 0.5
        if prediction.any() or truth.any():
            scores.append((dice(prediction, truth), cldice(prediction, truth)))
        if first is None and ranks.writes:
            masks = np.stack([truth, *(scales == s for s in range(1, len(probabilities)))])
            first = CaseView(case, masks, probabilities)
    everyone = [score for of_rank in ranks.gathered(scores) for score in of_rank]
    mean_dice, mean_cldice = np.mean(everyone or [(1.0, 1.0)], axis=0)
    return {"dice": float(mean_dice), "cldice": float(mean_cldice)}, first


def projections_of(runner: Runner, case: Case) -> tuple[torch.Tensor, ...]:
    """Projections (1, E, *s) of each scale for a whole case, or of its central patch."""
    image = torch.from_numpy(np.array(case.arrays["image"], dtype=np.float32))[None, None]
    multiple = runner.network.size_multiple
    wanted = runner.patch_size or image.shape[2:]
    for axis, size in enumerate(wanted, start=2):
        length = max(multiple, min(size, image.shape[axis]) // multiple * multiple)
        start = max(0, (image.shape[axis] - length) // 2)
        image = image.narrow(axis, start, min(length, image.shape[axis]))
    runner.network.eval()
    with torch.no_grad(), autocast(runner.device, runner.dtype):
        return runner.network(image.to(runner.device)).projections
