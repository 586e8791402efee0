"""Scores beside what a perfect mask on the prepared grid would have."""

import dataclasses

import numpy as np
import pytest

from ramify import evaluate
from ramify.data.case_store import prepare_store, write_case
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.preprocessing.grid import Grid
from ramify.preprocessing.prepare import prepare_case
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from tests.evaluate.pairs import flags, read_json
from tests.preprocessing.drawn_cases import bars_in_a_box

COARSE = PreprocessingSettings(grid=GridSettings(spacing_mm=(2.0, 1.7, 1.7), margin_mm=2))


@pytest.fixture
def folders(tmp_path):
    """Predictions, truths and scores; case a is predicted as well as its prepared grid allows."""
    raw = bars_in_a_box("a")
    arrays, record = prepare_case(raw, COARSE)
    prepare_store(tmp_path / "cases", {})
    write_case(tmp_path / "cases", "a", arrays, record)
    for name in ("predictions", "truths", "organs"):
        (tmp_path / name).mkdir()
    perfect = Grid.from_dict(record["grid"]).mask_to_native(arrays["scales"] > 0) & raw.organ.array
    write_volume(tmp_path / "predictions" / "a.nii.gz", raw.image.with_array(perfect))
    write_volume(tmp_path / "truths" / "a.nii.gz", raw.vessels)
    write_volume(tmp_path / "organs" / "a.nii.gz", raw.organ)
    return tmp_path / "predictions", tmp_path / "truths", tmp_path / "scores"


def call(folders, *more):
    root = folders[0].parent
    return evaluate.main(flags(folders, "--prepared", str(root / "cases"), *more))


def test_a_perfect_prediction_scores_the_ceiling(folders, capsys):
    root = folders[0].parent
    assert call(folders, "--organ", str(root / "organs"), "--report", str(root / "report.html")) == 0
    report = read_json(folders[2])
    ceiling = report["ceiling"]["cases"]["a"]
    assert {"dice", "cldice", "hd95_mm", "scale_1_tsens"} < set(ceiling)
    assert ceiling == {name: report["cases"]["a"][name] for name in ceiling}
    # The grid does lose something.
    assert 0.5 < ceiling["dice"] < 0.95
    assert report["ceiling"]["mean"] == {name: value for name, value in ceiling.items() if value is not None}
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert rows["ceiling"][1] == rows["mean"][1] == f"{ceiling['dice']:.4f}"
    page = (root / "report.html").read_text(encoding="utf-8")
    assert ">ceiling</span></th>" in page
    assert f"; ceiling {ceiling['cldice']:.3f}" in page
    assert f"ceiling: small {ceiling['scale_1_tsens']:.3f}" in page


def test_what_is_measured_otherwise_has_no_ceiling(folders):
    organs = str(folders[0].parent / "organs")
    assert call(folders, "--organ", organs, "--scales.quantiles", "0.5") == 0
    assert set(read_json(folders[2])["ceiling"]["mean"]) == {"dice", "cldice", "hd95_mm"}
    assert call(folders, "--organ", organs, "--skeleton", "scikit-image") == 0
    assert set(read_json(folders[2])["ceiling"]["mean"]) == {"dice", "hd95_mm"}


def test_a_store_that_does_not_fit_is_one_line(folders, tmp_path):
    with pytest.raises(ValueError, match="cases/a: was cut to its organ, and its ceiling is of what was kept; give"):
        call(folders)
    for name in ("predictions", "truths"):
        (tmp_path / name / "a.nii.gz").rename(tmp_path / name / "b.nii.gz")
    with pytest.raises(ValueError, match="cases: none of the cases is among its 1; leave --prepared out"):
        call(folders)
    assert not folders[2].exists()


def test_a_store_of_another_data_set_has_no_ceiling_to_show(folders, tmp_path, capsys):
    organs = ("--organ", str(tmp_path / "organs"))
    raw = bars_in_a_box("a")
    fewer = raw.vessels.array.copy()
    fewer[tuple(np.argwhere(fewer)[0])] = False
    coarser = tuple(2 * side for side in raw.image.spacing_mm)
    none = np.zeros_like(fewer)
    for vessels, spacing in ((fewer, raw.image.spacing_mm), (raw.vessels.array, coarser), (none, raw.image.spacing_mm)):
        image, organ, drawn = (Volume(one, spacing) for one in (raw.image.array, raw.organ.array, vessels))
        other = dataclasses.replace(raw, images={"image": image}, organ=organ, vessels=drawn, structures={})
        write_case(tmp_path / "cases", "a", *prepare_case(other, COARSE))
        assert call(folders, *organs) == 0
        told = capsys.readouterr()
        assert "ceiling" not in read_json(folders[2])
        assert "ceiling" not in told.out
        (line,) = [line for line in told.err.splitlines() if "ceiling" in line]
        assert line.startswith("warning: a: no ceiling, --prepared has another case of that name: shape ")


def test_without_an_organ_the_ceiling_is_of_all_vessels(folders, tmp_path):
    raw = dataclasses.replace(bars_in_a_box("a"), organ=None)
    settings = COARSE.model_copy(update={"grid": GridSettings(crop="volume", spacing_mm=(2.0, 1.7, 1.7))})
    arrays, record = prepare_case(raw, settings)
    write_case(tmp_path / "cases", "a", arrays, record)
    assert call(folders) == 0
    assert read_json(folders[2])["ceiling"]["mean"]["dice"] == record["ceiling"]["dice"]
    with pytest.raises(ValueError, match=r"was not cut to an organ, and its ceiling .*; leave --organ out"):
        call(folders, "--organ", str(tmp_path / "organs"))
