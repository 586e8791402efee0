"""Every command on a page is one that can be given: script, flags, values, settings files and make targets exist.

So is every command that a script or a file of settings shows at its head.
"""

import argparse
import ast
import importlib.util
import itertools
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from ramify.command_line import ANSWERED
from tests.docs.pages import PAGES, ROOT, Block, blocks_of, code_in, command_lines, name_of, prose_of, text_of

PYTHON = ("python", ".venv/bin/python")
LEFT_OUT = {
    "evaluate": "--prediction P --truth T --output S",
    "tune": "--config configs/demo.yaml --space configs/tuning/paper.yaml --study paper --trials 50",
    "train": "--config configs/demo.yaml",
}
"""What `...` stands for."""
OF_TORCHRUN = {"--nproc-per-node", "--nnodes", "--rdzv-backend", "--rdzv-endpoint"}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
DEMO = {
    "configs/mine.yaml": "configs/demo.yaml",
    "configs/preprocessing/mine.yaml": "configs/preprocessing/demo.yaml",
    "output/studies/paper/best.yaml": "configs/demo.yaml",
    "runs/paper/fold_0/config.yaml": "configs/demo.yaml",
}
"""Files that a reader was asked to write, or a command wrote, and one of ours in their place."""


OF_OTHERS = {"--logdir", "--no-deps", "--extra-index-url", "--index-url", "--ml", "--randomly-seed", "--c", "--val"}
OF_OTHERS |= {"--nthreads", "--memory-limit"}
"""Flags that pages name of pip, tensorboard, TotalSegmentator, pytest, nnU-Net and Dask."""
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


def head_of(path: Path) -> str:
    """The docstring of a module; the comment that a file of settings begins with."""
    text = text_of(path)
    if path.suffix == ".py":
        return ast.get_docstring(ast.parse(text)) or ""
    lines = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    return "\n".join(line.removeprefix("#") for line in lines)


def commands_at_head(path: Path) -> list[str]:
    """Commands at the head of a file; of alternatives the first."""
    lines = command_lines(Block("", head_of(path), 1))
    return [re.sub(r"\|\w+", "", line.replace("Z Y X", "8 8 8")) for line in lines if line.startswith("python ")]


FILES = [*ROOT.glob("*.py"), *ROOT.glob("[a-z]*/*.py"), *(ROOT / "configs").rglob("*.yaml")]
NOW = [page for page in PAGES if page.name != "CHANGELOG.md"]
"""Pages that say what is; the changelog names what there was, too."""
COMMANDS = [(page, command) for page in NOW for command in commands_of(page)]
COMMANDS += [(path, command) for path in sorted(FILES) for command in commands_at_head(path)]


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
    (folder / "configs" / "experiments" / "mine.yaml").write_text(experiment, encoding="utf-8")
    for name, ours in DEMO.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text_of(ROOT / ours), encoding="utf-8")
    return folder


def test_commands_are_found():
    found = {command for _, command in COMMANDS}
    assert len(found) > 90
    assert "make demo" in found
    assert any(command.startswith(".venv/bin/python evaluate.py") for command in found)
    assert any(command.startswith("python -m benchmarks.losses --part") for command in found)
    assert "python experiment.py configs/experiments/scales.yaml --workers 2" in found


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
        words[0] = f"{words[0].replace('-', '_')}.py"
    module = words[1] if words[0] == "-m" else words[0].replace("/", ".").removesuffix(".py")
    words = words[2:] if words[0] == "-m" else words[1:]
    if module in ("pytest", "hatchling"):
        named = [word for word in words if word.endswith(".py")]
        assert all((ROOT / word).is_file() for word in named), command
        return
    if words in ([], ["--help"], ["--help-all"], ["--version"]):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file() or importlib.util.find_spec(module), command
        return
    if "..." in words:
        words = shlex.split(LEFT_OUT[module]) + [word for word in words if word not in ("--config", "...")]
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
    return found | {"--config", "--quiet", *ANSWERED}


def test_flags_of_sections_and_of_what_is_on_or_off(known_flags: set[str]):
    assert {"--train.epochs", "--train.no-augment", "--loss.soft-cldice.iterations", "--resume"} <= known_flags
    assert "--train.epoch" not in known_flags


@pytest.mark.parametrize("page", NOW, ids=name_of)
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
