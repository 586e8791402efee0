"""What case.json of a prepared case says: the one form in which it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, model_validator

from ramify.data.formats.channels import ONLY_CHANNEL
from ramify.data.vessel_index import VESSEL_INDICES, Group
from ramify.disk.json_files import to_json
from ramify.tasks.class_table import IGNORED, MOST_CLASSES, SINGLE, ClassTable

SHOWN_DIGITS = 16
"""Of a SHA-256, where it only has to tell files apart."""
FORMAT = 4
"""Raised whenever older code could misread what newer code writes."""
ARRAY_TYPES = {
    "image": "<f4",
    "organ": "|u1",
    "classes": "|u1",
    "scales": "|u1",
    "skeleton": "|u1",
    "tubed_skeleton": "|u1",
    "branches": "<i4",
}
"""The number type of each array that has a meaning; all have the case's shape, the image once for each channel."""
REQUIRED_ARRAYS = ("image", "scales")

Count = Annotated[int, Field(ge=0)]
Length = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _rising(thresholds: tuple[float, ...]) -> tuple[float, ...]:
    if any(first > second for first, second in pairwise(thresholds)):
        raise ValueError(f"expected thresholds that rise, got {list(thresholds)}")
    return thresholds


def table_as_json(table: ClassTable) -> dict[str, Any]:
    """A table of classes as plain data for JSON, whose writer sorts keys: classes and regions as pairs, in order."""
    plain = table.model_dump(mode="json")
    return {**plain, **{key: [list(pair) for pair in plain[key].items()] for key in ("classes", "regions")}}


def _from_pairs(given: Any) -> Any:
    """What `table_as_json` gave, as the table takes it."""
    if not isinstance(given, Mapping):
        return given
    return {key: dict(its) if isinstance(its, list) else its for key, its in given.items()}


TableRecord = Annotated[ClassTable, BeforeValidator(_from_pairs)]


class ArrayRecord(BaseModel, frozen=True):
    """One array of a case.

    sha256: of its file; none in a store of an earlier version. sampled: of samples of a large file.
    """

    dtype: str
    shape: tuple[Annotated[int, Field(ge=0)], ...]
    sha256: str | None = None
    sampled: str | None = None


class ScalesRecord(BaseModel, frozen=True):
    """The scale decomposition: S - 1 thresholds in mm that part the S scales; none in a case without a vessel.

    count: S, which a case without a vessel cannot tell by its thresholds.
    """

    thresholds_mm: Annotated[tuple[Length, ...], AfterValidator(_rising)]
    count: Annotated[int, Field(ge=1)] | None = None


class GroupRecord(BaseModel, frozen=True):
    """So many voxels of one class, by number, and one scale; context has scale 0."""

    number: Annotated[int, Field(ge=1, le=MOST_CLASSES, alias="class")]
    scale: Annotated[int, Field(ge=0, le=255)]
    voxels: Count


class SamplingRecord(BaseModel, frozen=True):
    """What a training asks of the whole case, see `data.vessel_index`.

    groups: voxels of each class and scale, sorted. ignored_voxels: that nobody labelled, in none of these.
    lowest_intensities: of each channel of the image.
    """

    groups: tuple[GroupRecord, ...]
    ignored_voxels: Count = 0
    lowest_intensities: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] | None

    @property
    def groups_of_voxels(self) -> list[Group]:
        """The groups, as `data.vessel_index` has them."""
        return [Group(its.number, its.scale, its.voxels) for its in self.groups]

    @property
    def vessel_voxels(self) -> tuple[int, ...]:
        """Voxels of scale 1, 2, … up to the largest there is, of all classes together."""
        largest = max((its.scale for its in self.groups), default=0)
        return tuple(sum(its.voxels for its in self.groups if its.scale == 1 + scale) for scale in range(largest))


class Labels(NamedTuple):
    """Which labels there are in a case: so many scales, so many classes, and whether voxels may be ignored."""

    scales: int
    classes: int = 1
    ignored: bool = False


