"""The short --help: what a script is for, how it is called, and the settings that one needs of it."""

import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from ramify.command_line.about import About
from ramify.command_line.called import this_script
from ramify.command_line.flags import Flag, flags_of

FEW = 12
"""So many settings are all shown."""
OF_EVERY_COMMAND = {
    "--config FILE": "Settings from a YAML file, a second one on top of the first; flags lie on top of both.",
    "--quiet": "Show no progress.",
    "--help-all": "Every setting and its meaning.",
    "--version": "The versions of Ramify, Python and torch.",
}
_COLUMN, _WIDEST = 30, 110


def short_help(settings_class: type[BaseModel], said: About, given: BaseModel | None = None) -> str:
    """The text; given: settings of files, whose values are shown as defaults."""
    flags = list(flags_of(settings_class))
    shown = flags if len(flags) <= FEW else [flag for flag in flags if flag.is_essential]
    needed = [flag for flag in shown if flag.is_required]
    usage = " ".join([this_script(), *(f"{flag.name} {flag.kind.shown}" for flag in needed), "[--FLAG VALUE ...]"])
    lines = [*_wrapped(f"usage: {usage}", "       "), "", *_wrapped(said.title, "")]
    if said.examples:
        lines += ["", *(f"  {example}" for example in said.examples)]
    if needed:
        lines += ["", "needed:", *(line for flag in needed for line in _entry(_head(flag), flag.meaning))]
    if chosen := [flag for flag in shown if not flag.is_required]:
        lines += ["", "often chosen:" if len(shown) < len(flags) else "if you like:"]
        lines += [line for flag in chosen for line in _entry(_head(flag), in_short(flag) + _default(flag, given))]
    lines += [
        "",
        "of every command:",
        *(line for flag, says in OF_EVERY_COMMAND.items() for line in _entry(flag, says)),
    ]
    hidden = len(flags) - len(shown)
    return "\n".join([*lines, "", *where_more_is(said, hidden)])


def where_more_is(said: About, hidden: int = 0) -> Iterator[str]:
    """Where the other settings are, and the pages."""
    if hidden:
        yield f"{hidden} more settings: {this_script()} --help-all"
    beside = (Path(__file__).parents[1] / "docs").is_dir()
    yield f"pages: {', '.join(said.pages)}{'' if beside else ', in the repository of Ramify'}"


def in_short(flag: Flag) -> str:
    """The first sentence of a meaning, of choices all that is said of them; abbreviations end no sentence."""
    text = flag.meaning
    if text.partition(":")[0] in flag.kind.choices:
        return text
    ends = (found.start() + 1 for found in re.finditer(r"(?<!e\.g)(?<!i\.e)\. (?=[^a-z])", text))
    return text[: next(ends, len(text))]


def _head(flag: Flag) -> str:
    if flag.kind.is_switch and flag.field.get_default() is True:
        section, dot, key = flag.name.removeprefix("--").rpartition(".")
        return f"--{section}{dot}[no-]{key}"
    return f"{flag.name} {flag.kind.shown}".rstrip()


def _default(flag: Flag, given: BaseModel | None) -> str:
    value = flag.value_in(given)
    if flag.kind.is_switch:
        return " (default: on)" if value else ""
    written = " ".join(map(str, value)) if isinstance(value, tuple | list) else "" if value is None else str(value)
    return f" (default: {written})" if written and not isinstance(value, dict) else ""


def _entry(head: str, text: str) -> list[str]:
    """A flag in its column and its meaning beside it, or below where the flag is too long."""
    lines = _wrapped(text, "", _width() - _COLUMN)
    if len(head) + 4 > _COLUMN:
        return [f"  {head}", *(" " * _COLUMN + line for line in lines)]
    first, *rest = lines or [""]
    return [f"  {head:<{_COLUMN - 2}}{first}".rstrip(), *(" " * _COLUMN + line for line in rest)]


def _wrapped(text: str, indent: str, width: int | None = None) -> list[str]:
    return textwrap.wrap(
        text, width or _width(), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _width() -> int:
    return max(60, min(_WIDEST, shutil.get_terminal_size().columns))
