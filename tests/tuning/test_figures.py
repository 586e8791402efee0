"""Figures: what is drawn where. They were looked at when they were made; this keeps their numbers right."""

import math

import numpy as np
import optuna
import pytest
from skimage.io import imread

from ramify.tuning import plots
from ramify.tuning.figures import _importances, write_figures
from ramify.tuning.plots import Axis, Dot
from tests.tuning.tiny_studies import space_for

SPACE = {
    "loss.temperature": {"low": 0.1, "high": 1.0, "log": True},
    "loss.anchors.mode": {"choices": ["dense", "masked"]},
    "loss.anchors.cap": {"low": 2, "high": 64},
}
SINGLE = ["history", "slices", "parallel_coordinates", "importances", "courses"]
DOTS = [Dot(0, [0.1], 0.5, True), Dot(1, [0.4], 0.2, False), Dot(2, [0.2], None, False), Dot(3, [1.0], 0.4, True)]
DOTS += [Dot(4, [0.3], 0.8, True)]


def study_with(settings, trials: int, flat: bool = False) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = space_for(settings, SPACE)
    study = optuna.create_study(
        directions=["maximize"] * len(settings.measures), sampler=optuna.samplers.RandomSampler(seed=0)
    )

    def objective(trial: optuna.Trial):
        values = space.suggest(trial)
        dice = 0.5 if flat else 1 - abs(math.log(float(values["loss.temperature"] or 1.0)))
        if trial.number == 1:
            raise optuna.TrialPruned
        trial.set_user_attr("reached", {"dice": dice, "cldice": 1 - dice})
        if len(settings.measures) == 1:
            trial.report(dice, 2)
            return dice
        return dice, 1 - dice

    study.optimize(objective, n_trials=trials)
    return study


def test_every_figure_is_written(settings_of):
    settings = settings_of()
    written = write_figures(study_with(settings, 8), settings, space_for(settings, SPACE))
    assert sorted(path.stem for path in written) == sorted(SINGLE)
    for path in written:
        assert path.parent == settings.folder / "figures"
        picture = imread(path)[..., :3]
        assert min(picture.shape[:2]) > 200
        assert np.ptp(picture) == 255, "a blank picture"


def test_two_objectives_have_a_figure_each_and_their_front(settings_of):
    settings = settings_of(objective="both")
    written = write_figures(study_with(settings, 6), settings, space_for(settings, SPACE))
    each = [f"{name}_{measure}" for name in SINGLE if name != "courses" for measure in ("dice", "cldice")]
    assert sorted(path.stem for path in written) == sorted([*each, "pareto_front"])


def test_equal_scores_have_no_importances(settings_of):
    settings = settings_of()
    written = write_figures(study_with(settings, 5, flat=True), settings, space_for(settings, SPACE))
    assert "importances" not in {path.stem for path in written}
    assert "slices" in {path.stem for path in written}


def test_two_completed_trials_are_enough(settings_of):
    settings = settings_of()
    written = write_figures(study_with(settings, 3), settings, space_for(settings, SPACE))
    assert len(written) == len(SINGLE)


@pytest.mark.parametrize("position", [0, 1])
def test_importances_are_of_what_makes_a_score_high(position):
    """The temperature alone makes the high scores, the cap alone the low ones."""
    random = np.random.default_rng(0)
    study = optuna.create_study(directions=["maximize"] * (position + 1))
    for _ in range(200):
        x, y = random.random(2)
        score = 1 + x if x > 0.7 else -y
        distributions: dict = dict.fromkeys(("x", "y"), optuna.distributions.FloatDistribution(0, 1))
        values = [random.random()] * position + [score]
        study.add_trial(optuna.create_trial(values=values, params={"x": x, "y": y}, distributions=distributions))
    figure = _importances(study, position, "mean dice")
    assert figure is not None
    axis = figure.axes[0]
    shares = dict(
        zip((label.get_text() for label in axis.get_yticklabels()), (bar.get_width() for bar in axis.patches))
    )
    assert shares["x"] > 0.9 > 0.1 > shares["y"]


@pytest.mark.parametrize("trials", [0, 1, 2])
def test_a_single_completed_trial_is_no_figure(settings_of, trials):
    settings = settings_of()
    assert write_figures(study_with(settings, trials), settings, space_for(settings, SPACE)) == []


def test_trials_that_run_or_wait_are_left_out(settings_of, monkeypatch):
    settings = settings_of()
    study = study_with(settings, 4)
    for state in ("RUNNING", "WAITING"):
        study.add_trial(
            optuna.create_trial(
                state=optuna.trial.TrialState[state],
                params=study.trials[0].params,
                distributions=study.trials[0].distributions,
                user_attrs={"reached": {"dice": 0.4, "cldice": 0.6}},
            )
        )
    drawn: list[int] = []
    history = plots.history
    monkeypatch.setattr(
        plots, "history", lambda dots, label: (drawn.extend(dot.number for dot in dots), history(dots, label))[1]
    )
    write_figures(study, settings, space_for(settings, SPACE))
    assert drawn == [0, 1, 2, 3]


def test_history_shows_the_best_so_far():
    axis = plots.history(DOTS, "mean dice").axes[0]
    lines = {line.get_label(): line.get_xydata().tolist() for line in axis.lines}
    assert lines["best so far"] == [[0, 0.5], [3, 0.5], [4, 0.8]]
    assert lines["completed"] == [[0, 0.5], [3, 0.4], [4, 0.8]]
    assert lines["pruned"] == [[1, 0.2]]
    assert [x for x, _ in lines["no score"]] == [2]


def test_slices_show_every_score_at_its_value():
    figure = plots.slices(DOTS, [Axis("x", 0.1, 1.0, True)], "mean dice")
    panel = figure.axes[0]
    assert panel.collections[0].get_offsets().tolist() == [[0.1, 0.5], [1.0, 0.4], [0.3, 0.8]]
    assert panel.get_xlim() == (0.1, 1.0)
    assert [label.get_text() for label in panel.get_xticklabels()] == ["0.1", "0.2", "0.5", "1"]
    best = panel.lines[-1].get_xydata().tolist()
    assert best == [[0.3, 0.8]]


def test_parallel_coordinates_draw_the_best_last_and_thick():
    panel = plots.parallel_coordinates(
        DOTS, [Axis("x", 0.0, 1.0, False), Axis("c", 0, 1, False, ("a", "b"))][:1], "d"
    ).axes[0]
    heights = [line.get_ydata()[0] for line in panel.lines if line.get_linewidth() > 1]
    assert heights == [1.0, 0.1, 0.3]
    assert panel.lines[2].get_linewidth() > panel.lines[0].get_linewidth()


@pytest.mark.parametrize(
    ("axis", "place", "share"),
    [
        (Axis("x", 0, 2, False), 0.5, 0.25),
        (Axis("x", 0.01, 1, True), 0.1, 0.5),
        (Axis("x", 0, 2, False, ("a", "b", "c")), 1, 0.5),
    ],
)
def test_places_on_an_axis(axis, place, share):
    assert axis.share(place) == pytest.approx(share)


def test_the_front_is_joined_in_order():
    figure = plots.pareto_front({0: (0.1, 0.1), 1: (0.9, 0.2), 2: (0.3, 0.8)}, [1, 2], ["dice", "cldice"])
    lines = {line.get_label(): line.get_xydata().tolist() for line in figure.axes[0].lines}
    assert lines == {"completed": [[0.1, 0.1]], "Pareto front": [[0.3, 0.8], [0.9, 0.2]]}
