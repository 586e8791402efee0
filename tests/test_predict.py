"""Prediction lies on the CT's own grid, whatever that is, and bad input costs one line."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from ramify import evaluate, predict
from ramify.data.channel_files import InputCase
from ramify.data.files import read_volume, write_volume
from ramify.data.inputs import read_organ
from ramify.data.volume import Volume
from ramify.disk.digests import fingerprint
from ramify.disk.json_files import read_json
from ramify.preprocessing.intensity import IntensitySettings
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.training.checkpoint import save_checkpoint
from ramify.training.ensemble import Ensemble
from ramify.training.predictor import Predictor
from tests.storage_orders import all_stored, restored
from tests.tiny_checkpoints import untrained_state, write_fold
from tests.turned_ct import GEOMETRY, SHAPE, ct_with_vessel


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_fold(tmp_path / "run", 0)


def answer_with_the_image(predictor: Predictor, monkeypatch) -> None:
    """Replace the network's arithmetic by the identity, so that what comes back shows the way there and back alone."""
    monkeypatch.setattr(
        predictor.ensemble.members[0], "_main_probabilities", lambda image: torch.sigmoid(40 * (image - 0.5))
    )


def test_there_and_back_lies_on_the_ct(checkpoint, monkeypatch):
    image, organ, vessel = ct_with_vessel()
    predictor = Predictor(checkpoint, "cpu")
    answer_with_the_image(predictor, monkeypatch)
    prediction = predictor.predict(image, organ)
    for volume in (prediction.mask, prediction.probabilities):
        assert volume.array.shape == SHAPE
        assert volume.spacing_mm == image.spacing_mm
        assert volume.origin_mm == image.origin_mm
        assert volume.direction == image.direction
    found = prediction.mask.array
    overlap = 2 * (found & vessel).sum() / (found.sum() + vessel.sum())
    assert overlap > 0.85
    assert not found[~organ.array].any()
    assert np.abs(np.argwhere(found).mean(axis=0) - np.argwhere(vessel).mean(axis=0)).max() < 0.3


def test_without_an_organ_the_whole_volume_is_looked_at_at_the_trained_voxel_size(checkpoint, monkeypatch):
    image, _, vessel = ct_with_vessel()
    predictor = Predictor(checkpoint, "cpu")
    seen = []
    monkeypatch.setattr(
        predictor.ensemble.members[0],
        "_main_probabilities",
        lambda part: (seen.append(part.shape), torch.sigmoid(40 * (part - 0.5)))[1],
    )
    found = predictor.predict(image, None).mask.array
    assert 2 * (found & vessel).sum() / (found.sum() + vessel.sum()) > 0.85
    assert {tuple(shape[2:]) for shape in seen} == {(16, 16, 16)}


def test_what_was_done_about_noise_goes_with_its_mask(checkpoint, tmp_path):
    image, organ, _ = ct_with_vessel()
    write_volume(tmp_path / "case.nii.gz", image)
    write_volume(tmp_path / "organ.nii.gz", organ.with_array(organ.array.astype(np.uint8)))
    words = ["--checkpoint", checkpoint.parents[2], "--input", tmp_path / "case.nii.gz", "--device", "cpu"]
    words += ["--organ", tmp_path / "organ.nii.gz", "--output", tmp_path / "out", "--noise"]
    assert predict.main([*map(str, words), "1.0"]) == 0
    assert (tmp_path / "out" / "case_noise.json").is_file()
    assert predict.main([*map(str, words), "off"]) == 0
    assert not (tmp_path / "out" / "case_noise.json").exists()


def test_what_made_a_mask_lies_beside_it_and_stands_in_its_scores(checkpoint, tmp_path, capsys):
    image, _, vessel = ct_with_vessel()
    for name in "case", "other":
        write_volume(tmp_path / "ct" / f"{name}.nii.gz", image)
        write_volume(tmp_path / "truth" / f"{name}.nii.gz", image.with_array(vessel))
    out, page = tmp_path / "out", tmp_path / "report.html"
    words = ["--checkpoint", checkpoint, "--input", tmp_path / "ct", "--device", "cpu", "--output", out]
    assert predict.main([*map(str, words), "--mirror", "x"]) == 0
    evaluated = ["--prediction", out, "--truth", tmp_path / "truth", "--output", tmp_path / "scores"]
    evaluate.main([*map(str, evaluated), "--report", str(page), "--shown.surfaces", "0"])
    (record,) = read_json(tmp_path / "scores" / "metrics.json")["predictions"]
    assert record["networks"] == [{"file": str(checkpoint), "sha256": fingerprint(checkpoint), "epochs": 1}]
    assert record["cases"] == ["case", "other"]
    settings = {key: record["settings"][key] for key in ("mirror", "organ", "precision", "window")}
    assert settings == {"mirror": ["x"], "organ": False, "precision": "float32", "window": None}
    assert f"<dt>Predicted by</dt><dd><div>2 cases: {checkpoint} (epochs 1," in page.read_text("utf-8")
    # A mask that was changed since was made by nobody knows what.
    write_volume(out / "other.nii.gz", image.with_array(vessel))
    evaluate.main(list(map(str, evaluated)))
    (record,) = read_json(tmp_path / "scores" / "metrics.json")["predictions"]
    assert record["cases"] == ["case"]


