"""The objective of outputs on coarser grids, deep or of auxiliary tasks, and of one auxiliary task a step."""

import pytest
import torch

from ramify.losses.dice import dice_loss
from ramify.losses.settings import LossSettings
from ramify.losses.term_settings import TERM_SETTINGS
from ramify.losses.terms import TERMS, Term
from ramify.losses.total import TotalLoss
from ramify.losses.truth import Truth
from tests.asked import asked
from tests.losses.batches import COUNTS, Outputs, batch


@pytest.mark.parametrize("formulation", ["multi_task", "binary", "multi_class"])
def test_coarser_outputs_are_supervised_by_the_blocks_they_stand_for(formulation):
    """A block of a small and a large vessel is one of each, where it was one of the large alone."""
    channels = 1 if formulation == "binary" else 3
    labels = torch.tensor([[[1, 2, 0, 0], [0, 2, 0, 1]]])
    deep = torch.randn(1, channels, 1, 2, generator=torch.Generator().manual_seed(1))
    logits = torch.randn(1, channels, 2, 4, generator=torch.Generator().manual_seed(2))
    weights = {"foreground_weight": 2.0, "lambda_contrastive": 0.0, "lambda_scales": (0.5, 0.25)}
    loss = TotalLoss(LossSettings.model_validate(weights), asked(formulation, 2))
    terms = loss(Outputs(logits, (), (deep,)), Truth(labels))

    masks = torch.tensor([[[[1, 1]], [[1, 1]], [[1, 0]]]]).double()
    if formulation == "multi_class":
        classes = torch.tensor([[2, 1]])
        weight = torch.tensor([1.0, 2.0, 2.0]).double()
        entropy = torch.nn.functional.cross_entropy(deep.double()[:, :, 0], classes, weight, reduction="none").mean()
        given = torch.nn.functional.one_hot(classes, 3).movedim(-1, 1)[:, 1:, None].double()
        expected = entropy + dice_loss(torch.softmax(deep.double(), 1)[:, 1:], given)
    else:
        expected = torch.zeros((), dtype=torch.float64)
        for channel, share in zip(range(channels), (1.0, 0.5, 0.25)):
            own, mask = deep.double()[:, channel : channel + 1], masks[:, channel : channel + 1]
            entropy = torch.nn.functional.binary_cross_entropy_with_logits(
                own, mask, pos_weight=torch.tensor(2.0).double()
            )
            expected += share * (entropy + dice_loss(torch.sigmoid(own), mask))
    torch.testing.assert_close(terms["deep_1"].double(), expected)


def test_each_coarser_output_counts_half_as_much():
    outputs, labels = batch(4)
    half, quarter = (torch.randn(2, 4, n, n, generator=torch.Generator().manual_seed(n)) for n in (4, 2))
    loss = TotalLoss(LossSettings(foreground_weight=2.0, lambda_contrastive=0.0), asked("multi_task", 3))
    terms = loss(Outputs(outputs.logits, (), (half, quarter)), Truth(labels))
    whole = loss(outputs, Truth(labels))["total"]
    torch.testing.assert_close(terms["total"], (whole + terms["deep_1"] / 2 + terms["deep_2"] / 4) / 1.75)


def test_a_block_of_the_tube_is_of_the_scale_whose_tube_it_is(monkeypatch):
    """The rim of a large vessel beside the tube of a small one has no tube of its own."""
    labels, tube = torch.tensor([[[1, 2]]]), torch.tensor([[[True, False]]])
    seen = {}
    monkeypatch.setitem(TERM_SETTINGS, "look", None)
    monkeypatch.setitem(
        TERMS, "look", Term(lambda task, _: seen.update({task.name: task.tubed_skeleton}) or task.logits.sum())
    )
    weights = {"main": {"look": 1.0}, "auxiliary": {"look": 1.0}, "lambda_scales": (1.0,), "lambda_contrastive": 0.0}
    loss = TotalLoss(LossSettings.model_validate({**weights, "foreground_weight": 1.0}), asked("multi_task", 2))
    loss(Outputs(torch.zeros(1, 3, 1, 2), (), (torch.zeros(1, 3, 1, 1),)), Truth(labels, tube))
    assert {name: bool(its) for name, its in seen.items()} == {"main": True, "scale_1": True, "scale_2": False}


def test_tasks_in_turn_are_on_average_all_tasks():
    outputs, labels = batch(4)
    settings = {"lambda_scales": (0.7, 0.0, 0.4), "lambda_contrastive": 0.0}
    of_all = TotalLoss(LossSettings(**settings), asked("multi_task", 3), COUNTS)(outputs, Truth(labels))
    in_turn = TotalLoss(LossSettings(**settings, in_turn=True), asked("multi_task", 3), COUNTS)
    assert in_turn.in_turn
    turns = []
    for turn in range(3):
        own = Outputs(outputs.logits[:, [0, 1 + turn]], ())
        turns.append(in_turn(own, Truth(labels), turn=turn))
        tasks = {name.partition("/")[0] for name in turns[-1]}
        assert tasks == {"main", "total"} | ({f"scale_{1 + turn}"} if turn != 1 else set()), "of weight 0: none"
    torch.testing.assert_close(sum(each["total"] for each in turns) / 3, of_all["total"])
    for turn in (0, 2):
        torch.testing.assert_close(turns[turn][f"scale_{1 + turn}/dice"], of_all[f"scale_{1 + turn}/dice"])


def test_a_turn_of_other_channels_is_refused():
    outputs, labels = batch(4)
    loss = TotalLoss(LossSettings(in_turn=True, lambda_contrastive=0.0), asked("multi_task", 3), COUNTS)
    with pytest.raises(ValueError, match=r"logits: expected 2 channel\(s\) for main, scale_2, got \(2, 4, 8, 8\)"):
        loss(outputs, Truth(labels), turn=1)


def test_tasks_in_turn_and_a_contrast_of_all_scales():
    with pytest.raises(ValueError, match=r"loss\.in_turn: a contrast of a head a scale needs all scales"):
        TotalLoss(LossSettings(in_turn=True), asked("multi_task", 3), COUNTS)
    assert not TotalLoss(LossSettings(in_turn=True), asked("binary", 3), COUNTS).in_turn, "nothing takes turns"


def test_auxiliary_tasks_on_a_coarser_grid_are_held_against_its_blocks():
    outputs, labels = batch(4)
    coarse = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
    settings = LossSettings(lambda_contrastive=0.0, foreground_weight=2.0, lambda_scales=(0.7, 0.2, 0.4))
    loss = TotalLoss(settings, asked("multi_task", 3))
    terms = loss(Outputs(outputs.logits[:, :1], (), (), (coarse,)), Truth(labels))
    total = terms["main/dice"] + terms["main/cross_entropy"]
    for scale, weight in enumerate((0.7, 0.2, 0.4), 1):
        blocks = (labels == scale).unflatten(1, (4, 2)).unflatten(3, (4, 2)).any(4).any(2)
        own = coarse[:, scale - 1 : scale]
        torch.testing.assert_close(terms[f"scale_{scale}/dice"], dice_loss(own.sigmoid(), blocks[:, None]))
        total = total + weight * (terms[f"scale_{scale}/dice"] + terms[f"scale_{scale}/cross_entropy"])
    torch.testing.assert_close(terms["total"], total)
    terms["total"].backward()
    assert coarse.grad.abs().amin() > 0
    with pytest.raises(ValueError, match=r"auxiliary_logits: expected 3 channel\(s\) for scale_1, scale_2, scale_3"):
        loss(Outputs(outputs.logits[:, :1], (), (), (coarse[:, :2],)), Truth(labels))
