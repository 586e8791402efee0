"""What a checkpoint holds: the one record that its writer and all of its readers go by.

A checkpoint is a dictionary in a file, with these keys and types. `state.save` writes it, `checkpoint.load_checkpoint`
checks it against this record before anyone reads it; keys that another version added are left alone. What prediction
needs is always there; what is NotRequired may be missing in a file of an earlier version, or of a training that was
stripped for prediction.
"""

from typing import Annotated, Any, Literal, NotRequired

import torch
from pydantic import ConfigDict, Field, StrictFloat, StrictInt, StrictStr, with_config

# pydantic reads the standard library's own from Python 3.12 on.
from typing_extensions import TypedDict

Number = StrictInt | StrictFloat
Lengths = Annotated[list[Annotated[StrictInt, Field(ge=1)]], Field(min_length=2, max_length=3)]
Spacing = Annotated[list[Annotated[StrictFloat, Field(gt=0, allow_inf_nan=False)]], Field(min_length=2, max_length=3)]
Side = Literal["train", "val"]
_OPEN = ConfigDict(extra="allow", arbitrary_types_allowed=True)
_CLOSED = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


@with_config(_CLOSED)
class NetworkShape(TypedDict):
    """What a network is built for, besides its settings.

    in_channels: of the image. scales: number of scales S of the labels. ndim: axes of space.
    """

    in_channels: Annotated[StrictInt, Field(ge=1)]
    scales: Annotated[StrictInt, Field(ge=0, le=255)]
    ndim: Annotated[StrictInt, Field(ge=2, le=3)]


@with_config(_OPEN)
class PreparedShape(TypedDict):
    """What prepared cases are like: median voxels and voxel size (mm) along each axis, z y x."""

    shape: Lengths
    spacing_mm: Spacing


@with_config(_OPEN)
class FoldCases(TypedDict):
    """Cases by the side of the fold they were on."""

    train: list[StrictStr]
    val: list[StrictStr]


@with_config(_OPEN)
class RandomState(TypedDict):
    """Where torch's generators were; cuda: None where no GPU was used."""

    torch: torch.Tensor
    cuda: torch.Tensor | None


@with_config(_CLOSED)
class OptimiserState(TypedDict):
    """As torch's optimisers have it."""

    state: dict[StrictInt, dict[StrictStr, Any]]
    param_groups: list[dict[StrictStr, Any]]


@with_config(_CLOSED)
class ScalerState(TypedDict, total=False):
    """Of the scaler of gradients in float16; empty in other precisions."""

    scale: Number
    growth_factor: Number
    backoff_factor: Number
    growth_interval: Number
    _growth_tracker: Number


@with_config(_CLOSED)
class MeansState(TypedDict):
    """Sums and counts of a rank's steps, see `RunningMeans`."""

    sums: dict[StrictStr, Number]
    counts: dict[StrictStr, StrictInt]


@with_config(_OPEN)
class StartRecord(TypedDict):
    """Whose weights a training began with.

    file: the checkpoint, as it was found. sha256: of that file. weights: how many the network has, running statistics
    among them. taken: how many of them are the file's. new: how many are fresh, by the part of the network.
    """

    file: StrictStr
    sha256: StrictStr
    taken: Annotated[StrictInt, Field(ge=0)]
    weights: Annotated[StrictInt, Field(ge=0)]
    new: dict[StrictStr, StrictInt]


@with_config(_OPEN)
class CaseDescription(TypedDict):
    """What prediction and a resumed training must know of the cases a network was trained on.

    preprocessing: its settings. classes: a `ClassTable`. channels: names of the image's. orientation: how arrays are
    laid out. source: what the images were, an `ImageSource`.
    cases: which were on which side. identities: what each of them is, `CaseRecord.identity`. sources: from which files
    each training case was made, `CaseRecord.source_digests`.
    """

    preprocessing: dict[StrictStr, Any]
    classes: dict[StrictStr, Any]
    channels: Annotated[list[StrictStr], Field(min_length=1)]
    network: NetworkShape
    prepared: PreparedShape
    orientation: NotRequired[StrictStr]
    source: NotRequired[dict[StrictStr, Any]]
    cases: NotRequired[FoldCases]
    identities: NotRequired[dict[StrictStr, dict[StrictStr, Any]]]
    sources: NotRequired[dict[StrictStr, list[StrictStr]]]


@with_config(_OPEN)
class Checkpoint(CaseDescription):
    """Everything a training is put back from, and a network predicts with.

    config: every setting of the training. model: the weights by name, by which is predicted. latest: those that the
    training goes on from, where model is their running mean; else none. epoch: epochs finished. step: steps done of the
    epoch after them. means: of those steps, a rank each. skipped: latest steps in a row without a finite gradient.
    bank: anchors of past steps by scale. best: highest validation score. history: a row an epoch. case_scores: a row a
    validated case and epoch. start: whose weights it began with, where these were another training's.
    """

    config: dict[StrictStr, Any]
    model: dict[StrictStr, torch.Tensor]
    epoch: Annotated[StrictInt, Field(ge=0)]
    latest: NotRequired[dict[StrictStr, torch.Tensor]]
    optimiser: NotRequired[OptimiserState]
    scaler: NotRequired[ScalerState]
    bank: NotRequired[dict[StrictStr, Any]]
    rng: NotRequired[RandomState]
    best: NotRequired[Number]
    history: NotRequired[list[dict[StrictStr, Number]]]
    case_scores: NotRequired[list[dict[StrictStr, Number | StrictStr]]]
    step: NotRequired[Annotated[StrictInt, Field(ge=0)]]
    means: NotRequired[list[MeansState]]
    skipped: NotRequired[Annotated[StrictInt, Field(ge=0)]]
    start: NotRequired[StartRecord | None]


TRAINING_PARTS = ("optimiser", "scaler", "bank", "rng", "best", "history")
"""Keys without which a training cannot go on."""
