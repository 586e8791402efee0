"""How to have the organ that the labels of a case seem to hold, by their names."""

from __future__ import annotations

import shlex

from ramify.data.adapters.class_choice import LabelSource
from ramify.data.mask_files import MaskFiles
from ramify.data.organ_names import organs_in


def organ_hint(labels: LabelSource, form: str, with_classes: bool) -> str:
    """A clause with the setting that takes the label for the organ; empty where no name is an organ's.

    form: the data set's, as the setting `dataset` names it. with_classes: whether classes are told apart.
    """
    names = _names(labels)
    if not (organs := organs_in(names)):
        return ""
    what = "labels have" if isinstance(labels, MaskFiles) or labels.segments else "label map has"
    told = ", ".join(f"{name}{names[name]}" for name in organs)
    if with_classes:
        return f"the {what} {told}: give it a class of the role organ, {{values: {organs[0]}, role: organ}}"
    return f"the {what} {told}: --{form}.organ-labels {shlex.join(organs)}"


def _names(labels: LabelSource) -> dict[str, str]:
    """The names of labels, each with its numbers in words."""
    if isinstance(labels, MaskFiles):
        return dict.fromkeys(labels.files, "")
    if labels.segments:
        return {one.name: "" for one in labels.segments}
    try:
        return {name: f" = {' '.join(map(str, ids))}" for name, ids in labels.looked_up.names.items()}
    except (ValueError, OSError):
        # What is not needed may be as it is.
        return {}
