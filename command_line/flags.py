"""The flags of a script, read off its settings: name, kind of value, meaning, and whether one needs to know of it."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ramify.command_line.kinds import Kind, kind_of
from ramify.essential import EssentialMark
from ramify.settings_errors import model_in


@dataclass(frozen=True)
class Flag:
    """A setting as a flag.

    Attributes:
        name: with its sections, `--train.weight-decay`.
        keys: the way to it, ("train", "weight_decay").
        field: pydantic's.
        owner: the model that has it.
    """

    name: str
    keys: tuple[str, ...]
    field: FieldInfo
    owner: type[BaseModel]

    @property
    def kind(self) -> Kind:
        """What values it takes."""
        return kind_of(self.field.annotation)

    @property
    def opposite(self) -> str:
        """Of what is on or off: the flag that switches it off."""
        section, dot, key = self.name.removeprefix("--").rpartition(".")
        return f"--{section}{dot}no-{key}"

    @property
    def is_required(self) -> bool:
        """Whether it has no default."""
        return self.field.is_required()

    @property
    def is_essential(self) -> bool:
        """Whether the short --help shows it."""
        return self.is_required or any(isinstance(mark, EssentialMark) for mark in self.field.metadata)

    @property
    def meaning(self) -> str:
        """What its docstring says, in one line."""
        text = self.field.description or _docstring(self.owner, self.keys[-1])
        return " ".join(text.split())

    def value_in(self, settings: BaseModel | None) -> Any:
        """Its value in settings that may lack some; its default without any."""
        found: Any = settings
        for key in self.keys:
            found = getattr(found, key, None)
        return self.field.get_default(call_default_factory=True) if settings is None else found


def flags_of(settings_class: type[BaseModel], sections: tuple[str, ...] = ()) -> Iterator[Flag]:
    """Every flag, in the order of the fields, those of a section where it stands."""
    for key, field in settings_class.model_fields.items():
        keys = (*sections, key)
        if (section := model_in(field.annotation)) is not None:
            yield from flags_of(section, keys)
        else:
            yield Flag("--" + ".".join(keys).replace("_", "-"), keys, field, settings_class)


def _docstring(owner: type[BaseModel], key: str) -> str:
    """What stands below a field; of the class that was written down with it."""
    for each in owner.__mro__:
        if issubclass(each, BaseModel) and (text := _docstrings(each).get(key)):
            return text
    return ""


@cache
def _docstrings(owner: type[BaseModel]) -> dict[str, str]:
    """Field -> the string below it in the source of a class; none of a class that was made rather than written."""
    try:
        (written,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    except (OSError, TypeError, ValueError):
        return {}
    found: dict[str, str] = {}
    body = written.body if isinstance(written, ast.ClassDef) else []
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            text = below.value.value if isinstance(below.value, ast.Constant) else None
            found |= {field.target.id: text} if isinstance(text, str) else {}
    return found
