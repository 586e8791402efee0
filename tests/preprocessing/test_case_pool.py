"""Many cases at a time: what is reported when one of them goes wrong, or a whole worker."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from data.case_store import list_cases
from preprocessing.case_pool import CaseWork, prepare_cases
from preprocessing.figures import TEMPORARY_PREFIX
from preprocessing.prepare import PreprocessingSettings
from tests.preprocessing.drawn_cases import bars_in_a_box


@dataclass(frozen=True)
class Adapter:
    """Drawn cases; some of them go wrong."""

    def case_ids(self):
        return ["good", "huge", "gone", "deadly"]

    def load(self, case_id):
        if case_id == "huge":
            raise MemoryError
        if case_id == "gone":
            raise FileNotFoundError(2, "No such file or directory", "scan.nii.gz")
        if case_id == "deadly":
            os._exit(1)
        return bars_in_a_box(case_id)


def work(store):
    return CaseWork(Adapter(), store, PreprocessingSettings())


def test_what_goes_wrong_is_one_line_with_the_case(tmp_path):
    reports = list(prepare_cases(work(tmp_path), ["huge", "good", "gone"], workers=1))
    assert [report.case_id for report in reports] == ["huge", "good", "gone"]
    assert reports[0].error == "case huge: out of memory; use fewer --workers or a smaller grid"
    assert reports[1].error is None
    assert reports[1].notes == ("90 vessel voxels outside the organ were left out",)
    assert reports[2].error == "case gone: scan.nii.gz: No such file or directory"
    assert list_cases(tmp_path) == ["good"]


def test_a_case_is_prepared_once(tmp_path):
    first, second = (next(prepare_cases(work(tmp_path), ["good"], workers=1)) for _ in range(2))
    assert not first.found
    assert second.found
    assert second.notes == first.notes


def test_a_dead_worker_ends_the_run_and_keeps_what_is_done(tmp_path):
    list(prepare_cases(work(tmp_path), ["good"], workers=1))
    with pytest.raises(OSError, match=r"a worker process died.*--workers"):
        list(prepare_cases(work(tmp_path), ["deadly", "deadly"], workers=2))
    assert list_cases(tmp_path) == ["good"]


def test_begun_figures_of_a_killed_run_are_removed(tmp_path):
    leftover = tmp_path / "figures" / f"{TEMPORARY_PREFIX}good.png-123"
    leftover.parent.mkdir()
    leftover.write_bytes(b"half a picture")
    list(prepare_cases(work(tmp_path), ["good"], workers=1))
    assert [path.name for path in Path(tmp_path / "figures").iterdir()] == ["good.png"]
