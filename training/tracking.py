"""What a training tells TensorBoard."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from ramify.drawing.scale_words import scale_names

MOST_EMBEDDED_POINTS = 2000


class Tracker:
    """Writes scalars, pictures, curves and embeddings of one training as TensorBoard events.

    Args:
        folder: of the event files.
        first_epoch: epochs from here on replace what an interrupted training wrote of them.
    """

    def __init__(self, folder: Path, first_epoch: int) -> None:
        # Imported here: it takes a second, and only trainings need it.
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=first_epoch if first_epoch else None)

    def config(self, config: Mapping[str, Any]) -> None:
        """Every setting as text."""
        text = yaml.safe_dump(dict(config), sort_keys=False)
        self._writer.add_text("config", "```yaml\n" + text + "```")

    def scalars(self, values: Mapping[str, float], epoch: int) -> None:
        """Numbers of an epoch, each under its own name."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, epoch)

    def picture(self, name: str, picture: np.ndarray, epoch: int) -> None:
        """An RGB picture (3, H, W) in [0, 1]."""
        self._writer.add_image(name, picture, epoch)

    def figure(self, name: str, png: bytes, epoch: int) -> None:
        """A PNG."""
        from skimage.io import imread

        self._writer.add_image(name, imread(io.BytesIO(png))[..., :3], epoch, dataformats="HWC")

    def precision_recall(self, truth: np.ndarray, probability: np.ndarray, epoch: int) -> None:
        """Precision-recall curve of the main task over the validation voxels."""
        self._writer.add_pr_curve("validation/precision_recall", truth.ravel(), probability.ravel(), epoch)

    def embeddings(self, points: torch.Tensor, labels: torch.Tensor, n_scales: int, epoch: int) -> None:
        """Embeddings (N, E) as points, each labelled by its scale 1 … S or as background, 0."""
        classes = labels.unique().tolist()
        most = max(1, MOST_EMBEDDED_POINTS // max(1, len(classes)))
        of_classes = [(labels == number).nonzero().squeeze(1) for number in classes]
        shown = torch.cat([positions[:: -(-len(positions) // most)] for positions in of_classes])
        names = ["background", *scale_names(n_scales)]
        metadata = [names[number] for number in labels[shown].tolist()]
        self._writer.add_embedding(points[shown].float().cpu(), metadata=metadata, tag="projections", global_step=epoch)

    def hyperparameters(self, config: Mapping[str, Any], measures: Mapping[str, float]) -> None:
        """The settings beside the final measures, so that runs can be compared in TensorBoard's HParams tab."""
        flat = {key: value for key, value in _flatten(config).items() if isinstance(value, bool | int | float | str)}
        self._writer.add_hparams(flat, {f"final/{name}": value for name, value in measures.items()}, run_name=".")

    def close(self) -> None:
        """Write what is pending."""
        self._writer.close()


def _flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
