"""One trained network in place: a prepared image in, probabilities out, in its own window and precision."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import torch

from ramify.data.augmentations.swaps import sides_among
from ramify.disk.digests import fingerprint
from ramify.models.build import place_network
from ramify.models.outputs import main_probabilities
from ramify.training.device import autocast, choose_prediction_precision
from ramify.training.image_slices import ImageSlices
from ramify.training.inference import Windows, nan_where_not_finite
from ramify.training.inference_settings import InferenceOverrides
from ramify.training.mirroring import Mirroring
from ramify.training.names import AxisName, PrecisionName
from ramify.training.seen_cases import trained_on
from ramify.training.sliding_window import NotFiniteError
from ramify.training.trained_network import ReadNetwork


class Member:
    """A network that predicts, alone or beside others.

    Args:
        path: its checkpoint, for errors.
        read: what the checkpoint holds.
        device: where to compute.
        inference: what to change of the training's window and overlap.
        mirror: axes of which mirrored copies are looked at, too.
        precision: of its arithmetic; None takes the training's.

    Attributes:
        path: its checkpoint.
        settings: of its training.
        epoch: epochs that its training had behind it.
        trained_on: the cases of its training, each with the digests of its files.

    Raises:
        ValueError: the network cannot look at such copies, see `Mirroring`.
    """

    def __init__(
        self,
        path: Path,
        read: ReadNetwork,
        device: torch.device,
        inference: InferenceOverrides,
        mirror: Sequence[AxisName] = (),
        precision: PrecisionName | None = None,
    ) -> None:
        self.settings = read.settings
        swaps = read.settings.augmentation.flip_swaps
        try:
            self._mirroring = Mirroring(mirror, swaps, read.tasks, read.state["network"]["ndim"])
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        self.epoch: int = read.state["epoch"]
        self.path, self._tasks, self._device = path, read.tasks, device
        self._dtype = choose_prediction_precision(read.settings.train.precision, device, precision)
        self._network = place_network(read.network, device).eval()
        self._inference = inference.over(read.settings.inference)
        self._trained_shape = read.state["prepared"]["shape"]
        self.trained_on = trained_on(read.state)

    @property
    def copies(self) -> tuple[tuple[int, ...], ...]:
        """The mirrored axes of each copy of an image that it looks at; none of the image itself."""
        return self._mirroring.copies

    @property
    def passes(self) -> int:
        """How often it goes over an image: once, or once a mirrored copy."""
        return len(self.copies)

    @cached_property
    def record(self) -> dict[str, str | int]:
        """Which network it is, for a record beside what it predicts: its file, the file's SHA-256, and its epochs."""
        return {"file": str(self.path), "sha256": fingerprint(self.path), "epochs": self.epoch}

    @property
    def inference_record(self) -> dict[str, object]:
        """How it goes over images, for that record."""
        window = self._inference.window or self.settings.loading.patch_size
        precision = str(self._dtype).removeprefix("torch.")
        return {"window": window, "overlap": self._inference.overlap, "precision": precision}

    def remarks(self) -> list[str]:
        """What is hardly meant of the mirrored axes, a line each."""
        augmentation = self.settings.augmentation
        if self.passes == 1:
            return []
        if not (self.settings.train.augment and augmentation.flip_probability):
            return ["--mirror: the network was trained on no mirrored sample, and may do worse on mirrored copies"]
        sides = sides_among(self._tasks.segmented)
        if sides and self._mirroring.swaps_sides and not augmentation.flip_swaps:
            one, other = sides[0]
            return [f"--mirror x: {one} and {other} stay what they are called, as the training had no flip_swaps"]
        return []

    def windows(self, shape: tuple[int, ...], *, as_trained: bool = True) -> Windows:
        """The windows in which it goes over images (channels, *S).

        Args:
            shape: of the images, *S.
            as_trained: they are cut as those of the training were. Where they are not, a network that was trained on
                whole cases goes over them in windows of their size.

        Raises:
            ValueError: a window that does not fit.
        """
        window = self.settings.loading.patch_size
        if not as_trained:
            window = window or self._round_up(self._trained_shape)
        return Windows(shape, self._inference, window, self._network.size_multiples)

    def probabilities(
        self, image: ImageSlices, windows: Windows, copy: tuple[int, ...], name: str, each: Callable[[int], object]
    ) -> Iterator[tuple[slice, torch.Tensor]]:
        """What it says of a copy of an image, turned back: slabs of `tasks.segmented`, float32 (C, n, *S[1:]).

        They are on the CPU, each with where it lies along the first axis of the image: a GPU holds what the windows
        that overlap need, however large the image is.

        Args:
            image: prepared.
            windows: over images of its shape.
            copy: one of `copies`.
            name: what to call the image in errors.
            each: told how many more windows are done.

        Raises:
            ValueError: an output that is not finite.
        """
        start, length = 0, image.shape[0]
        try:
            for slab in windows.over(self._main_probabilities, image, copy, each):
                stop = start + slab.shape[2]
                rows = slice(length - stop, length - start) if 0 in copy else slice(start, stop)
                yield rows, self._mirroring.turned_back(slab.cpu(), copy)[0]
                start = stop
        except NotFiniteError as error:
            remedy = "check the image's values, or train with train.precision float32"
            raise ValueError(f"{name}: {error}; {remedy}") from None

    def _main_probabilities(self, image: torch.Tensor) -> torch.Tensor:
        with autocast(self._device, self._dtype):
            logits = self._network(image).logits
        return nan_where_not_finite(main_probabilities(logits, self._tasks), logits)

    def _round_up(self, shape: list[int]) -> tuple[int, ...]:
        return tuple(-(-n // each) * each for n, each in zip(shape, self._network.size_multiples, strict=True))
