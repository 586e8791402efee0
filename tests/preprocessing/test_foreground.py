"""The grey values of all vessels: what they are, looked at once, and noticed where the cases changed."""

import dataclasses
import json

import numpy as np
import pytest

from ramify.data.case_store import read_case, read_dataset
from ramify.data.files import write_volume
from ramify.data.raw_case import RawCase
from ramify.preprocess import main
from ramify.preprocessing import foreground
from ramify.preprocessing.foreground import changed_numbers, describe, look_at, numbers_of
from ramify.preprocessing.intensity import IntensitySettings, normalise
from ramify.preprocessing.settings import PreprocessingSettings
from tests.preprocess.pairs import arguments, call, tree, write_pairs
from tests.preprocessing.drawn_cases import bars_in_a_box

FOREGROUND = PreprocessingSettings(intensity=IntensitySettings(method="foreground"))


def test_the_numbers_are_those_of_all_voxels_where_cases_are_as_large():
    random = np.random.default_rng(0)
    cases = [random.normal(mean, 20, 50_000) for mean in (100, 140, 200)]
    every = np.concatenate(cases)
    expected = (*np.percentile(every, (0.5, 99.5)), every.mean(), every.std())
    np.testing.assert_allclose(numbers_of([describe(case) for case in cases]), expected, rtol=1e-2)


def test_cases_count_alike_however_many_voxels_they_have():
    lower, upper, mean, deviation = numbers_of([describe(np.full(2, 10.0)), describe(np.full(100_000, 20.0))])
    assert (lower, upper, mean, deviation) == (10, 20, 15, 5)


def test_a_ct_is_scaled_as_by_nnunet():
    image = np.array([[-500.0, 60.0], [140.0, 900.0]])
    settings = IntensitySettings(method="foreground", foreground=(50, 250, 140, 40))
    expected = (np.clip(image, 50, 250) - 140) / 40
    np.testing.assert_allclose(normalise(image, settings), expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"^scan: .* all lie outside the vessels' 50 to 250"):
        normalise(np.array([0.0, 1.0]), settings, name="scan")
    with pytest.raises(ValueError, match=r"scan: the method foreground has no numbers; preprocess\.py takes them"):
        normalise(image, IntensitySettings(method="foreground"), name="scan")


def test_vessels_count_inside_the_organ_and_in_channels_that_ask():
    raw = bars_in_a_box()
    second = raw.image.with_array(raw.image.array * 2)
    raw = dataclasses.replace(raw, images={"ct": raw.image, "pet": second})
    settings = PreprocessingSettings(channels={"pet": IntensitySettings(method="foreground")})
    inside = raw.vessels.array & raw.organ.array
    found = look_at(raw, settings)
    assert list(found) == ["pet"]
    assert found["pet"].mean == pytest.approx(second.array[inside].mean())
    everywhere = look_at(raw, settings.model_copy(update={"restrict_to_organ": False}))
    assert everywhere["pet"].mean == pytest.approx(second.array[raw.vessels.array].mean())


def foreground_call(root, output, capsys, *more):
    method = ("--preprocessing.intensity.method", "foreground", "--folds.folds", "2")
    return call(arguments(root, output, *method, *more), capsys)


@pytest.mark.usefixtures("cases_in_this_process")
def test_a_store_is_scaled_by_the_vessels_of_all_its_cases(tmp_path, capsys, monkeypatch):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    code, out, err = foreground_call(root, output, capsys)
    assert code == 0, err
    numbers = read_dataset(output)["preprocessing"]["channels"]["image"]["foreground"]
    of_cases = []
    for name in ("case_1", "case_2"):
        case = read_case(output, name)
        assert case.settings["channels"]["image"]["foreground"] == numbers
        of_cases.append(np.asarray(case.arrays["image"][0])[np.asarray(case.arrays["scales"]) > 0])
    # On their own voxels, the vessels of all cases are what is scaled to a mean of 0 and a deviation of 1.
    assert np.mean(of_cases) == pytest.approx(0, abs=0.02)
    assert np.std(of_cases) == pytest.approx(1, abs=0.02)
    assert f"vessels:  channel image: {numbers[0]:g} to {numbers[1]:g}" in out

    # Started again, no case is looked at, and the store is as it was.
    before = tree(output)
    monkeypatch.setattr(foreground, "look_at", lambda *_: pytest.fail("a case was looked at again"))
    assert foreground_call(root, output, capsys)[0] == 0
    assert tree(output) == before


