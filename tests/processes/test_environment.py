import os

import pytest

from ramify.processes.environment import THREAD_LIMITS, environment, limited_to, single_threaded, thread_share


@pytest.mark.parametrize(
    ("cores", "given", "count", "threads"),
    [
        (8, None, 1, 8),
        (8, None, 3, 2),
        (2, None, 2, 1),
        (2, None, 5, 1),
        (8, "1", 2, 1),
        (8, "6", 2, 4),
        (8, "3", 1, 3),
        (8, "x", 2, 4),
        (8, "0", 2, 4),
    ],
)
def test_each_worker_has_its_share_of_the_cores(monkeypatch, cores, given, count, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert thread_share(count) == threads


def test_the_environment_is_put_back(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def start() -> None:
        with environment({**limited_to(1), "CUDA_VISIBLE_DEVICES": "3"}):
            names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
            assert [os.environ[name] for name in names] == ["1", "1", "3"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        start()
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert not {"MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES"} & set(os.environ)


def test_a_limit_that_the_user_has_set_stays(monkeypatch):
    for name in THREAD_LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    assert single_threaded() == dict.fromkeys(set(THREAD_LIMITS) - {"MKL_NUM_THREADS"}, "1")
