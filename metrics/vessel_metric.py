"""The measures of this room in MONAI's cumulative form: batches in, one value or one a class out at the end."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.case import evaluate_case
from ramify.metrics.families import FAMILIES, measures_by_family
from ramify.metrics.family_settings import EVERY_FAMILY
from ramify.metrics.masks import Mask
from ramify.metrics.settings import EvaluationSettings
from ramify.vessels.plain_arrays import as_array

FloatArray = NDArray[np.float64]
Reduction = Literal["mean", "mean_batch", "mean_channel", "none"]
"""Over which axes of (item, class) values are averaged: both, items, classes, neither; MONAI's names."""
_NAME = "vessel metric"


class VesselMetric:
    """Measures of `evaluate_case` over batches, as MONAI's metrics are used: called, aggregated, reset.

    It takes whatever NumPy can read, tensors on any device among it, and needs neither torch nor MONAI. Inside MONAI it
    is the `metric_fn` of an `IgniteMetricHandler`, and so a `key_val_metric` of an evaluator.

    Args:
        measures: name of a measure, or several, which share what they compute (docs/metrics.md lists them).
        spacing_mm: voxel size along each array axis, mm; None: that of the batches, which MONAI's MetaTensors know.
            Where they do not, measures of overlap, centrelines (`cldice`) and topology take voxels for cubes; others
            must be told.
        drop_background: of several channels or classes, whether the first one is the background and does not count, as
            for `ramify.losses`; True is MONAI's `include_background=False`. It must be said.
        num_classes: classes of label maps (B, 1, *S), 2 or more, 0 the background among them; None: a channel is a
            mask.
        reduction: what `aggregate` does where it is not told.
        settings: how measures are computed, and what empty masks score; its families of measures are not looked at.
        gather: what makes of a process's values, float (N, C, M), those of all processes, in a distributed evaluation.

    Raises ValueError for no measure, for a measure or reduction that there is not, and for fewer than 2 classes.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import VesselMetric
        >>> metric = VesselMetric(("dice", "hd95_mm"), spacing_mm=(1.0, 2.0))
        >>> target = np.zeros((2, 1, 8, 8), int)  # a batch of two images with a vessel each
        >>> target[..., 4, 1:7] = 1
        >>> prediction = target.copy()
        >>> prediction[0, :, 4, 4:] = 0  # half of the first one is missed
        >>> metric(prediction, target)["dice"].round(2).tolist()
        [[0.67], [1.0]]
        >>> {name: round(value.item(), 2) for name, value in metric.aggregate().items()}
        {'dice': 0.83, 'hd95_mm': 2.75}
        >>> metric.reset()
    """

    def __init__(
        self,
        measures: str | Sequence[str] = "cldice",
        *,
        spacing_mm: Sequence[float] | None = None,
        drop_background: bool | None = None,
        num_classes: int | None = None,
        reduction: Reduction = "mean",
        settings: EvaluationSettings | None = None,
        gather: Callable[[FloatArray], FloatArray] | None = None,
    ) -> None:
        self.measures = (measures,) if isinstance(measures, str) else tuple(measures)
        self.spacing_mm = None if spacing_mm is None else _sides(spacing_mm)
        if num_classes is not None and num_classes < 2:
            raise ValueError(f"{_NAME}: num_classes={num_classes} leaves nothing beside the background; give 2 or more")
        self.drop_background, self.num_classes = drop_background, num_classes
        self.reduction, self.gather = _known(reduction), gather
        self._alone = isinstance(measures, str)
        self._settings = _with_families(settings or EvaluationSettings(), self.measures)
        self._of_lengths = [name for name in self._settings.measures if FAMILIES[name].needs_spacing]
        self._rows: list[FloatArray] = []

    def __call__(self, y_pred: Any, y: Any, *, spacing_mm: Sequence[float] | None = None, region: Any = None) -> Any:
        """Measure a batch and keep its values.

        Args:
            y_pred, y: (B, C, *S), or a list of (C, *S) of any sizes: masks of 0 and 1, or with `num_classes` label maps
                with C = 1 or masks with C = num_classes. Probabilities are refused: which threshold is the caller's
                choice.
            spacing_mm: of this batch.
            region: (B, 1, *S) or a list of (1, *S), 0 and 1: the part of each volume that counts.

        Returns:
            float64 (B, C), NaN where a measure is not defined; of several measures, that of each by its name.
        """
        predictions, targets = list(y_pred), list(y)
        regions = [None] * len(targets) if region is None else list(region)
        if not len(predictions) == len(targets) == len(regions):
            raise ValueError(f"{_NAME}: {len(predictions)} predictions, {len(targets)} targets, {len(regions)} regions")
        given = spacing_mm if spacing_mm is not None else self.spacing_mm
        rows = [
            self._values(*item, self._spacing_of(given, item[1], item[0]))
            for item in zip(predictions, targets, regions, strict=True)
        ]
        if len({row.shape for row in (*self._rows[-1:], *rows)}) > 1:
            raise ValueError(f"{_NAME}: {rows[-1].shape[0]} classes after {self._rows[-1].shape[0]}; reset it first")
        self._rows += rows
        return self._named(np.stack(rows) if rows else np.empty((0, 0, len(self.measures))))

    def get_buffer(self) -> Any:
        """All values since the last reset, float64 (N, C); of several measures, that of each by its name."""
        return self._named(self._gathered())

    def aggregate(self, reduction: Reduction | None = None) -> Any:
        """The mean over what is defined, NaN where nothing is.

        Args:
            reduction: None: as at first. `mean`: of each item over its classes, then over the items.

        Returns:
            float64, a scalar or of what is left of (N, C); of several measures, that of each by its name.

        Raises ValueError where nothing was measured, and for a reduction that there is not.
        """
        chosen = self.reduction if reduction is None else _known(reduction)
        values = self._gathered()
        if not len(values):
            raise ValueError(f"{_NAME}: nothing was measured since it was made or reset; call it with a batch first")
        if chosen in ("mean", "mean_channel"):
            values = _mean(values, axis=1)
        if chosen in ("mean", "mean_batch"):
            values = _mean(values, axis=0)
        return self._named(values)

    def reset(self) -> None:
        """Forget all values."""
        self._rows.clear()

    def __len__(self) -> int:
        return len(self._rows)

    def _gathered(self) -> FloatArray:
        rows = np.stack(self._rows) if self._rows else np.empty((0, 0, len(self.measures)))
        return rows if self.gather is None else self.gather(rows)

    def _spacing_of(self, given: Sequence[float] | None, *parts: Any) -> tuple[float, ...]:
        """The spacing given, or that of the first part that knows its own (C, *S); 1 where it does not matter."""
        if given is not None:
            return _sides(given)
        for part in parts:
            if (own := getattr(part, "pixdim", None)) is not None:
                return tuple(float(side) for side in own)[: len(part.shape) - 1]
        if self._of_lengths:
            raise ValueError(
                f"{_NAME}: what is measured does not know its voxel size, which measures of {self._of_lengths[0]} "
                "need; give spacing_mm, z y x"
            )
        shape = np.shape(parts[0])
        if len(shape) not in (3, 4):
            raise ValueError(
                f"{_NAME}: expected (C, *S) of 2 or 3 dimensions an item, got {tuple(shape)}; add the axis of channels"
            )
        return (1.0,) * (len(shape) - 1)

    def _named(self, values: FloatArray) -> Any:
        """Values (…, M) by the names of the M measures, or those of the only one."""
        return values[..., 0] if self._alone else {name: values[..., k] for k, name in enumerate(self.measures)}

    def _values(self, prediction: Any, target: Any, region: Any, spacing_mm: tuple[float, ...]) -> FloatArray:
        """Measures of each class of an item, float (C, M)."""
        pairs = [self._masks(part, name, spacing_mm) for part, name in ((prediction, "prediction"), (target, "target"))]
        if len(pairs[0]) != len(pairs[1]):
            raise ValueError(f"{_NAME}: prediction has {len(pairs[0])} classes, target has {len(pairs[1])}")
        inside = None if region is None else _as_mask(as_array(region)[0], "region")
        scores = [evaluate_case(*pair, spacing_mm, self._settings, inside) for pair in zip(pairs[0], pairs[1])]
        # None stands for what is not defined.
        return np.array(
            [[np.nan if row[name] is None else row[name] for name in self.measures] for row in scores], float
        )

    def _masks(self, part: Any, name: str, spacing_mm: tuple[float, ...]) -> list[Mask]:
        """The mask of each class that counts."""
        array = as_array(part)
        if array.ndim != len(spacing_mm) + 1:
            raise ValueError(
                f"{_NAME}: {name} expected (C, {'*' * len(spacing_mm)}) an item, as spacing_mm has {len(spacing_mm)} "
                f"numbers, got {array.shape}; add the axis of channels"
            )
        classes = self.num_classes
        if classes is not None and array.shape[0] not in (1, classes):
            raise ValueError(
                f"{_NAME}: {name} expected a label map (1, …) or the masks of {classes} classes ({classes}, …) an item "
                f"by num_classes, got {array.shape}"
            )
        if classes is not None and array.shape[0] == 1:
            wrong = (array < 0) | (array >= classes) | (array != np.floor(array))
            if wrong.any():
                raise ValueError(f"{_NAME}: {name} expected labels 0 … {classes - 1}, got {array[wrong].flat[0]:g}")
            masks = [np.asarray(array[0] == label) for label in range(classes)]
        else:
            masks = [_as_mask(channel, name) for channel in array]
        if len(masks) == 1:
            return masks
        if self.drop_background is None:
            raise ValueError(
                f"{_NAME}: {len(masks)} channels or classes; give drop_background=True where the first one is the "
                "background, False where it is a class like the others"
            )
        return masks[1:] if self.drop_background else masks