class CaseRecord(BaseModel, frozen=True):
    """What every reader of a prepared case relies on; further keys are for people.

    shape, spacing_mm: voxels and mm, z y x (or y x). channels: of the image, by name. classes: of the labels; their map
    is an array of the case unless vessels are all there is. settings: of the preprocessing. preparation: its version.
    altered: whether it is not what was written any more. One of an earlier version tells neither, and has no sampling.
    """

    format: int
    case_id: str
    patient_id: str | None = None
    shape: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=2, max_length=3)]
    spacing_mm: tuple[Length, ...]
    channels: Annotated[tuple[str, ...], Field(min_length=1)] = (ONLY_CHANNEL,)
    classes: TableRecord = SINGLE
    scales: ScalesRecord
    sampling: SamplingRecord | None = None
    settings: dict[str, Any] | None = None
    preparation: int | None = None
    provenance: dict[str, Any] = {}
    arrays: dict[str, ArrayRecord]
    altered: bool = False

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.format != FORMAT:
            raise ValueError(f"format {self.format} where {FORMAT} is expected")
        if len(self.spacing_mm) != len(self.shape):
            raise ValueError(f"spacing_mm {list(self.spacing_mm)} does not fit the shape {list(self.shape)}")
        for name in (*REQUIRED_ARRAYS, *([] if self.classes.is_single else ["classes"])):
            if name not in self.arrays:
                raise ValueError(f"{name}.npy is not among its arrays")
        for name, its in self.arrays.items():
            wanted, shape = ARRAY_TYPES.get(name), self.shape
            if name == "image":
                shape = (len(self.channels), *shape)
            if wanted and (its.dtype, its.shape) != (wanted, shape):
                raise ValueError(
                    f"{name}.npy is {its.dtype} {list(its.shape)} where {wanted} {list(shape)} is expected"
                )
        if self.sampling and VESSEL_INDICES in self.arrays:
            its, expected = self.arrays[VESSEL_INDICES], (sum(group.voxels for group in self.sampling.groups),)
            if (its.dtype, its.shape) != ("<i8", expected):
                raise ValueError(
                    f"{VESSEL_INDICES}.npy is {its.dtype} {list(its.shape)} where <i8 {list(expected)} is expected"
                )
        return self

    @property
    def n_scales(self) -> int:
        """Number of scales S."""
        return self.scales.count or len(self.scales.thresholds_mm) + 1

    @property
    def labels(self) -> Labels:
        """Which labels its arrays may hold."""
        return Labels(self.n_scales, len(self.classes.names), self.classes.ignore is not None)

    @property
    def source_digests(self) -> list[str]:
        """SHA-256 of each file or folder that it was made from, shortened; none where it does not tell."""
        return [str(one["sha256"])[:SHOWN_DIGITS] for one in self.provenance.get("sources", [])]

    def identity(self) -> dict[str, Any]:
        """What a training learns from the case, as short plain data: two cases with the same one are the same."""
        arrays = {name: its.sha256 and its.sha256[:SHOWN_DIGITS] for name, its in self.arrays.items()}
        return {
            "shape": list(self.shape),
            "spacing_mm": list(self.spacing_mm),
            "thresholds_mm": list(self.scales.thresholds_mm),
            "channels": list(self.channels),
            "classes": digest_of(table_as_json(self.classes)),
            "settings": digest_of(self.settings),
            "arrays": arrays,
        }


def parse_record(content: object, case_id: str) -> CaseRecord:
    """The record that a case.json holds; raises ValueError that names the key at fault, in one line."""
    if isinstance(content, Mapping) and content.get("format", FORMAT) != FORMAT:
        number = content["format"]
        earlier = ", an earlier version prepared it" if type(number) is int and number < FORMAT else ""
        raise ValueError(f"format {number!r:.40} where {FORMAT} is expected{earlier}")
    try:
        record = CaseRecord.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        got = "" if first["type"] == "missing" or not key else f", got {first['input']!r:.60}"
        raise ValueError(f"{key + ': ' if key else ''}{first['msg'].removeprefix('Value error, ')}{got}") from None
    if record.case_id != case_id:
        raise ValueError(f"case_id: it is of case {record.case_id!r:.140}")
    assert isinstance(content, Mapping), "it has the keys of one"
    return record.model_copy(update={"altered": "sha256" in content and content["sha256"] != sealed(content)["sha256"]})


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """A record as plain data, with the SHA-256 of all else in it."""
    bare = {key: value for key, value in content.items() if key != "sha256"}
    text = json.dumps(json.loads(to_json(bare)), sort_keys=True)
    return {**bare, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def check_values(name: str, array: NDArray[Any], labels: Labels) -> None:
    """Raise ValueError where an array holds values that cannot be.

    labels: those of the case, `CaseRecord.labels`.
    """
    if name == "image":
        if not np.isfinite(array).all():
            raise ValueError(f"{name}.npy holds NaN or infinite values")
    elif name in ARRAY_TYPES and array.size:
        if name == "classes" and labels.ignored:
            array = np.where(array == IGNORED, 0, array)
        highest = {"scales": labels.scales, "classes": labels.classes, "branches": None}.get(name, 1)
        if array.min() < 0 or (highest is not None and array.max() > highest):
            raise ValueError(
                f"{name}.npy holds values from {array.min()} to {array.max()}, expected 0 to "
                + ("the number of branches" if highest is None else str(highest))
            )


def digest_of(content: object) -> str:
    """A short fingerprint of plain data."""
    return hashlib.sha256(to_json(content).encode()).hexdigest()[:16]
