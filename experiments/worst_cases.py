"""Pictures of the held-out cases that come out worst: numbers say how bad, and these say why."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ramify.comparison.results import RunResults
from ramify.disk.own_files import remove
from ramify.drawing.colours import AGREEING, BACKDROP, EXTRA, INK, MISSED
from ramify.drawing.figure_files import write_figure
from ramify.experiments.held_out import HeldOutCase, cases_of, mask_file, predicted, truth_of
from ramify.experiments.plan import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER, ERRORS = "worst_cases", "errors.png"
LEGEND = "agreeing (grey), missed (blue), extra (red)"
Mask = NDArray[np.bool_]


def worst_cases(results: Sequence[RunResults], measure: str, upwards: bool, count: int) -> dict[str, float]:
    """The cases with the worst mean over all networks that define the measure, the worst first, and that mean.

    upwards: whether a higher value is better.

    Examples:
        >>> from ramify.comparison import RunResults
        >>> from ramify.experiments.worst_cases import worst_cases
        >>> runs = [RunResults({"a": {"dice": 0.7}, "b": {"dice": 0.8}}), RunResults({"a": {"dice": 0.5}})]
        >>> worst_cases(runs, "dice", upwards=True, count=1)
        {'a': 0.6}
    """
    values: dict[str, list[float]] = {}
    for run in results:
        for case_id, row in run.rows.items():
            if (value := row.get(measure)) is not None:
                values.setdefault(case_id, []).append(value)
    means = {case_id: round(float(np.mean(of)), 12) for case_id, of in values.items()}
    ordered = sorted(means, key=lambda case_id: means[case_id] if upwards else -means[case_id])
    return {case_id: means[case_id] for case_id in ordered[:count]}


def draw_worst_cases(runs: Sequence[Run], worst: Mapping[str, float], measure: str, folder: Path) -> list[Path]:
    """Image, truth, what a network found and its errors, a figure a case, the worst first; their paths.

    The last figure has the errors of all of them and no image: it may be shown where images of patients may not.

    runs: of one variant; of each case the first one is shown that held it out.

    Raises ValueError or OSError where a case, or a run's mask of it, cannot be read.
    """
    written, errors = [], {}
    for place, case_id in enumerate(worst, start=1):
        run = next((run for run in runs if mask_file(run.folder, case_id).exists()), None)
        if run is None:
            continue  # The run that held it out has failed.
        (case,) = cases_of(run, [case_id])
        truth, found = (_flat(mask & _region_of(case)).astype(bool) for mask in shown_in(case, run, measure))
        title = f"case {case.case_id}: mean {measure} of all networks {worst[case.case_id]:.4f}; shown: {run.name}"
        path = folder / FOLDER / f"{place}_{case.case_id}.png"
        write_figure(draw_case(case, truth, found, title), path)
        written.append(path)
        errors[f"{case_id}: {worst[case_id]:.4f}"] = _errors(truth, found)
    if errors:
        path = folder / FOLDER / ERRORS
        write_figure(draw_errors(errors, measure), path)
        written.append(path)
    for old in sorted((folder / FOLDER).glob("*.png")):
        if old not in written:
            remove(old)
    return written


def shown_in(case: HeldOutCase, run: Run, measure: str) -> tuple[Mask, Mask]:
    """Truth and prediction of what a measure is of, bool (*S): a class or region, or else all vessels."""
    scored = run.scored
    truth, found = truth_of(case, scored), predicted(mask_file(run.folder, case.case_id), scored)
    if not scored.chosen.classes:
        return truth.astype(bool), found.astype(bool)
    of = measure.rpartition(".")[0] or scored.all_vessels
    one = next(one for one in scored.chosen.measured if one.name == of)
    return one.mask_in(truth.astype(np.int32)), one.mask_in(found.astype(np.int32))


def draw_case(case: HeldOutCase, truth: Mask, found: Mask, title: str) -> "Figure":
    """Four panels, of masks bool (H, W) as they are seen in the case's region, and its image.

    Volumes are looked at along their first axis.
    """
    from matplotlib.figure import Figure

    inside = _region_of(case)
    height, width = truth.shape
    figure = Figure(figsize=(9.0, 0.6 + 9.0 * height / width), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    pictures = {
        "image": _grey(_flat(np.where(inside, case.image.array, case.image.array.min()))),
        "truth": _painted({AGREEING: truth}),
        "found": _painted({AGREEING: found}),
        LEGEND: _errors(truth, found),
    }
    for panel, (name, picture) in zip(panels, pictures.items(), strict=True):
        panel.imshow(picture, interpolation="nearest")
        panel.set_title(name, fontsize=9, color=INK)
        panel.set_axis_off()
    figure.suptitle(title.replace("$", r"\$"), x=0.01, ha="left", fontsize=10, color=INK)
    return figure


def draw_errors(errors: Mapping[str, NDArray[np.uint8]], measure: str) -> "Figure":
    """What is missed and extra in each case, by its title, side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.0 * len(errors), 4.8), layout="constrained")
    for panel, (name, picture) in zip(np.ravel(figure.subplots(1, len(errors))), errors.items(), strict=True):
        panel.imshow(picture, interpolation="nearest")
        panel.set_title(name.replace("$", r"\$"), fontsize=9, color=INK)
        panel.set_axis_off()
    title = f"the worst cases by mean {measure} of all networks; {LEGEND}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, color=INK)
    return figure


def _region_of(case: HeldOutCase) -> Mask:
    """Where the case counts, bool (*S)."""
    return np.ones(case.truth.array.shape, bool) if case.region is None else case.region


def _errors(truth: Mask, found: Mask) -> NDArray[np.uint8]:
    return _painted({AGREEING: truth & found, MISSED: truth & ~found, EXTRA: found & ~truth})


def _flat(array: NDArray[np.generic]) -> NDArray[np.generic]:
    return array if array.ndim == 2 else array.max(axis=0)


def _grey(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    values = np.asarray(image, dtype=float)
    low, high = np.percentile(values, [0.5, 99.5])
    shade = np.clip((values - low) / max(high - low, 1e-12), 0, 1)
    return np.repeat((255 * shade).astype(np.uint8)[..., None], 3, axis=-1)


def _painted(masks: Mapping[tuple[int, int, int], NDArray[np.generic]]) -> NDArray[np.uint8]:
    picture = np.empty((*next(iter(masks.values())).shape, 3), np.uint8)
    picture[:] = BACKDROP
    for colour, mask in masks.items():
        picture[np.asarray(mask, dtype=bool)] = colour
    return picture
