"""A trained network applied to a CT in its own grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ramify.data.large_arrays import slabs, zeros
from ramify.data.volume import Volume
from ramify.preprocessing.grid import Grid
from ramify.preprocessing.organ_parts import main_parts
from ramify.preprocessing.plausibility import check_is_image, doubts_about_input, doubts_about_vessels
from ramify.preprocessing.prepare import prepare_image
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.training.clean_up import CleanUp, cleaned_class_map, remarks_on
from ramify.training.device import choose_device
from ramify.training.ensemble import Averaged, Ensemble
from ramify.training.inference_settings import InferenceOverrides
from ramify.training.names import AxisName, DeviceName, NoiseSetting, PrecisionName
from ramify.training.noise_matching import MatchedNoise, known_noise, looks_at_noise, match_noise, smoothed_images
from ramify.training.seen_cases import SeenCases
from ramify.training.segmentation import any_vessel, in_values, vessels_of


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
    uncertainty: Volume | None = None
    """How far networks and mirrored copies lie apart, float32 in [0, 0.5], see `ensemble.Averaged`; None where it was
    not asked for."""
    noise: MatchedNoise | None = None
    """What was found of the image's noise and done about it; None where that was not asked for."""
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


class Predictor:
    """Encoder and main decoder of one or several checkpoints, with the preprocessing they were trained on.

    Args:
        checkpoints: a file written by a training, or several that predict together: what is predicted is the mean of
            their probabilities (`training.ensemble`).
        device: where to compute.
        inference: what to change of the training's window and overlap.
        mirror: axes (z, y, x of the patient) of which mirrored copies are looked at, too, and averaged.
        uncertainty: predictions say how far networks and mirrored copies lie apart.
        precision: of the networks' arithmetic; None takes the trainings'.
        clean_up: what was learned of how predictions are cleaned up; None leaves them as they are.
        noise: how far images are smoothed before: as far as the networks need it ("auto"), not at all ("off"), or by a
            Gaussian of so many mm.

    Attributes:
        source: what the images of the training were.
        tasks: what the network was asked, and the classes of the labels it learnt from.
        channels: names of the image's channels, in their order.

    Raises:
        FileNotFoundError, ValueError: a checkpoint is missing, damaged, unsafe, of another architecture, or of other
            classes, channels or preprocessing than the first; an uncertainty of one network without mirrored copies.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume
        >>> from ramify.training import Predictor, find_checkpoints
        >>> predictor = Predictor(find_checkpoints(run, "final"), device="cpu")  # of a 2D training
        >>> image = Volume(np.linspace(-150.0, 250.0, 40 * 40).reshape(40, 40), (4.0, 4.0))
        >>> organ = image.with_array(np.pad(np.ones((20, 20), bool), 10))
        >>> prediction = predictor.predict(image, organ)
        >>> prediction.mask.array.dtype.name, prediction.probabilities.shape
        ('bool', (40, 40))
    """

    def __init__(
        self,
        checkpoints: Path | str | Sequence[Path | str],
        device: DeviceName = "auto",
        inference: InferenceOverrides | None = None,
        mirror: Sequence[AxisName] = (),
        *,
        uncertainty: bool = False,
        precision: PrecisionName | None = None,
        clean_up: CleanUp | None = None,
        noise: NoiseSetting = "auto",
    ) -> None:
        paths = [checkpoints] if isinstance(checkpoints, Path | str) else checkpoints
        inference = inference or InferenceOverrides()
        self.ensemble = Ensemble([*map(Path, paths)], choose_device(device), inference, mirror, precision)
        if uncertainty and self.ensemble.passes == 1:
            raise ValueError("--uncertainty: one network has none by itself; give several folds, or --mirror z y x")
        self._with_uncertainty, self._clean_up, self._noise = uncertainty, clean_up, noise
        self._mirror = tuple(mirror)
        self._known_noise = known_noise([member.settings for member in self.ensemble.members])
        self.tasks, self.channels, self.source, self._preprocessing, self._spacing_mm = self.ensemble.shared
        if clean_up is not None:
            clean_up.check(self.tasks)

    def cost(self) -> str | None:
        """What a prediction costs more than that of one network, in a line; None where it is one."""
        networks, passes = len(self.ensemble.members), self.ensemble.passes
        if passes == 1:
            return None
        parts = [f"{networks} networks"] * (networks > 1) + [f"{passes // networks} mirrored copies"] * (
            passes > networks
        )
        return f"{' of '.join(parts)} are averaged: each case takes {passes} times the time of one"

    def remarks(self) -> list[str]:
        """What is hardly meant of the settings, a line each."""
        members = self.ensemble.members
        on_clean_up = remarks_on(self._clean_up, {one.path: one.epoch for one in members}) if self._clean_up else []
        return [*dict.fromkeys(remark for member in members for remark in member.remarks()), *on_clean_up]

    def record(self) -> dict[str, object]:
        """The settings that masks hang on beside the networks, as plain data for a record beside them."""
        members = self.ensemble.members
        of_each = [member.inference_record for member in members]
        # Folds of one training go over images alike; others are told one after the other.
        inference = of_each[0] if all(one == of_each[0] for one in of_each) else {"inference": of_each}
        clean_up = self._clean_up.in_words() if self._clean_up is not None and self._clean_up.rules else None
        return {**inference, "mirror": list(self._mirror), "noise": self._noise, "clean_up": clean_up}

    @cached_property
    def seen(self) -> SeenCases:
        """What the networks were trained on."""
        return SeenCases([member.trained_on for member in self.ensemble.members])

    @property
    def looks_at_noise(self) -> bool:
        """Whether predictions say what was found of the noise of their images."""
        return looks_at_noise(self._noise, self._known_noise)

    def needs_organ(self) -> bool:
        """Whether the network was trained on organ crops."""
        return self._preprocessing.grid.crop == "organ"

    def predict(
        self,
        images: Volume | Mapping[str, Volume],
        organ: Volume | None,
        name: str = "image",
        *,
        shown_as: str | None = None,
    ) -> Prediction:
        """Segment a volume, slab by slab: maps of a large one are not in memory but in files (`data.large_arrays`).

        Args:
            images: the channels that the network was trained on, by name, on one grid; a volume alone is the only one.
            organ: organ mask on the same grid; without it a network trained on organ crops looks at the whole volume,
                at the voxel size it was trained on.
            name: what to call the image in errors.
            shown_as: the name under which progress is shown, window by window; None shows none.

        Raises:
            ValueError: channels missing, NaN or a constant image, a label map where HU are expected, another number of
                dimensions, an empty organ mask, or an output of the network that is not finite.
            OSError: no room on the disk for a large volume.
        """
        images = self._channels_of(images, name)
        image = next(iter(images.values()))
        self._check_axes(image.array, name)
        settings, as_trained = self._preprocessing, organ is not None or not self.needs_organ()
        if not as_trained:
            grid = GridSettings(crop="volume", spacing_mm=self._spacing_mm)
            settings = settings.model_copy(update={"grid": grid})
        check_is_image(images, settings.rules(images), name)
        notes = [*image.notes]
        if organ is not None:
            organ = main_parts(organ, settings.least_organ_part)
            notes += [f"organ: {note}" for note in organ.notes if note not in image.notes]
        notes += doubts_about_input(images, organ, settings.rules(images), settings.organ_ml)
        prepared = prepare_image(images, organ, settings, name)
        noise = match_noise(self._noise, self._known_noise, prepared, next(iter(settings.rules(images).values())))
        if noise is not None and noise.smoothing_mm:
            prepared = prepare_image(smoothed_images(images, noise.smoothing_mm), organ, settings, name)
        averaged = self.ensemble.averaged(
            prepared.image,
            name,
            as_trained=as_trained,
            with_uncertainty=self._with_uncertainty,
            shown_as=shown_as,
        )
        inside = organ.array if organ is not None and settings.restrict_to_organ else None
        native = _on_native_grid(averaged, prepared.grid, inside)
        del prepared, averaged
        probabilities = native.probabilities
        rules = self._clean_up.rules if self._clean_up else {}
        class_map = cleaned_class_map(probabilities, self.tasks, rules, image.spacing_mm)
        mask = vessels_of(class_map, self.tasks)
        notes += doubts_about_vessels(mask, None if organ is None else organ.array)
        values = self.tasks.written_values
        of_classes = dict(zip(self.tasks.segmented, probabilities, strict=True)) if self.tasks.tells_apart else {}
        return Prediction(
            image.with_array(mask),
            image.with_array(any_vessel(probabilities, self.tasks)),
            None if values is None else image.with_array(in_values(class_map, values)),
            {name: image.with_array(own) for name, own in of_classes.items()},
            None if native.uncertainty is None else image.with_array(native.uncertainty),
            noise,
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
        return self.ensemble.averaged(np.array(image, dtype=np.float32), name).probabilities

    def _check_axes(self, image: np.ndarray, name: str) -> None:
        trained = len(self._spacing_mm)
        if image.ndim != trained:
            raise ValueError(f"{name}: has {image.ndim} axes, the network was trained on {trained}")


def _on_native_grid(averaged: Averaged, grid: Grid, inside: np.ndarray | None) -> Averaged:
    """Maps of the prepared grid on the native one, 0 outside the crop and outside of a mask, bool (*native S)."""
    maps = [*averaged.probabilities, *([] if averaged.uncertainty is None else [averaged.uncertainty])]
    native = zeros((len(maps), *grid.native_shape), np.float32)
    for own, out in zip(maps, native):
        grid.to_native(own, out)
        if inside is not None:
            for rows in slabs(out):
                out[rows] *= inside[rows]
    of_classes = len(averaged.probabilities)
    return Averaged(native[:of_classes], None if averaged.uncertainty is None else native[of_classes])
