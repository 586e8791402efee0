"""A network in training, run over whole prepared cases: what it says of them, and what there is to see of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from ramify.data.case_store import Case
from ramify.data.loading import spacing_of
from ramify.models.network import Network
from ramify.models.outputs import TaskOutputs, main_probabilities, task_probabilities
from ramify.tasks.class_table import IGNORED
from ramify.tasks.formulation import Tasks
from ramify.training.device import autocast
from ramify.training.inference import infer, nan_where_not_finite, pad_to
from ramify.training.inference_settings import InferenceSettings


@dataclass(frozen=True, eq=False)
class CaseView:
    """What there is to see of one validated case: arrays on the prepared grid."""

    case: Case
    truth: np.ndarray
    """Masks that are told apart, bool (M, *S): vessels, then those of `Tasks.masks`."""
    probabilities: np.ndarray
    """Of the same masks, float32 (M, *S)."""

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """Voxel size, z y x."""
        return spacing_of(self.case)


@contextmanager
def evaluating(network: Network) -> Iterator[None]:
    """A network in evaluation mode in here, and afterwards in the mode it was in."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


@dataclass(frozen=True)
class Runner:
    """A network with all that its inference needs."""

    network: Network
    tasks: Tasks
    device: torch.device
    dtype: torch.dtype
    settings: InferenceSettings
    patch_size: tuple[int, ...] | None

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Those of every mask, float32 (M, *S), of a prepared image (C, *S); NotFiniteError if one is not finite."""
        return self._infer(self.network.every_task, task_probabilities, image)

    def main_probabilities(self, image: np.ndarray) -> np.ndarray:
        """Those of `tasks.segmented`, float32 (C, *S), for what the network for inference costs."""
        return self._infer(self.network, main_probabilities, image)

    def _infer(
        self,
        network: Callable[[torch.Tensor], TaskOutputs],
        read: Callable[[torch.Tensor, Tasks], torch.Tensor],
        image: np.ndarray,
    ) -> np.ndarray:
        def probabilities(patch: torch.Tensor) -> torch.Tensor:
            with autocast(self.device, self.dtype):
                logits = network(patch).logits
            return nan_where_not_finite(read(logits, self.tasks), logits)

        tensor = torch.from_numpy(np.array(image, dtype=np.float32))[None].to(self.device)
        with evaluating(self.network):
            result = infer(probabilities, tensor, self.settings, self.patch_size, self.network.size_multiples)
        return result[0].cpu().numpy()


def view_of(runner: Runner, case: Case) -> CaseView:
    """What there is to see of a case, of every task."""
    probabilities = inside_organ(runner.probabilities(case.arrays["image"]), case)
    scale_map = np.asarray(case.arrays["scales"])
    masks = np.stack([members.mask_in(scale_map, case.class_map) for members in runner.tasks.masks])
    return CaseView(case, masks, probabilities)


def projections_of(runner: Runner, case: Case) -> tuple[tuple[torch.Tensor, ...], torch.Tensor, torch.Tensor | None]:
    """Projections (1, E, *s) of each head for a whole case, or of its central patch, and the scale map (1, *S) there.

    Both are padded as for inference, the scale map with background. The last is where nobody knows what is there, bool
    (1, *S), and what is padded; None where everything is known.
    """
    image = torch.from_numpy(np.array(case.arrays["image"], dtype=np.float32))[None]
    scale_map = torch.from_numpy(np.array(case.arrays["scales"]))[None]
    class_map = scale_map if case.class_map is None else torch.from_numpy(np.array(case.class_map))[None]
    for axis, wanted in enumerate(runner.patch_size or image.shape[2:], start=2):
        length = min(wanted, image.shape[axis])
        first = (image.shape[axis] - length) // 2
        image = image.narrow(axis, first, length)
        scale_map, class_map = (labels.narrow(axis - 1, first, length) for labels in (scale_map, class_map))
    size = tuple(-(-n // each) * each for n, each in zip(image.shape[2:], runner.network.size_multiples, strict=True))
    missing = [amount for n, wanted in zip(scale_map.shape[:0:-1], size[::-1]) for amount in (0, wanted - n)]
    with evaluating(runner.network), torch.no_grad(), autocast(runner.device, runner.dtype):
        projections = runner.network.every_task(pad_to(image, size).to(runner.device)).projections
    scale_map = functional.pad(scale_map, missing).to(runner.device)
    if case.known.classes.ignore is None:
        return projections, scale_map, None
    return projections, scale_map, functional.pad(class_map, missing, value=IGNORED).to(runner.device) == IGNORED


def inside_organ(probabilities: np.ndarray, case: Case) -> np.ndarray:
    """Probabilities (…, *S), 0 outside the organ where the case has one."""
    if "organ" not in case.arrays:
        return probabilities
    inside: np.ndarray = probabilities * np.asarray(case.arrays["organ"], dtype=bool)
    return inside
