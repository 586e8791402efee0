"""What each kind of augmentation does to a prepared case, as a picture: a slice, its vessels outlined.

    python -m benchmarks.augmentation_figure --cases output/demo/cases --output augmentation.png

Values are those at the far end of the ranges of `configs/recipes/nnunet.yaml`, or far enough to be seen.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ramify.command_line import parse, run
from ramify.data.augmentation import Window, apply_augmentation
from ramify.data.augmentations.blur import Blur
from ramify.data.augmentations.brightness import Brightness
from ramify.data.augmentations.contrast import Contrast
from ramify.data.augmentations.drawn import Augmentation, ChannelChange, GreyChange
from ramify.data.augmentations.elastic_field import ElasticField
from ramify.data.augmentations.gamma import Gamma
from ramify.data.augmentations.low_resolution import LowResolution
from ramify.data.augmentations.noise import Noise
from ramify.data.case_store import list_cases, read_case
from ramify.data.loading import spacing_of
from ramify.drawing.colours import scale_colours
from ramify.drawing.figure_files import write_figure


class AugmentationFigure(BaseModel, frozen=True, extra="forbid"):
    """What to draw."""

    cases: Path
    """Folder of prepared cases in 3D; the first is drawn."""
    output: Path
    """PNG file."""


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(AugmentationFigure, "Draw what each kind of augmentation does.", argv)
    case = read_case(command.cases, list_cases(command.cases)[0])
    labels, spacing = np.asarray(case.arrays["scales"]), spacing_of(case)
    middle = tuple((n - 1) / 2 for n in labels.shape)
    windows = {
        name: apply_augmentation(
            change, np.asarray(case.arrays["image"]), labels, labels, spacing, output_shape=labels.shape, centre=middle
        )
        for name, change in changes().items()
    }
    draw(windows, int(np.argmax((labels > 0).sum(axis=(1, 2)))), spacing[1] / spacing[2], command.output)


def changes() -> dict[str, Augmentation]:
    """One of each kind, by what it is and how far it goes."""
    nothing, turn, still = Augmentation.identity(3), np.deg2rad(30), np.zeros(3)
    turned = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    greys: dict[str, ChannelChange] = {
        "noise, sd 0.1": Noise(0.1, seed=0),
        "blur, 3 mm": Blur((3.0, 3.0, 3.0)),
        "brightness, 1.25": Brightness(1.25),
        "contrast, 1.25": Contrast(1.25),
        "low resolution, 0.5": LowResolution(0.5),
        "gamma, 1.5": Gamma(1.5, "mean_and_sd"),
        "inverted gamma, 1.5": Gamma(1.5, "mean_and_sd", inverted=True),
    }
    return {
        "as it is": nothing,
        "rotation, 30 degrees": Augmentation(turned, still),
        "zoom, 1.4": Augmentation(1.4 * np.eye(3), still),
        "mirrored": Augmentation(np.diag([1.0, 1.0, -1.0]), still, mirrored=(False, False, True)),
        "elastic, 12 mm of 30 mm": Augmentation(np.eye(3), still, elastic=ElasticField(12.0, 30.0, seed=0)),
        **{name: nothing.with_grey([GreyChange(change)]) for name, change in greys.items()},
    }


def draw(windows: dict[str, Window], level: int, aspect: float, output: Path) -> None:
    """One slice of each window, in the grey values of the first, the outlines of its scales on it."""
    from matplotlib.figure import Figure

    colours = np.array(scale_colours(3)) / 255
    low, high = np.quantile(next(iter(windows.values())).image[0], (0.01, 0.995))
    figure = Figure(figsize=(8, 6.4), layout="constrained")
    for axes, (name, window) in zip(figure.subplots(3, 4).ravel(), windows.items(), strict=True):
        axes.imshow(window.image[0, level], cmap="gray", vmin=low, vmax=high, aspect=aspect)
        for scale in range(1, 4):
            shown = window.labels[level] == scale
            if shown.any():
                axes.contour(shown, levels=[0.5], colors=[colours[scale - 1]], linewidths=0.8)
        axes.set_title(name, fontsize=9)
        axes.set_axis_off()
    write_figure(figure, output)


if __name__ == "__main__":
    run(main)
