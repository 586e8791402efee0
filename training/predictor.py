"""A trained network applied to a CT in its own grid."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ramify.console.error_line import line_of
from ramify.data.image_source import ImageSource
from ramify.data.volume import Volume
from ramify.models.build import build_inference_network, place_network
from ramify.models.network import Network
from ramify.models.outputs import main_probabilities
from ramify.preprocessing.grid import GridSettings
from ramify.preprocessing.organ_parts import main_parts
from ramify.preprocessing.plausibility import doubts_about_input, doubts_about_vessels
from ramify.preprocessing.prepare import PreprocessingSettings, prepare_image
from ramify.tasks.class_table import ClassTable
from ramify.tasks.formulation import Tasks
from ramify.training.checkpoint import load_checkpoint
from ramify.training.checkpoint_record import Checkpoint, PreparedShape
from ramify.training.device import DeviceName, autocast, choose_device, choose_prediction_precision
from ramify.training.inference import (
    InferenceOverrides,
    NotFiniteError,
    infer,
    nan_where_not_finite,
)
from ramify.training.segmentation import any_vessel, class_map_of, in_values, vessels_of
from ramify.training.settings import RunSettings
from ramify.vessels.patient_axes import layout_name


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of a volume, on that volume's own grid."""

    mask: Volume
    """bool: vessels, of whichever class."""
    probabilities: Volume
    """Of any vessel, float32 in [0, 1]."""
    labels: Volume | None = None
    """The values that the labels of the training had; None where vessels are all there is."""
    of_classes: Mapping[str, Volume] = field(default_factory=dict)
    """Probabilities of each class or region by name, float32 in [0, 1]; none where vessels are all there is."""
    notes: tuple[str, ...] = ()
    """What was mended or is hardly right: of the files read, the image, its organ mask and the mask that came out."""


def scored_region(organ: Volume | None, preprocessing: Mapping[str, Any]) -> np.ndarray | None:
    """Where the vessels of a case count, bool (*S): in what preparation leaves of its organ; None: everywhere.

    preprocessing: PreprocessingSettings as plain data.
    """
    settings = PreprocessingSettings.model_validate(preprocessing)
    if organ is None or not settings.restrict_to_organ:
        return None
    return main_parts(organ, settings.least_organ_part).array


def network_of(state: Checkpoint, settings: RunSettings, *, trained: bool = True) -> Network:
    """The part of a checkpoint's network that prediction needs; untrained, with fresh weights in place of its own.

    Raises ValueError where its weights are not those of its settings.
    """
    shape = state["network"]
    weights = state["model"] if trained else None
    sizes = shape["in_channels"], shape["scales"], shape["ndim"]
    table = ClassTable.model_validate(state["classes"])
    return build_inference_network(settings.model, *sizes, table, state=weights)


class ReadNetwork(NamedTuple):
    """A checkpoint's network, with what prediction must know of its training.

    Attributes:
        network: the part that prediction needs, on the CPU.
        state: all that the checkpoint holds.
        settings: of the training. preprocessing: of its cases. tasks: what the network was asked.
    """

    network: Network
    state: Checkpoint
    settings: RunSettings
    preprocessing: PreprocessingSettings
    tasks: Tasks


def read_network(checkpoint: Path) -> ReadNetwork:
    """The network of a checkpoint; FileNotFoundError and ValueError as `Predictor` says."""
    state = load_checkpoint(checkpoint)
    try:
        settings = RunSettings.model_validate(state["config"])
        preprocessing = PreprocessingSettings.model_validate(state["preprocessing"])
        network = network_of(state, settings)
        table = ClassTable.model_validate(state["classes"])
        tasks = Tasks.of(settings.model.tasks, state["network"]["scales"], table)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ValueError(f"{checkpoint}: {line_of(error)}") from None
    layout = layout_name(len(state["prepared"]["shape"]))
    if (trained_on := state.get("orientation", layout)) != layout:
        raise ValueError(
            f"{checkpoint}: trained on arrays laid out {trained_on}, this version prepares them {layout}; use the "
            "version that trained it"
        )
    return ReadNetwork(network, state, settings, preprocessing, tasks)


