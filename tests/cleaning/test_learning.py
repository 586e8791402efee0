"""From a run's folds to clean_up.json: held-out cases alone, each by the network that did not see it."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ramify import clean_up
from ramify.data.case_store import read_case, write_case
from ramify.data.clean_up_note import CLEAN_UP
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.tasks.class_table import SINGLE, ClassTable
from ramify.training.clean_up import CleanUp
from ramify.training.member import Member
from ramify.training.same_cases import identities_of
from tests.tiny_checkpoints import untrained_state, write_fold

CASES = [f"case_{number}" for number in range(8)]
TWO = ClassTable.model_validate({"classes": {"portal": 3, "hepatic": 7}})


def write_store(store: Path, table: ClassTable, *, specks: bool) -> None:
    """Eight patients: a bar, half of it dim, and in the image specks that are no vessel; two bars of two classes."""
    store.mkdir()
    for number, case_id in enumerate(CASES):
        scales = np.zeros((16, 16, 16), np.uint8)
        scales[6:9, 6:9, 1 + number % 3 : 15] = 1
        image = 0.9 * scales.astype(np.float32)
        image[6:9, 6:9, 9:12] = 0.42 if table.is_single else 0.9
        if specks:
            image[1:3, 2 + number % 2, 2:4] = image[13:15, 13, 12:14] = 0.8
        arrays: dict[str, Any] = {"scales": scales, "organ": np.ones_like(scales), "tubed_skeleton": scales}
        record: dict[str, Any] = {
            "patient_id": f"p{number}",
            "shape": [16, 16, 16],
            "spacing_mm": [2.0, 1.0, 1.0],
            "scales": {"thresholds_mm": []},
            "settings": PreprocessingSettings().model_dump(mode="json"),
        }
        if not table.is_single:
            scales[12:14, 4:6, 2:14] = 1
            arrays["classes"] = scales * 1
            arrays["classes"][12:14, 4:6, 2:14] *= 2
            record["classes"] = {"classes": {name: list(its.values) for name, its in table.classes.items()}}
            image[12:14, 4:6, 2:14] = 0.9
        write_case(store, case_id, {"image": image[None], **arrays}, record)


def write_run(root: Path, table: ClassTable = SINGLE, *, specks: bool = True, **changes: Any) -> Path:
    """Two folds of four cases each."""
    store = root / "cases"
    write_store(store, table, specks=specks)
    for fold, val in enumerate((CASES[:4], CASES[4:])):
        state = untrained_state((16, 16, 16), fold, table, {"cases": str(store)})
        parts = {"train": [case for case in CASES if case not in val], "val": val}
        identities = identities_of({case: read_case(store, case) for case in CASES})
        write_fold(root / "run", fold, **{**state, "cases": parts, "identities": identities, **changes})
    return root / "run"


@pytest.fixture
def _answering_with_the_image(monkeypatch) -> None:
    """A network whose probabilities are the image's values; of two classes, by the half of the volume."""

    def probabilities(self: Member, image: torch.Tensor) -> torch.Tensor:
        if not self._tasks.tells_apart:
            return image.clamp(0, 1)
        lower = (torch.arange(image.shape[2]) < 10).view(1, 1, -1, 1, 1)
        return torch.cat((image * lower, image * ~lower), dim=1).clamp(0, 1)

    monkeypatch.setattr(Member, "_main_probabilities", probabilities)


def learned(run: Path, *more: str) -> CleanUp:
    assert clean_up.main(["--run", str(run), "--device", "cpu", *more]) == 0
    found = CleanUp.of_run(run)
    assert found is not None
    return found


@pytest.mark.integration
@pytest.mark.usefixtures("_answering_with_the_image")
def test_what_helps_is_learned_written_and_told(tmp_path, capsys):
    run = write_run(tmp_path)
    found = learned(run)
    rule = found.rules["vessels"]
    # The dim part has 0.42, and specks have 8 mm³.
    assert (rule.threshold, rule.smallest_mm3, rule.farthest_mm) == (0.4, 10.0, None)
    assert (found.weights, found.epochs) == ("best", {"fold_0": 1, "fold_1": 1})
    told = capsys.readouterr().out
    assert "vessels from a probability of 0.4 on, no piece below 10 mm³" in told
    evidence = found.evidence["vessels"]
    assert [part["kept"] for part in evidence["parts"]] == [True, False, True, False]
    assert evidence["before"]["dice"] < 0.9
    assert evidence["after"] == {"dice": 1.0, "cldice": 1.0, "pieces_error": 0.0}
    # Learned again, its own file is replaced.
    assert learned(run) == found


@pytest.mark.usefixtures("_answering_with_the_image")
def test_what_does_not_help_is_not_kept(tmp_path):
    """Without specks no piece is left out; of mirrored copies the same is learned."""
    rule = learned(write_run(tmp_path, specks=False), "--mirror", "z").rules["vessels"]
    assert (rule.threshold, rule.smallest_mm3, rule.farthest_mm) == (0.4, 0.0, None)


@pytest.mark.usefixtures("_answering_with_the_image")
def test_classes_are_learned_each_by_itself_and_without_a_threshold(tmp_path):
    found = learned(write_run(tmp_path, TWO))
    assert set(found.evidence) == {"portal", "hepatic"}
    for name in ("portal", "hepatic"):
        assert found.rules[name].smallest_mm3 == 10.0
        assert found.rules[name].threshold == 0.5
        assert [part["name"] for part in found.evidence[name]["parts"]] == ["bridge_mm", "smallest_mm3", "farthest_mm"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cases": {"train": CASES, "val": CASES}}, "has trained on what it validates on"),
        ({"cases": {"train": CASES[1:], "val": CASES[:1]}}, "case_0 is a validation case of two folds"),
    ],
)
def test_cases_that_are_not_held_out_are_refused(tmp_path, changes, message):
    run = write_run(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        clean_up.main(["--run", str(run), "--device", "cpu"])
    assert not (run / CLEAN_UP).exists()


def test_too_few_patients_other_cases_and_a_file_of_the_users_are_refused_before_work_begins(tmp_path):
    run = write_run(tmp_path)
    for elsewhere in (run / "fold_0", run / "fold_0" / "checkpoints" / "best.pt", tmp_path):
        with pytest.raises(ValueError, match="is not the folder of one run with its folds"):
            clean_up.main(["--run", str(elsewhere), "--device", "cpu"])
    (run / CLEAN_UP).write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=r"clean_up\.json"):
        clean_up.main(["--run", str(run), "--device", "cpu"])
    assert (run / CLEAN_UP).read_text(encoding="utf-8") == "mine"
    (run / CLEAN_UP).unlink()
    write_store(tmp_path / "others", SINGLE, specks=False)
    with pytest.raises(ValueError, match="are not those it was trained beside: case_0"):
        clean_up.main(["--run", str(run), "--device", "cpu", "--cases", str(tmp_path / "others")])
    shutil.rmtree(run / "fold_1")
    with pytest.raises(ValueError, match="its folds hold out 4 patients, and it takes 8 to tell a gain from chance"):
        clean_up.main(["--run", str(run), "--device", "cpu"])
