"""A learned clean-up is obeyed by prediction: the threshold, small and far pieces, each class by itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ramify import predict
from ramify.data.clean_up_note import CLEAN_UP
from ramify.data.files import read_label_map, read_volume, write_volume
from ramify.data.volume import Volume
from ramify.tasks.class_table import SINGLE, ClassTable
from ramify.tasks.formulation import Tasks
from ramify.training.clean_up import CleanUp, MaskRule, clean_up_of, cleaned_class_map
from ramify.training.predictor import Predictor
from ramify.training.segmentation import class_map_of
from tests.tiny_checkpoints import untrained_state, write_fold

TWO = ClassTable.model_validate({"classes": {"portal": 3, "hepatic": 7}})
VESSELS, CLASSES = Tasks("vessels", "none", 3), Tasks("classes", "none", 3, TWO)
SPACING_MM = (2.0, 1.0)


def rows(*text: str) -> np.ndarray:
    """Probabilities of one class, a digit a voxel, in tenths."""
    return np.array([[int(sign) / 10 for sign in line] for line in text], np.float32)


def found(text: tuple[str, ...], **rule: Any) -> list[str]:
    class_map = cleaned_class_map(rows(*text)[None], VESSELS, {"vessels": MaskRule(**rule)}, SPACING_MM)
    return ["".join("#" if voxel else "." for voxel in line) for line in class_map]


TREE = ("99900070", "00000070", "66604009")
"""A piece of 3 voxels (6 mm²) twice, one of 3 by the corner, and one of 1 below one half."""


def test_the_parts_of_a_rule_by_hand():
    assert found(TREE) == ["###...#.", "......#.", "###....#"]
    assert found(TREE, threshold=0.4) == ["###...#.", "......#.", "###.#..#"]
    assert found(TREE, threshold=0.8) == ["###.....", "........", ".......#"]
    lone = ("99990090", "00000000", "90000000")
    assert found(lone, smallest_mm3=2.0) == ["####..#.", "........", "#......."]
    assert found(lone, smallest_mm3=2.1) == ["####....", "........", "........"]
    assert found(lone, farthest_mm=3.0) == ["####..#.", "........", "........"]
    assert found(lone, farthest_mm=4.0) == ["####..#.", "........", "#......."]
    # The largest piece stays, however small it is.
    assert found(lone, smallest_mm3=100.0) == ["####....", "........", "........"]
    assert found(("0000",), smallest_mm3=1.0) == ["...."]


BROKEN = "9999999922299999999"
"""A vessel with a gap of 4 mm between its last voxels."""


def test_gaps_are_bridged_before_small_pieces_are_left_out():
    assert found((BROKEN,), bridge_mm=3.9) == ["########...########"]
    assert found((BROKEN,), bridge_mm=4.0) == [19 * "#"]
    assert found((BROKEN[:-4],), smallest_mm3=10.0) == ["########......."]
    assert found((BROKEN[:-4],), smallest_mm3=10.0, bridge_mm=4.0) == [15 * "#"]


def test_no_bridge_runs_through_another_class():
    rules = {"portal": MaskRule(bridge_mm=9.0), "hepatic": MaskRule(bridge_mm=9.0)}
    portal, hepatic = rows(BROKEN), rows("0000000000000000000")
    joined = cleaned_class_map(np.stack((portal, hepatic)), CLASSES, rules, SPACING_MM)
    assert joined.tolist() == [19 * [1]]
    hepatic[0, 9] = 0.7
    apart = cleaned_class_map(np.stack((portal, hepatic)), CLASSES, rules, SPACING_MM)
    assert apart.tolist() == [[*8 * [1], 0, 2, 0, *8 * [1]]]


def test_without_a_rule_nothing_changes():
    probabilities = np.random.default_rng(0).dirichlet((1, 1, 1), (6, 7)).astype(np.float32).transpose(2, 0, 1)[:2]
    for rules in ({}, {"portal": MaskRule()}):
        np.testing.assert_array_equal(
            cleaned_class_map(probabilities, CLASSES, rules, SPACING_MM), class_map_of(probabilities, CLASSES)
        )


def test_each_class_is_cleaned_up_by_itself():
    portal, hepatic = rows("99900900"), rows("00009099")
    cleaned = cleaned_class_map(np.stack((portal, hepatic)), CLASSES, {"portal": MaskRule(smallest_mm3=3)}, SPACING_MM)
    assert cleaned.tolist() == [[1, 1, 1, 0, 2, 0, 2, 2]]


def test_regions_have_thresholds_of_their_own():
    table = ClassTable.model_validate(
        {**TWO.model_dump(), "regions": {"any": ["portal", "hepatic"], "one": ["hepatic"]}}
    )
    tasks = Tasks("regions", "none", 3, table)
    probabilities = np.stack((rows("9999"), rows("0347")))
    assert cleaned_class_map(probabilities, tasks, {"one": MaskRule(threshold=0.3)}, SPACING_MM).tolist() == [
        [1, 2, 2, 2]
    ]
    assert cleaned_class_map(probabilities, tasks, {"any": MaskRule(threshold=0.3)}, SPACING_MM).tolist() == [
        [1, 1, 1, 2]
    ]


def write_clean_up(run: Path, rules: dict[str, Any], epoch: int = 1) -> None:
    said = {"weights": "best", "epochs": {"fold_0": epoch}, "rules": rules}
    (run / CLEAN_UP).write_text(json.dumps(said), encoding="utf-8")


def predicted(tmp_path: Path, *more: str) -> tuple[np.ndarray, np.ndarray]:
    """Mask or label map, and probabilities of vessel."""
    words = ["--checkpoint", str(tmp_path / "run"), "--input", str(tmp_path / "ct.nii.gz"), "--device", "cpu"]
    assert predict.main([*words, "--output", str(tmp_path / "out"), *more]) == 0
    mask = read_label_map(tmp_path / "out" / "ct.nii.gz").array
    return mask, read_volume(tmp_path / "out" / "ct_probabilities.nii.gz").array


@pytest.mark.parametrize("table", [SINGLE, TWO], ids=["vessels", "classes"])
def test_prediction_obeys_the_runs_clean_up_and_says_so(tmp_path, capsys, table):
    write_fold(tmp_path / "run", 0, **untrained_state((16, 16, 16), table=table))
    image = np.random.default_rng(0).normal(50, 30, (16, 16, 16)).astype(np.float32)
    write_volume(tmp_path / "ct.nii.gz", Volume(image, (1.5, 1.5, 1.5)))
    plain, probabilities = predicted(tmp_path)
    assert "cleaned up" not in capsys.readouterr().out
    name = "vessels" if table is SINGLE else "hepatic"
    rule = {"smallest_mm3": 200.0} | ({"threshold": float(np.median(probabilities))} if table is SINGLE else {})
    write_clean_up(tmp_path / "run", {name: rule})
    cleaned, untouched = predicted(tmp_path)
    assert f"cleaned up: {name} " in capsys.readouterr().out
    np.testing.assert_array_equal(untouched, probabilities)
    before = probabilities >= rule["threshold"] if table is SINGLE else plain == 7
    expected = MaskRule(smallest_mm3=200.0).kept(before, (1.5, 1.5, 1.5))
    np.testing.assert_array_equal(cleaned > 0 if table is SINGLE else cleaned == 7, expected)
    assert expected.any()
    assert (expected != before).any()
    said = json.loads((tmp_path / "out" / CLEAN_UP).read_text(encoding="utf-8"))
    assert "no piece below 200 mm³" in said["in_words"][name]
    other = tmp_path / "out" / "other.nii.gz"
    other.write_bytes((tmp_path / "out" / "ct.nii.gz").read_bytes())
    with pytest.raises(ValueError, match=r"other\.nii\.gz stays there and was cleaned up otherwise"):
        predicted(tmp_path, "--no-clean-up")
    other.unlink()
    np.testing.assert_array_equal(predicted(tmp_path, "--no-clean-up")[0], plain)
    assert not (tmp_path / "out" / CLEAN_UP).exists()


def test_a_clean_up_that_does_not_fit_is_refused_or_told(tmp_path, monkeypatch):
    path = write_fold(tmp_path / "run", 0)
    write_clean_up(tmp_path / "run", {"portal": {"smallest_mm3": 5}})
    with pytest.raises(ValueError, match="a rule for portal, which the network does not tell apart; it has vessels"):
        Predictor(path, "cpu", clean_up=clean_up_of([path]))
    (tmp_path / "run" / CLEAN_UP).write_text('{"format": 2}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"clean_up\.json: .*--no-clean-up"):
        clean_up_of([path])
    write_clean_up(tmp_path / "run", {"vessels": {"smallest_mm3": 5}}, epoch=7)
    (remark,) = Predictor(path, "cpu", clean_up=clean_up_of([path])).remarks()
    assert "was learned with other weights (best, epoch 7)" in remark
    monkeypatch.chdir(path.parent)
    assert len(Predictor(Path(path.name), "cpu", clean_up=clean_up_of([path])).remarks()) == 1
    other = write_fold(tmp_path / "other", 0)
    with pytest.raises(ValueError, match="are cleaned up in different ways; predict with --no-clean-up"):
        clean_up_of([path, other])


def test_a_checkpoint_of_no_run_is_not_cleaned_up(tmp_path):
    path = write_fold(tmp_path / "run", 0)
    alone = tmp_path / "best.pt"
    alone.write_bytes(path.read_bytes())
    write_clean_up(tmp_path / "run", {"vessels": {"smallest_mm3": 5}})
    assert clean_up_of([alone]) is None
    assert isinstance(clean_up_of([path]), CleanUp)