class Predictor:
    """Encoder and main decoder of a checkpoint, with the preprocessing they were trained on.

    Args:
        checkpoint: file written by a training.
        device: where to compute.
        inference: what to change of the training's window and overlap.

    Attributes:
        source: what the images of the training were.
        tasks: what the network was asked, and the classes of the labels it learnt from.
        channels: names of the image's channels, in their order.

    Raises:
        FileNotFoundError, ValueError: the checkpoint is missing, damaged, unsafe or of another architecture.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume
        >>> from ramify.training import Predictor, find_checkpoint
        >>> predictor = Predictor(find_checkpoint(run, "final"), device="cpu")  # of a 2D training
        >>> image = Volume(np.linspace(-150.0, 250.0, 40 * 40).reshape(40, 40), (4.0, 4.0))
        >>> organ = image.with_array(np.pad(np.ones((20, 20), bool), 10))
        >>> prediction = predictor.predict(image, organ)
        >>> prediction.mask.array.dtype.name, prediction.probabilities.shape
        ('bool', (40, 40))
    """

    def __init__(
        self, checkpoint: Path | str, device: DeviceName = "auto", inference: InferenceOverrides | None = None
    ) -> None:
        network, state, self._settings, self._preprocessing, self.tasks = read_network(Path(checkpoint))
        self._device = choose_device(device)
        self._dtype = choose_prediction_precision(self._settings.train.precision, self._device)
        self._network = place_network(network, self._device).eval()
        self._inference = (inference or InferenceOverrides()).over(self._settings.inference)
        self._prepared: PreparedShape = state["prepared"]
        self.channels = tuple(state["channels"])
        self.source = ImageSource.model_validate(state.get("source") or {})

    def needs_organ(self) -> bool:
        """Whether the network was trained on organ crops."""
        return self._preprocessing.grid.crop == "organ"

    def predict(self, images: Volume | Mapping[str, Volume], organ: Volume | None, name: str = "image") -> Prediction:
        """Segment a volume.

        Args:
            images: the channels that the network was trained on, by name, on one grid; a volume alone is the only one.
            organ: organ mask on the same grid; without it a network trained on organ crops looks at the whole volume,
                at the voxel size it was trained on.
            name: what to call the image in errors.

        Raises:
            ValueError: channels missing, NaN or a constant image, another number of dimensions, an empty organ mask, or
                an output of the network that is not finite.
        """
        images = self._channels_of(images, name)
        image = next(iter(images.values()))
        self._check_axes(image.array, name)
        settings, window = self._preprocessing, self._settings.loading.patch_size
        if organ is None and self.needs_organ():
            grid = GridSettings(crop="volume", spacing_mm=tuple(self._prepared["spacing_mm"]))
            settings = settings.model_copy(update={"grid": grid})
            window = window or self._round_up(self._prepared["shape"])
        notes = [*image.notes]
        if organ is not None:
            organ = main_parts(organ, settings.least_organ_part)
            notes += [f"organ: {note}" for note in organ.notes if note not in image.notes]
        notes += doubts_about_input(images, organ, settings.rules(images), settings.organ_ml)
        prepared = prepare_image(images, organ, settings, name)
        prepared_probabilities = self._probabilities(prepared.image, window, name)
        probabilities = np.stack([prepared.grid.to_native(own) for own in prepared_probabilities])
        if organ is not None and settings.restrict_to_organ:
            probabilities *= organ.array
        class_map = class_map_of(probabilities, self.tasks)
        mask = vessels_of(class_map, self.tasks)
        notes += doubts_about_vessels(mask, None if organ is None else organ.array)
        values = self.tasks.written_values
        of_classes = dict(zip(self.tasks.segmented, probabilities, strict=True)) if self.tasks.tells_apart else {}
        return Prediction(
            image.with_array(mask),
            image.with_array(any_vessel(probabilities, self.tasks)),
            None if values is None else image.with_array(in_values(class_map, values)),
            {name: image.with_array(own) for name, own in of_classes.items()},
            tuple(notes),
        )

    def _channels_of(self, images: Volume | Mapping[str, Volume], name: str) -> Mapping[str, Volume]:
        """The channels in the training's order; raises ValueError that names one that is missing."""
        if isinstance(images, Volume):
            if len(self.channels) > 1:
                raise ValueError(f"{name}: one channel where the network was trained on {', '.join(self.channels)}")
            return {self.channels[0]: images}
        if missing := [channel for channel in self.channels if channel not in images]:
            raise ValueError(
                f"{name}: has no channel {missing[0]!r}, only {', '.join(images)}; the network was trained on "
                f"{', '.join(self.channels)}"
            )
        return {channel: images[channel] for channel in self.channels}

    def predict_prepared(self, image: np.ndarray, name: str = "image") -> np.ndarray:
        """Probabilities of `tasks.segmented`, float32 (C, *S), of an image (channels, *S) prepared as the cases were.

        Raises:
            ValueError: another number of axes, or an output of the network that is not finite.
        """
        self._check_axes(image[0], name)
        return self._probabilities(np.array(image, dtype=np.float32), self._settings.loading.patch_size, name)

    def _probabilities(self, image: np.ndarray, window: tuple[int, ...] | None, name: str) -> np.ndarray:
        tensor = torch.from_numpy(image)[None].to(self._device)
        try:
            result = infer(self._main_probabilities, tensor, self._inference, window, self._network.size_multiple)
        except NotFiniteError as error:
            remedy = "check the image's values, or train with train.precision float32"
            raise ValueError(f"{name}: {error}; {remedy}") from None
        return result[0].cpu().numpy()

    def _main_probabilities(self, image: torch.Tensor) -> torch.Tensor:
        with autocast(self._device, self._dtype):
            logits = self._network(image).logits
        return nan_where_not_finite(main_probabilities(logits, self.tasks), logits)

    def _check_axes(self, image: np.ndarray, name: str) -> None:
        trained = len(self._prepared["shape"])
        if image.ndim != trained:
            raise ValueError(f"{name}: has {image.ndim} axes, the network was trained on {trained}")

    def _round_up(self, shape: list[int]) -> tuple[int, ...]:
        multiple = self._network.size_multiple
        return tuple(-(-n // multiple) * multiple for n in shape)
