"""One trained network in place: a prepared image in, probabilities out, in its own window and precision."""

from pathlib import Path

import torch

from ramify.models.build import place_network
from ramify.models.outputs import main_probabilities
from ramify.training.device import autocast, choose_prediction_precision
from ramify.training.inference import InferenceOverrides, NotFiniteError, infer, nan_where_not_finite
from ramify.training.trained_network import ReadNetwork


class Member:
    """A network that predicts, alone or beside others.

    Args:
        path: its checkpoint, for errors.
        read: what the checkpoint holds.
        device: where to compute.
        inference: what to change of the training's window and overlap.
    """

    def __init__(self, path: Path, read: ReadNetwork, device: torch.device, inference: InferenceOverrides) -> None:
        self.path, self._tasks, self._device = path, read.tasks, device
        self._dtype = choose_prediction_precision(read.settings.train.precision, device)
        self._network = place_network(read.network, device).eval()
        self._inference = inference.over(read.settings.inference)
        self._patch_size = read.settings.loading.patch_size
        self._trained_shape = read.state["prepared"]["shape"]

    def probabilities(self, image: torch.Tensor, name: str, *, as_trained: bool = True) -> torch.Tensor:
        """Those of `tasks.segmented`, float32 (1, C, *S), of a prepared image (1, channels, *S) on the device.

        Args:
            image, name: the image, and what to call it in errors.
            as_trained: the image is cut as those of the training were. Where it is not, a network that was trained on
                whole cases goes over it in windows of their size.

        Raises:
            ValueError: a window that does not fit, or an output that is not finite.
        """
        window = self._patch_size if as_trained else self._patch_size or self._round_up(self._trained_shape)
        try:
            return infer(self._main_probabilities, image, self._inference, window, self._network.size_multiple)
        except NotFiniteError as error:
            remedy = "check the image's values, or train with train.precision float32"
            raise ValueError(f"{name}: {error}; {remedy}") from None

    def _main_probabilities(self, image: torch.Tensor) -> torch.Tensor:
        with autocast(self._device, self._dtype):
            logits = self._network(image).logits
        return nan_where_not_finite(main_probabilities(logits, self._tasks), logits)

    def _round_up(self, shape: list[int]) -> tuple[int, ...]:
        multiple = self._network.size_multiple
        return tuple(-(-n // multiple) * multiple for n in shape)
