"""Which vectors are contrasted, as a user chooses it."""

from typing import Literal

from pydantic import Field

from ramify.settings_errors import PythonSettings


class AnchorSettings(PythonSettings, frozen=True, extra="forbid"):
    """Anchors of the contrast between scales."""

    mode: Literal["dense", "pooled", "masked"] = "dense"
    """Of a head a scale. dense: each position of each scale's map. masked: where that scale is present. pooled: one a
    volume and scale."""
    cap: int = Field(default=6144, ge=2)
    """Most anchors in one step, shared equally among the scales and drawn at random; the cost grows with its square."""
    bank: int = Field(default=0, ge=0)
    """Anchors of past steps kept a scale, contrasted with those of the present one; 0 keeps none."""
    mixed: Literal["smallest", "left_out"] = "smallest"
    """Of a shared head: what a position counts as that holds vessels of several scales."""
    near_background: int = Field(default=2, ge=0)
    """Of a shared head: background is a class of its own up to so many positions from a vessel; 0: it is no class."""
    errors: float = Field(default=0.0, ge=0.0, le=1.0)
    """Of a shared head: share of each class's anchors that are drawn where the network is wrong about vessels, as far
    as there are such; the others are drawn anywhere."""
