"""Which channels answer which task, and which voxels each task is about."""

from itertools import product

import pytest

from ramify.tasks.class_table import ClassTable
from ramify.tasks.formulation import Tasks
from ramify.tasks.members import ANY_VESSEL, Members, of_scale
from ramify.tasks.settings import AUXILIARIES, TaskSettings

VEINS = ClassTable.model_validate(
    {
        "classes": {"portal": 1, "tumour": {"values": 3, "role": "context"}, "hepatic": 2},
        "regions": {"any": ["hepatic", "portal"], "portal_alone": "portal", "sick": ["tumour", "portal"]},
        "ignore": 9,
    }
)


def test_the_papers_network_has_a_channel_and_a_scale_a_task():
    tasks = Tasks("vessels", "scales", 3)
    assert [task.name for task in tasks.all] == ["main", "scale_1", "scale_2", "scale_3"]
    assert [list(task.channels) for task in tasks.all] == [[0], [1], [2], [3]]
    assert [task.masks for task in tasks.all] == [(ANY_VESSEL,), (of_scale(1),), (of_scale(2),), (of_scale(3),)]
    assert tasks.main is tasks.all[0]
    assert tasks.auxiliary == tasks.all[1:]
    assert not any(task.exclusive for task in tasks.all)


def test_vessels_alone():
    tasks = Tasks("vessels", "none", 3)
    assert tasks.all == (tasks.main,) == Tasks("vessels", "scales", 3).all[:1]
    assert (tasks.n_channels, tasks.auxiliary, tasks.masks) == (1, (), (ANY_VESSEL,))


def test_exclusive_scales_are_one_task_of_all_channels():
    tasks = Tasks("scales", "none", 2)
    assert tasks.all == (tasks.main,)
    assert (list(tasks.main.channels), tasks.main.exclusive) == ([0, 1, 2], "scales")
    assert tasks.main.masks == (of_scale(1), of_scale(2))
    assert tasks.masks == (ANY_VESSEL, of_scale(1), of_scale(2))


def test_classes_exclude_one_another_and_context_is_no_tree():
    tasks = Tasks("classes", "none", 2, VEINS)
    assert (list(tasks.main.channels), tasks.main.exclusive) == ([0, 1, 2, 3], "classes")
    assert tasks.main.masks == (Members((1,)), Members((2,)), Members((3,)))
    assert tasks.main.trees == (0, 2)
    assert tasks.segmented == tasks.main_names == ("portal", "tumour", "hepatic")


def test_regions_are_a_channel_each_and_trees_where_all_of_it_is_vessel():
    tasks = Tasks("regions", "scales", 2, VEINS)
    assert [list(task.channels) for task in tasks.all] == [[0, 1, 2], [3], [4]]
    assert tasks.main.masks == (Members((3, 1)), Members((1,)), Members((2, 1)))
    assert (tasks.main.trees, tasks.main.exclusive) == ((0, 1), None)
    assert tasks.masks == (ANY_VESSEL, *tasks.main.masks, of_scale(1), of_scale(2))


def test_scales_of_each_class_are_of_vessels_alone():
    tasks = Tasks("classes", "class_scales", 2, VEINS)
    names = ["portal_scale_1", "portal_scale_2", "hepatic_scale_1", "hepatic_scale_2"]
    assert [task.name for task in tasks.auxiliary] == names
    assert tasks.auxiliary[2].masks == (of_scale(1, 3),)
    assert tasks.n_channels == 8


@pytest.mark.parametrize(
    ("given", "table", "asked", "beside"),
    [
        ({}, ClassTable(), "vessels", "scales"),
        ({}, ClassTable.model_validate({"classes": {"a": 1, "b": 2}}), "classes", "scales"),
        ({}, VEINS, "regions", "scales"),
        (
            {},
            ClassTable.model_validate({"classes": {"a": 1, "b": 2}, "regions": {"both": ["a", "b"]}}),
            "classes",
            "scales",
        ),
        ({}, ClassTable.model_validate({"classes": {"a": 1}, "regions": {"one": "a"}}), "regions", "scales"),
        ({"main": "scales"}, VEINS, "scales", "none"),
        # As runs had it in their files before it was called auto.
        ({"main": "scales", "auxiliary": None}, VEINS, "scales", "none"),
        ({"auxiliary": None}, ClassTable(), "vessels", "scales"),
        ({"main": "vessels", "auxiliary": "class_scales"}, VEINS, "vessels", "class_scales"),
    ],
)
def test_what_is_not_chosen_is_what_the_labels_have(given, table, asked, beside):
    tasks = Tasks.of(TaskSettings.model_validate(given), 3, table)
    assert (tasks.asked, tasks.beside) == (asked, beside)


@pytest.mark.parametrize(
    ("asked", "beside"), [*product(["vessels", "classes", "regions"], AUXILIARIES), ("scales", "none")]
)
def test_every_channel_answers_exactly_one_task(asked, beside):
    tasks = Tasks(asked, beside, 3, VEINS)
    assert [channel for task in tasks.all for channel in task.channels] == list(range(tasks.n_channels))
    assert tasks.main_alone.all == (tasks.main,)


def test_voxels_are_counted_by_what_they_are():
    counts = {(0, 0): 100, (1, 1): 2, (1, 2): 5, (2, 0): 30, (3, 1): 7}
    assert ANY_VESSEL.voxels(counts) == 14
    assert Members((2,)).voxels(counts) == 30
    assert (of_scale(1).voxels(counts), of_scale(1, 3).voxels(counts)) == (9, 7)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scales", "none", 0), "n_scales: expected an integer of at least 1, got 0"),
        (("vessels", "none", -1), "n_scales: expected an integer of at least 0, got -1"),
        (("vessels", "scales", 1.0), "n_scales: expected an integer"),
        (("tissue", "scales", 1), "tasks.main: expected one of vessels, classes, regions, scales, got 'tissue'"),
        (("vessels", "all", 1), "tasks.auxiliary: expected one of scales, class_scales, none, got 'all'"),
        (("scales", "scales", 1), "tasks.auxiliary: scales beside a main task of scales; set it to none"),
        (("regions", "none", 1), "tasks.main: regions, and the cases have none"),
    ],
)
def test_tasks_that_make_no_sense(arguments, said):
    with pytest.raises(ValueError, match=said):
        Tasks(*arguments)


@pytest.mark.parametrize(
    ("asked", "table", "values"),
    [
        ("vessels", ClassTable(), None),
        ("vessels", ClassTable.model_validate({"classes": {"portal": 40}}), (0, 40)),
        ("vessels", VEINS, None),
        ("scales", VEINS, None),
        ("classes", VEINS, (0, 1, 3, 2)),
        ("regions", VEINS, (0, 1, 3, 2)),
    ],
)
def test_a_prediction_has_the_labels_values_where_it_tells_classes(asked, table, values):
    assert Tasks(asked, "none", 2, table).written_values == values
