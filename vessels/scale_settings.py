"""What a user chooses about the scales of a vessel mask."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, Field, field_validator

from ramify.vessels.estimators import ESTIMATORS

if TYPE_CHECKING:
    EstimatorName = str
else:
    # The names of the table, and no second list of them.
    EstimatorName = Literal[tuple(ESTIMATORS)]


class ScaleSettings(BaseModel, frozen=True, extra="forbid"):
    """How vessel masks are decomposed into scales."""

    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.25, 0.75)
    """Quantiles of a case's branch radii that separate its scales, rising: n of them give n + 1 scales."""
    estimator: EstimatorName = "volume"
    """Radius of a branch: `paper` (Eq. 1 and 2), `distance` to the wall, or `volume` over length."""
    surface_neighbours: int = Field(default=8, ge=1)
    """Nearest surface voxels that the `paper` estimator takes (m in Eq. 1)."""
    prune_spurs: bool | None = None
    """Remove spurs shorter than the radius at their junction; unset: not with `paper`, but with the others."""
    weigh_fragments: bool | None = None
    """Count branches without a junction by their length towards the quantiles; unset: as for prune_spurs."""

    @field_validator("quantiles")
    @classmethod
    def _rising(cls, quantiles: tuple[float, ...]) -> tuple[float, ...]:
        if list(quantiles) != sorted(set(quantiles)):
            raise ValueError(f"quantiles: expected rising numbers between 0 and 1, got {quantiles}; sort them")
        return quantiles

    @property
    def n_scales(self) -> int:
        """Into how many scales a mask is decomposed."""
        return len(self.quantiles) + 1


DEFAULT_SCALES = ScaleSettings()
