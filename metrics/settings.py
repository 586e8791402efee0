"""What is measured, and how."""

import difflib
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model, field_validator

from ramify.essential import Essential
from ramify.metrics.detection import DETECTION_IOU
from ramify.metrics.family_settings import EVERY_FAMILY, FAMILY_SETTINGS
from ramify.settings_errors import PythonSettings
from ramify.vessels.scale_settings import ScaleSettings

_BOTH_EMPTY = {
    "left_out": (
        "Both masks empty: no measure has a value; the case (or the class of a case) is counted as both empty and is "
        "in no mean."
    ),
    "perfect": "Both masks empty: overlaps and clDice 1, distances and errors 0.",
}
_ONE_EMPTY = (
    "One mask empty: overlaps and clDice 0, distances the diagonal of the volume in mm; counts are compared as they "
    "are. Such cases are flagged and counted, and stay in every mean. A case that could not be evaluated is under "
    "failed and in no mean."
)


SkeletonMethod = Literal["guarded", "scikit-image"]


class _SharedSettings(PythonSettings, frozen=True, extra="forbid"):
    """Which families are measured, and what holds for all."""

    measures: Essential[tuple[str, ...]] = ()
    """Families of measures, such as overlap centreline surface topology, or all; without any, the fast ones."""
    skeleton: SkeletonMethod = "guarded"
    """Whose thinning: `guarded` loses no vessel, `scikit-image` compares with numbers published elsewhere."""
    both_empty: Literal["left_out", "perfect"] = "left_out"
    """Where neither mask has a voxel, such as a class that a patient lacks: in no mean, or scored as perfect."""
    detection_iou: float = Field(default=DETECTION_IOU, gt=0, le=1)
    """Overlap (IoU) with the prediction from which a class of the truth counts as found."""

    @field_validator("measures")
    @classmethod
    def _known(cls, measures: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in measures if name not in (*FAMILY_SETTINGS, EVERY_FAMILY)]:
            near = difflib.get_close_matches(unknown[0], (*FAMILY_SETTINGS, EVERY_FAMILY), n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(FAMILY_SETTINGS)} and all"
            raise ValueError(f"no family of measures is called {unknown[0]}; {hint}")
        return measures


# A section for every family that has settings, named as the family.
_SECTIONS: dict[str, Any] = {name: (own, Field(default_factory=own)) for name, own in FAMILY_SETTINGS.items() if own}
_Sections = create_model("_Sections", __base__=_SharedSettings, **_SECTIONS)


class EvaluationSettings(_Sections, frozen=True, extra="forbid"):
    """What is measured, and how."""

    scales: ScaleSettings = Field(default_factory=ScaleSettings)

    def of_family(self, name: str) -> BaseModel | None:
        """The section of a family; None where it has nothing to choose."""
        return getattr(self, name, None)

    def policy(self) -> str:
        """How empty masks are scored, in words."""
        return f"{_BOTH_EMPTY[self.both_empty]} {_ONE_EMPTY}"