@pytest.mark.parametrize("cropped", [True, False])
def test_48_storage_orders_of_a_ct_are_one_prediction(checkpoint, cropped):
    """The network's own arithmetic, to the last bit; a CT tilted as a gantry is, with noise and an organ at one end."""
    tilt = Rotation.from_euler("zyx", (3, -8, 12), degrees=True).as_matrix()
    geometry = {**GEOMETRY, "direction": tuple(map(tuple, tilt.tolist()))}
    image, organ, _ = ct_with_vessel()
    noisy = image.array + np.random.default_rng(0).normal(0, 20, SHAPE).astype(np.float32)
    image, organ = Volume(noisy, **geometry), Volume(organ.array, **geometry)
    predictor = Predictor(checkpoint, "cpu")
    expected = predictor.predict(image, organ if cropped else None)
    assert len(np.unique(expected.probabilities.array)) > 1000
    for order, (stored_image, stored_organ) in all_stored(image, organ):
        found = predictor.predict(stored_image, stored_organ if cropped else None)
        for volume, first in ((found.mask, expected.mask), (found.probabilities, expected.probabilities)):
            assert volume.direction == stored_image.direction
            np.testing.assert_array_equal(volume.array, restored(first.array, order))


def test_a_checkpoint_of_another_layout_is_refused(tmp_path):
    save_checkpoint(tmp_path / "other.pt", {**untrained_state((16, 16, 16)), "orientation": "RAS"})
    with pytest.raises(ValueError, match="trained on arrays laid out RAS, this version prepares them LPS"):
        Predictor(tmp_path / "other.pt", "cpu")


def test_what_is_hardly_right_is_told_and_the_case_is_segmented(checkpoint, tmp_path, capsys):
    """HU + 1024, an organ mask of 2 ml with a stray voxel, and a resolution tag as spacing."""
    image, organ, _ = ct_with_vessel()
    array, speck = image.array + 1024, organ.array.copy()
    array[2:5, 5:12, 4:12] = 24
    speck[13, 39, 29] = True
    geometry = {**GEOMETRY, "spacing_mm": (2.5, 0.3528, 0.3528)}
    write_volume(tmp_path / "in" / "patient.nii.gz", Volume(array, **geometry))
    write_volume(tmp_path / "organ.nii.gz", Volume(speck, **geometry))
    words = ["--checkpoint", str(tmp_path / "run"), "--input", str(tmp_path / "in" / "patient.nii.gz")]
    words += ["--organ", str(tmp_path / "organ.nii.gz"), "--output", str(tmp_path / "out"), "--device", "cpu"]
    assert predict.main(words) == 0
    lines = capsys.readouterr().err.splitlines()
    told = [line for line in lines if line.startswith("warning: patient: ")]
    assert len(told) >= 3
    for seen in ("1 component of the organ mask (1 voxel", "dots per inch", "the organ mask has 2.05 ml"):
        assert any(seen in line for line in told), seen
    # The test's network was trained with a window that begins at 0: bright voxels are not doubted for being positive.
    assert any("97% of the organ lies outside the window" in line for line in told)
    assert not read_volume(tmp_path / "out" / "patient.nii.gz").array[13, 39, 29]