@pytest.mark.usefixtures("cases_in_this_process")
@pytest.mark.parametrize("before", ["window", "foreground"])
def test_a_store_that_was_made_otherwise_is_refused_before_a_case_is_looked_at(tmp_path, capsys, monkeypatch, before):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    method = ("--preprocessing.intensity.method", before, "--folds.folds", "2")
    assert call(arguments(root, output, *method), capsys)[0] == 0
    there = tree(output)
    monkeypatch.setattr(foreground, "look_at", lambda *_: pytest.fail("a case was looked at"))
    code, _, err = foreground_call(root, output, capsys, "--preprocessing.tube-radius", "1")
    assert code == 2
    assert "was made with other settings" in err
    assert tree(output) == there


@pytest.mark.usefixtures("cases_in_this_process")
def test_a_pass_that_was_interrupted_goes_on(tmp_path, capsys, monkeypatch):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    whole = tmp_path / "whole"
    assert foreground_call(root, whole, capsys)[0] == 0

    def without_second(raw: RawCase, settings: PreprocessingSettings) -> dict[str, foreground.GreyValues | None]:
        if raw.case_id == "case_2":
            raise OSError("case_2: the disk is gone")
        return look_at(raw, settings)

    monkeypatch.setattr(foreground, "look_at", without_second)
    code, out, err = foreground_call(root, output, capsys)
    assert code == 1
    assert "1 of 2 cases failed; the method foreground needs the vessels of all" in out
    assert "case_2" in err
    assert [case["case_id"] for case in json.loads((output / "foreground.json").read_text())["cases"]] == ["case_1"]
    monkeypatch.setattr(foreground, "look_at", look_at)
    assert foreground_call(root, output, capsys)[0] == 0
    assert (output / "dataset.json").read_text() == (whole / "dataset.json").read_text()


@pytest.mark.usefixtures("cases_in_this_process")
def test_a_change_of_the_cases_is_noticed_and_given_numbers_are_obeyed(tmp_path, capsys):
    root, output = write_pairs(tmp_path / "in"), tmp_path / "cases"
    assert foreground_call(root, output, capsys)[0] == 0
    numbers = read_dataset(output)["preprocessing"]["channels"]["image"]["foreground"]
    raw = bars_in_a_box()
    write_volume(root / "images/case_2.nii.gz", raw.image.with_array(raw.image.array + 50))
    code, _, err = foreground_call(root, output, capsys)
    assert code == 2
    assert "the vessels of all cases have other grey values than when this store was begun (channel image: " in err
    rule = f"image: {{method: foreground, foreground: [{', '.join(f'{value:g}' for value in numbers)}]}}"
    assert rule in err

    # What the line says is obeyed: the changed case is made anew, by the numbers that were.
    (tmp_path / "own.yaml").write_text(f"preprocessing:\n  channels:\n    {rule}\n")
    code, _, err = foreground_call(root, output, capsys, "--config", str(tmp_path / "own.yaml"))
    assert code == 0, err
    assert "case_2: images/case_2.nii.gz changed since it was prepared: made anew" in err
    assert read_dataset(output)["preprocessing"]["channels"]["image"]["foreground"] == numbers


def test_what_differs_otherwise_is_told_otherwise():
    rule = IntensitySettings(method="foreground", foreground=(50, 250, 140, 40))
    one = PreprocessingSettings(channels={"ct": rule}, tube_radius=1)
    other = PreprocessingSettings(channels={"ct": rule}, tube_radius=2)
    assert changed_numbers(one.model_dump(mode="json"), other) is None
    assert changed_numbers(one.model_dump(mode="json"), one) is None
    assert changed_numbers(None, one) is None


@pytest.mark.usefixtures("cases_in_this_process")
def test_vessels_of_one_value_and_cases_without_vessels_are_no_foreground(tmp_path):
    raw = bars_in_a_box()
    for name, vessels, value in (("none", np.zeros_like(raw.vessels.array), 0), ("one", raw.vessels.array, 90)):
        root = tmp_path / name
        image = np.where(raw.vessels.array, value, raw.image.array)
        write_volume(root / "images/a.nii.gz", raw.image.with_array(image.astype(np.float32)))
        write_volume(root / "labels/a.nii.gz", raw.vessels.with_array(vessels))
        argv = arguments(root, tmp_path / f"{name}_cases", "--preprocessing.intensity.method", "foreground")
        with pytest.raises(ValueError, match=f"{'no case has a vessel' if name == 'none' else 'one grey value, 90'}"):
            main([*argv, "--preprocessing.grid.crop", "volume"])
