"""YAML of settings, read strictly: no key twice, no more than a person writes, and a reason in one line otherwise.

PyYAML takes the last of two equal keys, follows aliases without end, and needs minutes for megabytes.
"""

import textwrap
from typing import Any

import yaml
from yaml.error import Mark

MOST_BYTES = 200_000
"""Size of a file of settings; the shipped ones have two thousand."""
MOST_VALUES = 10_000
"""Values in it, those that aliases repeat counted each time."""
DEEPEST = 40
"""Sections within sections."""
_LONGEST_NUMBER, _LONGEST_LINE = 100, 300
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_MERGE = "tag:yaml.org,2002:merge"


def parse_yaml(data: bytes) -> Any:
    """The content of a YAML text in UTF-8.

    Raises:
        ValueError: not YAML, a key twice, or beyond the limits above; one line with the place.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"more than the {MOST_BYTES:,} bytes that settings may have; is it the right file?")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"not in UTF-8 (line {line}); save it in that encoding") from None
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except _Refused as refused:
        raise ValueError(str(refused)) from None
    except yaml.YAMLError as error:
        raise ValueError(f"not a YAML file ({_cut(str(error))})") from None
    except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError, RecursionError) as error:
        # A number, date or truth value whose tag does not fit its text.
        raise ValueError(f"not a YAML file ({_cut(str(error)) or type(error).__name__})") from None


class _Refused(yaml.YAMLError):
    """YAML by its grammar, but nothing that we would read."""


class _StrictLoader(yaml.SafeLoader):
    """A SafeLoader that counts what it composes."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._values = 0
        self._size_of: dict[int, int] = {}
        self._open: set[str] = set()

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        anchor = getattr(event, "anchor", None)
        is_alias = isinstance(event, yaml.AliasEvent)
        if is_alias and anchor in self._open:
            raise _refusal(f"alias *{anchor} stands inside what it names", event.start_mark)
        if self._depth == DEEPEST:
            raise _refusal(f"more than {DEEPEST} sections within one another", event.start_mark)
        before = self._values
        self._depth += 1
        self._open |= {anchor} if anchor and not is_alias else set()
        node = super().compose_node(parent, index)
        self._depth -= 1
        self._open.discard("" if is_alias else str(anchor))
        self._values += self._size_of.get(id(node), 1) if is_alias else 1
        self._size_of.setdefault(id(node), self._values - before)
        if self._values > MOST_VALUES:
            raise _refusal(f"more than {MOST_VALUES:,} values, aliases counted each time", event.start_mark)
        return node

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        node = super().compose_scalar_node(anchor)
        if node.tag in _NUMBERS and len(node.value) > _LONGEST_NUMBER:
            raise _refusal(f"a number of {len(node.value):,} characters", node.start_mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refusal("a list or section where a key is expected", key.start_mark)
            name = key.value if key.tag == _MERGE else self.construct_object(key)
            if name in lines:
                raise _refusal(
                    f"key {key.value:.100} for the second time, after line {lines[name]}; keep one of them",
                    key.start_mark,
                )
            lines[name] = key.start_mark.line + 1
        return node


def _refusal(what: str, place: Mark) -> "_Refused":
    return _Refused(f"line {place.line + 1}: {_cut(what)}")


def _cut(text: str) -> str:
    """One line of bearable length."""
    return textwrap.shorten(text, _LONGEST_LINE, placeholder=" ...")
