"""What the classes of the cases make of the settings of a training, where it is hardly meant; a line each."""

from collections.abc import Iterator

from ramify.data.augmentations.swaps import sides_among
from ramify.losses.terms import TERMS
from ramify.tasks.formulation import Tasks
from ramify.training.settings import RunSettings


def remarks_on_classes(settings: RunSettings, tasks: Tasks) -> list[str]:
    """Classes of the left and the right that are mirrored into one another, terms that find nothing to look at, and
    regions and classes that no prediction can hold.

    Examples:
        >>> from ramify.tasks import ClassTable, Tasks
        >>> from ramify.training import RunSettings
        >>> from ramify.training.class_remarks import remarks_on_classes
        >>> table = ClassTable.model_validate({"classes": {"R-PCA": 2, "L-PCA": 3}})
        >>> settings = RunSettings.model_validate({"cases": "cases", "output": "run"})
        >>> (line,) = remarks_on_classes(settings, Tasks("classes", "none", 1, table))
        >>> line[:65]
        'classes R-PCA and L-PCA: a mirrored sample has the one where the '
    """
    return [*_mirrored(settings, tasks), *_without_a_tree(settings, tasks), *_never_written(tasks)]


def _mirrored(settings: RunSettings, tasks: Tasks) -> Iterator[str]:
    augmentation = settings.augmentation
    # Whoever names swaps has thought of it.
    if not (settings.train.augment and augmentation.flip_probability) or augmentation.flip_swaps:
        return
    if tasks.asked in ("classes", "regions") and (pairs := sides_among(tasks.table.names)):
        one, other = pairs[0]
        others = f" (and {len(pairs) - 1} more)" if len(pairs) > 1 else ""
        swaps = ", ".join(f"{one}: {other}" for one, other in pairs)
        yield (
            f"classes {one} and {other}{others}: a mirrored sample has the one where the other lies; set "
            f"augmentation.flip_swaps: {{{swaps}}}, or augmentation.flip_probability 0"
        )


def _without_a_tree(settings: RunSettings, tasks: Tasks) -> Iterator[str]:
    if tasks.main.trees:
        return
    idle = [f"loss.main.{name}" for name, weight in settings.loss.main.items() if weight and TERMS[name].of_trees]
    if idle:
        yield (
            f"{', '.join(idle)}: no effect, since every region holds context, which has no tree; name a region of "
            "vessels alone, or choose classes (model.tasks.main)"
        )


def _never_written(tasks: Tasks) -> Iterator[str]:
    """Of a network of regions, whose predictions have one class a voxel."""
    if tasks.asked != "regions":
        return
    table, regions = tasks.table, list(tasks.table.regions.items())
    for place, (name, members) in enumerate(regions):
        if over := next((later for later, others in regions[1 + place :] if set(members) <= set(others)), None):
            yield f"regions.{name}: {over} comes later, holds all of it and is written over it; name {over} first"
    written = {table.number_of_region(name) for name, _ in regions}
    if never := [name for number, name in enumerate(table.names, 1) if number not in written]:
        yield f"classes {', '.join(never)}: no region is written as such, so that no prediction will have any"
