"""Crews on a Dask cluster promise what they promise on one machine; a real scheduler with two workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from ramify.processes import cluster_crew
from ramify.processes.case_seats import CaseSeats, do_case, keep
from ramify.processes.cluster_crew import ClusterCrew
from ramify.processes.crew import USUAL, Processes
from ramify.processes.crew_settings import CrewSettings
from ramify.processes.crews import case_reports
from ramify.processes.environment import THREAD_LIMITS
from tests.dask_cluster import running_scheduler
from tests.processes.case_jobs import Memory, lost, note, reports_beside_a_death
from tests.processes.cluster_jobs import has_gpus, limits_of, stay, take_the_worker_along, worker_of

distributed = pytest.importorskip("distributed", reason="distributed is not installed: pip install distributed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs signals")]
ROOT = Path(__file__).parents[2]


def test_processes_live_from_job_to_job_and_each_has_one_thread(cluster):
    with ClusterCrew(Memory(), cluster) as crew:
        case_ids = [f"case_{number}" for number in range(12)]
        first = list(crew.reports(note, case_ids, lost))
        second = list(crew.reports(note, case_ids, lost))
        limits = list(crew.reports(limits_of, ["x"], lost))
    assert sorted(case_id for _, case_id, _ in first) == sorted(case_id for _, case_id, _ in second) == sorted(case_ids)
    processes = {pid for pid, _, _ in (*first, *second)}
    # How many is Dask's to say, which may take an idle worker's tool away.
    assert max(len(done) for _, _, done in (*first, *second)) > 1
    assert limits == [dict.fromkeys(THREAD_LIMITS, "1")]
    wait_until(lambda: not any(map(is_running, processes)))


@pytest.mark.parametrize("is_long", [True, False], ids=["long", "usual"])
def test_cases_that_take_a_gpu_go_where_one_is(cluster, is_long):
    case_ids = [f"case_{number}" for number in range(6)]
    with ClusterCrew(Memory(), cluster, Processes(threads=2, is_long=is_long, takes_gpu=True)) as crew:
        crew._client.wait_for_workers(1)
        address, pid = min(crew._client.run(os.getpid).items())
        crew._client.run(has_gpus, 1, workers=[address])
        try:
            assert set(crew.reports(worker_of, case_ids, lost)) == {pid}
            assert next(crew.reports(limits_of, ["x"], lost))["OMP_NUM_THREADS"] == "2"
        finally:
            crew._client.run(has_gpus, 0, workers=[address])


def test_through_the_scheduler_go_the_tool_and_the_job_once_and_the_names_of_cases(cluster, monkeypatch):
    with ClusterCrew(Memory(), cluster) as crew:
        submit, sent = crew._client.submit, []
        monkeypatch.setattr(
            crew._client, "submit", lambda do, *what, **how: sent.append((do, what)) or submit(do, *what, **how)
        )
        assert len([*crew.reports(note, ["a", "b", "c"], lost)]) == 3
    assert [do for do, _ in sent] == [CaseSeats, keep, do_case, do_case, do_case]
    of_cases = [what for _, what in sent[2:]]
    # A future is a name, too: of what the workers have.
    assert [[type(one) for one in what] for what in of_cases] == [[distributed.Future, distributed.Future, str]] * 3
    assert [case_id for _, _, case_id in of_cases] == ["a", "b", "c"]


def test_nothing_to_do_asks_for_no_worker(cluster):
    assert list(case_reports(str.upper, [], CrewSettings(cluster=cluster), lost)) == []
    assert sorted(case_reports(str.upper, ["a", "b"], CrewSettings(cluster=cluster), lost)) == ["A", "B"]


def test_a_death_costs_its_case_alone(cluster):
    with ClusterCrew(Memory(), cluster) as crew:
        how, others = reports_beside_a_death(crew)
    assert how.startswith("its worker process was killed by SIGKILL, as the system does when memory runs out (on ")
    assert "), twice; a file of it may be damaged, or memory is short: start workers with fewer threads" in how
    assert sorted(others) == ["a", "b"]
    assert all(others.values())


def test_a_worker_that_is_lost_costs_no_case(cluster, tmp_path):
    case_ids = ["a", "unlucky", *(f"case_{number}" for number in range(20))]
    with ClusterCrew(Memory(tmp_path), cluster) as crew:
        reports = list(crew.reports(take_the_worker_along, case_ids, lost))
    assert sorted(case_id for _, case_id, _ in reports) == sorted(case_ids)
    assert all(pid for pid, _, _ in reports)
    assert not is_running(int((tmp_path / "killed").read_text(encoding="ascii")))


def test_a_case_that_takes_every_worker_along_is_told(cluster, monkeypatch):
    class Killed:
        status = "error"

        def result(self):
            raise distributed.KilledWorker("case", SimpleNamespace(address="tcp://10.0.0.1:4000"), 3)

    with ClusterCrew(None, cluster) as crew:
        monkeypatch.setattr(crew, "_ends", lambda ended: [(ended.get(), crew._end_of(Killed()))])
        ((_, case_id, how),) = crew.reports(note, ["cursed"], lost)
    assert case_id == "cursed"
    assert how.startswith("4 workers of the cluster were lost while they had it, the last at tcp://10.0.0.1:4000; ")


@pytest.mark.parametrize("processes", [USUAL, Processes(grace_seconds=5.0, is_long=True)], ids=["usual", "long"])
def test_who_stops_listening_ends_what_is_at_work(cluster, tmp_path, processes):
    with ClusterCrew(Memory(tmp_path), cluster, processes) as crew:
        # With one worker alone, the other case would wait behind the stuck one.
        crew._client.wait_for_workers(2)
        reports = crew.reports(stay, ["stuck", "other"], lost)
        assert next(reports)[1] == "other"
        reports.close()
        stuck = int((tmp_path / "begun").read_text(encoding="ascii"))
        assert not is_running(stuck)
        assert [case_id for _, case_id, _ in crew.reports(note, ["again"], lost)] == ["again"]


COMMAND = """
import sys
from pathlib import Path
from ramify.processes.cluster_crew import ClusterCrew
from tests.processes.case_jobs import Memory, lost
from tests.processes.cluster_jobs import stay
with ClusterCrew(Memory(Path(sys.argv[2])), sys.argv[1]) as crew:
    list(crew.reports(stay, ["stuck"], lost))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_command_that_is_ended_leaves_nothing_at_work(cluster, tmp_path, number):
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, cluster, str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE
    )
    begun = tmp_path / "begun"
    try:
        wait_until(lambda: process.poll() is not None or (begun.exists() and begun.read_text(encoding="ascii")))
        assert process.poll() is None
    finally:
        process.send_signal(number)
        process.communicate()
    stuck = int(begun.read_text(encoding="ascii"))
    # Of one that was killed the scheduler hears a moment later.
    assert number == signal.SIGKILL or not is_running(stuck)
    wait_until(lambda: not is_running(stuck))


