import os
import sys

import pytest

from ramify.training.worker_process import printing_to, thread_share, worker_environment


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
        with worker_environment(1, CUDA_VISIBLE_DEVICES="3"):
            names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
            assert [os.environ[name] for name in names] == ["1", "1", "3"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        start()
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert not {"MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES"} & set(os.environ)


def test_what_is_printed_goes_to_the_log_for_a_while_whatever_the_locale(tmp_path, monkeypatch):
    screen, log = tmp_path / "screen.txt", tmp_path / "new" / "log.txt"
    with screen.open("w", encoding="ascii") as out, screen.open("a", encoding="ascii") as err:
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        print("before")
        for name in ("Gefäß", "\udcff"):
            with printing_to(log):
                print(name)
                os.write(err.fileno(), b"a library's\n")
        print("after")
    assert screen.read_text(encoding="utf-8") == "before\nafter\n"
    assert log.read_text(encoding="utf-8").splitlines().count("a library's") == 2
    assert {"Gef\\xe4\\xdf", "\\udcff"} < set(log.read_text(encoding="utf-8").splitlines())
