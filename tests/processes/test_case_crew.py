"""Crews: a process lives from job to job with its tool, dies alone, and ends with its crew."""

import os
import time
from pathlib import Path

import pytest

from ramify.processes.case_crew import CaseCrew
from ramify.processes.crew import Processes, Watcher
from ramify.processes.crew_settings import CrewSettings
from ramify.processes.crews import case_reports
from ramify.processes.system_lock import is_running
from tests.processes.case_jobs import Memory, gpu_of, lost, note, put_away, reports_beside_a_death, slowly, stay, where


def test_one_process_does_job_after_job_and_keeps_its_tool():
    with CaseCrew(Memory(), workers=1) as crew:
        first = list(crew.reports(note, ["a", "b"], lost))
        second = list(crew.reports(note, ["b"], lost))
    assert [done for _, _, done in (*first, *second)] == [("a",), ("a", "b"), ("a", "b", "b")]
    assert len({pid for pid, _, _ in (*first, *second)}) == 1
    assert os.getpid() not in {pid for pid, _, _ in first}


def test_a_case_goes_to_the_process_that_had_it():
    case_ids = [f"case_{number}" for number in range(8)]
    with CaseCrew(Memory(), workers=2) as crew:
        first = {case_id: pid for pid, case_id, _ in crew.reports(slowly, case_ids, lost)}
        at_once = {case_id: pid for pid, case_id, _ in crew.reports(note, case_ids[:2], lost)}
    assert len(set(first.values())) == 2
    assert at_once == {case_id: first[case_id] for case_id in case_ids[:2]}


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize("workers", [1, 3])
def test_a_death_costs_its_case_alone_and_the_next_job_nothing(workers):
    with CaseCrew(Memory(), workers) as crew:
        how, others = reports_beside_a_death(crew)
        assert how.startswith("its worker process was killed by SIGKILL")
        assert sorted(others) == ["a", "b"]
        assert all(others.values())
        assert {case_id for pid, case_id, _ in crew.reports(note, ["a", "deadly", "b"], lost) if pid} == {
            "a",
            "deadly",
            "b",
        }


def test_all_processes_end_with_the_crew(tmp_path):
    with CaseCrew(tmp_path, workers=2) as crew:
        pids = list(crew.reports(where, ["a", "b"], lambda *_: 0))
        assert all(is_running(pid) for pid in pids)
    assert not any(is_running(pid) for pid in pids)


def test_who_stops_listening_ends_what_is_at_work():
    with CaseCrew(Memory(), workers=1) as crew:
        reports = crew.reports(slowly, ["a", "b", "c"], lost)
        pid, _, _ = next(reports)
        reports.close()
        again, _, done = next(crew.reports(note, ["c"], lost))
    assert done in {("c",), ("a", "c")}
    assert (again == pid) == (done == ("a", "c"))


class Choosy(Watcher):
    """Does not want a case any more as soon as it has seen the first one."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def wants(self, case_id: str) -> bool:
        return not (self.seen and case_id == "unwanted")

    def sees(self, case_ids) -> None:
        self.seen += case_ids


def test_who_looks_on_sees_what_is_at_work_and_may_leave_cases_out():
    watcher = Choosy()
    with CaseCrew(Memory(), workers=1) as crew:
        assert [case_id for _, case_id, _ in crew.reports(note, ["a", "unwanted", "b"], lost, watcher)] == ["a", "b"]
    assert list(dict.fromkeys(watcher.seen)) == ["a", "b"]


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_each_process_has_its_gpu_and_who_comes_in_its_place_has_it_too(tmp_path):
    with CaseCrew(tmp_path, 2, Processes(threads=3, gpus=(4, 6))) as crew:
        assert sorted(crew.reports(gpu_of, ["a", "deadly"], lambda *how: how)) == ["a: 4 3", "deadly: 6 3"]


class Stopper(Watcher):
    """Is interrupted as soon as a case has begun."""

    def __init__(self, folder: Path) -> None:
        self._begun = folder / "begun"

    def sees(self, case_ids) -> None:
        while not (self._begun.exists() and self._begun.read_text(encoding="ascii")):
            time.sleep(0.01)
        raise KeyboardInterrupt


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_process_that_has_grace_puts_its_things_away_and_ends_its_own(tmp_path):
    with CaseCrew(tmp_path, 1, Processes(grace_seconds=120.0)) as crew, pytest.raises(KeyboardInterrupt):
        list(crew.reports(put_away, ["a"], lost, Stopper(tmp_path)))
    assert (tmp_path / "put_away").exists()
    assert not is_running(int((tmp_path / "begun").read_text(encoding="ascii")))


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_process_that_does_not_end_in_its_grace_is_killed(tmp_path):
    with CaseCrew(tmp_path, 1, Processes(grace_seconds=0.1)) as crew, pytest.raises(KeyboardInterrupt):
        list(crew.reports(stay, ["a"], lost, Stopper(tmp_path)))
    assert not is_running(int((tmp_path / "begun").read_text(encoding="ascii")))


def test_a_case_that_is_begun_once_is_told_so():
    assert Processes(attempts=1).why_lost("was killed by SIGSEGV", "x") == "its worker process was killed by SIGSEGV"


def test_no_process_starts_for_nothing():
    assert list(case_reports(str.upper, [], CrewSettings(workers=4), lost)) == []
    assert sorted(case_reports(str.upper, ["a", "b"], CrewSettings(workers=4), lost)) == ["A", "B"]
