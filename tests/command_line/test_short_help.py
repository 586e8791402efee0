"""The short --help: what one needs, said shortly, with the values of files where there are some."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from ramify.command_line.about import About, about
from ramify.command_line.flags import flags_of
from ramify.command_line.short_help import FEW, in_short, short_help
from ramify.essential import Essential

SAID = About("What it does.", ("python x.py --cases C",))


class Training(BaseModel, frozen=True):
    epochs: Essential[int] = 10
    """Passes over the data, e.g. ten. More take longer."""
    rate: float = 0.1
    """Step size."""


class Settings(BaseModel, frozen=True):
    mode: Essential[Literal["a", "b"]] = "a"
    """a: the one. b: the other."""
    cases: Path
    """Where they lie. In any order."""
    keep: Essential[bool] = True
    """Keep them."""
    train: Training = Training()
    size: Essential[tuple[int, ...] | None] = None
    """Voxels; none takes all."""
    hidden: int = 3
    """Of no use to most."""


class Many(Settings, frozen=True):
    one: int = 1
    two: int = 2
    three: int = 3
    four: int = 4
    five: int = 5
    six: int = 6
    seven: int = 7


def test_flags_know_their_meaning_and_their_mark():
    flags = {flag.name: flag for flag in flags_of(Many)}
    assert list(flags)[:6] == ["--mode", "--cases", "--keep", "--train.epochs", "--train.rate", "--size"]
    assert [name for name, flag in flags.items() if flag.is_essential] == [
        *("--mode", "--cases", "--keep", "--train.epochs", "--size")
    ]
    assert flags["--hidden"].meaning == "Of no use to most."
    assert flags["--one"].meaning == ""
    assert flags["--train.rate"].value_in(None) == 0.1
    assert flags["--train.rate"].value_in(Many(cases=Path(), train=Training(rate=0.2))) == 0.2


def test_of_many_settings_the_essential_ones_are_shown(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/some/where/x.py"])
    monkeypatch.setenv("COLUMNS", "90")
    assert len(list(flags_of(Many))) > FEW
    shown = short_help(Many, SAID)
    lines = shown.splitlines()
    assert lines[0] == "usage: python x.py --cases PATH [--FLAG VALUE ...]"
    assert "  --cases PATH                Where they lie. In any order." in lines
    assert "  --mode a|b                  a: the one. b: the other. (default: a)" in lines
    assert "  --[no-]keep                 Keep them. (default: on)" in lines
    assert "  --train.epochs INT          Passes over the data, e.g. ten. (default: 10)" in lines
    assert "  --size INT ...              Voxels; none takes all." in lines
    assert lines.index("needed:") < lines.index("often chosen:") < lines.index("of every command:")
    assert "--hidden" not in shown
    assert "9 more settings: python x.py --help-all" in lines
    assert max(map(len, lines)) <= 90


def test_values_of_files_are_the_defaults():
    shown = short_help(Many, SAID, Many(cases=Path("here"), size=(4, 5), train=Training(epochs=7), keep=False))
    assert "(default: 7)" in shown
    assert "(default: 4 5)" in shown
    assert "(default: on)" not in shown


def test_few_settings_are_all_shown():
    shown = short_help(Settings, SAID)
    assert "--hidden INT" in shown
    assert "more settings" not in shown


@pytest.mark.parametrize(
    ("words", "line"), [("ramify train", "ramify clean-up --run R"), ("train.py", "python clean_up.py --run R")]
)
def test_examples_are_as_they_can_be_typed(words, line, monkeypatch):
    monkeypatch.setattr("sys.argv", [words])
    said = about("Title.\n\n    python clean_up.py --run R\n\nSee docs/tuning.md and\ndocs/data.md.\n")
    assert said == About(
        "Title.",
        (line,),
        "See docs/tuning.md and\ndocs/data.md.",
        ("docs/tuning.md", "docs/data.md", "docs/commands.md"),
    )
    assert about(None).title == ""


def test_a_meaning_in_short_ends_with_a_sentence():
    (flag,) = [flag for flag in flags_of(Many) if flag.name == "--train.epochs"]
    assert in_short(flag) == "Passes over the data, e.g. ten."
