"""What a user chooses about the network."""

import difflib
import json
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from ramify.essential import Essential
from ramify.models.feature_place import feature_place
from ramify.models.network_choices import MONAI_PREFIX, NETWORK_CHOICES
from ramify.tasks.contrast_head import ContrastHead
from ramify.tasks.settings import TaskSettings

_FORMULATIONS = {
    "multi_task": "tasks: {main: vessels, auxiliary: scales}",
    "binary": "tasks: {main: vessels, auxiliary: none}",
    "multi_class": "tasks: {main: scales, auxiliary: none}",
}
"""What the earlier names of tasks are called."""
_EVERY_CHOICE = sorted(frozenset.union(*(kind.settings for kind in NETWORK_CHOICES.values())))


class ContrastHeadSettings(BaseModel, frozen=True, extra="forbid"):
    """Projection heads, for scales to be contrasted in training; inference has none."""

    head: ContrastHead = "none"
    """none: there is no contrast. per_scale: one on each scale's decoder, as in the paper, where scales are auxiliary
    tasks of resunet. shared: one for all scales, on features that every task shares, of resunet and unet."""
    features: str = "encoder.1"
    """Of a shared head, where it sits: encoder.N or main_decoder.N, N being how often the resolution was halved, or
    bottleneck, the encoder's last level."""


class ModelSettings(BaseModel, frozen=True, extra="forbid"):
    """The network; the defaults are the paper's (Sadikine et al. 2023, Sec. 3.2)."""

    network: Essential[str] = "resunet"
    """resunet (the paper's), unet, fcn, nnunet_plain, nnunet_residual, hrnet (2D), or monai:NAME for a network of
    MONAI, such as monai:SegResNet; docs/networks.md compares them."""
    tasks: TaskSettings = TaskSettings()
    """What it is asked."""
    levels: int | None = Field(default=None, ge=1, le=8)
    """Number of down-samplings l; a patch's axes must be multiples of 2^l. None takes that of pooling, or else the
    source's (resunet: 5)."""
    base_channels: int | None = Field(default=None, ge=1, le=512)
    """Channels f0 at full resolution; they double at every down-sampling. None takes the source's (resunet: 8)."""
    pooling: tuple[Annotated[int, Field(ge=0, le=8)], ...] | None = None
    """How often each axis (z y x) is halved, the most of them the levels: one of thick slices less often than others,
    from the coarsest level up. None halves all axes at every level."""
    embedding_channels: int | None = Field(default=None, ge=1, le=4096)
    """Channels of the projections the scales are contrasted in; None takes half of the channels they are made from, and
    at least 16 for a shared head."""
    contrast: ContrastHeadSettings = ContrastHeadSettings()
    """Which projections there are to contrast."""
    deep_supervision: int = Field(default=0, ge=0, le=7)
    """Number of further, coarser outputs that are supervised in training."""
    checkpoint_activations: bool = False
    """Keep fewer activations and compute them again in the backward pass: less memory, about a third more time."""
    auxiliary_halvings: int = Field(default=0, ge=0, le=7)
    """How many levels below full resolution the decoders of auxiliary tasks end: at 1 their tasks are learnt at half
    the resolution, where a block is of a scale that one of its voxels is of."""
    auxiliary_width: float = Field(default=1.0, gt=0.0, le=1.0)
    """Channels of the decoders of auxiliary tasks, as a share of the main decoder's."""
    arguments: dict[str, Any] = {}
    """Further arguments of nnunet_plain, nnunet_residual, hrnet and monai:NAME by their own names; in a YAML file."""

    @property
    def family(self) -> str:
        """The network without MONAI's name: a key of NETWORK_CHOICES."""
        return self.network.partition(":")[0]

    def sizes(self, ndim: int) -> tuple[int, int]:
        """Levels and base channels of a network that has them, chosen or its source's."""
        kind = NETWORK_CHOICES[self.family]
        of_pooling = max(self.pooling) if self.pooling else (kind.levels or {}).get(ndim)
        levels = self.levels if self.levels is not None else of_pooling
        base_channels = self.base_channels if self.base_channels is not None else kind.base_channels
        return levels or 0, base_channels or 0

    @model_validator(mode="before")
    @classmethod
    def _former_name(cls, given: Any) -> Any:
        if isinstance(given, dict) and "formulation" in given:
            former = given["formulation"]
            now = _FORMULATIONS.get(former) if isinstance(former, str) else None
            raise ValueError(f"formulation: it is called tasks now; write {now or '; '.join(_FORMULATIONS.values())}")
        return given

    @field_validator("network")
    @classmethod
    def _known_network(cls, network: str) -> str:
        family, colon, name = network.partition(":")
        if family == "monai":
            if not name:
                raise ValueError("monai needs the name of one of its networks after it, such as monai:SegResNet")
        elif network not in NETWORK_CHOICES:
            known = [*(each for each in NETWORK_CHOICES if each != "monai"), f"{MONAI_PREFIX}NAME"]
            begun = [each for each in known if each.startswith(family.lower()) and family]
            near = begun or difflib.get_close_matches(family.lower(), known, n=1)
            hint = (
                f"did you mean {' or '.join(map(repr, near))}?"
                if near and not colon
                else f"known are {', '.join(known)}"
            )
            raise ValueError(f"unknown network {network!r}; {hint}")
        return network

    @model_validator(mode="after")
    def _as_deep_as_it_says(self) -> Self:
        if self.pooling is None:
            return self
        if len(self.pooling) not in (2, 3) or not any(self.pooling):
            raise ValueError(f"pooling: expected 2 or 3 numbers, not all of them 0, got {list(self.pooling)}")
        if self.levels not in (None, max(self.pooling)):
            raise ValueError(f"pooling: expected the most of {list(self.pooling)} to be the {self.levels} levels")
        return self

    @model_validator(mode="after")
    def _on_one_grid_at_a_time(self) -> Self:
        if self.auxiliary_halvings and self.deep_supervision:
            raise ValueError(
                "auxiliary_halvings: not with deep_supervision, which has every task on the same grids; set one to 0"
            )
        return self

    @model_validator(mode="after")
    def _settings_of_that_network(self) -> Self:
        for name in _EVERY_CHOICE:
            default = type(self).model_fields[name].default
            if name not in NETWORK_CHOICES[self.family].settings and getattr(self, name) != default:
                neutral = json.dumps(default)
                raise ValueError(
                    f"{name}: network {self.network} has no such choice; leave it out or set it to {neutral}"
                )
        return self

    @model_validator(mode="after")
    def _features_of_that_network(self) -> Self:
        kind = NETWORK_CHOICES[self.family]
        if self.contrast.head == "shared":
            if not kind.shared_features:
                having = " and ".join(name for name, other in NETWORK_CHOICES.items() if other.shared_features)
                raise ValueError(
                    f"contrast.head: network {self.network} has no features that a shared head can sit on; {having} "
                    "have, or set it to none"
                )
            feature_place(self.contrast.features, max(self.sizes(ndim)[0] for ndim in (2, 3)))
        return self
