"""Every command on a page is one that can be given: script, flags, values, settings files and make targets exist."""

import argparse
import importlib.util
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from tests.docs.pages import PAGES, ROOT, blocks_of, code_in, command_lines, name_of, prose_of, text_of

PYTHON = ("python", ".venv/bin/python")
LEFT_OUT = {
    "evaluate": "--prediction P --truth T --output S",
    "tune": "--config configs/demo.yaml --space configs/tuning/paper.yaml --trials 50",
    "train": "--config configs/demo.yaml",
}
"""What `...` stands for."""
OF_TORCHRUN = {"--nproc-per-node", "--nnodes", "--rdzv-backend", "--rdzv-endpoint"}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
MINE = {
    "configs/mine.yaml": (ROOT / "configs" / "demo.yaml").read_text(encoding="utf-8"),
    "configs/preprocessing/mine.yaml": (ROOT / "configs" / "preprocessing" / "demo.yaml").read_text(encoding="utf-8"),
}
"""Files that a page asks its reader to write, with something for a content."""


OF_OTHERS = {"--logdir", "--no-deps", "--extra-index-url", "--ml", "--randomly-seed"}
"""Flags that pages name of pip, tensorboard, TotalSegmentator and pytest."""
FLAG = re.compile(r"(?<!\S)--[a-z][\w.-]*")


class Read(Exception):
    """Raised where a command has read its arguments: its work is for other tests."""


def commands_of(page: Path) -> list[str]:
    """Commands in the blocks and in the sentences of a page."""
    text = text_of(page)
    lines = [line for block in blocks_of(text) for line in command_lines(block)]
    return [line for line in lines + code_in(prose_of(text)) if is_command(line)]


def is_command(line: str) -> bool:
    words = line.split()
    if len(words) < 2 or "(" in line:
        return False
    return words[0] in (*PYTHON, "make", "torchrun", "ramify")


COMMANDS = [(page, command) for page in PAGES for command in commands_of(page)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the settings of the checkout, and those that a reader was asked to write."""
    folder = tmp_path_factory.mktemp("checkout")
    for path in (ROOT / "configs").rglob("*.yaml"):
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    shown = [block.text for block in blocks_of(text_of(ROOT / "docs" / "experiments.md")) if block.language == "yaml"]
    experiment = next(text for text in shown if text.startswith("# configs/experiments/mine.yaml"))
    for name, text in {**MINE, "configs/experiments/mine.yaml": experiment}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_commands_are_found():
    found = {command for _, command in COMMANDS}
    assert len(found) > 40
    assert "make demo" in found
    assert any(command.startswith(".venv/bin/python evaluate.py") for command in found)
    assert any(command.startswith("python -m benchmarks.losses --part") for command in found)


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{name_of(page)}: {line}" for page, line in COMMANDS])
def test_the_command_can_be_given(page: Path, command: str, checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(checkout)
    first, *words = shlex.split(command.replace("[--", "--").replace("]", ""))
    if first == "make":
        assert words[0] in TARGETS, f"no such target: {command}"
        return
    if first == "torchrun":
        while words[0] in OF_TORCHRUN:
            words = words[2:]
    if first == "ramify":
        words[0] = f"{words[0]}.py"
    module = words[1] if words[0] == "-m" else words[0].replace("/", ".").removesuffix(".py")
    words = words[2:] if words[0] == "-m" else words[1:]
    if module == "pytest":
        named = [word for word in words if word.endswith(".py")]
        assert all((ROOT / word).is_file() for word in named), command
        return
    if words in ([], ["--help"]):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file() or importlib.util.find_spec(module), command
        return
    if "..." in words:
        words = [word for word in words if word not in ("--config", "...")] + shlex.split(LEFT_OUT[module])
    read(module, words, monkeypatch)


def read(module: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a command read its arguments by its own parser; what takes none is not given any."""
    name = f"ramify.{module}" if (ROOT / f"{module}.py").is_file() else module
    if importlib.util.find_spec(f"{name}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else name) is None:
        pytest.fail(f"{name}: no such script or module")
    if (ROOT / module.replace(".", "/")).is_dir():
        name = f"{name}.__main__"
    command = importlib.import_module(name)
    monkeypatch.setattr(sys, "argv", [module, *words])
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stopping(argparse.ArgumentParser.parse_args))
    if hasattr(command, "parse"):
        monkeypatch.setattr(command, "parse", stopping(command.parse))
    elif not hasattr(command, "argparse"):
        assert not words, f"{name} takes no arguments"
        return
    with pytest.raises(Read):
        command.main()


def stopping(reader: Callable[..., Any]) -> Callable[..., Any]:
    """The reader of arguments, after which nothing comes."""

    def read_and_stop(*given: Any, **named: Any) -> None:
        reader(*given, **named)
        raise Read

    return read_and_stop


def flags_of(settings: type[BaseModel], section: str = "") -> set[str]:
    """Flags of settings and of the sections in them, with hyphens for underscores."""
    flags = set()
    for name, field in settings.model_fields.items():
        kinds = [field.annotation, *get_args(field.annotation)]
        sections = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        flags |= {f"--{section}{name}", f"--{section}no-{name}"} if bool in kinds else {f"--{section}{name}"}
        for each in sections:
            flags |= flags_of(each, f"{section}{name}.")
    return {flag.replace("_", "-") for flag in flags}


@pytest.fixture(scope="module")
def known_flags() -> set[str]:
    """Flags of every script."""
    found: set[str] = set()

    def take(settings: type[BaseModel], *_: object) -> None:
        found.update(flags_of(settings))
        raise Read

    scripts = [importlib.import_module(f"ramify.{path.stem}") for path in ROOT.glob("*.py")]
    for script in scripts:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(script, "parse", take)
            patch.setattr(sys, "argv", [script.__name__, "--help"])
            with pytest.raises(Read):
                script.main()
    return found | {"--config", "--quiet", "--help"}


def test_flags_of_sections_and_of_what_is_on_or_off(known_flags: set[str]):
    assert {"--train.epochs", "--train.no-augment", "--loss.soft-cldice.iterations", "--resume"} <= known_flags
    assert "--train.epoch" not in known_flags


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name_of)
def test_every_flag_in_a_sentence_is_one_of_ours(page: Path, known_flags: set[str]):
    text = text_of(page)
    examples = "".join(block.text for block in blocks_of(text) if block.language == "python")
    for words in code_in(prose_of(text)):
        if words.startswith("python -m"):
            continue  # Read by its own parser above.
        for flag in FLAG.findall(words):
            spelt = flag.rstrip(".").replace("_", "-")
            # A page that shows how to add something names the flag that it would get.
            added = any(f'"{part}"' in examples for part in flag.removeprefix("--").split("."))
            assert added or spelt in known_flags | OF_OTHERS | OF_TORCHRUN, f"{name_of(page)}: `{words}`"
