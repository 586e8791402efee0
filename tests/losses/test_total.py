"""The objective: every term by name, their weighted sum, and each formulation."""

import pytest
import torch
from pydantic import ValidationError

from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.anchors import sample_anchors
from ramify.losses.contrastive import contrastive_loss
from ramify.losses.cross_entropy import binary_cross_entropy, categorical_cross_entropy
from ramify.losses.dice import dice_loss
from ramify.losses.settings import LossSettings
from ramify.losses.supervision import class_weights
from ramify.losses.term_settings import TERM_SETTINGS
from ramify.losses.terms import TERMS, Term
from ramify.losses.total import TotalLoss
from ramify.losses.truth import Truth
from ramify.losses.value_checks import without_value_checks
from ramify.tasks.class_table import IGNORED
from tests.asked import asked, counts_of
from tests.losses.batches import COUNTS, Outputs, batch


@pytest.mark.parametrize("ndim", [2, 3])
def test_multi_task_names_order_values_and_sum(ndim):
    outputs, labels = batch(4, ndim=ndim, projections=3)
    terms = TotalLoss(LossSettings(), asked("multi_task", 3), COUNTS)(outputs, Truth(labels))
    expected = {}
    masks = {"main": labels > 0} | {f"scale_{s}": labels == s for s in (1, 2, 3)}
    weights = [3.0, 99.0**0.5, 24.0**0.5, 19.0**0.5]  # sqrt of background over foreground
    for channel, (name, mask) in enumerate(masks.items()):
        logits = outputs.logits[:, channel : channel + 1]
        expected[f"{name}/dice"] = dice_loss(torch.sigmoid(logits), mask[:, None])
        expected[f"{name}/cross_entropy"] = binary_cross_entropy(logits, mask[:, None], weights[channel])
    expected["contrastive"] = contrastive_loss(*sample_anchors(outputs.projections, labels, AnchorSettings()), 0.94)
    assert list(terms) == [*expected, "total"]
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, msg=name)
    factors = {"main": 1.0, "scale_1": 0.78, "scale_2": 0.48, "scale_3": 0.54, "contrastive": 0.53}
    total = sum(factors[name.split("/")[0]] * value for name, value in expected.items())
    torch.testing.assert_close(terms["total"], total)


def test_binary_is_the_main_task_alone():
    outputs, labels = batch(1)
    terms = TotalLoss(LossSettings(foreground_weight=2.0), asked("binary", 3))(outputs, Truth(labels))
    assert list(terms) == ["main/dice", "main/cross_entropy", "total"]
    mask = (labels > 0)[:, None]
    torch.testing.assert_close(terms["main/dice"], dice_loss(torch.sigmoid(outputs.logits), mask))
    torch.testing.assert_close(terms["main/cross_entropy"], binary_cross_entropy(outputs.logits, mask, 2.0))
    torch.testing.assert_close(terms["total"], terms["main/dice"] + terms["main/cross_entropy"])


@pytest.mark.parametrize("ndim", [2, 3])
def test_multi_class_is_over_exclusive_scales(ndim):
    outputs, labels = batch(4, ndim=ndim)
    terms = TotalLoss(LossSettings(), asked("multi_class", 3), COUNTS)(outputs, Truth(labels))
    assert list(terms) == ["main/dice", "main/cross_entropy", "total"]
    of_scales = torch.softmax(outputs.logits, dim=1)[:, 1:]
    masks = torch.stack([labels == s for s in (1, 2, 3)], dim=1)
    torch.testing.assert_close(terms["main/dice"], dice_loss(of_scales, masks))
    weights = (1.0, 99.0**0.5, 24.0**0.5, 19.0**0.5)
    torch.testing.assert_close(terms["main/cross_entropy"], categorical_cross_entropy(outputs.logits, labels, weights))


def test_weights_of_terms_enter_the_sum_only():
    outputs, labels = batch(2, scales=1, projections=1)
    settings = LossSettings(
        main={"dice": 2.0, "cross_entropy": 3.0},
        auxiliary={"cross_entropy": 5.0},
        lambda_scales=(0.5,),
        lambda_contrastive=0.0,
        foreground_weight=1.0,
    )
    terms = TotalLoss(settings, asked("multi_task", 1))(outputs, Truth(labels))
    assert list(terms) == ["main/dice", "main/cross_entropy", "scale_1/cross_entropy", "total"]
    expected = 2 * terms["main/dice"] + 3 * terms["main/cross_entropy"] + 0.5 * 5 * terms["scale_1/cross_entropy"]
    torch.testing.assert_close(terms["total"], expected)


