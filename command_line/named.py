"""Which settings files and flags name: what is chosen automatically leaves these as they are."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ramify.command_line.flags import flags_of
from ramify.command_line.parsing import files_and_flags
from ramify.command_line.yaml_settings import read_yaml


def named_settings(settings_class: type[BaseModel], argv: Sequence[str] | None = None) -> frozenset[str]:
    """Settings by dotted keys that a `--config` file or a flag gives, whatever value it is.

    Args:
        settings_class: of the script's settings.
        argv: the arguments, which `parse` has taken; those of the process by default.
    """
    paths, words = files_and_flags(list(sys.argv[1:] if argv is None else argv))
    keys: dict[str, str] = {}
    for flag in flags_of(settings_class):
        keys |= {flag.name: ".".join(flag.keys), flag.opposite: ".".join(flag.keys)}
    flags = [word.partition("=")[0].replace("_", "-") for word in words if word.startswith("--")]
    of_files = (key for path in paths for key in _dotted(read_yaml(path)))
    return frozenset([*of_files, *(keys[flag] for flag in flags if flag in keys)])


def _dotted(plain: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, value in plain.items():
        if isinstance(value, Mapping) and value:
            yield from _dotted(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"