def test_without_the_package_a_line_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match="--cluster tcp://x:1: needs distributed; pip install distributed"):
        ClusterCrew(None, "tcp://x:1")


def test_where_nothing_listens_is_told_with_the_remedy(monkeypatch):
    monkeypatch.setattr(cluster_crew, "CONNECT_SECONDS", 0.3)
    with pytest.raises(
        OSError, match=r"--cluster tcp://127.0.0.1:9: no Dask scheduler answers at .* within 0.3 s; start"
    ):
        ClusterCrew(None, "tcp://127.0.0.1:9")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("gone.json", "--cluster gone.json: no such file; 'dask scheduler --scheduler-file' writes one"),
        ("broken.json", "--cluster broken.json: not a scheduler file; 'dask scheduler --scheduler-file' writes one"),
        ("somewhere", "--cluster somewhere: .*; give tcp://HOST:PORT or a scheduler file"),
    ],
)
def test_what_is_no_scheduler_is_told(given, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=f"^{said}$"):
        ClusterCrew(None, given)


def test_a_scheduler_that_goes_ends_the_command_in_a_line(tmp_path):
    with running_scheduler(tmp_path) as (file, scheduler), ClusterCrew(None, str(file)) as crew:
        reports = crew.reports(note, ["a"], lost)
        # No worker will ever come.
        threading.Timer(0.0, scheduler.kill).start()
        with pytest.raises(OSError, match="the scheduler is gone; what is done stays, start a scheduler and the same"):
            next(reports)


def test_other_code_there_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(cluster_crew, "__version__", "9.9.9")
    with pytest.raises(
        ValueError, match=r"its scheduler has ramify 0.* and this process 9.9.9; install the same version"
    ):
        ClusterCrew(None, cluster)


def test_a_worker_that_joins_while_versions_are_compared_is_not_refused():
    process = {"packages": {"python": "3.11.7.final.0", "dask": "1", "distributed": "1", "numpy": "2"}}
    late = SimpleNamespace(
        get_versions=lambda: {"client": process, "scheduler": process, "workers": {}},
        run_on_scheduler=lambda version: version(),
        run=lambda version: {"tcp://10.0.0.1:4000": version()},
    )
    cluster_crew._check_versions(late, "x")
    late.run = lambda _: {"tcp://10.0.0.1:4000": "9.9.9"}
    late.get_versions = lambda: {"client": process, "scheduler": process, "workers": {"tcp://10.0.0.1:4000": process}}
    with pytest.raises(ValueError, match=r"its worker tcp://10\.0\.0\.1:4000 has ramify 9\.9\.9, and this process 0"):
        cluster_crew._check_versions(late, "x")


def test_other_code_at_a_worker_that_joins_late_is_refused(cluster, monkeypatch):
    with ClusterCrew(None, cluster) as crew:
        monkeypatch.setattr(cluster_crew, "__version__", "9.9.9")
        with pytest.raises(
            ValueError, match=r"a worker on .* has Ramify 0.*, and this is 9.9.9; install the same there"
        ):
            list(crew.reports(note, ["a"], lost))


def test_a_folder_that_workers_do_not_see_is_told(cluster, monkeypatch):
    with ClusterCrew(None, cluster) as crew, monkeypatch.context() as patch:
        patch.setattr(cluster_crew.os, "getcwd", lambda: "/not/shared")
        with pytest.raises(OSError, match=r"/not/shared: no such folder on .*; cases are read where they lie"):
            list(crew.reports(note, ["a"], lost))


def test_workers_of_two_kinds_are_refused():
    with pytest.raises(ValueError, match="--workers 2 and --cluster: of a cluster, all workers are used; give one"):
        CrewSettings(workers=2, cluster="tcp://127.0.0.1:8786")


def is_running(pid):
    """Whether a process runs; one that is dead and that nobody has asked for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_until(found):
    """Whatever comes to be found, waited for until the test's own time limit."""
    while not (its := found()):
        time.sleep(0.02)
    return its
