"""Types of settings that are the least and the greatest of something: two finite numbers, the smaller first."""

from typing import Annotated

from pydantic import AfterValidator, Field, FiniteFloat, PositiveInt


def rising(bounds: tuple[float, float]) -> tuple[float, float]:
    """The bounds; ValueError where they fall."""
    if bounds[0] > bounds[1]:
        raise ValueError(f"expected the smaller number first, got {bounds}")
    return bounds


_NonNegative = Annotated[FiniteFloat, Field(ge=0)]
_Positive = Annotated[FiniteFloat, Field(gt=0)]
Bounds = Annotated[tuple[FiniteFloat, FiniteFloat], AfterValidator(rising)]
NonNegativeBounds = Annotated[tuple[_NonNegative, _NonNegative], AfterValidator(rising)]
PositiveBounds = Annotated[tuple[_Positive, _Positive], AfterValidator(rising)]
PositiveCounts = Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(rising)]