def test_a_weight_of_zero_leaves_the_term_out():
    outputs, labels = batch(4, projections=3)
    settings = LossSettings(auxiliary={"dice": 1.0, "cross_entropy": 0.0}, lambda_scales=(1.0, 0.0, 1.0))
    names = list(TotalLoss(settings, asked("multi_task", 3), COUNTS)(outputs, Truth(labels)))
    assert names == ["main/dice", "main/cross_entropy", "scale_1/dice", "scale_3/dice", "contrastive", "total"]


@pytest.mark.parametrize(("formulation", "channels"), [("multi_task", 4), ("multi_class", 4), ("binary", 1)])
def test_absent_scales_and_empty_labels_are_safe(formulation, channels):
    outputs, labels = batch(channels, projections=3)
    loss = TotalLoss(
        LossSettings(anchors=AnchorSettings(mode="masked")), asked(formulation, 3), counts_of(100, 0, 0, 0)
    )
    for kept in (2, 0):  # one scale alone, none at all
        terms = loss(outputs, Truth(torch.where(labels == kept, labels, 0)))
        (gradient,) = torch.autograd.grad(terms["total"], outputs.logits)
        assert all(bool(torch.isfinite(value)) for value in terms.values())
        assert bool(torch.isfinite(gradient).all())
        if formulation == "multi_task":
            assert terms["contrastive"].item() == 0.0  # one scale has no negatives
    perfect = outputs._replace(logits=torch.full_like(outputs.logits, -200.0))
    if formulation != "multi_class":
        assert all(value.item() == 0.0 for value in loss(perfect, Truth(torch.zeros_like(labels))).values())


def test_each_task_has_its_own_gradient():
    outputs, labels = batch(4, projections=3)
    terms = TotalLoss(LossSettings(), asked("multi_task", 3), COUNTS)(outputs, Truth(labels), differentiable_terms=True)
    (gradient,) = torch.autograd.grad(terms["scale_2/dice"], outputs.logits, retain_graph=True)
    assert [bool((gradient[:, c] != 0).any()) for c in range(4)] == [False, False, True, False]
    assert torch.autograd.grad(terms["contrastive"], outputs.logits, allow_unused=True) == (None,)


@pytest.mark.parametrize(("formulation", "channels"), [("multi_task", 4), ("multi_class", 4), ("binary", 1)])
def test_the_gradient_computed_at_once_is_that_of_the_graph(formulation, channels):
    outputs, labels = batch(channels, projections=3)
    settings = LossSettings(main={"dice": 2.0, "soft_cldice": 0.5}, lambda_scales=(0.3, 0.0, 0.7))
    loss = TotalLoss(settings, asked(formulation, 3), COUNTS)
    found = []
    for differentiable_terms in (False, True):
        draws = torch.Generator().manual_seed(0)
        total = loss(outputs, Truth(labels), draws, differentiable_terms=differentiable_terms)["total"]
        found.append((total.detach(), *torch.autograd.grad(3.0 * total, outputs.logits)))
    torch.testing.assert_close(found[0], found[1])
    with torch.no_grad():
        torch.testing.assert_close(loss(outputs, Truth(labels), torch.Generator().manual_seed(0))["total"], found[0][0])


def test_half_precision_scales_the_gradient_before_it_is_rounded():
    outputs, labels = batch(1, projections=0)
    logits = outputs.logits.detach().to(torch.float16).requires_grad_()
    loss = TotalLoss(LossSettings(main={"cross_entropy": 1e-6}), asked("binary", 3), COUNTS)
    (2.0**20 * loss(outputs._replace(logits=logits), Truth(labels))["total"]).backward()
    assert logits.grad is not None
    assert logits.grad.dtype == torch.float16
    assert bool((logits.grad != 0).all())


def test_no_term_but_the_total_keeps_a_graph():
    outputs, labels = batch(4, projections=3)
    terms = TotalLoss(LossSettings(lambda_contrastive=0.0), asked("multi_task", 3), COUNTS)(outputs, Truth(labels))
    assert [name for name, value in terms.items() if value.requires_grad] == ["total"]


