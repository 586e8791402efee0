"""Networks that predict together: the probabilities of all are averaged, voxel by voxel, on the prepared grid."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ramify.console.progress import progress, silent
from ramify.data.case_store import differences
from ramify.data.image_source import ImageSource
from ramify.data.large_arrays import release
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.tasks.formulation import Tasks
from ramify.training.averaged_map import AveragedMap
from ramify.training.image_slices import ImageSlices
from ramify.training.inference_settings import InferenceOverrides
from ramify.training.member import Member
from ramify.training.names import AxisName, PrecisionName
from ramify.training.trained_network import ReadNetwork, read_network

_OF_LABELS = {"scales", "tube_radius"}
"""What of the preprocessing is about labels, which a prediction has none of."""
_OF_READING = {"form", "files", "picked", "key", "spacing_mm"}
"""What of the images' source decides how others are read."""
_SHOWN = 3


class Shared(NamedTuple):
    """What the networks of an ensemble have in common, and must: they see one image, and mean the same by a channel.

    Attributes:
        tasks: what the networks were asked, and the classes of the labels they learnt from.
        channels: names of the image's channels, in their order.
        source: what the images of the training were.
        preprocessing: of the cases.
        spacing_mm: of prepared cases, z y x: the median over each network's training cases, and the mean of these.
    """

    tasks: Tasks
    channels: tuple[str, ...]
    source: ImageSource
    preprocessing: PreprocessingSettings
    spacing_mm: tuple[float, ...]


class Averaged(NamedTuple):
    """What networks and mirrored copies say together.

    Attributes:
        probabilities: their mean, of `tasks.segmented`, float32 (C, *S).
        uncertainty: how far they lie apart, float32 (*S) in [0, 0.5]: the standard deviation of their probabilities,
            √(Σ_i (p_i − p̄)² / n), the largest one of what is told apart; None where it was not asked for.
    """

    probabilities: np.ndarray
    uncertainty: np.ndarray | None


class Ensemble:
    """The networks of some checkpoints, read once; one is an ensemble, too, and predicts as it does alone.

    They look at an image one after the other, slab by slab, and of their probabilities the mean is kept alone. The
    weights of all stay in memory.

    Args:
        checkpoints: files written by trainings, at least one.
        device: where to compute.
        inference: what to change of the trainings' window and overlap.
        mirror: axes of which mirrored copies are looked at, too.
        precision: of their arithmetic; None takes the trainings'.

    Raises:
        FileNotFoundError, ValueError: as `predictor.Predictor`; or two networks do not fit together.
    """

    def __init__(
        self,
        checkpoints: Sequence[Path],
        device: torch.device,
        inference: InferenceOverrides,
        mirror: Sequence[AxisName] = (),
        precision: PrecisionName | None = None,
    ) -> None:
        self._device, self.members = device, list[Member]()
        shared, common, spacings = None, dict[str, Any](), []
        for path in checkpoints:
            read = read_network(path)
            if shared is None:
                shared, common = _shared(read), _common(read)
            elif different := differences(common, _common(read)):
                told = "; ".join(different[:_SHOWN])
                raise ValueError(f"{path}: cannot predict together with {checkpoints[0]}, as from that to this {told}")
            spacings.append(read.state["prepared"]["spacing_mm"])
            self.members.append(Member(path, read, device, inference, mirror, precision))
        if shared is None:
            raise ValueError("expected at least one checkpoint")
        # The sum of equal numbers over how many they are may be another number.
        spacing = spacings[0] if len(spacings) == 1 else np.mean(spacings, axis=0).tolist()
        self.shared = shared._replace(spacing_mm=tuple(spacing))

    @property
    def passes(self) -> int:
        """How often an image is gone over: networks times mirrored copies."""
        return sum(member.passes for member in self.members)

    def averaged(
        self,
        image: np.ndarray,
        name: str,
        *,
        as_trained: bool = True,
        with_uncertainty: bool = False,
        shown_as: str | None = None,
    ) -> Averaged:
        """What all networks say of an image and its mirrored copies.

        Args:
            image: prepared, float32 (channels, *S).
            name, as_trained: as for `Member.windows` and `Member.probabilities`, which say what is raised.
            with_uncertainty: keep how far they lie apart, too.
            shown_as: the name under which progress is shown, window by window; None shows none.
        """
        slices = ImageSlices(torch.from_numpy(image), self._device)
        shape = (len(self.shared.tasks.segmented), *slices.shape)
        maps = AveragedMap(shape, with_spread=with_uncertainty)
        passes = [
            (member, windows, copy)
            for member in self.members
            for windows in [member.windows(slices.shape, as_trained=as_trained)]
            for copy in member.copies
        ]
        count = sum(len(windows) for _, windows, _ in passes)
        shown = silent() if shown_as is None or count == 1 else progress(shown_as, count, "window", stays=False)
        with shown:
            for number, (member, windows, copy) in enumerate(passes, 1):
                for rows, found in member.probabilities(slices, windows, copy, name, shown.update):
                    maps.add(found, number, rows)
                    release(image)
        return Averaged(maps.mean, maps.spread() if with_uncertainty else None)


def _shared(read: ReadNetwork) -> Shared:
    spacing = tuple(read.state["prepared"]["spacing_mm"])
    return Shared(read.tasks, tuple(read.state["channels"]), _source_of(read), read.preprocessing, spacing)


def _common(read: ReadNetwork) -> dict[str, Any]:
    """What must be the same, as plain data."""
    table = read.tasks.table
    return {
        "axes": read.state["network"]["ndim"],
        "main task": read.tasks.asked,
        "classes": table.model_dump(mode="json"),
        # Dictionaries are compared whatever their order, which is that of the channels.
        "order of classes": [*table.names, *table.regions],
        "channels": list(read.state["channels"]),
        "preprocessing": read.preprocessing.model_dump(mode="json", exclude=_OF_LABELS),
        "source": _source_of(read).model_dump(mode="json", include=_OF_READING),
    }


def _source_of(read: ReadNetwork) -> ImageSource:
    return ImageSource.model_validate(read.state.get("source") or {})
