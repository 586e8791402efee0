"""The command line: YAML first, flags on top, and one clear line for what is wrong."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field, field_validator, model_validator

from ramify.command_line import parse, run
from ramify.data.adapters.settings import DatasetSettings
from ramify.preprocessing.settings import PreprocessCommand
from ramify.settings_errors import PythonSettings


class Inner(BaseModel, frozen=True, extra="forbid"):
    """A section."""

    epochs: int = Field(10, ge=1)
    """Passes over the data."""
    learning_rate: float = 3e-4
    """Step size."""
    size: tuple[int, ...] | None = None
    """Voxels."""

    @field_validator("size")
    @classmethod
    def _not_empty(cls, size: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if 0 in (size or ()):
            raise ValueError("expected no empty axis")
        return size


class Outer(BaseModel, frozen=True, extra="forbid"):
    """A script's settings."""

    root: Path
    """Where the data lies."""
    mode: Literal["a", "b"] = "a"
    """Which way."""
    resume: bool = False
    """Go on."""
    seed: int = Field(0, ge=0)
    """Of every draw."""
    train: Inner = Inner()
    weights: dict[str, float] = {"dice": 1.0}
    """Terms."""
    swaps: dict[str, str] = {}
    """Pairs."""
    shares: dict[str, float] | None = None
    """Of each."""
    pair: tuple[float, float] | None = None
    """Both."""
    words: tuple[str, ...] = ()
    """Some."""

    @field_validator("words")
    @classmethod
    def _single(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        if found := [word for word in words if "," in word]:
            raise ValueError(f"no word {found[0]}")
        return words


def write(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return ["--config", str(path)]


def test_flags_override_the_file_and_the_file_overrides_the_defaults(tmp_path):
    words = write(tmp_path, "root: here\ntrain:\n  epochs: 5\n  learning_rate: 1e-4\nweights: {cldice: 2}\n")
    settings = parse(Outer, "test", [*words, "--train.epochs", "7", "--resume"])
    assert settings == Outer(
        root=Path("here"), resume=True, train=Inner(epochs=7, learning_rate=1e-4), weights={"cldice": 2.0}
    )


def test_a_required_value_may_come_from_either_side(tmp_path):
    words = write(tmp_path, "mode: b\n")
    assert parse(Outer, "test", [*words, "--root", "there"]) == Outer(root=Path("there"), mode="b")
    with pytest.raises(ValueError, match=r"root"):
        parse(Outer, "test", words)


def test_files_lie_one_on_top_of_the_other(tmp_path):
    below, above = tmp_path / "below.yaml", tmp_path / "above.yaml"
    below.write_text("root: here\ntrain: {epochs: 5, size: [4, 4]}\nweights: {dice: 1, cldice: 1}\n")
    above.write_text("mode: b\ntrain: {size: [8]}\nweights: {cldice: 2, other: 3}\n")
    settings = parse(Outer, "test", ["--config", str(below), f"--config={above}", "--train.epochs", "7"])
    assert settings == Outer(
        root=Path("here"),
        mode="b",
        train=Inner(epochs=7, size=(8,)),
        weights={"dice": 1.0, "cldice": 2.0, "other": 3.0},
    )
    above.write_text("train: {epocs: 3}\n")
    with pytest.raises(ValueError, match=r"below\.yaml with .*above\.yaml: train\.epocs: unknown key; did you mean"):
        parse(Outer, "test", ["--config", str(below), "--config", str(above)])


def test_one_word_in_a_file_is_a_list_of_one_as_on_the_command_line(tmp_path):
    assert parse(DatasetSettings, "test", write(tmp_path, "dataset: pairs\nroot: x\nchannels: all\n")).channels == (
        "all",
    )


@pytest.mark.parametrize("none", [["--train.size", "None"], ["--train.size", "none"], ["--train.size=none"]])
def test_tuples_and_none(tmp_path, none):
    assert parse(Outer, "t", ["--root", "x", "--train.size", "4", "5"]).train.size == (4, 5)
    words = write(tmp_path, "root: x\ntrain: {size: [1, 2, 3]}\npair: none\n")
    settings = parse(Outer, "t", [*words, *none])
    assert (settings.train.size, settings.pair) == (None, None)
    assert parse(Outer, "t", [*words, *none, "--words", "none", "--root", "none"]).words == ("none",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {epocs: 5}", r"train\.epocs: unknown key; did you mean train\.epochs\?"),
        ("trian: {epochs: 5}", r"trian: unknown key; did you mean train\?"),
        ("train: {epochs: many}", r"train\.epochs: expected a whole number, got 'many'"),
        ("train: {epochs: 0}", r"train\.epochs: .*greater than or equal to 1 \(got 0\)"),
        ("mode: c", r"mode: expected a or b, got 'c'"),
        ("- a\n- b", r"expected keys with values, got list"),
        ("a: [", r"not a YAML file"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(tmp_path, text, message):
    words = write(tmp_path, text)
    with pytest.raises(ValueError, match=message) as caught:
        parse(Outer, "test", [*words, "--root", "x"])
    assert "\n" not in str(caught.value)
    assert "config.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--train.epocs", "5"], r"--train\.epocs.*did you mean.*--train\.epochs"),
        (["--weights.cldise", "1"], r"^--weights\.cldise: a flag changes .* with weights: {dice: 1\.0, cldise: 1\.0}$"),
        (["--train.epochs", "abc"], r"--train\.epochs.*'abc'"),
        (["--seed", "-1"], r"^--seed: .*greater than or equal to 0 \(got -1\)"),
        (["--train.size", "2", "0"], r"^--train\.size: expected no empty axis \(got "),
        (["--train.epochs", "0"], r"--train\.epochs: .*greater than or equal to 1 \(got 0\)"),
        (["--mode", "z"], r"^--mode: expected a or b, got 'z'$"),
        (["--mode", "bb"], r"^--mode: expected a or b, got 'bb'; did you mean b\?$"),
        (["--mode"], r"^--mode: expected a or b after it$"),
        (["--train.epochs"], r"^--train\.epochs: expected a whole number after it$"),
        (["--epochs", "3"], r"^--epochs: no such setting; did you mean --train\.epochs\?$"),
        (
            ["--train.span", "3"],
            r"^--train\.span: no such setting; there are --train\.epochs, --train\.learning-rate, ",
        ),
        (["--zzz"], r"^--zzz: no such setting; --help-all shows all$"),
        (["--no-resum"], r"^--no-resum: no such setting; did you mean --no-resume\?$"),
        (["--resume", "yes"], r"^yes: --resume takes no value; it stands alone$"),
        (["--mode", "a", "b"], r"^b: --mode takes a or b, and no more$"),
        (["--train.size", "3,4,5"], r"^--train\.size: expected whole .*; did you mean --train\.size 3 4 5\?$"),
        (
            ["--train.size", "3", "4.5"],
            r"^--train\.size: expected whole numbers with spaces between them, or none, got '3' '4\.5'$",
        ),
        (["--pair", "1x2"], r"^--pair: expected 2 numbers with a space between them, .*; did you mean --pair 1 2\?$"),
        (["--weights.dice", "much"], r"^--weights\.dice: expected a number, got 'much'$"),
        (["--weights.dic", "1"], r"^--weights\.dic: a flag changes keys that are there"),
        (["--words", "a,b"], r"^--words: no word a,b; write spaces and no commas, --words a b$"),
        (["--swaps", "{left: right}"], r"^--swaps: expected words in pairs, --swaps NAME VALUE NAME VALUE"),
        (["--shares", "left=1"], r"^--shares: expected words in pairs"),
        (["--nnunet.channel", "0"], r"^--nnunet\.channel: it is called --channels now$"),
        (["--channel", "green"], r"^--channel: it is called --channels now$"),
    ],
)
def test_a_bad_flag_is_one_line_that_names_it(words, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse(Outer, "test", ["--root", "x", *words])
    assert "\n" not in str(caught.value)


class Scales(PythonSettings, frozen=True):
    count: int = Field(default=1, ge=1)

    @field_validator("count")
    @classmethod
    def _few(cls, count: int) -> int:
        if count > 9:
            raise ValueError(f"count: expected a digit, got {count}")
        return count

    @model_validator(mode="after")
    def _no_seven(self) -> "Scales":
        if self.count == 7:
            raise ValueError("seven is no number of scales; take six")
        return self


class WithScales(BaseModel, frozen=True):
    scales: Scales = Scales()


@pytest.mark.parametrize(
    ("settings_class", "words", "said"),
    [
        (WithScales, ("--scales.count", "0"), "--scales.count: Input should be greater than or equal to 1 (got 0)"),
        (WithScales, ("--scales.count", "12"), "--scales.count: expected a digit, got 12"),
        (WithScales, ("--scales.count", "7"), "--scales: seven is no number of scales; take six"),
        (Scales, ("--count", "12"), "--count: expected a digit, got 12"),
        (Scales, ("--count", "7"), "seven is no number of scales; take six"),
    ],
)
def test_settings_that_tell_themselves_are_told_by_their_flag(settings_class, words, said):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse(settings_class, "test", words)
    assert str(caught.value) == said


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"nowhere\.yaml"):
        parse(Outer, "test", ["--config", "nowhere.yaml"])