def test_a_new_term_is_one_line_in_the_table(monkeypatch):
    monkeypatch.setitem(TERM_SETTINGS, "size", None)
    monkeypatch.setitem(TERMS, "size", Term(lambda task, _: task.probabilities.mean()))
    outputs, labels = batch(2, scales=1, projections=1)
    settings = LossSettings(main={"size": 2.0}, auxiliary={"size": 1.0}, lambda_scales=(0.5,), lambda_contrastive=0.0)
    terms = TotalLoss(settings, asked("multi_task", 1), counts_of(1, 1))(outputs, Truth(labels))
    assert list(terms) == ["main/size", "scale_1/size", "total"]
    main, scale = torch.sigmoid(outputs.logits).mean(dim=(0, 2, 3))
    torch.testing.assert_close(terms["total"], 2.0 * main + 0.5 * scale)


@pytest.mark.parametrize(("formulation", "channels"), [("multi_task", 4), ("multi_class", 4), ("binary", 1)])
def test_deterministic_mode_gives_the_same_gradient_again(formulation, channels):
    outputs, labels = batch(channels, projections=3)
    loss = TotalLoss(LossSettings(anchors=AnchorSettings(cap=9)), asked(formulation, 3), COUNTS)
    wanted = (outputs.logits, *outputs.projections) if formulation == "multi_task" else (outputs.logits,)
    torch.use_deterministic_algorithms(True)
    try:
        first, second = (
            torch.autograd.grad(loss(outputs, Truth(labels), torch.Generator().manual_seed(0))["total"], wanted)
            for _ in range(2)
        )
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(a, b) for a, b in zip(first, second))


def test_scales_are_optional_in_multi_task():
    outputs, labels = batch(1, scales=0)
    terms = TotalLoss(LossSettings(foreground_weight=1.0), asked("multi_task", 0))(outputs, Truth(labels))
    assert list(terms) == ["main/dice", "main/cross_entropy", "total"]


@pytest.mark.parametrize(("formulation", "channels"), [("multi_task", 4), ("multi_class", 4), ("binary", 1)])
def test_float32_for_half_precision_and_inside_autocast(formulation, channels):
    outputs, labels = batch(channels, projections=3)
    half = Outputs(outputs.logits.bfloat16(), tuple(p.bfloat16() for p in outputs.projections))
    exact = Outputs(half.logits.float(), tuple(p.float() for p in half.projections))
    loss = TotalLoss(LossSettings(temperature=0.1), asked(formulation, 3), COUNTS)
    with torch.autocast("cpu", torch.bfloat16):
        terms = loss(half, Truth(labels))
    for name, value in loss(exact, Truth(labels)).items():
        assert terms[name].dtype == torch.float32
        assert torch.equal(terms[name], value), name


def test_anchors_are_drawn_from_the_given_generator():
    outputs, labels = batch(4, projections=3)
    loss = TotalLoss(LossSettings(anchors=AnchorSettings(cap=9)), asked("multi_task", 3), COUNTS)
    values = [loss(outputs, Truth(labels), torch.Generator().manual_seed(s))["contrastive"].item() for s in (1, 1, 2)]
    assert values[0] == values[1]
    assert values[0] != values[2]


def test_one_weight_holds_for_all_scales():
    assert LossSettings(lambda_scales=(0.3,)).scale_weights(4) == (0.3,) * 4
    assert LossSettings().scale_weights(3) == (0.78, 0.48, 0.54)


def test_weights_of_classes():
    main, first, second = asked("multi_task", 2).all
    counts = counts_of(80, 4, 16)
    assert class_weights(LossSettings(foreground_weight=4.0), second, None) == (4.0,)
    assert [class_weights(LossSettings(), task, counts) for task in (main, first)] == [(2.0,), (24**0.5,)]
    exclusive = asked("multi_class", 2).main
    assert class_weights(LossSettings(), exclusive, counts) == (1.0, 24**0.5, 5.25**0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("multi_task", 2, counts_of(90, 5, 5)), r"lambda_scales: expected 2 weights for 2 scales .* got 3"),
        (("multi_task", 3), r"counts: foreground_weight 'auto' needs the voxels of each class and scale, got none"),
    ],
)
def test_settings_that_do_not_fit(arguments, message):
    formulation, n_scales, *counts = arguments
    with pytest.raises(ValueError, match=message):
        TotalLoss(LossSettings(), asked(formulation, n_scales), *counts)


