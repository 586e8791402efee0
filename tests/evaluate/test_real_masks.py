"""Real masks against copies of themselves."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from ramify import evaluate
from ramify.data.files import read_mask, write_volume
from tests.evaluate.pairs import flags, read_json


@pytest.mark.integration
def test_a_truth_that_lies_elsewhere_than_its_organ_is_told(real_data: Path, tmp_path: Path, capsys):
    """As they ship, the vessels of case 1 have their origin at 0, and its liver has not; those of case 5 agree."""
    masks = real_data / "ircadb_masks"
    more = ["--prediction-suffix", "_vessel", "--truth-suffix", "_vessel", "--organ", str(masks)]
    chosen = ["--organ-suffix", "_liver", "--cases", "3Dircadb-1", "3Dircadb-5", "--measures", "centreline"]
    assert evaluate.main(flags((masks, masks, tmp_path), *more, *chosen)) == 1
    report = read_json(tmp_path)
    assert report["cases"]["3Dircadb-5"]["cldice"] == 1.0
    assert "3Dircadb-1_liver.nii.gz does not lie on" in report["failed"]["3Dircadb-1"]
    assert "3Dircadb-1_vessel.nii.gz" in capsys.readouterr().err


@pytest.mark.integration
def test_what_is_wrong_with_a_liver_tree_is_seen_where_it_should_be(real_data: Path, tmp_path: Path):
    """A drawn tree against a thickened, a thinned and a broken copy of itself."""
    truth = read_mask(real_data / "liver_trees" / "case0227.nii.gz")
    tree = truth.array
    broken = tree.copy()
    for voxel in np.argwhere(tree)[:: np.count_nonzero(tree) // 40]:
        broken[tuple(slice(max(i - 3, 0), i + 4) for i in voxel)] = False
    copies = {"same": tree, "thick": ndimage.binary_dilation(tree), "thin": ndimage.binary_erosion(tree)}
    for name, copy in {**copies, "broken": broken}.items():
        write_volume(tmp_path / "p" / f"{name}.nii.gz", truth.with_array(copy))
        write_volume(tmp_path / "t" / f"{name}.nii.gz", truth)
    assert evaluate.main(flags((tmp_path / "p", tmp_path / "t", tmp_path / "scores"))) == 0
    report = read_json(tmp_path / "scores")
    rows = report["cases"]
    perfect = {name: float(one["better"] == "higher") for name, one in report["measures"].items()}
    by_chance = rows["same"]["junction_f1_chance"]
    assert {name: rows["same"][name] for name in perfect} == perfect | {"junction_f1_chance": by_chance}
    assert 0 < by_chance < 0.5
    assert (rows["thick"]["sensitivity"], rows["thick"]["tsens"], rows["thick"]["fnr"]) == (1.0, 1.0, 0.0)
    assert rows["thick"]["precision"] < rows["thick"]["tprec"]
    assert rows["thick"]["hd_mm"] == max(truth.spacing_mm)
    assert (rows["thin"]["precision"], rows["thin"]["fpr"]) == (1.0, 0.0)
    # Eroded, the small vessels are gone and the large are there.
    assert rows["thin"]["scale_1_tsens"] < rows["thin"]["scale_3_tsens"]
    assert (rows["broken"]["precision"], rows["broken"]["tprec"]) == (1.0, 1.0)
    assert rows["broken"]["betti0_error"] > 10
    # The totals of lengths forgive what is missed for what is added; what is found does not.
    assert rows["broken"]["length_recall"] < rows["thick"]["length_recall"]
    assert rows["broken"]["branch_detection_rate"] < rows["thick"]["branch_detection_rate"]


def test_a_circle_of_willis_against_itself(real_data: Path, tmp_path: Path, capsys):
    arteries = real_data / "circle_of_willis" / "topcow_ct_roi_003.nii.gz"
    assert evaluate.main(flags((arteries, arteries, tmp_path))) == 1
    assert "12 different labels" in capsys.readouterr().err
    classes = ["--classes", *map(str, range(1, 13)), "15"]
    # This patient has no artery 15: in no mean, and told, for it may be a slip.
    assert evaluate.main(flags((arteries, arteries, tmp_path), *classes)) == 1
    assert "class 15 (label 15): no voxel of it counts in any truth or prediction" in capsys.readouterr().err
    report = read_json(tmp_path)
    scores = {name: section["cases"][arteries.name[:-7]]["cldice"] for name, section in report["classes"].items()}
    assert scores == {**dict.fromkeys(map(str, range(1, 13)), 1.0), "15": None}
    assert report["classes"]["15"]["summary"]["counts"]["both_empty"] == 1