def test_several_things_that_are_wrong_are_a_line_each(capsys):
    with pytest.raises(SystemExit) as ended:
        run(
            lambda: print(
                parse(Outer, "test", ["--train.epocs", "5", "--sed=3", "--mode", "b", "--train.sizes", "4", "4", "4"])
            )
        )
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: --train.epocs: no such setting; did you mean --train.epochs?",
        "error: --sed: no such setting; did you mean --seed?",
        "error: --train.sizes: no such setting; did you mean --train.size?",
        "error: --root PATH: missing; Where the data lies.",
    ]


def test_of_several_wrong_flags_what_the_parser_says_itself_is_no_line():
    words = ["--dataset", "nnunet", "--rot", "a folder", "--nnunet.vessel-label", "vessel", "--check"]
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse(PreprocessCommand, "test", words)
    assert str(caught.value).split("; --") == [
        "--rot: no such setting; did you mean --root?",
        "nnunet.vessel-label: no such setting; did you mean --nnunet.vessel-labels?",
    ]


def test_a_flag_that_another_was_meant_for_is_not_missing_besides():
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse(Outer, "test", ["--rooot", "here"])
    assert str(caught.value) == "--rooot: no such setting; did you mean --root?"


def test_a_second_file_needs_its_own_flag():
    with pytest.raises(ValueError, match=r"^--config: expected one file .*, --config a\.yaml --config b\.yaml$"):
        parse(Outer, "test", ["--config", "a.yaml", "b.yaml"])


@pytest.mark.parametrize("word", ["--help", "-h", "--help-all", "--version"])
def test_what_is_asked_is_answered_and_ends_well(word, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(Outer, "What it does", [word])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert ("What it does" in shown) == (word != "--version")
    assert ("--train.epochs" in shown) == (word != "--version")
    assert ("docs/commands.md" in shown) == (word != "--version")
    assert "torch" in shown, "as --version tells it, or help of --version"


def test_the_whole_help_has_the_docstring_and_every_setting(capsys):
    with pytest.raises(SystemExit):
        parse(Outer, "What it does.\n\n    python x.py\n\nWhat it leaves; docs/results.md.\n", ["--help-all"])
    shown = capsys.readouterr().out
    assert "What it leaves" in shown
    assert "Passes over the data." in shown
    assert shown.splitlines()[-1].startswith("pages: docs/results.md, docs/commands.md")
