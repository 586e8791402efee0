"""A bundle, run by MONAI alone, gives what predict.py gives."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ramify.data.files import read_volume, write_volume
from ramify.data.volume import Volume
from ramify.exporting.bundle import FILES, bundle_of
from ramify.exporting.trained import load_trained
from ramify.tasks.class_table import SINGLE, ClassTable
from ramify.training.predictor import Predictor
from tests.exporting.checkpoints import CLASSES, EVERY_VESSEL, trained, write_checkpoint

nibabel = pytest.importorskip("nibabel", reason="nibabel is not installed")
ignite = pytest.importorskip("ignite", reason="pytorch-ignite is not installed")

# A CT whose axes run otherwise than those of prepared arrays.
SHUFFLED: dict[str, Any] = {
    "origin_mm": (-30.0, 20.0, 10.5),
    "direction": ((0.0, 0.0, -1.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0)),
}
NATIVE = {"grid": {"crop": "volume"}, "intensity": {"window": (0.0, 100.0)}}
ODD, EVEN = (18, 21, 14), (18, 20, 14)
LARGE = ClassTable.model_validate({"classes": {"portal": {"values": [40_000]}, "hepatic": {"values": [7]}}})
REGIONS = ClassTable.model_validate({**CLASSES.model_dump(mode="json"), **EVERY_VESSEL})


def ct(spacing_mm: tuple[float, ...] = (1.5, 1.5, 1.5), shape: tuple[int, ...] = ODD) -> Volume:
    """Noise smooth enough to be resampled by any rule, and clipped at both ends of the window, as a CT is by air."""
    noise = np.random.default_rng(0).normal(50.0, 200.0, shape)
    for axis in range(3):
        for _ in range(3):
            noise = (np.roll(noise, 1, axis) + 2 * noise + np.roll(noise, -1, axis)) / 4
    return Volume(noise.astype(np.float32), spacing_mm, **SHUFFLED)


def write(checkpoint: Path, folder: Path) -> Path:
    for name, content in bundle_of(load_trained(checkpoint), "vessels").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def run(bundle: Path, image: Volume) -> tuple[Volume, np.ndarray]:
    """The mask that the bundle's own workflow writes, and the probabilities it was made of, on the image's grid."""
    write_volume(bundle / "images" / "a.nii.gz", image)
    seen: list[torch.Tensor] = []

    def keep(probabilities: Any) -> Any:
        seen.append(probabilities.as_tensor().clone())
        return probabilities

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MONAI, nibabel and torch.jit about themselves
        from monai.bundle import ConfigParser

        parser = ConfigParser()
        parser.read_config(bundle / "configs" / "inference.json")
        parser["bundle_root"] = str(bundle)
        transforms = parser["postprocessing"]["transforms"]
        parser["keep"] = keep
        transforms.insert(1, {"_target_": "Lambdad", "keys": "pred", "func": "@keep"})
        parser.get_parsed_content("run")
    # nibabel's axes run the other way round.
    return read_volume(bundle / "eval" / "a_vessels.nii.gz"), seen[0].numpy().transpose(0, 3, 2, 1)


@pytest.mark.parametrize("table", [SINGLE, CLASSES, LARGE, REGIONS], ids=["vessels", "classes", "large", "regions"])
def test_a_bundle_writes_what_predict_writes(table: ClassTable, tmp_path):
    checkpoint = write_checkpoint(tmp_path / "best.pt", table=table, preprocessing=NATIVE)
    mask, probabilities = run(write(checkpoint, tmp_path / "vessels"), ct())
    ours = Predictor(checkpoint, "cpu").predict(ct(), None)
    assert mask.spacing_mm == pytest.approx(ours.mask.spacing_mm)
    assert mask.origin_mm == pytest.approx(ours.mask.origin_mm)
    np.testing.assert_allclose(mask.direction, ours.mask.direction, atol=1e-6)
    expected = [ours.probabilities] if not ours.of_classes else list(ours.of_classes.values())
    for one, other in zip(probabilities, expected, strict=True):
        np.testing.assert_allclose(one, other.array, rtol=0, atol=1e-4)
    labels = ours.mask.array if ours.labels is None else ours.labels.array
    assert len(np.unique(labels)) > 1
    assert np.array_equal(mask.array, labels)


@pytest.mark.parametrize(
    ("preprocessing", "shape"),
    [
        ({"grid": {"crop": "volume"}, "intensity": {"method": "percentile", "output_range": "minus_one_one"}}, ODD),
        ({"grid": {"crop": "volume"}, "intensity": {"method": "foreground", "foreground": [5, 90, 50, 20]}}, ODD),
        ({"grid": {"crop": "volume"}, "intensity": {"method": "z_score"}}, EVEN),
        ({"grid": {"crop": "volume"}, "intensity": {"method": "none"}}, EVEN),
        ({"grid": {"crop": "volume", "size": [20, 24, 32]}, "intensity": {"window": [0, 100]}}, ODD),
        ({"grid": {"crop": "volume", "spacing_mm": [0.75] * 3}, "intensity": {"window": [0, 100]}}, ODD),
    ],
    ids=["percentile", "foreground", "z_score", "none", "size", "spacing"],
)
def test_images_are_seen_as_in_the_training(preprocessing: dict[str, Any], shape: tuple[int, ...], tmp_path):
    """An image that has to be enlarged, or padded at values that are its own lowest, is the same to the last digits."""
    checkpoint = write_checkpoint(tmp_path / "best.pt", preprocessing=preprocessing)
    image = ct(shape=shape)
    _, probabilities = run(write(checkpoint, tmp_path / "vessels"), image)
    ours = Predictor(checkpoint, "cpu").predict(image, None).probabilities.array
    assert ours.std() > 0.01
    np.testing.assert_allclose(probabilities[0], ours, rtol=0, atol=1e-3)


def test_windows_lie_where_they_lie_in_a_prediction(tmp_path):
    """Longer than the window along two axes, no multiple of the network's along one; shorter along the last."""
    checkpoint = write_checkpoint(tmp_path / "best.pt", preprocessing=NATIVE, window=(16, 16, 16))
    _, probabilities = run(write(checkpoint, tmp_path / "vessels"), ct())
    ours = Predictor(checkpoint, "cpu").predict(ct(), None).probabilities.array
    np.testing.assert_allclose(probabilities[0], ours, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("grid", "least"), [({}, 0.97), ({"crop": "volume", "size": [16, 20, 18]}, 0.99)], ids=["spacing", "size"]
)
def test_noise_is_averaged_where_an_image_shrinks(grid: dict[str, Any], least: float, tmp_path):
    """White noise is the worst there is: interpolated alone, the two would correlate by 0.8.

    By voxel size, MONAI cuts off what the last voxel is too long, and ours fits the voxels to the volume.
    """
    preprocessing = {"grid": grid, "intensity": {"window": (0.0, 100.0)}}
    checkpoint = write_checkpoint(tmp_path / "best.pt", preprocessing=preprocessing)
    noise = np.random.default_rng(0).normal(50.0, 60.0, (48, 60, 54)).astype(np.float32)
    image = Volume(noise, (0.5, 0.6, 0.7), **SHUFFLED)
    _, probabilities = run(write(checkpoint, tmp_path / "vessels"), image)
    ours = Predictor(checkpoint, "cpu").predict(image, None).probabilities.array
    assert np.corrcoef(probabilities[0].ravel(), ours.ravel())[0, 1] > least


