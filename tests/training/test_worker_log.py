import os
import sys

from ramify.training.worker_log import printing_to


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
