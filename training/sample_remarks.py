"""What of patches and epochs is hardly meant beside the cases; a line each."""

import math
from collections.abc import Iterator, Sequence

from ramify.training.plan import counted, validations_left
from ramify.training.settings import RunSettings

FEW_STEPS, MANY_VALIDATIONS = 25, 20
"""Between validations, and validations: with fewer steps and more of them the training mostly validates."""
STEPS_OF_AN_EPOCH = 100
"""As many as are proposed."""


def remarks_on_samples(
    settings: RunSettings, steps: int, median_shape: Sequence[int], multiples: Sequence[int]
) -> Iterator[str]:
    """Patches that are mostly outside the cases, and epochs of a few steps with many validations.

    steps: of an epoch. median_shape: voxels of the training cases. multiples: what a patch's axes are multiples of.

    Examples:
        >>> from ramify.training import RunSettings
        >>> from ramify.training.sample_remarks import remarks_on_samples
        >>> settings = RunSettings.model_validate({"cases": "cases", "output": "run"})
        >>> [line[:41] for line in remarks_on_samples(settings, 1, (64, 64), (32, 32))]
        ['an epoch has 1 step: 2000 epochs are 2000']
    """
    if (patch := settings.loading.patch_size) is not None:
        enough = [
            min(side, -(-whole // multiple) * multiple)
            for side, whole, multiple in zip(patch, median_shape, multiples, strict=True)
        ]
        if math.prod(enough) <= math.prod(patch) / 2:
            inside = math.prod(map(min, patch, median_shape)) / math.prod(patch)
            yield (
                f"loading.patch_size {' '.join(map(str, patch))}: {100 * (1 - inside):.0f} % of a patch is outside a "
                f"median case of {' x '.join(map(str, median_shape))} voxels, and costs time and memory for nothing; "
                f"{' '.join(map(str, enough))} is enough"
            )
    every, validations = settings.validation.every, validations_left(settings, 0)
    if steps * every < FEW_STEPS and validations > MANY_VALIDATIONS:
        epochs, samples = settings.train.epochs, STEPS_OF_AN_EPOCH * settings.loading.batch_size
        yield (
            f"an epoch has {counted(steps, 'step')}: {epochs} epochs are {steps * epochs} steps, with a validation "
            f"after every {steps * every}; set loading.samples_per_epoch {samples} for epochs of {STEPS_OF_AN_EPOCH} "
            "steps, and train.epochs to as many as you want"
        )