def test_a_label_map_for_a_ct_is_refused_before_any_network_looks_at_it(tmp_path, capsys, monkeypatch):
    checkpoint = write_fold(tmp_path / "run", 0)
    monkeypatch.setattr(Ensemble, "averaged", lambda *_, **__: pytest.fail("a network ran"))
    in_hu = IntensitySettings(window=(-150, 250))
    monkeypatch.setattr(PreprocessingSettings, "rules", lambda _, images: dict.fromkeys(images, in_hu))
    _, organ, vessel = ct_with_vessel()
    labels = organ.with_array(organ.array + vessel.astype(np.uint8))
    for case in "first", "other":
        write_volume(tmp_path / f"labelsTr/{case}.nii.gz", labels)
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "labelsTr"), "--device", "cpu"]
    assert predict.main([*words, "--output", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "first.nii.gz: holds 3 whole numbers alone (0, 1, 2): it looks like a label map or mask" in told
    assert "error: other: as first, above" in told
    assert not (tmp_path / "out").exists()


def test_files_there_and_back(checkpoint, tmp_path, monkeypatch, capsys):
    image, organ, _ = ct_with_vessel()
    write_volume(tmp_path / "in" / "patient_0000.nii.gz", image)
    write_volume(tmp_path / "organs" / "patient.nii.gz", organ)
    words = ["--checkpoint", str(tmp_path / "run"), "--input", str(tmp_path / "in")]
    words += ["--organ", str(tmp_path / "organs"), "--output", str(tmp_path / "out"), "--device", "cpu"]
    # Nothing says that _0000 is a channel: it is part of the name, and there is no organ mask of that name.
    assert predict.main(words) == 1
    told = capsys.readouterr().err
    assert "warning: names that end in four digits are kept whole, such as patient_0000" in told
    assert "no organ mask called patient_0000; it holds patient" in told
    assert predict.main([*words, "--channels", "_0000"]) == 0
    assert "1 of 1 cases segmented" in capsys.readouterr().out
    mask, probabilities = (
        read_volume(tmp_path / "out" / name) for name in ("patient.nii.gz", "patient_probabilities.nii.gz")
    )
    for volume in (mask, probabilities):
        assert volume.array.shape == SHAPE
        np.testing.assert_allclose(volume.spacing_mm, image.spacing_mm, rtol=1e-6)
        np.testing.assert_allclose(volume.origin_mm, image.origin_mm, rtol=1e-6)
        np.testing.assert_allclose(volume.direction, image.direction, atol=1e-6)
    assert mask.array.dtype == np.uint8
    np.testing.assert_array_equal(mask.array > 0, probabilities.array >= 0.5)


def test_windows_are_those_of_the_training_or_given(checkpoint, tmp_path, capsys):
    image, organ, _ = ct_with_vessel()
    write_volume(tmp_path / "ct.nii.gz", image)
    write_volume(tmp_path / "organ.nii.gz", organ)
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "ct.nii.gz"), "--device", "cpu"]
    words += ["--organ", str(tmp_path / "organ.nii.gz")]
    found = {}
    for name, more in {"whole": [], "windows": ["--inference.window", "8", "8", "8"]}.items():
        assert predict.main([*words, "--output", str(tmp_path / name), *more]) == 0
        found[name] = read_volume(tmp_path / name / "ct_probabilities.nii.gz").array
    assert not np.array_equal(found["whole"], found["windows"])
    assert predict.main([*words, "--output", str(tmp_path / "odd"), "--inference.window", "7", "8", "8"]) == 1
    assert "inference.window: (7, 8, 8): each axis must be a multiple of 2" in capsys.readouterr().err


