"""Which channels answer which task, and which labels each task is about."""

import pytest

from ramify.tasks.formulation import FORMULATIONS, Tasks, check_formulation


def test_multi_task_has_a_channel_and_a_label_a_task():
    tasks = Tasks("multi_task", 3)
    assert [task.name for task in tasks.all] == ["main", "scale_1", "scale_2", "scale_3"]
    assert [list(task.channels) for task in tasks.all] == [[0], [1], [2], [3]]
    assert [[list(labels) for labels in task.classes] for task in tasks.all] == [[[1, 2, 3]], [[1]], [[2]], [[3]]]
    assert tasks.main is tasks.all[0]
    assert tasks.auxiliary == tasks.all[1:]
    assert not any(task.exclusive for task in tasks.all)


def test_binary_asks_for_vessels_of_every_scale_alone():
    tasks = Tasks("binary", 3)
    assert tasks.all == (tasks.main,) == Tasks("multi_task", 3).all[:1]
    assert (tasks.n_channels, tasks.auxiliary) == (1, ())


def test_multi_class_answers_one_task_with_all_channels():
    tasks = Tasks("multi_class", 2)
    assert tasks.all == (tasks.main,)
    assert (list(tasks.main.channels), tasks.main.exclusive) == ([0, 1, 2], True)
    assert [list(labels) for labels in tasks.main.classes] == [[1], [2]]


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("n_scales", [1, 2, 4])
def test_every_channel_answers_exactly_one_task(formulation, n_scales):
    tasks = Tasks(formulation, n_scales)
    channels = [channel for task in tasks.all for channel in task.channels]
    assert channels == list(range(tasks.n_channels))
    assert tasks.n_channels == (1 if formulation == "binary" else 1 + n_scales)


@pytest.mark.parametrize(("formulation", "told_apart"), [("multi_task", 2), ("binary", 0), ("multi_class", 2)])
def test_masks_are_vessels_and_then_the_scales_that_are_told_apart(formulation, told_apart):
    masks = [list(labels) for labels in Tasks(formulation, 2).masks]
    assert masks == [[1, 2], [1], [2]][: 1 + told_apart]


def test_scales_are_optional_where_a_vessel_is_a_task_of_its_own():
    assert [task.name for task in Tasks("multi_task", 0).all] == ["main"]
    assert Tasks("binary", 0).n_channels == 1


@pytest.mark.parametrize(("formulation", "n_scales"), [("multi_class", 0), ("binary", -1), ("multi_task", 1.0)])
def test_too_few_scales_are_refused(formulation, n_scales):
    with pytest.raises(ValueError, match=rf"n_scales: expected an integer of at least \d, got {n_scales}"):
        Tasks(formulation, n_scales)


def test_an_unknown_formulation_is_refused():
    with pytest.raises(ValueError, match="formulation: expected one of multi_task, binary, multi_class, got 'ternary'"):
        check_formulation("ternary")
