"""What a user chooses about the scales of a vessel mask."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from ramify.settings_errors import PythonSettings
from ramify.vessels.estimator_names import ESTIMATOR_NAMES

if TYPE_CHECKING:
    EstimatorName = str
else:
    # The names of the table, and no second list of them.
    EstimatorName = Literal[tuple(ESTIMATOR_NAMES)]
Weighing = Literal["branches", "length"]
"""What counts towards the quantiles of radii: each branch once, or by its length."""


class ScaleSettings(PythonSettings, frozen=True, extra="forbid"):
    """How vessel masks are decomposed into scales."""

    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.25, 0.75)
    """Quantiles of a case's branch radii that separate its scales, rising: n of them give n + 1 scales."""
    estimator: EstimatorName = "volume"
    """Radius of a branch: `paper` (Eq. 1 and 2), `distance` to the wall, or `volume` over length."""
    surface_neighbours: int = Field(default=8, ge=1)
    """Nearest surface voxels that the `paper` estimator takes (m in Eq. 1)."""
    fill_cavities_mm3: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Cavities of the mask up to this volume (2D: area, mm²) are filled before it is thinned, and 0 fills none; unset:
    of up to eight voxels, with `paper` none. The mask itself stays."""
    prune_spurs: bool | None = None
    """Remove branches that hardly reach out of the others; unset: not with `paper`, but with the others."""
    weigh: Weighing | None = None
    """What counts towards the quantiles: `branches`, each once, or `length`, as far as it is clear of a branch's ends;
    unset: `branches` with `paper`, `length` with the others."""
    shared_thresholds: bool = True
    """Of several classes of vessels: take the quantiles over the branches of all of them together, so that a scale
    means the same radii in each; otherwise each class has thresholds of its own."""

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, given: Any) -> Any:
        if isinstance(given, dict) and "weigh_fragments" in given:
            raise ValueError(
                "weigh_fragments: branches now count by their length, or each once; write weigh: length in place of "
                "true and weigh: branches in place of false"
            )
        return given

    @field_validator("quantiles")
    @classmethod
    def _rising(cls, quantiles: tuple[float, ...]) -> tuple[float, ...]:
        if list(quantiles) != sorted(set(quantiles)):
            raise ValueError(f"quantiles: expected rising numbers between 0 and 1, got {quantiles}; sort them")
        return quantiles

    @property
    def largest_cavity_mm3(self) -> float | None:
        """Volume up to which cavities are filled, as `vessels.cavities.fill_cavities` takes it."""
        # Here, since it loads what measures radii, which settings need not.
        from ramify.vessels.estimators import ESTIMATORS

        unset = None if ESTIMATORS[self.estimator].fill_cavities else 0.0
        return unset if self.fill_cavities_mm3 is None else self.fill_cavities_mm3

    @property
    def n_scales(self) -> int:
        """Into how many scales a mask is decomposed."""
        return len(self.quantiles) + 1


DEFAULT_SCALES = ScaleSettings()
