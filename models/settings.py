"""What a user chooses about the network."""

from pydantic import BaseModel, Field

from models.outputs import Formulation


class ModelSettings(BaseModel, frozen=True, extra="forbid"):
    """The network; the defaults are the paper's (Sadikine et al. 2023, Sec. 3.2)."""

    formulation: Formulation = "multi_task"
    """multi_task: a main decoder and one a scale. binary, multi_class: the baselines with a single decoder."""
    levels: int = Field(default=5, ge=1, le=8)
    """Number of down-samplings l; every axis of a patch must be a multiple of 2^l."""
    base_channels: int = Field(default=8, ge=1, le=512)
    """Channels f0 at full resolution; they double at every down-sampling."""
    embedding_channels: int | None = Field(default=None, ge=1, le=4096)
    """Channels of the projections the scales are contrasted in; None takes half of the channels they are made from."""
