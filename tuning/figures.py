"""Figures of a study: its course, which settings matter, and where the good values lie."""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from ramify.drawing.figure_files import write_figure
from ramify.tuning import plots
from ramify.tuning.plots import Axis, Dot
from ramify.tuning.search_space import Dimension, SearchSpace
from ramify.tuning.settings import StudySettings
from ramify.tuning.trials import standing

GOOD_SHARE = 0.25
"""What PED-ANOVA takes for good trials. Optuna's tenth is 3 of 30: of two settings that mattered among six it then put
0.47 into the first two places, with a quarter 0.77 (of 100 trials 0.60 and 0.83; means over 15 TPE studies)."""


def figure_files(settings: StudySettings) -> list[str]:
    """Every figure there may be, by its path in the study's folder."""
    several = len(settings.measures) > 1
    suffixes = [f"_{measure}" for measure in settings.measures] if several else [""]
    each = ("history", "slices", "parallel_coordinates", "importances")
    names = [f"{name}{suffix}" for name in each for suffix in suffixes] + ["pareto_front" if several else "courses"]
    return [f"figures/{name}.png" for name in names]


def write_figures(study: optuna.Study, settings: StudySettings, space: SearchSpace) -> list[Path]:
    """Write the figures of a study as PNG files into its folder, and return those that could be drawn.

    Two completed trials are needed for any, and trials that differ in score for importances.
    """
    now = standing(study)
    if len(now.in_state(TrialState.COMPLETE)) < 2:
        return []
    axes = [_axis(dimension) for dimension in space.dimensions]
    several = len(settings.measures) > 1
    figures: dict[str, Callable[[], plots.Figure | None]] = {}
    for position, measure in enumerate(settings.measures):
        # Of a trial that runs or waits, the score so far says neither that it was completed nor that it was pruned.
        dots = [
            _dot(number, trial, measure, space)
            for number, trial in now.latest.items()
            if trial.state.is_finished() and _has_values(trial, space)
        ]
        label, suffix = f"mean {measure}", f"_{measure}" if several else ""
        figures[f"history{suffix}"] = partial(plots.history, dots, label)
        figures[f"slices{suffix}"] = partial(plots.slices, dots, axes, label)
        figures[f"parallel_coordinates{suffix}"] = partial(plots.parallel_coordinates, dots, axes, label)
        figures[f"importances{suffix}"] = partial(_importances, study, position, label)
    if several:
        figures["pareto_front"] = partial(_pareto_front, study, settings)
    else:
        courses = {number: trial.intermediate_values for number, trial in now.latest.items()}
        label = f"{settings.objective}, mean over the folds so far"
        best = max(now.in_state(TrialState.COMPLETE), key=lambda number: now.latest[number].values[0])
        figures["courses"] = partial(plots.courses, courses, settings.train.epochs, best, label)
    written = []
    for name, draw in figures.items():
        if (figure := draw()) is not None:
            written.append(settings.folder / "figures" / f"{name}.png")
            write_figure(figure, written[-1])
    return written


def _has_values(trial: FrozenTrial, space: SearchSpace) -> bool:
    return all(dimension.key in trial.params for dimension in space.dimensions)


def _axis(dimension: Dimension) -> Axis:
    its = dimension.given
    if its.choices:
        return Axis(dimension.key, 0, len(its.choices) - 1, False, tuple(map(str, its.choices)))
    return Axis(dimension.key, *its.ends, its.log)


def _dot(number: int, trial: FrozenTrial, measure: str, space: SearchSpace) -> Dot:
    places = [
        dimension.given.choices.index(trial.params[dimension.key])
        if dimension.given.choices
        else trial.params[dimension.key]
        for dimension in space.dimensions
    ]
    # Of a pruned trial, the mean so far; of one that failed, nothing is worth showing.
    score = trial.user_attrs.get("reached", {}).get(measure) if trial.state is not TrialState.FAIL else None
    return Dot(number, places, score, trial.state is TrialState.COMPLETE)


def _importances(study: optuna.Study, position: int, label: str) -> plots.Figure | None:
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({trial.values[position] for trial in completed}) < 2:
        return None  # All scores are equal: nothing to explain.
    with warnings.catch_warnings():
        # It warns whenever it is given a target: it asks what makes that low, so that is the negative score.
        warnings.simplefilter("ignore", UserWarning)
        shares = optuna.importance.get_param_importances(
            study,
            evaluator=optuna.importance.PedAnovaImportanceEvaluator(target_quantile=GOOD_SHARE),
            target=lambda trial: -trial.values[position],
        )
    return plots.importances(shares, label)


def _pareto_front(study: optuna.Study, settings: StudySettings) -> plots.Figure:
    now = standing(study)
    points = {number: tuple(now.latest[number].values) for number in now.in_state(TrialState.COMPLETE)}
    front = {trial.number for trial in study.best_trials}
    on_front = [number for number in points if now.latest[number].number in front]
    return plots.pareto_front(points, on_front, [f"mean {measure}" for measure in settings.measures])