def _sides(spacing_mm: Sequence[float]) -> tuple[float, ...]:
    """The spacing as numbers; ValueError where it is none."""
    try:
        return tuple(float(side) for side in spacing_mm)
    except (TypeError, ValueError):
        raise ValueError(
            f"{_NAME}: spacing_mm expected a number for each axis, such as (1.0, 0.8, 0.8), got {spacing_mm!r}"
        ) from None


def _known(reduction: Reduction) -> Reduction:
    """The reduction; ValueError where there is none of that name."""
    if reduction not in (names := get_args(Reduction)):
        raise ValueError(f"{_NAME}: no reduction is called {reduction!r}; there are {', '.join(names)}")
    return reduction


def _with_families(settings: EvaluationSettings, measures: Sequence[str]) -> EvaluationSettings:
    """The settings with those families alone that have one of the measures."""
    if not measures:
        raise ValueError(f"{_NAME}: no measure given; name one, such as cldice, or several")
    every = measures_by_family(settings.model_copy(update={"measures": (EVERY_FAMILY,)}))
    family_of: Mapping[str, str] = {its.name: family for family, measures in every.items() for its in measures}
    if unknown := [name for name in measures if name not in family_of]:
        near = difflib.get_close_matches(unknown[0], family_of, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(family_of)}"
        raise ValueError(f"{_NAME}: no measure is called {unknown[0]!r}; {hint}")
    wanted = {family_of[name] for name in measures}
    return settings.model_copy(update={"measures": tuple(name for name in FAMILIES if name in wanted)})


def _as_mask(channel: NDArray[Any], name: str) -> Mask:
    """A channel of 0 and 1 as a mask; ValueError for anything else."""
    if channel.dtype == np.bool_:
        return channel
    wrong = (channel != 0) & (channel != 1)
    if wrong.any():
        raise ValueError(
            f"{_NAME}: {name} expected masks of 0 and 1, got {channel[wrong].flat[0]:g}; threshold probabilities, and "
            "give num_classes for label maps"
        )
    return np.asarray(channel == 1)


def _mean(values: FloatArray, axis: int) -> FloatArray:
    """Mean over what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    mean: FloatArray = np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
    return mean