def test_the_metadata_is_of_the_network(tmp_path):
    bundle = write(write_checkpoint(tmp_path / "best.pt", table=CLASSES), tmp_path / "vessels")
    assert {path.relative_to(bundle).as_posix() for path in bundle.rglob("*.*")} == set(FILES)
    told = json.loads((bundle / "configs" / "metadata.json").read_text())
    assert told["required_packages_version"] == {"nibabel": nibabel.__version__, "pytorch-ignite": ignite.__version__}
    pred = told["network_data_format"]["outputs"]["pred"]
    assert pred["channel_def"] == {"0": "background", "3": "portal", "7": "hepatic"}
    assert told["pred_classes"] == "2 channel(s) of probabilities, 0 portal, 1 hepatic"
    assert told["label_classes"] == "values of the mask, 0 background, 3 portal, 7 hepatic"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.bundle import verify_net_in_out

        # Raises where shapes or types of input and output are not as told.
        verify_net_in_out(
            "network_def",
            meta_file=str(bundle / "configs" / "metadata.json"),
            config_file=str(bundle / "configs" / "inference.json"),
            device="cpu",
            bundle_root=str(bundle),
        )


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ValueError, match="of volumes alone"):
        bundle_of(trained(tmp_path / "flat.pt", (16, 16)), "vessels")
    rules = {"channels": {"pet": {"method": "z_score"}}}
    network = trained(tmp_path / "two.pt", preprocessing=rules, channels=("ct", "pet"))
    with pytest.raises(ValueError, match="scaled by different rules"):
        bundle_of(network, "vessels")
