"""The pages a reader meets, and what stands in them: fenced blocks, commands, headings, links."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / ".github").rglob("*.md")],
    key=lambda path: path.relative_to(ROOT).as_posix(),
)
"""README, CONTRIBUTING, CHANGELOG, docs, and what GitHub shows to whoever reports or changes something."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.MULTILINE)
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language (empty for none), its text, and the line its text begins at."""

    language: str
    text: str
    line: int


def name_of(page: Path) -> str:
    """The page as a reader would name it."""
    return page.relative_to(ROOT).as_posix()


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks_of(text: str) -> list[Block]:
    """Fenced blocks in their order."""
    return [Block(found[1], found[2], text.count("\n", 0, found.start(2)) + 1) for found in _FENCE.finditer(text)]


def prose_of(text: str) -> str:
    """The text without its fenced blocks."""
    return _FENCE.sub("", text)


def code_in(prose: str) -> list[str]:
    """What stands between backticks, on one line each."""
    return [" ".join(found[2].split()) for found in _CODE.finditer(prose)]


def links_of(text: str) -> list[str]:
    """Targets of links and pictures."""
    return _LINK.findall(_CODE.sub("code", prose_of(text)))


def anchors_of(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings: lower case, without signs, spaces as hyphens, -1 for a second."""
    found: dict[str, int] = {}
    anchors = set()
    for heading in _HEADING.findall(prose_of(text)):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        anchor = "".join(sign for sign in shown if sign in " -_" or unicodedata.category(sign)[0] in "LN")
        anchor = anchor.replace(" ", "-")
        seen = found.get(anchor, 0)
        found[anchor] = seen + 1
        anchors.add(f"{anchor}-{seen}" if seen else anchor)
    return anchors


def command_lines(block: Block) -> Iterator[str]:
    """Lines of a block without a language: continued ones joined, what is said beside them left out."""
    if block.language:
        return
    for line in re.sub(r"\\\n\s*", " ", block.text).splitlines():
        # Beside a command stands a comment, or words at a distance.
        if command := re.split(r"\s#|\s{3,}", line.strip())[0]:
            yield command
