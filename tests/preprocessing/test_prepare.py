"""From a raw case to a prepared one."""

import dataclasses
import json
import warnings

import numpy as np
import pytest

from ramify.data.adapters.form_settings import IrcadbSettings
from ramify.data.adapters.ircadb import IrcadbAdapter
from ramify.disk.json_files import to_json
from ramify.preprocessing.grid import Grid
from ramify.preprocessing.intensity import IntensitySettings
from ramify.preprocessing.prepare import prepare_case, prepare_image
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.tube import tubed_skeleton
from tests.preprocessing.drawn_cases import bars_in_a_box

NATIVE = PreprocessingSettings(grid=GridSettings(margin_mm=2))


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_prepared_case_holds_what_training_needs(ndim):
    raw = bars_in_a_box(ndim=ndim)
    arrays, record = prepare_case(raw, NATIVE)
    grid = Grid.from_dict(record["grid"])
    assert {name: array.dtype for name, array in arrays.items()} == {
        "image": np.float32,
        "organ": np.uint8,
        "scales": np.uint8,
        "skeleton": np.uint8,
        "tubed_skeleton": np.uint8,
        "branches": np.int32,
    }
    image = arrays.pop("image")
    assert image.shape == (1, *grid.shape)
    assert {array.shape for array in arrays.values()} == {grid.shape}
    assert record["shape"] == list(grid.shape)
    assert record["spacing_mm"] == list(raw.image.spacing_mm)
    inside = (raw.vessels.array & raw.organ.array)[grid.crop_box]
    np.testing.assert_array_equal(arrays["scales"] > 0, inside)
    np.testing.assert_array_equal(arrays["branches"] > 0, inside)
    np.testing.assert_array_equal(arrays["organ"], raw.organ.array[grid.crop_box])
    assert not (arrays["skeleton"].astype(bool) & ~inside).any()
    np.testing.assert_array_equal(arrays["tubed_skeleton"], tubed_skeleton(inside, 2, raw.image.spacing_mm))
    # The window -150 … 250 puts 100 HU at 0.625.
    parenchyma = raw.organ.array[grid.crop_box] & ~raw.vessels.array[grid.crop_box]
    assert image[0][parenchyma].mean() == pytest.approx(0.625, abs=0.005)


def test_the_three_bars_are_the_three_scales():
    raw = bars_in_a_box()
    arrays, record = prepare_case(raw, NATIVE)
    rows = {row: set(np.unique(arrays["scales"][:, row - 3])) - {0} for row in (8, 15, 26)}
    assert rows == {8: {1}, 15: {2}, 26: {3}}
    scales = record["scales"]
    assert scales["branches"] == [1, 1, 1]
    assert scales["voxels"] == [np.count_nonzero(arrays["scales"] == scale) for scale in (1, 2, 3)]
    assert sum(scales["voxels"]) == record["prepared_voxels"]["vessels"]
    assert len(scales["radii_mm"]) == 3
    assert len(scales["thresholds_mm"]) == 2


def test_voxels_are_counted_before_anything_is_changed():
    raw = bars_in_a_box()
    _, record = prepare_case(raw, PreprocessingSettings(grid=GridSettings(size=(16, 16, 16))))
    thin, middle, thick, outside = 30 * 1, 30 * 3, 30 * 6 * 3, 30 * 3
    assert record["native_voxels"] == {
        "organ": 16 * 30 * 34,
        "vessels": thin + middle + thick + outside,
        "portalvein": thin + thick,
        "venoussystem": middle + outside,
    }
    assert record["native_voxels_inside_organ"] == {
        "vessels": thin + middle + thick,
        "portalvein": thin + thick,
        "venoussystem": middle,
    }
    assert record["notes"][-1] == f"{outside:,} vessel voxels outside the organ were left out"


def test_vessels_outside_the_organ_stay_if_so_wished():
    settings = PreprocessingSettings(grid=GridSettings(crop="volume"), restrict_to_organ=False)
    raw = bars_in_a_box()
    arrays, record = prepare_case(raw, settings)
    np.testing.assert_array_equal(arrays["scales"] > 0, raw.vessels.array)
    assert record["notes"] == []


def test_without_an_organ_mask_the_whole_volume_is_used_and_told():
    raw = bars_in_a_box(with_organ=False)
    arrays, record = prepare_case(raw, PreprocessingSettings(grid=GridSettings(crop="volume")))
    assert arrays["organ"].all()
    np.testing.assert_array_equal(arrays["scales"] > 0, raw.vessels.array)
    assert record["organ_given"] is False
    assert record["native_voxels_inside_organ"] == {}
    assert "no organ mask" in record["notes"][0]


