"""What the labels that a command gives by number are called: a number of another structure scores badly in silence."""

from ramify.data.label_names import DESCRIPTION, is_number, labels_beside, names_by_number
from ramify.data.organ_names import is_organ_name
from ramify.evaluation.settings import EvaluateCommand
from ramify.metrics.classes import ClassSet


def names_of_numbers(command: EvaluateCommand, chosen: ClassSet) -> list[str]:
    """A line for each label that is given by number and has another name in the dataset.json beside its files.

    chosen: the classes that the command asks for. A file that cannot be read is told of when its names are needed.
    """
    asked = {role: _by_number(getattr(command, f"{role}_labels"), role) for role in ("truth", "prediction", "organ")}
    if command.classes:
        asked["truth"] = {label: f"class {one.name}" for one in chosen.classes for label in one.labels}
    lines = []
    for role, labels in asked.items():
        names = _names(command, role) if labels else {}
        for label, what in labels.items():
            name = names.get(label)
            if name is not None and name.casefold() not in what.casefold():
                organ = ", an organ: is that what is compared?" if role != "organ" and is_organ_name(name) else ""
                lines.append(f"{what}: label {label} is called {name}{organ}")
    return lines


def _by_number(labels: tuple[str, ...], what: str) -> dict[int, str]:
    return {int(label): what for label in labels if is_number(label)}


def _names(command: EvaluateCommand, role: str) -> dict[int, str]:
    """Labels by number as the dataset.json of a role's files calls them."""
    source = getattr(command, role)
    try:
        return names_by_number(labels_beside(source / DESCRIPTION if source.is_dir() else source).names)
    except (ValueError, OSError):
        return {}
