"""The installed command: each of its commands is a script of the checkout."""

import subprocess
import sys
from pathlib import Path

import pytest

from ramify.command_line.program import COMMANDS, main, script_of
from ramify.version import version_line

ROOT = Path(__file__).parents[2]


def call(monkeypatch, *words):
    """Exit code of `ramify WORDS`."""
    monkeypatch.setattr("sys.argv", ["/some/where/bin/ramify", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_every_script_is_a_command():
    assert {script_of(name) for name in COMMANDS} == {path.stem for path in ROOT.glob("*.py")} - {"demo"}


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_the_overview_names_every_command_with_what_it_does(words, monkeypatch, capsys):
    assert call(monkeypatch, *words) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in COMMANDS:
        (line,) = [line for line in lines if line.startswith(f"  {name} ")]
        said = line.removeprefix(f"  {name}").strip()
        assert said
        assert (ROOT / f"{script_of(name)}.py").read_text(encoding="utf-8").startswith(f'"""{said}')


def test_the_version(monkeypatch, capsys):
    assert call(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"{version_line()}\n"
    assert call(monkeypatch, "compare", "--results", "a=1", "--version") == 0
    assert capsys.readouterr().out == f"{version_line()}\n"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("trian", "did you mean train?"),
        ("evaluate.py", "did you mean evaluate?"),
        ("--verison", "there are preprocess, synthesise"),
        ("demo", "there are preprocess, synthesise"),
    ],
)
def test_what_is_no_command_is_told_in_a_line(word, hint, monkeypatch, capsys):
    assert call(monkeypatch, word) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"error: ramify {word}: no such command; {hint}")
    assert (told.out, told.err.count("\n")) == ("", 1)


def test_a_command_is_its_script(monkeypatch, capsys):
    assert call(monkeypatch, "compare", "--results", "a=1", "--results", "b=2") == 2
    assert capsys.readouterr().err.startswith("error: --results: given more than once")
    assert call(monkeypatch, "compare", "--help") == 0
    assert capsys.readouterr().out.startswith("usage: ramify compare --results TEXT ... [")


@pytest.mark.parametrize("word", ["--help", "--version", "trian"])
def test_no_torch_is_loaded_to_say_what_there_is(word):
    code = (
        "import sys; from ramify.command_line.program import main\n"
        "try: main()\nexcept SystemExit: print(sorted({'torch', 'numpy', 'ramify.train'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, word], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_it_runs_as_a_module_too():
    done = subprocess.run([sys.executable, "-m", "ramify", "--version"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split()[0] == "ramify", done.stderr