def test_the_record_is_plain_data_without_time_or_place():
    raw = bars_in_a_box()
    arrays, record = prepare_case(raw, NATIVE)
    again_arrays, again = prepare_case(bars_in_a_box(), NATIVE)
    text = to_json(record)
    assert text == to_json(again)
    assert all(arrays[name].tobytes() == again_arrays[name].tobytes() for name in arrays)
    assert PreprocessingSettings.model_validate(json.loads(text)["settings"]) == NATIVE
    assert '"/' not in text


def test_resampled_scales_keep_their_place():
    raw = bars_in_a_box()
    settings = PreprocessingSettings(grid=GridSettings(spacing_mm=(1.0, 0.7, 0.7), margin_mm=2))
    arrays, record = prepare_case(raw, settings)
    grid = Grid.from_dict(record["grid"])
    back = grid.to_native((arrays["scales"] == 3).astype(np.float32)) >= 0.5
    thick = np.zeros_like(back)
    thick[10:13, 24:30, 8:38] = True
    assert 2 * (back & thick).sum() / (back.sum() + thick.sum()) > 0.95
    assert record["prepared_voxels"]["vessels"] * np.prod(grid.spacing_mm) == pytest.approx(
        record["native_voxels_inside_organ"]["vessels"] * 2.0, rel=0.1
    )


def test_any_number_of_scales():
    for quantiles in ((), (0.5,), (0.2, 0.4, 0.6, 0.8)):
        settings = PreprocessingSettings(grid=GridSettings(), scales=ScaleSettings(quantiles=quantiles))
        _, record = prepare_case(bars_in_a_box(), settings)
        assert len(record["scales"]["voxels"]) == len(quantiles) + 1
        assert sum(record["scales"]["branches"]) == len(record["scales"]["radii_mm"])


def test_tied_quartiles_are_noted_and_raise_no_warning():
    raw = bars_in_a_box()
    only = np.zeros_like(raw.vessels.array)
    only[10, 8, 8:38] = True
    raw = dataclasses.replace(raw, vessels=raw.image.with_array(only), structures={})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, record = prepare_case(raw, NATIVE)
    assert any("quantiles 0.25 and 0.75" in note for note in record["scales"]["notes"])
    assert record["scales"]["branches"] == [1, 0, 0]


def test_prediction_and_training_see_the_same_image():
    raw = bars_in_a_box()
    settings = PreprocessingSettings(
        grid=GridSettings(size=(12, 32, 32)), intensity=IntensitySettings(method="percentile")
    )
    arrays, record = prepare_case(raw, settings)
    prepared = prepare_image({"image": raw.image}, raw.organ, settings)
    np.testing.assert_array_equal(prepared.image, arrays["image"])
    np.testing.assert_array_equal(prepared.organ, arrays["organ"] > 0)
    assert prepared.grid == Grid.from_dict(record["grid"])


def two_channels():
    raw = bars_in_a_box()
    pet = np.random.default_rng(1).gamma(2.0, 3.0, raw.image.shape).astype(np.float32)
    return dataclasses.replace(raw, images={"ct": raw.image, "pet": raw.image.with_array(pet)})


def test_each_channel_is_scaled_by_its_own_rule():
    raw = two_channels()
    settings = PreprocessingSettings(
        intensity=IntensitySettings(output_range="minus_one_one"),
        channels={"pet": IntensitySettings(method="percentile")},
    )
    # What a channel's rule leaves out is as in the general one, in a checkpoint as well.
    rule = settings.channels["pet"]
    assert (rule.method, rule.output_range) == ("percentile", "minus_one_one")
    assert PreprocessingSettings.model_validate(settings.model_dump(mode="json")) == settings
    arrays, record = prepare_case(raw, settings)
    assert record["channels"] == ["ct", "pet"]
    for number, (name, of_channel) in enumerate((("ct", settings.intensity), ("pet", rule))):
        single = dataclasses.replace(raw, images={name: raw.images[name]})
        alone = prepare_case(single, PreprocessingSettings(intensity=of_channel))
        np.testing.assert_array_equal(arrays["image"][number], alone[0]["image"][0])
    np.testing.assert_array_equal(prepare_image(raw.images, raw.organ, settings).image, arrays["image"])


