"""Which classes the labels of a data set have: their names, the values they have in files, and what becomes of them."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

IGNORED = 255
"""In a class map: a voxel whose class nobody knows. It is in no loss and no measure, and no patch is centred on it."""
MOST_CLASSES = IGNORED - 1
VESSEL = "vessel"
"""Name of the one class of a data set of plain vessel masks."""

_NAME = re.compile(r'(?!\.)[^\x00-\x1f/\\:*?"<>|]{1,64}')
Role = Literal["vessel", "context", "organ"]
Value = Annotated[int, Field(ge=0, strict=True)] | str


def _as_class(given: Any) -> Any:
    """The short forms of a class: a value, or several."""
    return {"values": given} if isinstance(given, int | str | list | tuple) else given


def _as_several(given: Any) -> Any:
    return (given,) if isinstance(given, int | str) else given


class LabelledClass(BaseModel, frozen=True, extra="forbid"):
    """One class of the labels."""

    values: Annotated[tuple[Value, ...], BeforeValidator(_as_several)]
    """Its values in the label map, or the names of labels, masks or segments; several are one class, which is written
    as the first of them."""
    role: Role = "vessel"
    """vessel: taken apart into scales, and segmented. context: segmented beside the vessels (a tumour), without scales.
    organ: what the vessels lie in; the image is cut to it, and it is not segmented."""


LabelledClasses = dict[str, Annotated[LabelledClass, BeforeValidator(_as_class)]]
Regions = dict[str, Annotated[tuple[str, ...], BeforeValidator(_as_several)]]


class ClassTable(BaseModel, frozen=True, extra="forbid"):
    """The classes of a data set.

    A class map has the number of its class in each voxel: 1, 2, … of the segmented classes (vessels and context) in the
    table's order, 0 for background and IGNORED where the labels have the ignore value.

    Raises ValueError for a value of two classes, a class without a value, a region of nothing, a region or an ignore
    value that does not fit the classes, and a table without a vessel.

    Examples:
        >>> from ramify.tasks import ClassTable
        >>> table = ClassTable.model_validate(
        ...     {
        ...         "classes": {"portal": 40, "hepatic": [15, 16], "tumour": {"values": 3, "role": "context"}},
        ...         "regions": {"any_vessel": ["portal", "hepatic"]},
        ...         "ignore": 99,
        ...     }
        ... )
        >>> table.names, table.vessels, table.numbers_of("any_vessel")
        (('portal', 'hepatic', 'tumour'), (1, 2), (1, 2))
        >>> table.written_values()  # of background and of each class
        (0, 40, 15, 3)
    """

    classes: LabelledClasses = {VESSEL: LabelledClass(values=(1,))}
    """By name; the order is that of a network's outputs."""
    regions: Regions = {}
    """Unions of segmented classes by name, for a network of regions; each is written as its first class, where a
    network finds several, a later one over an earlier one."""
    ignore: Annotated[int, Field(ge=1)] | None = None
    """Value of voxels that nobody labelled."""

    @model_validator(mode="after")
    def _is_a_table(self) -> Self:
        if not self.vessels:
            raise ValueError("classes: expected at least one with the role vessel")
        if len(self.names) > MOST_CLASSES:
            raise ValueError(f"classes: expected at most {MOST_CLASSES}, got {len(self.names)}")
        for name in (*self.classes, *self.regions):
            if odd := next((sign for sign in "=," if sign in name), None):
                raise ValueError(
                    f"classes: {name!r}: a name has no {odd}; give each class a key of its own (portal: 2)"
                )
            if not _NAME.fullmatch(name):
                raise ValueError(f'classes: {name!r} names files: expected none of / \\ : * ? " < > | and no dot first')
        taken: dict[Value, str] = {}
        for name, its in self.classes.items():
            if not its.values:
                raise ValueError(f"classes.{name}: has no value; give it one")
            if 0 in its.values:
                raise ValueError(f"classes.{name}: 0 is the background's value; leave it out")
            for value in its.values:
                # An organ's labels may have the vessels among them.
                if its.role != "organ" and taken.setdefault(value, name) != name:
                    raise ValueError(f"classes: value {value!r} is of {taken[value]} and of {name}; give it to one")
                if value == self.ignore:
                    raise ValueError(f"ignore: {value!r} is the value of class {name}, too; choose another")
        self._check_regions()
        return self

    def _check_regions(self) -> None:
        for name, members in self.regions.items():
            if name in self.names:
                raise ValueError(f"regions.{name}: there is a class of that name; choose another")
            if not members:
                raise ValueError(f"regions.{name}: has no class; name those it is made of, or leave it out")
            if unknown := [member for member in members if member not in self.names]:
                raise ValueError(
                    f"regions.{name}: no segmented class {unknown[0]!r}; there are {', '.join(self.names)}"
                )
            if len(set(members)) < len(members):
                raise ValueError(f"regions.{name}: names a class twice; name each once")

    def __eq__(self, other: object) -> bool:
        """Order counts: it is that of a network's outputs, and of what is written over what."""
        return isinstance(other, ClassTable) and self._in_order() == other._in_order()

    def _in_order(self) -> tuple[Any, ...]:
        return tuple(self.classes.items()), tuple(self.regions.items()), self.ignore

    @property
    def names(self) -> tuple[str, ...]:
        """The segmented classes, in order: class number 1 is the first."""
        return tuple(name for name, its in self.classes.items() if its.role != "organ")

    @property
    def vessels(self) -> tuple[int, ...]:
        """Numbers of the classes that are vessels."""
        return tuple(number for number, name in enumerate(self.names, 1) if self.classes[name].role == "vessel")

    @property
    def organs(self) -> tuple[str, ...]:
        """Names of the classes that are the organ."""
        return tuple(name for name, its in self.classes.items() if its.role == "organ")

    @property
    def is_single(self) -> bool:
        """Whether vessels are all there is to tell from background: then no class map is kept."""
        return len(self.names) == 1 and self.ignore is None

    def number(self, name: str) -> int:
        """Of a segmented class, 1, 2, …; raises ValueError for a name that there is not."""
        if name not in self.names:
            raise ValueError(f"no class {name!r}; there are {', '.join(self.names)}")
        return self.names.index(name) + 1

    def numbers_of(self, name: str) -> tuple[int, ...]:
        """Numbers of the classes of a region, or of one class; raises ValueError for a name that there is not."""
        return tuple(self.number(member) for member in self.regions.get(name, (name,)))

    def number_of_region(self, name: str) -> int:
        """The class that a region is written as: its first one."""
        return self.number(self.regions[name][0])

    def written_values(self) -> tuple[int, ...]:
        """What is written for background and for class 1, 2, …: each class's first value, or its number.

        Numbers, where one of them has a name in place of a value.
        """
        values = [self.classes[name].values[0] for name in self.names]
        own = [value for value in values if isinstance(value, int)]
        return (0, *own) if len(own) == len(values) else tuple(range(1 + len(values)))

    def numbers_by_value(self) -> Mapping[int, int]:
        """From values of a label map to class numbers, and to IGNORED; without those given by name."""
        found = {
            value: number
            for number, name in enumerate(self.names, 1)
            for value in self.classes[name].values
            if isinstance(value, int)
        }
        return found if self.ignore is None else {**found, self.ignore: IGNORED}


SINGLE = ClassTable()
"""Of plain vessel masks."""
