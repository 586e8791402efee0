"""Every loss under classes, regions and ignored voxels: that of each class by itself, and none where nobody knows."""

import importlib.util

import pytest
import torch

from ramify.losses.cross_entropy import binary_cross_entropy
from ramify.losses.settings import LossSettings
from ramify.losses.terms import TERMS
from ramify.losses.total import TotalLoss
from ramify.losses.truth import Truth
from ramify.models.outputs import TaskOutputs
from ramify.tasks.class_table import IGNORED, ClassTable
from ramify.tasks.formulation import Tasks

THREE = ClassTable.model_validate({"classes": {"portal": 1, "hepatic": 2, "artery": 3}, "ignore": 9})
SICK = ClassTable.model_validate({"classes": {"portal": 1, "tumour": {"values": 2, "role": "context"}}})
REGIONS = ClassTable.model_validate(
    {
        "classes": {"portal": 1, "hepatic": 2, "artery": 3},
        "regions": {"veins": ["portal", "hepatic"], "artery_": "artery"},
    }
)
# Those that draw at random, or are of the whole rather than of each class, have tests of their own.
NOT_OF_A_CLASS = {"cross_entropy", "topo_cldice", "generalised_dice", "perceptual"}
OF_A_CLASS = sorted(
    name
    for name in set(TERMS) - NOT_OF_A_CLASS
    if name != "persistent_homology" or importlib.util.find_spec("gudhi") is not None
)


def batch(channels: int, n_classes: int = 3) -> tuple[TaskOutputs, Truth]:
    """Logits, and three slabs of vessels of three classes and two scales."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, channels, 12, 18, generator=generator).requires_grad_()
    class_map = torch.zeros(2, 12, 18, dtype=torch.int64)
    scale_map = torch.zeros_like(class_map)
    for number in range(1, 1 + n_classes):
        columns = slice(5 * number - 4, 5 * number - 1)
        class_map[:, 2:10, columns] = number
        scale_map[0, 2:10, columns] = 1
        scale_map[1, 2:10, columns] = 2
    tube = torch.zeros_like(class_map, dtype=torch.bool)
    tube[:, 3:9] = True
    return TaskOutputs(logits), Truth(scale_map, tube & (scale_map > 0), torch.ones(2, 2), class_map)


def loss_of(term: str, tasks: Tasks, **more: object) -> TotalLoss:
    settings = {
        "main": {term: 1.0},
        "auxiliary": {term: 1.0},
        "foreground_weight": 2.0,
        "lambda_scales": (1.0,),
        **more,
    }
    return TotalLoss(LossSettings.model_validate(settings), tasks, head="none")


def test_many_regions_of_pictures_that_overlap_are_no_volume():
    table = REGIONS.model_dump() | {"regions": {f"trees_{number}": ["portal", "hepatic"] for number in range(20)}}
    tasks = Tasks("regions", "none", 2, ClassTable.model_validate(table))
    outputs, truth = batch(tasks.n_channels)
    assert tasks.n_channels == 20
    terms = loss_of("dice", tasks)(outputs, truth)
    assert terms["total"].isfinite()


@pytest.mark.parametrize("term", OF_A_CLASS)
@pytest.mark.parametrize(("asked", "table"), [("classes", THREE), ("regions", REGIONS)])
def test_the_loss_is_the_mean_of_those_of_each_class_by_itself(term, asked, table):
    tasks = Tasks(asked, "none", 2, table)
    outputs, truth = batch(tasks.n_channels)
    whole = loss_of(term, tasks)(outputs, truth)["total"]

    logits = outputs.logits
    probabilities = torch.softmax(logits, 1)[:, 1:] if asked == "classes" else torch.sigmoid(logits)
    alone = []
    for channel, name in enumerate(tasks.segmented):
        own = truth.mask(tasks.main.masks[channel])
        scale_map = truth.scale_map * own
        its_logits = torch.logit(probabilities[:, channel : channel + 1].double())
        single = loss_of(term, Tasks("vessels", "none", 2))
        assert truth.tubed_skeleton is not None
        its_truth = Truth(scale_map, truth.tubed_skeleton & own, truth.spacing_mm)
        alone.append(single(TaskOutputs(its_logits), its_truth)["total"])
        assert name in {*table.names, *table.regions}
    torch.testing.assert_close(whole.double(), torch.stack(alone).mean().double(), rtol=1e-4, atol=1e-5)


def test_each_region_has_its_weight_in_the_cross_entropy():
    tasks = Tasks("regions", "none", 2, REGIONS)
    outputs, truth = batch(2)
    counts = {(0, 0): 900, (1, 1): 60, (2, 1): 30, (3, 1): 10}
    settings = LossSettings(main={"cross_entropy": 1.0})
    found = TotalLoss(settings, tasks, counts, head="none")(outputs, truth)["total"]
    weights = [(910 / 90) ** 0.5, (990 / 10) ** 0.5]
    expected = [
        binary_cross_entropy(outputs.logits[:, [channel]], truth.mask(members)[:, None], weight)
        for channel, (members, weight) in enumerate(zip(tasks.main.masks, weights))
    ]
    torch.testing.assert_close(found, torch.stack(expected).mean())


@pytest.mark.parametrize("term", sorted({*OF_A_CLASS, "cross_entropy", "topo_cldice"}))
@pytest.mark.parametrize(("asked", "beside"), [("classes", "class_scales"), ("vessels", "scales"), ("scales", "none")])
def test_ignored_voxels_are_in_no_loss(term, asked, beside):
    tasks = Tasks(asked, beside, 2, THREE)
    outputs, truth = batch(tasks.n_channels)
    assert truth.class_map is not None
    assert truth.tubed_skeleton is not None
    unknown = torch.zeros_like(truth.class_map, dtype=torch.bool)
    unknown[:, :, 9:] = True
    known_truth = Truth(
        truth.scale_map.masked_fill(unknown, 0),
        truth.tubed_skeleton & ~unknown,
        truth.spacing_mm,
        truth.class_map.masked_fill(unknown, IGNORED),
    )
    loss = loss_of(term, tasks)
    values = []
    for change in (0.0, 5.0):
        logits = (outputs.logits.detach() + change * unknown[:, None]).requires_grad_()
        total = loss(TaskOutputs(logits), known_truth, torch.Generator().manual_seed(0))["total"]
        (gradient,) = torch.autograd.grad(total, logits)
        assert not gradient[unknown[:, None].expand_as(gradient)].any()
        assert gradient[~unknown[:, None].expand_as(gradient)].any()
        values.append(total.detach())
    torch.testing.assert_close(values[0], values[1])


# The others go on beyond, so that no vessel ends there; see tests/losses/modules/test_ignored.py.
CUT_OFF = ["boundary", "cbdice", "centreline_cross_entropy", "cross_entropy", "dice", "generalised_dice"]
CUT_OFF += ["skeleton_recall", "soft_cldice", "tversky"]


@pytest.mark.parametrize("term", CUT_OFF)
def test_ignored_voxels_are_as_if_they_were_cut_off(term):
    tasks = Tasks("classes", "none", 2, THREE)
    outputs, truth = batch(tasks.n_channels)
    assert truth.class_map is not None
    assert truth.tubed_skeleton is not None
    unknown = torch.zeros_like(truth.class_map, dtype=torch.bool)
    unknown[:, :, 14:] = True
    part = Truth(
        truth.scale_map.masked_fill(unknown, 0),
        truth.tubed_skeleton & ~unknown,
        truth.spacing_mm,
        truth.class_map.masked_fill(unknown, IGNORED),
    )
    cut = Truth(
        truth.scale_map[:, :, :14], truth.tubed_skeleton[:, :, :14], truth.spacing_mm, truth.class_map[:, :, :14]
    )
    loss = loss_of(term, tasks)
    found = loss(outputs, part)["total"]
    torch.testing.assert_close(found, loss(TaskOutputs(outputs.logits[..., :14]), cut)["total"])


def test_where_nothing_is_known_nothing_is_learnt():
    tasks = Tasks("classes", "scales", 2, THREE)
    outputs, truth = batch(tasks.n_channels)
    unknown = torch.full_like(truth.scale_map, IGNORED)
    nothing = Truth(torch.zeros_like(unknown), torch.zeros_like(unknown, dtype=torch.bool), truth.spacing_mm, unknown)
    total = TotalLoss(LossSettings(foreground_weight=2.0, lambda_scales=(1.0,)), tasks, head="none")(outputs, nothing)
    (gradient,) = torch.autograd.grad(total["total"], outputs.logits)
    assert not gradient.any()


@pytest.mark.parametrize("term", ["soft_cldice", "skeleton_recall", "cbdice"])
def test_context_has_no_tree(term):
    """The losses of centrelines are those of the vessels' classes alone; the others count context as well."""
    tasks = Tasks("classes", "none", 2, SICK)
    outputs, truth = batch(3, n_classes=2)
    truth = Truth(truth.scale_map * (truth.class_map == 1), truth.tubed_skeleton, truth.spacing_mm, truth.class_map)
    total = loss_of(term, tasks)(outputs, truth)["total"]
    own = torch.softmax(outputs.logits.detach(), 1)[:, 1:2]
    alone = loss_of(term, Tasks("vessels", "none", 2))(
        TaskOutputs(torch.logit(own.double())), Truth(truth.scale_map, truth.tubed_skeleton, truth.spacing_mm)
    )["total"]
    torch.testing.assert_close(total.detach().double(), alone.double(), rtol=1e-4, atol=1e-5)


