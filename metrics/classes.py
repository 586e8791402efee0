"""Which labels of label maps are compared: as classes, as regions made of classes, and what nobody labelled."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.masks import Mask
from ramify.tasks.class_table import ClassTable
from ramify.vessels.box import foreground_box

MERGED = "any_vessel"
"""The region of all vessel classes together, which is measured wherever there are several."""
_MOST_BOXED = 1 << 16

Boxes = Mapping[int, tuple[slice, ...]]
"""Label -> the smallest box that holds all its voxels."""


@dataclass(frozen=True)
class LabelClass:
    """A class of a label map, or a region: the labels that belong to it, and what it is called.

    Attributes:
        name: as in tables and files.
        labels: whole numbers > 0; several are taken together as one mask.

    Examples:
        >>> from ramify.metrics import LabelClass
        >>> LabelClass("veins", (2, 3)).labels
        (2, 3)
    """

    name: str
    labels: tuple[int, ...]

    def mask_in(self, label_map: NDArray[np.integer], boxes: Boxes | None = None) -> Mask:
        """Where a label map (*S) has one of the labels, bool (*S).

        boxes: the `label_boxes` of the map, so that no more of it is looked at.
        """
        if boxes is None:
            boxes = label_boxes(label_map, self.labels)
        mask = np.zeros(label_map.shape, dtype=bool)
        for label in self.labels:
            if label in boxes:
                box = boxes[label]
                mask[box] |= label_map[box] == label
        return mask


def label_boxes(label_map: NDArray[np.integer], labels: Collection[int]) -> Boxes:
    """The box of each of some labels > 0 that a label map (*S) has."""
    # Imported here: it costs half a second, and most of this room goes without.
    from scipy.ndimage import find_objects

    inside = foreground_box(label_map != 0)
    low = [label for label in labels if label < _MOST_BOXED]
    found = find_objects(label_map[inside].astype(np.int32, copy=False), max(low, default=0))
    boxes: dict[int, tuple[slice, ...]] = {label: inside for label in labels if label >= _MOST_BOXED}
    for label in low:
        if label <= len(found) and (box := found[label - 1]) is not None:
            boxes[label] = tuple(
                slice(outer.start + own.start, outer.start + own.stop) for outer, own in zip(inside, box, strict=True)
            )
    return boxes


def numbered(label_map: NDArray[np.integer], classes: Sequence[LabelClass]) -> NDArray[np.int16]:
    """The number of its class, 1, 2, …, of each voxel of a label map (*S), 0 of none; of a label of several, the first.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics.classes import LabelClass, numbered
        >>> numbered(np.array([[40, 7, 0, 3]]), [LabelClass("portal", (40, 3)), LabelClass("hepatic", (7,))]).tolist()
        [[1, 2, 0, 1]]
    """
    numbers = np.zeros(label_map.shape, dtype=np.int16)
    boxes = label_boxes(label_map, {label for one in classes for label in one.labels})
    for number, one in reversed(list(enumerate(classes, start=1))):
        numbers[one.mask_in(label_map, boxes)] = number
    return numbers


@dataclass(frozen=True)
class ClassSet:
    """What is compared of label maps.

    Attributes:
        classes: each a mask of its own; means are over them.
        regions: further masks, made of several classes; MERGED the first where there are several vessel classes.
        ignore: the truth's value of voxels that count nowhere.
        looked_up: whether the classes were taken from a table or a data set, of which files may lack some.
        context: names of the classes that are no vessels.

    Raises ValueError for two of one name, or an ignore value that a class has.

    Examples:
        >>> from ramify.metrics import ClassSet, parse_classes
        >>> chosen = ClassSet.of(parse_classes(["portal=1", "hepatic=2"]), ignore=9)
        >>> chosen.regions
        (LabelClass(name='any_vessel', labels=(1, 2)),)
    """

    classes: tuple[LabelClass, ...] = ()
    regions: tuple[LabelClass, ...] = ()
    ignore: int | None = None
    looked_up: bool = False
    context: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        classes: Sequence[LabelClass],
        regions: Sequence[LabelClass] = (),
        ignore: int | None = None,
        context: Collection[str] = (),
        looked_up: bool = False,
    ) -> "ClassSet":
        """Classes with the region of all their vessels; `context` names those that are none."""
        labels = _together([one for one in classes if one.name not in context])
        its = LabelClass(MERGED, labels)
        own = next((one for one in (*classes, *regions) if one.name == MERGED), None)
        if own is not None and set(own.labels) != set(labels):
            raise ValueError(f"{MERGED}: is the name of all vessel classes together; call the other one otherwise")
        several = len(classes) - len(set(context)) > 1
        others = [one for one in regions if one.name != MERGED]
        measured = (*([its] if several and own not in classes else []), *others)
        return cls(tuple(classes), measured, ignore, looked_up, tuple(context))

    @classmethod
    def of_table(cls, table: ClassTable) -> "ClassSet":
        """The segmented classes of a data set's table, with its regions and its ignore value.

        Raises ValueError for a class that has a name in place of a value.
        """
        for name in table.names:
            if odd := next((value for value in table.classes[name].values if not isinstance(value, int)), None):
                raise ValueError(
                    f"class {name}: has the name {odd!r} in place of a value in label maps; give --classes {name}=VALUE"
                )
        classes = [LabelClass(name, tuple(map(int, table.classes[name].values))) for name in table.names]
        by_name = {one.name: one for one in classes}
        regions = [
            LabelClass(name, _together([by_name[member] for member in members]))
            for name, members in table.regions.items()
        ]
        context = [name for name in table.names if table.classes[name].role == "context"]
        return cls.of(classes, regions, table.ignore, context, looked_up=True)

    def __post_init__(self) -> None:
        _check_names(self.measured)
        if owner := next((one.name for one in self.classes if self.ignore in one.labels), None):
            raise ValueError(f"ignore label {self.ignore}: is a label of class {owner}, too; leave it out of one")

    @property
    def measured(self) -> tuple[LabelClass, ...]:
        """All that has scores of its own: the classes, and the regions."""
        return (*self.classes, *self.regions)

    @property
    def labels(self) -> tuple[int, ...]:
        """Every label of a class."""
        return _together(self.classes)

    @property
    def vessel_labels(self) -> tuple[int, ...]:
        """Every label of a class of vessels."""
        return _together([one for one in self.classes if one.name not in self.context])


def parse_classes(words: Sequence[str], known: Mapping[str, Sequence[int]] | None = None) -> tuple[LabelClass, ...]:
    """Classes from words such as `1`, `portal=1`, `veins=2+3`, or the name of a label.

    Args:
        words: a class each.
        known: labels by name, as a dataset.json has them.

    Raises:
        ValueError: a word of another form, or two classes of one name.

    Examples:
        >>> from ramify.metrics import parse_classes
        >>> parse_classes(["portal=1", "veins=2+3"])
        (LabelClass(name='portal', labels=(1,)), LabelClass(name='veins', labels=(2, 3)))
        >>> parse_classes(["Hepatic", "all=portal+hepatic"], known={"portal": [1], "hepatic": [2]})
        (LabelClass(name='hepatic', labels=(2,)), LabelClass(name='all', labels=(1, 2)))
    """
    folded = {name.casefold(): LabelClass(name, tuple(labels)) for name, labels in (known or {}).items()}
    there_are = f", or one of {', '.join(known)}" if known else ""
    classes = []
    for word in words:
        name, given, labels = word.rpartition("=")
        parts = [_part(part, folded) for part in labels.split("+")]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts) or (given and not name):
            raise ValueError(f"class {word!r}: expected a label such as 1, portal=1 or veins=2+3{there_are}")
        if odd := next((sign for sign in "=," if sign in name), None):
            raise ValueError(f"class {word!r}: a name has no {odd}; part classes by spaces: portal=1 veins=2+3")
        classes.append(LabelClass(name or "+".join(part.name for part in found), _together(found)))
    _check_names(classes)
    return tuple(classes)


def parse_regions(words: Sequence[str], classes: Sequence[LabelClass]) -> tuple[LabelClass, ...]:
    """Regions from words such as `vessels=portal+hepatic`, which name classes.

    Raises:
        ValueError: a word of another form, or a class that there is not.

    Examples:
        >>> from ramify.metrics import parse_classes, parse_regions
        >>> parse_regions(["vessels=portal+hepatic"], parse_classes(["portal=1", "hepatic=2"]))
        (LabelClass(name='vessels', labels=(1, 2)),)
    """
    by_name = {one.name: one for one in classes}
    regions = []
    for word in words:
        name, _, members = word.partition("=")
        if not (name and members):
            raise ValueError(f"region {word!r}: expected a name and its classes, such as vessels=portal+hepatic")
        if unknown := next((member for member in members.split("+") if member not in by_name), None):
            raise ValueError(f"region {word!r}: no class {unknown!r}; there are {', '.join(by_name) or 'none'}")
        regions.append(LabelClass(name, _together([by_name[member] for member in members.split("+")])))
    return tuple(regions)


def _check_names(classes: Sequence[LabelClass]) -> None:
    names = [one.name for one in classes]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"classes and regions: {doubled!r} is given twice; name each once")


def _part(word: str, folded: Mapping[str, LabelClass]) -> LabelClass | None:
    """A label by its name or by its number; None for neither."""
    if word.casefold() in folded:
        return folded[word.casefold()]
    return LabelClass(word, (int(word),)) if word.isdecimal() and int(word) > 0 else None


def _together(classes: Sequence[LabelClass]) -> tuple[int, ...]:
    """The labels of several classes, each once."""
    return tuple(dict.fromkeys(label for one in classes for label in one.labels))