def test_the_precision_is_the_trainings_or_given(checkpoint, tmp_path):
    image, organ, _ = ct_with_vessel()
    found = [Predictor(checkpoint, "cpu", precision=name).predict(image, organ) for name in (None, "bfloat16")]
    apart = np.abs(found[0].probabilities.array - found[1].probabilities.array).max()
    assert 0 < apart < 0.05
    assert found[1].probabilities.array.dtype == np.float32
    write_volume(tmp_path / "ct.nii.gz", image)
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "ct.nii.gz"), "--device", "cpu"]
    with pytest.raises(ValueError, match="--precision float16: needs a GPU; on the CPU use bfloat16, float32 or auto"):
        predict.main([*words, "--output", str(tmp_path / "out"), "--precision", "float16"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {}}, r"best\.pt: .*another architecture"),
        ({"config": {"nonsense": 1}}, r"best\.pt: "),
        (
            {"network": {"in_channels": 1, "scales": 3, "ndim": 2}},
            r"best\.pt: prepared\.shape: 3 numbers for a network of 2 axes",
        ),
        (
            {"network": {"in_channels": 2, "scales": 3, "ndim": 3}, "channels": ["a", "b"]},
            r"best\.pt: weights: .*another arch",
        ),
        ({"network": {"in_channels": 2, "scales": 3, "ndim": 3}}, r"best\.pt: channels: 1 names for a network of 2"),
        ({"network": {"in_channels": 1, "scales": None, "ndim": 3}}, r"best\.pt: network\.scales: .*integer"),
        ({"model": None}, r"best\.pt: model: missing"),
        ({"model": [1]}, r"best\.pt: model: .*dictionary"),
        ({"prepared": {"shape": [16, 16, 16]}}, r"best\.pt: prepared\.spacing_mm: missing"),
        ({"preprocessing": {"grid": {}}}, r"best\.pt: preprocessing\.intensity: missing"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(checkpoint, change, message):
    save_checkpoint(checkpoint, {**untrained_state((16, 16, 16)), **change})
    with pytest.raises(ValueError, match=message) as caught:
        Predictor(checkpoint, "cpu")
    assert "\n" not in str(caught.value)


def test_an_image_of_other_dimensions_is_refused(checkpoint):
    with pytest.raises(ValueError, match=r"has 2 axes, the network was trained on 3"):
        Predictor(checkpoint, "cpu").predict(Volume(np.eye(8, dtype=np.float32), (1.0, 1.0)), None)


def test_the_channel_of_the_training_is_taken_or_refused_by_name(checkpoint, tmp_path, capsys):
    source = {"form": "nnunet", "files": [1], "known_files": [0, 1]}
    save_checkpoint(checkpoint, {**untrained_state((16, 16, 16)), "source": source})
    image, _, _ = ct_with_vessel()
    for name, values in (("c_0000", 0 * image.array), ("c_0001", image.array), ("d_0000", image.array)):
        write_volume(tmp_path / "in" / f"{name}.nii.gz", image.with_array(values))
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    words += ["--device", "cpu", "--no-probabilities"]
    assert predict.main(words) == 1
    captured = capsys.readouterr()
    assert "1 of 2 cases segmented" in captured.out
    assert "error: d: " in captured.err
    assert "no file d_0001 beside it" in captured.err
    assert [path.name for path in (tmp_path / "out").glob("*.nii.gz")] == ["c.nii.gz"]
    with pytest.raises(ValueError, match="--channels _0000: the network was trained on channel _0001"):
        predict.main([*words, "--channels", "_0000"])


def test_the_organ_in_a_label_map(checkpoint, tmp_path, capsys):
    image, organ, _ = ct_with_vessel()
    write_volume(tmp_path / "ct.nii.gz", image)
    write_volume(tmp_path / "organ.nii.gz", organ)
    labels = organ.array.astype(np.uint8) * 5
    labels[0], labels[-1] = 1, 3
    write_volume(tmp_path / "total.nii.gz", organ.with_array(labels))
    words = ["--checkpoint", str(checkpoint), "--input", str(tmp_path / "ct.nii.gz"), "--device", "cpu"]
    assert predict.main([*words, "--organ", str(tmp_path / "total.nii.gz"), "--output", str(tmp_path / "x")]) == 1
    assert "say which of them are the organ with --organ-labels" in capsys.readouterr().err
    found = {}
    for name, more in {"organ": [], "total": ["--organ-labels", "5"]}.items():
        organs = ["--organ", str(tmp_path / f"{name}.nii.gz"), *more]
        assert predict.main([*words, *organs, "--output", str(tmp_path / name)]) == 0
        found[name] = read_volume(tmp_path / name / "ct_probabilities.nii.gz").array
    assert np.array_equal(found["organ"], found["total"])
    organs = ["--organ", str(tmp_path / "total.nii.gz"), "--organ-labels", "7"]
    assert predict.main([*words, *organs, "--output", str(tmp_path / "x")]) == 1
    assert "holds no organ (label 7); it has 1, 3, 5" in capsys.readouterr().err
    with pytest.raises(ValueError, match="--organ-labels: there is no --organ"):
        predict.main([*words, "--organ-labels", "5", "--output", str(tmp_path / "x")])


def test_a_missing_or_misplaced_organ_is_named(tmp_path):
    image, organ, _ = ct_with_vessel()
    write_volume(tmp_path / "organs" / "other.nii.gz", organ)
    case = InputCase("patient", tmp_path / "patient.nii.gz")
    with pytest.raises(FileNotFoundError, match=r"no organ mask called patient; it holds other"):
        read_organ(tmp_path / "organs", case, image, resample=False)
    moved = Volume(organ.array, GEOMETRY["spacing_mm"], (0.0, 0.0, 0.0), GEOMETRY["direction"])
    write_volume(tmp_path / "moved.nii.gz", moved)
    with pytest.raises(ValueError, match=r"moved\.nii\.gz does not lie on image.*--resample-masks"):
        read_organ(tmp_path / "moved.nii.gz", case, image, resample=False)
    assert read_organ(None, case, image, resample=False) is None
