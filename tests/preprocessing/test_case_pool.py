"""Many cases at a time: what is reported when one of them goes wrong, or a whole worker."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from ramify.data.case_store import list_cases
from ramify.data.sources import CaseSources
from ramify.preprocessing.case_pool import CaseWork, prepare_cases
from ramify.preprocessing.case_reader import CaseReader
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.processes.case_crew import CaseCrew
from tests.case_processes import CrewHere
from tests.preprocessing.drawn_cases import bars_in_a_box


@dataclass(frozen=True)
class Adapter:
    """Drawn cases; some of them go wrong. died: the file by which a reader that crashes once knows that it has."""

    died: Path = Path()

    def case_ids(self):
        return ["good", "huge", "gone", "deadly", "unlucky"]

    def sources(self, case_id):
        return CaseSources(None, (), {})

    def load(self, case_id):
        if case_id == "unlucky" and not self.died.exists():
            self.died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if case_id == "huge":
            raise MemoryError
        if case_id == "gone":
            raise FileNotFoundError(2, "No such file or directory", "scan.nii.gz")
        if case_id == "deadly":
            os.kill(os.getpid(), signal.SIGSEGV)
        return bars_in_a_box(case_id)


def prepared(store, case_ids, crew):
    with crew:
        return list(prepare_cases(crew, CaseWork(store, PreprocessingSettings()), case_ids))


@pytest.mark.integration
def test_what_goes_wrong_is_one_line_with_the_case(tmp_path):
    reports = prepared(tmp_path, ["huge", "good", "gone"], CaseCrew(CaseReader(Adapter()), workers=1))
    assert [report.case_id for report in reports] == ["huge", "good", "gone"]
    assert reports[0].error == "case huge: out of memory; use fewer --workers or a smaller grid"
    assert reports[1].error is None
    assert reports[1].notes == ("90 vessel voxels outside the organ were left out",)
    assert reports[2].error == "case gone: scan.nii.gz: No such file or directory"
    assert list_cases(tmp_path) == ["good"]


def test_a_case_is_prepared_once(tmp_path):
    crew = CrewHere(CaseReader(Adapter()))
    (first,), (second,) = (prepared(tmp_path, ["good"], crew) for _ in range(2))
    assert not first.found
    assert second.found
    assert second.notes == first.notes


@pytest.mark.integration
@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_reader_that_crashes_costs_its_case_alone(tmp_path):
    """Crews of other sizes: tests/processes/test_case_crew.py."""
    crew = CaseCrew(CaseReader(Adapter(tmp_path / "died")), workers=2)
    store = tmp_path / "cases"
    store.mkdir()
    reports = {report.case_id: report for report in prepared(store, ["deadly", "good", "unlucky"], crew)}
    assert reports["deadly"].error.startswith("case deadly: its worker process was killed by SIGSEGV, twice; ")
    assert reports["good"].error is reports["unlucky"].error is None
    assert list_cases(store) == ["good", "unlucky"]
    assert not list(store.glob(".*"))