def test_context_counts_alike_where_scales_are_balanced():
    tasks = Tasks("classes", "none", 2, SICK)
    outputs, truth = batch(3, n_classes=2)
    truth = Truth(truth.scale_map * (truth.class_map == 1), truth.tubed_skeleton, truth.spacing_mm, truth.class_map)
    balanced = loss_of("dice", tasks, dice={"balance": "scales"})(outputs, truth)["total"]
    plain = loss_of("dice", tasks)(outputs, truth)["total"]
    # One sample has small vessels, the other one large ones: every class is one scale in it.
    torch.testing.assert_close(balanced, plain, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("class_map", "said"),
    [
        (None, "class_map: expected one to tell portal, hepatic, artery apart, got none"),
        (torch.full((2, 12, 18), 4), "class_map: expected 0 … 3 or 255 for 3 classes, got 4"),
        (torch.zeros(2, 12, 17, dtype=torch.int64), "class_map: expected integers"),
        (torch.zeros(2, 12, 18), "class_map: expected integers"),
    ],
)
def test_class_maps_that_do_not_fit(class_map, said):
    tasks = Tasks("classes", "none", 2, THREE)
    outputs, truth = batch(4)
    loss = TotalLoss(LossSettings(foreground_weight=2.0), tasks, head="none")
    with pytest.raises(ValueError, match=said):
        loss(outputs, Truth(truth.scale_map, truth.tubed_skeleton, truth.spacing_mm, class_map))


def test_a_coarser_block_is_ignored_where_no_class_of_it_is_known():
    class_map = torch.tensor([[[1, IGNORED, 0, IGNORED], [0, 0, 0, 0]]])
    coarse = Truth((class_map == 1).long(), class_map=class_map).coarser((1, 2))
    assert coarse.ignored is not None
    assert coarse.ignored.tolist() == [[[False, True]]]
    assert coarse.exclusive_labels("classes", 1).tolist() == [[[1, 0]]]
