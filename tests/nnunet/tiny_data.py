"""Data sets of four tiny cases in nnU-Net's raw layout: tubes of known radii in noise."""

import json
from pathlib import Path

import numpy as np

from ramify.data.files import write_volume
from ramify.data.volume import Volume

SPACING_MM = (1.2, 1.0, 1.0)
PORTAL, HEPATIC, IGNORE = 1, 2, 3
LABELS = {
    "binary": {"background": 0, "vessel": 1},
    "classes": {"background": 0, "portal": PORTAL, "hepatic": HEPATIC},
    "regions": {"background": 0, "vessel": [PORTAL, HEPATIC], "hepatic": [HEPATIC], "ignore": IGNORE},
}
"""What the labels mean, by form; nnU-Net's dataset.json has them."""
NAMES = {"binary": "Dataset901_Binary", "classes": "Dataset902_Classes", "regions": "Dataset903_Regions"}
CASES = ("case_0", "case_1", "case_2", "case_3")


def tubes(seed: int, size: int = 32) -> np.ndarray:
    """Two trees of straight vessels, of radii from 1.2 to 3.5 voxels; uint8 (size, size, size)."""
    shift = np.random.default_rng(seed).integers(-2, 3, size=2)
    z, y, x = np.mgrid[:size, :size, :size]
    row, other = 8 + shift[0], 22 + shift[1]
    labels = np.zeros((size,) * 3, np.uint8)
    labels[(y - row) ** 2 + (x - 10) ** 2 <= 3.5**2] = PORTAL
    labels[((z - 12) ** 2 + (y - row) ** 2 <= 1.2**2) & (x > 10)] = PORTAL
    labels[((z - 20) ** 2 + (x - 10) ** 2 <= 2.0**2) & (y > row) & (y < 18)] = PORTAL
    labels[(y - other) ** 2 + (x - 20) ** 2 <= 2.5**2] = HEPATIC
    labels[((z - 8) ** 2 + (x - 20) ** 2 <= 1.2**2) & (y > other)] = HEPATIC
    return labels


def write_data_set(raw: Path, form: str, name: str = "") -> None:
    """Write one: four cases to train on, and the last one's image to predict; called NAMES[form] unless named."""
    folder = raw / (name or NAMES[form])
    for number, case_id in enumerate(CASES):
        labels = tubes(number)
        image = (labels > 0) + np.random.default_rng(number).normal(0.0, 0.3, labels.shape)
        if form == "binary":
            labels = (labels > 0).astype(np.uint8)
        if form == "regions":
            labels[:, :3] = IGNORE
        for place, array in (
            (f"imagesTr/{case_id}_0000", image.astype(np.float32)),
            (f"labelsTr/{case_id}", labels),
            (f"imagesTs/{case_id}_0000", image.astype(np.float32)),
        ):
            if not place.startswith("imagesTs") or case_id == CASES[-1]:
                path = folder / f"{place}.nii.gz"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_volume(path, Volume(array, SPACING_MM))
    described = {
        "channel_names": {"0": "noNorm"},
        "labels": LABELS[form],
        "numTraining": len(CASES),
        "file_ending": ".nii.gz",
    }
    if form == "regions":
        described["regions_class_order"] = [PORTAL, HEPATIC]
    (folder / "dataset.json").write_text(json.dumps(described), encoding="utf-8")


def shrink_plans(path: Path) -> None:
    """Make the networks of nnU-Net's plans tiny: two down-samplings, the fewest that it can supervise deeply."""
    plans = json.loads(path.read_text(encoding="utf-8"))
    for configuration in plans["configurations"].values():
        network = configuration["architecture"]["arch_kwargs"]
        network.update(n_stages=3, features_per_stage=[4, 8, 16], n_conv_per_stage=[1, 1, 1])
        network.update(n_conv_per_stage_decoder=[1, 1])
        for key in ("kernel_sizes", "strides"):
            network[key] = network[key][:3]
        configuration["batch_size"] = 2
    path.write_text(json.dumps(plans), encoding="utf-8")
