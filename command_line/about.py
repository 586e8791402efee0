"""What a script says of itself: its docstring, taken apart."""

import re
from dataclasses import dataclass

from ramify.command_line.called import typed

_PAGE = re.compile(r"docs/\w+\.md")
_OF_ALL = "docs/commands.md"


@dataclass(frozen=True)
class About:
    """Parts of a script's docstring.

    Attributes:
        title: its first line.
        examples: the lines that are set in, as they can be typed here.
        text: the paragraphs below.
        pages: of the documentation that it names, and the one on what all commands have in common.
    """

    title: str
    examples: tuple[str, ...] = ()
    text: str = ""
    pages: tuple[str, ...] = (_OF_ALL,)


def about(docstring: str | None) -> About:
    """The parts of a docstring; of an interpreter without docstrings, nothing but the page of all."""
    title, _, rest = (docstring or "").strip().partition("\n")
    blocks = [block.strip("\n") for block in rest.split("\n\n") if block.strip()]
    examples = [line.strip() for block in blocks if block.startswith("    ") for line in _joined(block)]
    text = "\n\n".join(block for block in blocks if not block.startswith("    "))
    pages = tuple(dict.fromkeys([*_PAGE.findall(text), _OF_ALL]))
    return About(title, tuple(map(typed, examples)), text, pages)


def _joined(block: str) -> list[str]:
    """The lines of a block, those that go on below as one."""
    return re.sub(r"\\\n\s*", "", block).splitlines()
