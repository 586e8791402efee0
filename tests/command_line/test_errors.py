"""Errors of the user's input end in one line; faults of ours keep their traceback."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from ramify.command_line import parse, run
from ramify.console.error_line import line_of
from ramify.tuning.settings import StudySettings


def raising(error: BaseException):
    def main() -> int:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("ct.nii: 4D image,\n expected 3D"), "error: ct.nii: 4D image, expected 3D\n"),
        (OSError(errno.ENOSPC, "No space left on device", "latest.pt"), "error: latest.pt: No space left on device\n"),
        (FileNotFoundError("x.nii: no such file"), "error: x.nii: no such file\n"),
    ],
)
def test_bad_input_is_one_line(error, line, capsys):
    with pytest.raises(SystemExit) as caught:
        run(raising(error))
    assert caught.value.code == 2
    assert capsys.readouterr().err == line


def test_a_fault_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(raising(ZeroDivisionError()))


def test_the_traceback_can_be_asked_for(monkeypatch):
    monkeypatch.setenv("RAMIFY_TRACEBACK", "1")
    with pytest.raises(ValueError, match="why"):
        run(raising(ValueError("why")))


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (3, 3)])
def test_the_exit_code_is_the_scripts(result, code):
    with pytest.raises(SystemExit) as caught:
        run(lambda: result)
    assert caught.value.code == code


def test_a_terminal_without_greek_gets_question_marks():
    code = r"from ramify.command_line import run; run(lambda: print('\u03bb = 1 \xb1 2'))"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert (done.returncode, done.stdout.split()) == (0, [b"?", b"=", b"1", b"?", b"2"])


def test_passwords_of_urls_are_not_shown(tmp_path):
    for url in ("postgresql://me:secret@host/db", "postgresql://me:sec@secret@host:x/db", "x://:secret@h"):
        told = line_of(ValueError(f"--storage {url}: not reached"))
        assert "sec" not in told
        assert "***@h" in told
    assert (
        line_of(ValueError("see https://docs.org/a:b and me@there.org")) == "see https://docs.org/a:b and me@there.org"
    )
    path = tmp_path / "study.yaml"
    path.write_text("storage: {url: 'postgresql://me:secret@host/db', more: [1, 2]}", encoding="utf-8")
    with pytest.raises(ValueError, match="storage") as caught:
        parse(StudySettings, "test", ["--config", str(path)])
    assert "secret" not in str(caught.value)


def test_ctrl_c_while_libraries_are_loaded_is_a_line():
    line = "import ramify.command_line, os, signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(9)"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "stopped by SIGINT\n")
