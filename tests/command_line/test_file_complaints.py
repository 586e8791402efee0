"""What is wrong with a file of settings: all of it at once, each setting in words as flags have them."""

from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import BaseModel, Field

from ramify.command_line import parse
from ramify.training.settings import RunSettings


class Section(BaseModel, extra="forbid"):
    share: float = Field(0.5, le=1)
    pair: tuple[float, float] = (0.0, 1.0)
    flips: bool = False


class Whole(BaseModel, extra="forbid"):
    section: Section = Section()
    fold: Annotated[int, Field(ge=0)] | Literal["all"] = 0
    sizes: tuple[int, ...] | None = None
    mode: Literal["a", "b"] = "a"
    weights: dict[str, float] = {}
    anything: dict[str, Any] = {}


def lines_of(tmp_path, text, settings_class=Whole, *words):
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"s\.yaml") as caught:
        parse(settings_class, "", ["--config", str(path), *words])
    return [line.removeprefix(f"{path}: ") for line in caught.value.lines]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("section: 0.5", "section: expected keys with values (share, pair, flips), got 0.5"),
        ("section:", "section: expected keys with values (share, pair, flips), got null"),
        ("section: {pair: 0.1}", "section.pair: expected 2 numbers in a list, got 0.1"),
        ("section: {pair: [0.1]}", "section.pair: expected 2 numbers in a list, got [0.1]"),
        ("section: {pair: [1, 2, 3]}", "section.pair: expected 2 numbers in a list, got [1, 2, 3]"),
        # Both are no numbers, and it is one setting.
        ("section: {pair: [x, y]}", "section.pair: expected 2 numbers in a list, got ['x', 'y']"),
        ("section: {flips: perhaps}", "section.flips: expected true or false, got 'perhaps'"),
        ("section: {share: 2}", "section.share: Input should be less than or equal to 1 (got 2)"),
        ("fold: x", "fold: expected a whole number or all, got 'x'"),
        # It is a number, and the other choice has nothing to say.
        ("fold: -1", "fold: Input should be greater than or equal to 0 (got -1)"),
        ("sizes: [1, 2.5]", "sizes: expected whole numbers in a list, or none, got [1, 2.5]"),
        ("mode: true", "mode: expected a or b, got true"),
        ("weights: {dice: x}", "weights.dice: expected a number, got 'x'"),
        ("weights: 3", "weights: expected keys with values, got 3"),
        ("anything: 3", "anything: expected keys with values, got 3"),
    ],
)
def test_a_value_of_another_kind_is_told_as_flags_tell_it(tmp_path, text, line):
    assert lines_of(tmp_path, text) == [line]


def test_all_is_told_at_once(tmp_path):
    text = "augmentation: {noise: 0.5, Blur: {probability: 1}, gamma: [0, 1]}\nmodel: {levls: 3}\n"
    assert sorted(lines_of(tmp_path, text, RunSettings, "--cases", "c", "--output", "o")) == [
        "augmentation.Blur: unknown key; did you mean augmentation.blur?",
        "augmentation.gamma: expected two positive numbers, the smaller first (got [0, 1])",
        "augmentation.noise: expected keys with values (probability, channels, channel_probability, sd), got 0.5",
        "model.levls: unknown key; did you mean model.levels?",
    ]


def test_a_file_of_another_kind_is_a_few_lines(tmp_path):
    known = "section, fold, sizes, mode, weights, anything"
    unknown = ["qq", "zz", "xx"]
    assert lines_of(tmp_path, yaml.safe_dump(dict.fromkeys(unknown, 1), sort_keys=False)) == [
        f"qq, zz, xx: unknown keys; known: {known}"
    ]
    lines = lines_of(tmp_path, yaml.safe_dump({"weights": {f"w{number:02}": "x" for number in range(30)}}))
    assert len(lines) == 10
    assert lines[0] == "weights.w00: expected a number, got 'x'"
    assert lines[-1] == "21 more settings are wrong; is it the right file?"
