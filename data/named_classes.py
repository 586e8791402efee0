"""Classes as settings name them: by name, or by number."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from ramify.tasks.class_table import ClassTable


def _as_text(given: Any) -> Any:
    return str(given) if type(given) is int else given


ClassName = Annotated[str, BeforeValidator(_as_text)]
"""Of a setting: a class by its name or number."""


def class_number(name: str, table: ClassTable, setting: str) -> int:
    """Number of a class that a setting names; raises ValueError for one that there is not.

    Examples:
        >>> from ramify.data.named_classes import class_number
        >>> from ramify.tasks.class_table import ClassTable
        >>> table = ClassTable.model_validate({"classes": {"portal": 40, "hepatic": 15}})
        >>> class_number("hepatic", table, "loading.class_shares"), class_number("2", table, "loading.class_shares")
        (2, 2)
    """
    if name in table.names:
        return table.number(name)
    if name.isdecimal() and 1 <= int(name) <= len(table.names):
        return int(name)
    raise ValueError(f"{setting}: no class {name!r}; there are {', '.join(table.names)}")
