"""What a user chooses about the loss: Sadikine et al. 2023, Eq. 9."""

import difflib
import math
from typing import Any, Literal

from pydantic import BaseModel, Field, PositiveFloat, create_model, field_validator

from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.term_settings import TERM_SETTINGS

# A section for every term that has settings, named as the term: a term is added in one place.
_SECTIONS: dict[str, Any] = {name: (own, own()) for name, own in TERM_SETTINGS.items() if own}
TermSections = create_model("TermSections", **_SECTIONS)


class LossSettings(TermSections, frozen=True, extra="forbid"):
    """L = L_mt + Σ λ_s L_s + λ_c L_c; the defaults are the paper's (Sadikine et al. 2023, Sec. 3.2)."""

    main: dict[str, float] = Field(default={"dice": 1.0, "cross_entropy": 1.0})
    """Terms of the main task's loss L_mt and their weights; a term of weight 0 is not computed."""
    auxiliary: dict[str, float] = Field(default={"dice": 1.0, "cross_entropy": 1.0})
    """Terms of each scale's loss L_s and their weights."""
    lambda_scales: tuple[float, ...] = (0.78, 0.48, 0.54)
    """Weight λ_s of each scale, smallest vessels first; a single one holds for all."""
    lambda_contrastive: float = Field(default=0.53, ge=0.0, allow_inf_nan=False)
    """Weight λ_c of the contrast between scales, where the network has heads for it (model.contrast.head); 0 turns it
    off."""
    in_turn: bool = False
    """Learn one auxiliary task a step, each in its turn and at as many times its weight as there are, rather than all
    in every step: the others' decoders are not run."""
    temperature: float = Field(default=0.94, ge=0.001, allow_inf_nan=False)
    """Temperature τ of the contrast: the lower, the more the hardest pairs count; below 0.001 float32 rounds away what
    they differ by, and gradients overflow."""
    hard_negatives: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    """How much more the negatives count that are closest to an anchor: in proportion to exp(β s); 0: all alike."""
    foreground_weight: Literal["auto"] | PositiveFloat = "auto"
    """Weight of foreground in the cross-entropy; auto: sqrt(background / foreground) of a task in the training fold."""
    anchors: AnchorSettings = AnchorSettings()
    """Which vectors are contrasted."""

    @field_validator("main", "auxiliary")
    @classmethod
    def _known_terms(cls, terms: dict[str, float]) -> dict[str, float]:
        for name, weight in terms.items():
            if name not in TERM_SETTINGS:
                near = difflib.get_close_matches(name, TERM_SETTINGS, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(TERM_SETTINGS)}"
                raise ValueError(f"unknown loss term {name!r}; {hint}")
            _check_weight(f"weight of {name}", weight)
        return terms

    @field_validator("main")
    @classmethod
    def _something_to_learn(cls, terms: dict[str, float]) -> dict[str, float]:
        if not any(terms.values()):
            raise ValueError("the main task needs at least one term with a weight above 0")
        return terms

    @field_validator("lambda_scales")
    @classmethod
    def _weights_of_scales(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        for weight in weights:
            _check_weight("weight of a scale", weight)
        return weights

    def of_term(self, name: str) -> BaseModel | None:
        """The section of a term; None where it has nothing to choose."""
        return getattr(self, name, None)

    def scale_weights(self, n_scales: int) -> tuple[float, ...]:
        """λ_1 … λ_S for S scales; ValueError where their number is neither S nor 1."""
        if len(self.lambda_scales) not in (1, n_scales):
            raise ValueError(
                f"lambda_scales: expected {n_scales} weights for {n_scales} scales (or 1 for all), "
                f"got {len(self.lambda_scales)}: {self.lambda_scales}"
            )
        return self.lambda_scales * n_scales if len(self.lambda_scales) == 1 else self.lambda_scales


def _check_weight(name: str, weight: float) -> None:
    if not (math.isfinite(weight) and weight >= 0.0):
        raise ValueError(f"{name}: expected a finite number of at least 0, got {weight!r}")
