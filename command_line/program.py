"""The installed command: `ramify train ...` does what `python train.py ...` does in a checkout.

A script is imported when it is named, and no sooner: --help and --version load no torch.
"""

import ast
import difflib
import importlib
import sys
from pathlib import Path

from ramify.command_line.errors import run
from ramify.version import version_line

COMMANDS = (
    *("preprocess", "synthesise", "train", "clean-up", "predict", "evaluate", "analyse", "compare", "export", "tune"),
    "experiment",
    "nnunet-trainers",
)
"""The scripts, in the order in which they are come by."""


def main() -> None:
    """Run the command that the first argument names with the others, and exit with its code."""
    name, *words = sys.argv[1:] or ["--help"]
    if name not in COMMANDS:
        run(lambda: print(answer(name)))
    # Its --help shows what was typed.
    sys.argv = [f"ramify {name}", *words]
    # Outside of `run`, as where the script itself is started: a signal meets the same handlers in either case.
    script = importlib.import_module(f"ramify.{script_of(name)}")
    run(script.main)


def script_of(name: str) -> str:
    """The script that does a command's work, as a module is called."""
    return name.replace("-", "_")


def answer(word: str) -> str:
    """What is said to a first argument that names no command.

    Raises ValueError for one that nobody knows, with the near miss.
    """
    if word in ("-h", "--help"):
        return overview()
    if word == "--version":
        return version_line()
    near = difflib.get_close_matches(word.removesuffix(".py"), COMMANDS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
    raise ValueError(f"ramify {word}: no such command; {hint}")


def overview() -> str:
    """All commands, each with what it says of itself."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {first_line(name)}" for name in COMMANDS]
    return "\n".join(
        [
            "usage: ramify COMMAND ...",
            "       ramify COMMAND --help         the settings that one needs",
            "       ramify COMMAND --help-all     every setting and its meaning",
            "       ramify --version",
            "",
            *lines,
        ]
    )


def first_line(name: str) -> str:
    """What a script does, by its docstring; read, for to import it takes seconds."""
    # Scripts stand beside the rooms, in a checkout and in an installed copy.
    script = Path(__file__).parents[1] / f"{script_of(name)}.py"
    text = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]
