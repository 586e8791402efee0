"""What every script offers to choose from."""

import importlib
import sys
import types
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from ramify import train
from ramify.command_line.flags import flags_of

ROOT = Path(train.__file__).parent
SCRIPTS = [path.stem for path in sorted(ROOT.glob("*.py")) if "parse(" in path.read_text(encoding="utf-8")]


class Asked(Exception):
    """Raised with the settings that a script reads."""


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_two_choices_differ_by_capitals_alone(script: str, monkeypatch: pytest.MonkeyPatch):
    """`None`, as --help-all shows what has no value, beside a choice `none`."""

    def ask(settings: type[BaseModel], *_: object) -> None:
        raise Asked(settings)

    module = importlib.import_module(f"ramify.{script}")
    monkeypatch.setattr(module, "parse", ask)
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(Asked) as asked:
        module.main()
    for flag in flags_of(asked.value.args[0]):
        annotation = flag.field.annotation
        is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
        without = ["None"] if is_union and type(None) in typing.get_args(annotation) else []
        choices = [choice.casefold() for choice in (*flag.kind.choices, *without)]
        assert len({*choices}) == len(choices), flag.name


def test_the_short_help_of_a_training_tells_the_multi_scale_network_from_the_plain_one(capsys):
    with pytest.raises(SystemExit):
        train.main(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "--model.tasks.auxiliary auto|scales|class_scales|none scales: the multi-scale network" in told
    assert "2 to 3 times as long a step" in told
    assert "none: the plain network, the main task alone" in told