def test_inputs_that_do_not_fit():
    outputs, labels = batch(4, projections=3)
    loss = TotalLoss(LossSettings(), asked("multi_task", 3), COUNTS)
    with pytest.raises(ValueError, match=r"logits: expected 4 channel\(s\) .* got \(2, 3, 8, 8\)"):
        loss(outputs._replace(logits=outputs.logits[:, :3]), Truth(labels))
    with pytest.raises(ValueError, match=r"scale_map: expected integers \(2, 8, 8\) .* got torch.uint8 \(2, 8, 7\)"):
        loss(outputs, Truth(labels[..., :7]))
    with pytest.raises(ValueError, match="scale_map: expected integers"):
        loss(outputs, Truth(labels.float()))
    with pytest.raises(ValueError, match=r"scale_map: expected 0 … 3 for 3 scales, got 7 … 7"):
        loss(outputs, Truth(torch.full_like(labels, 7)))
    with pytest.raises(ValueError, match="projections: expected 3, one a scale, got 0"):
        loss(outputs._replace(projections=()), Truth(labels))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"main": {"dise": 1.0}}, "unknown loss term 'dise'; did you mean 'dice'"),
        ({"auxiliary": {"zzz": 1.0}}, "unknown loss term 'zzz'; known are dice, cross_entropy"),
        ({"main": {"dice": -1.0}}, "weight of dice: expected a finite number of at least 0"),
        ({"main": {"dice": 0.0}}, "the main task needs at least one term"),
        ({"lambda_scales": (0.1, float("nan"))}, "weight of a scale"),
        ({"lambda_contrastive": -1.0}, "lambda_contrastive"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": 1e-30}, "temperature"),
        ({"foreground_weight": 0.0}, "foreground_weight"),
        ({"foreground_weight": "much"}, "foreground_weight"),
        ({"lambda": 1.0}, "lambda"),
    ],
)
def test_settings_out_of_range(bad, message):
    with pytest.raises(ValidationError, match=message):
        LossSettings(**bad)


@pytest.mark.parametrize(("formulation", "channels"), [("multi_task", 4), ("multi_class", 4)])
def test_a_task_sees_the_part_of_the_tube_that_is_its_own(formulation, channels, monkeypatch):
    outputs, labels = batch(channels, projections=3)
    tube = torch.rand(labels.shape, generator=torch.Generator().manual_seed(1)) < 0.5
    seen = {}

    def look(task, _):
        seen[task.name] = (task.tubed_skeleton, task.spacing_mm, task.generator)
        return task.probabilities.sum()

    monkeypatch.setitem(TERM_SETTINGS, "look", None)
    monkeypatch.setitem(TERMS, "look", Term(look))
    settings = LossSettings(main={"look": 1.0}, auxiliary={"look": 1.0})
    spacing, generator = torch.tensor([[2.0, 1.0]] * 2), torch.Generator()
    loss = TotalLoss(settings, asked(formulation, 3), COUNTS)
    loss(outputs, Truth(labels, tube, spacing), generator)
    own = [labels == scale for scale in (1, 2, 3)]
    if formulation == "multi_class":
        expected = {"main": torch.stack(own, 1) & tube[:, None]}
    else:
        masks = [labels > 0, *own]
        expected = {n: (m & tube)[:, None] for n, m in zip(["main", "scale_1", "scale_2", "scale_3"], masks)}
    assert seen.keys() == expected.keys()
    for name, (its_tube, its_spacing, its_generator) in seen.items():
        assert torch.equal(its_tube, expected[name])
        assert its_spacing is spacing
        assert its_generator is generator
    with pytest.raises(ValueError, match="main: this loss needs the truth's tubed_skeleton"):
        loss(outputs, Truth(labels))


def test_values_are_asked_where_they_are_known_at_once():
    """In host memory, where the truth is there too, without value checks as well: a loader has labels there."""
    outputs, labels = batch(4)
    loss = TotalLoss(LossSettings(lambda_contrastive=0.0), asked("multi_task", 3), COUNTS)
    wrong = labels.clone()
    wrong[0, 0, 0] = 9
    with without_value_checks(), pytest.raises(ValueError, match=r"scale_map: expected 0 … 3 for 3 scales, got 0 … 9"):
        loss(outputs, Truth(labels, on_host=Truth(wrong)))
    known = torch.ones_like(labels, dtype=torch.int16)
    ignored = known.masked_fill(labels == 0, IGNORED)
    assert Truth(labels, class_map=ignored, on_host=Truth(labels, class_map=known)).ignored is None
    told = Truth(labels, class_map=ignored, on_host=Truth(labels, class_map=ignored)).ignored
    assert torch.equal(told, labels == 0)