def test_a_channel_at_fault_is_named():
    raw = two_channels()
    with pytest.raises(ValueError, match=r"no channel 'mr'; the image has ct, pet"):
        prepare_case(raw, PreprocessingSettings(channels={"mr": IntensitySettings()}))
    raw = dataclasses.replace(raw, images={"ct": raw.image, "pet": raw.image.with_array(np.ones(raw.image.shape))})
    with pytest.raises(ValueError, match=r"case case_1, channel pet: constant, every voxel is 1"):
        prepare_case(raw, NATIVE)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("quantiles", [(), (0.25, 0.75)])
def test_a_case_without_a_vessel_is_kept(ndim, quantiles):
    raw = bars_in_a_box(ndim=ndim)
    raw = dataclasses.replace(raw, vessels=raw.image.with_array(np.zeros(raw.image.shape, bool)), structures={})
    settings = PreprocessingSettings(grid=GridSettings(margin_mm=2), scales=ScaleSettings(quantiles=quantiles))
    arrays, record = prepare_case(raw, settings)
    for name in ("scales", "skeleton", "tubed_skeleton", "branches"):
        assert arrays[name].shape == arrays["image"].shape[1:]
        assert not arrays[name].any()
    count = len(quantiles) + 1
    scales = record["scales"]
    assert (scales["count"], scales["thresholds_mm"], scales["radii_mm"]) == (count, [], [])
    assert scales["voxels"] == scales["branches"] == [0] * count
    assert record["warnings"] == record["notes"]
    assert "its vessel mask is empty: kept as a case without a vessel" in record["warnings"][0]


# --- bad input -----------------------------------------------------------------------------------------------------


def with_image(raw, change):
    array = raw.image.array.copy()
    change(array)
    return dataclasses.replace(raw, images={"image": raw.image.with_array(array)})


def with_nan(array):
    array[3, 4, 5] = np.nan


def keeping(raw, keep):
    return dataclasses.replace(raw, vessels=raw.image.with_array(raw.vessels.array & keep), structures={})


OUTSIDE_ONLY = np.zeros((24, 40, 44), bool)
OUTSIDE_ONLY[:, :4] = True
ONE_VOXEL = np.zeros((24, 40, 44), bool)
ONE_VOXEL[10, 8, 20] = True


@pytest.mark.parametrize(
    ("raw", "settings", "message"),
    [
        (with_image(bars_in_a_box(), with_nan), NATIVE, r"1 voxels are NaN or infinite, the first at \(3, 4, 5\)"),
        (with_image(bars_in_a_box(), lambda array: array.fill(7)), NATIVE, "constant, every voxel is 7"),
        (keeping(bars_in_a_box(), OUTSIDE_ONLY), NATIVE, "none of its 90 vessel voxels lies inside the organ"),
        (bars_in_a_box(with_organ=False), NATIVE, r"no organ mask.*--preprocessing\.grid\.crop volume"),
        (bars_in_a_box(), PreprocessingSettings(grid=GridSettings(size=(8, 8))), "size: expected 3 numbers"),
        (
            keeping(bars_in_a_box(), ONE_VOXEL),
            PreprocessingSettings(grid=GridSettings(size=(2, 2, 2))),
            "none of its 1 vessel voxels is left on the prepared grid",
        ),
    ],
)
def test_a_case_that_cannot_be_prepared_is_one_line_that_names_it(raw, settings, message):
    with pytest.raises(ValueError, match=message) as raised:
        prepare_case(raw, settings)
    assert str(raised.value).startswith("case case_1: ")
    assert "\n" not in str(raised.value)


# --- the real patient ----------------------------------------------------------------------------------------------


@pytest.mark.integration
def test_the_voxels_of_a_real_patient(real_data):
    root = real_data / "ircadb"
    if not root.is_dir():
        pytest.skip(f"no 3D-IRCADb case in {real_data}")
    adapter = IrcadbAdapter(root, IrcadbSettings())
    raw = adapter.load("3Dircadb1.17")
    # A coarse grid: the counts are those of the native one.
    _, record = prepare_case(raw, PreprocessingSettings(grid=GridSettings(spacing_mm=(3.0, 3.0, 3.0))))
    assert record["native_voxels"]["organ"] == 2_106_497
    inside = record["native_voxels_inside_organ"]
    assert (inside["portalvein"], inside["venoussystem"], inside["vessels"]) == (22_091, 31_348, 53_439)


def test_an_empty_organ_is_called_so():
    raw = bars_in_a_box()
    empty = dataclasses.replace(raw, organ=raw.organ.with_array(np.zeros(raw.organ.shape, bool)))
    for crop in ("organ", "volume"):
        with pytest.raises(ValueError, match="case case_1: the organ mask is empty"):
            prepare_case(empty, PreprocessingSettings(grid=GridSettings(crop=crop)))
