"""Loss modules beside the pure functions: activation, one-hot, background, classes, reduction, what is given how."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor

from ramify import losses
from ramify.losses import Contrast, SegmentationLoss, SkeletonRecall, without_value_checks
from ramify.losses.contrastive import contrastive_loss
from ramify.vessels.tube import tubed_skeleton_of_classes
from tests.losses.modules.table import (
    ARGUMENTS,
    NAMES,
    OVER_BATCH,
    labels_of,
    logits_for,
    module,
    value_and_gradient,
)

# Their value is of all channels together, or draws what depends on how many there are.
NOT_BY_CHANNEL = {"DiceCrossEntropy", "GeneralisedDice", "TopoClDice"}


def one_hot(labels: Tensor, channels: int = 3) -> Tensor:
    return labels == torch.arange(channels).view(-1, *[1] * (labels.ndim - 2))


def tubes_of_classes(labels: Tensor, radius: int) -> Tensor:
    """The tubes of the two classes of vessels, bool (B, 2, *S)."""
    tubes = np.stack([tubed_skeleton_of_classes(each, [(1,), (2,)], radius) for each in labels[:, 0].numpy()])
    return torch.from_numpy(tubes)[:, None] & one_hot(labels)[:, 1:]


def test_every_module_is_in_the_table():
    classes = {name for name in losses.__all__ if isinstance(getattr(losses, name), type)}
    modules = {name for name in classes if issubclass(getattr(losses, name), torch.nn.Module)}
    assert modules == {*ARGUMENTS, "SegmentationLoss", "Perceptual", "Contrast"}


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("Dice", "dice_loss"),
        ("Tversky", "tversky_loss"),
        ("GeneralisedDice", "generalised_dice_loss"),
        ("SoftClDice", "soft_cldice_loss"),
        ("DiceSoftClDice", "dice_soft_cldice_loss"),
        ("CentrelineCrossEntropy", "centreline_cross_entropy_loss"),
        ("TopoClDice", "topo_cldice_loss"),
        ("CbDice", "cbdice_loss"),
        ("Boundary", "boundary_loss"),
        ("Warping", "warping_loss"),
        ("Topograph", "topograph_loss"),
        ("BettiMatching", "betti_matching_loss"),
    ],
)
@pytest.mark.parametrize("size", [(12, 18), (4, 12, 10)])
def test_the_value_and_gradient_are_those_of_the_pure_function(name, function, size):
    labels = labels_of(size)
    logits = logits_for(labels)
    value, gradient = value_and_gradient(module(name, weight=2.0, to_onehot=True, drop_background=True), logits, labels)
    torch.manual_seed(0)
    probabilities, target = torch.softmax(logits, 1)[:, 1:], one_hot(labels)[:, 1:]
    expected = 2.0 * getattr(losses, function)(probabilities, target, **ARGUMENTS[name])
    (expected_gradient,) = torch.autograd.grad(expected, logits)
    torch.testing.assert_close(value, expected.detach(), rtol=0.0, atol=0.0)
    torch.testing.assert_close(gradient, expected_gradient, rtol=0.0, atol=0.0)


@pytest.mark.parametrize("name", sorted(set(NAMES) - NOT_BY_CHANNEL))
def test_several_classes_are_the_binary_loss_of_each(name):
    labels = labels_of()
    logits = logits_for(labels).detach()
    target = one_hot(labels)[:, 1:]
    several = module(name, activation="sigmoid", reduction="none")(logits[:, 1:], target)
    assert several.shape == (2, 2)
    for channel in (0, 1):
        own = slice(channel, channel + 1)
        alone = module(name, activation="sigmoid")(logits[:, 1:][:, own], target[:, own])
        torch.testing.assert_close(several[:, channel].mean(), alone)


@pytest.mark.parametrize("name", NAMES)
def test_a_label_map_is_its_one_hot(name):
    labels = labels_of()
    logits = logits_for(labels)
    mapped = value_and_gradient(module(name, to_onehot=True), logits, labels)
    given = value_and_gradient(module(name), logits, one_hot(labels).float())
    torch.testing.assert_close(mapped, given)
    arrays = value_and_gradient(
        module(name, to_onehot=True), logits, labels.numpy().astype(np.uint8)[..., ::-1][..., ::-1]
    )
    torch.testing.assert_close(mapped, arrays, rtol=0.0, atol=0.0)


@pytest.mark.parametrize("dropped", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_unreduced_values_have_the_mean_for_their_mean(name, dropped):
    labels = labels_of()
    logits = logits_for(labels).detach()
    values = module(name, to_onehot=True, drop_background=dropped, reduction="none", weight=3.0)(logits, labels)
    # A background has no tube, and no value for it.
    channels = 2 if dropped or name == "SkeletonRecall" else 3
    assert values.shape == ((2, 1) if name in {"DiceCrossEntropy", "GeneralisedDice"} else (2, channels))
    if name != "TopoClDice":  # other draws
        mean = module(name, to_onehot=True, drop_background=dropped, weight=3.0)(logits, labels)
        torch.testing.assert_close(values.mean(), mean)


def test_skeleton_recall_is_over_the_batch_as_published():
    labels = labels_of()
    labels[1, ..., 10:] = 0  # more tube in one sample than in the other
    logits = logits_for(labels).detach()
    given = {"activation": "sigmoid", "radius": 1}
    plain, by_sample = SkeletonRecall(**given), SkeletonRecall(over_batch=False, **given)
    assert "over_batch=True" in repr(plain)
    tubes = tubes_of_classes(labels, 1)
    value = plain(logits[:, 1:], one_hot(labels)[:, 1:])
    assert value == losses.skeleton_recall_loss(torch.sigmoid(logits[:, 1:]), tubes)
    assert value != by_sample(logits[:, 1:], one_hot(labels)[:, 1:])


@pytest.mark.parametrize("name", NAMES)
def test_over_batch_is_one_volume_or_refused(name):
    labels = labels_of(samples=3)
    logits = logits_for(labels).detach()
    if name not in OVER_BATCH:
        with pytest.raises(ValueError, match=f"{name}: over_batch: this loss is of each sample"):
            module(name, over_batch=True)
        return
    values = module(name, to_onehot=True, over_batch=True, reduction="none")(logits, labels)
    assert values.shape[0] == 1
    twice = module(name, to_onehot=True, over_batch=True)(logits[:1].repeat(2, 1, 1, 1), labels[:1].repeat(2, 1, 1, 1))
    if name not in {"TopoClDice", "SoftClDice", "CbDice", "DiceSoftClDice"}:  # a smoothing voxel counts half as much
        torch.testing.assert_close(twice, module(name, to_onehot=True)(logits[:1], labels[:1]))


def test_spacings_may_be_one_for_all():
    labels = labels_of((4, 12, 10))
    logits = logits_for(labels).detach()
    for name in ("CbDice", "Boundary"):
        loss = module(name, to_onehot=True)
        of_each = loss(logits, labels, spacing_mm=torch.tensor([[2.0, 0.5, 0.7]] * 2))
        for given in ((2.0, 0.5, 0.7), np.array([2.0, 0.5, 0.7]), torch.tensor([2.0, 0.5, 0.7])):
            torch.testing.assert_close(loss(logits, labels, spacing_mm=given), of_each, rtol=0.0, atol=0.0)
        cubes = loss(logits, labels, spacing_mm=0.5)
        torch.testing.assert_close(cubes, loss(logits, labels, spacing_mm=torch.full((2, 3), 0.5)))
        assert not torch.equal(of_each, cubes)


def test_tubes_given_and_made_are_the_same():
    labels = labels_of()
    labels[..., 5:7, :] = 1  # side by side
    logits = logits_for(labels)
    labels[1, ..., 8, 9] = 0  # a hole
    made = value_and_gradient(module("SkeletonRecall", to_onehot=True), logits, labels)
    of_vessels = tubes_of_classes(labels, 1)
    tube = of_vessels.any(dim=1, keepdim=True)
    for given in (tube.numpy(), tube, torch.cat([torch.zeros_like(tube), of_vessels], dim=1)):
        found = value_and_gradient(module("SkeletonRecall", to_onehot=True), logits, labels, tube=given)
        torch.testing.assert_close(found, made, rtol=0.0, atol=0.0)
    # The background never counts, whether it has a channel or not.
    dropped = value_and_gradient(module("SkeletonRecall", to_onehot=True, drop_background=True), logits, labels)
    torch.testing.assert_close(dropped, made)


def test_weights_of_classes_enter_the_cross_entropy():
    labels = labels_of()
    logits = logits_for(labels).detach()
    plain = module("DiceCrossEntropy", to_onehot=True)(logits, labels)
    weighed = module("DiceCrossEntropy", to_onehot=True, class_weights=(1.0, 2.0, 3.0))(logits, labels)
    weights = torch.tensor([1.0, 2.0, 3.0])[labels[:, 0]]
    expected = torch.nn.functional.cross_entropy(logits, labels[:, 0], reduction="none")
    torch.testing.assert_close(weighed - plain, ((weights - 1.0) * expected).mean())
    less = module("DiceCrossEntropy", to_onehot=True, cross_entropy_weight=0.0)(logits, labels)
    torch.testing.assert_close(plain - less, expected.mean())


@pytest.mark.parametrize(
    ("given", "complement"),
    [
        ({}, False),
        ({"drop_background": True}, False),
        ({"drop_background": True, "complement": True}, True),
        ({"activation": "sigmoid"}, True),
        ({"activation": "sigmoid", "drop_background": True}, False),
        ({"activation": "sigmoid", "complement": False}, False),
    ],
)
def test_generalised_dice_counts_the_background_once_and_not_where_it_is_dropped(given, complement):
    assert losses.GeneralisedDice(**given).own["complement"] == complement


def test_the_contrast_is_that_of_the_anchors():
    generator = torch.Generator().manual_seed(0)
    projection = torch.nn.functional.normalize(torch.randn(1, 4, 2, 3, generator=generator), dim=1)
    scale_map = torch.tensor([[[[1, 1, 2], [2, 1, 0]]]])
    loss = Contrast(2, weight=0.5, head="shared", temperature=0.3).eval()
    rows = projection.movedim(1, -1).flatten(0, -2)
    order = [5, 0, 1, 4, 2, 3]  # background, then the scales
    expected = contrastive_loss(rows[order], torch.tensor([0, 1, 1, 1, 2, 2]), 0.3, balanced=True)
    torch.testing.assert_close(loss(projection, scale_map.numpy()), 0.5 * expected)
    # Positions of unknown voxels are no anchors.
    hidden = scale_map.clone()
    hidden[0, 0, 1, 2] = 255
    expected = contrastive_loss(rows[order[1:]], torch.tensor([1, 1, 1, 2, 2]), 0.3, balanced=True)
    hides = Contrast(2, head="shared", temperature=0.3, ignore_label=255).eval()
    torch.testing.assert_close(hides(projection, hidden), expected)
    apart = Contrast(2, temperature=0.3).eval()([projection, projection.flip(1)], scale_map)
    assert apart.item() > 0.0
    with pytest.raises(ValueError, match=r"projections: expected vectors of length 1 .*, got 3; normalise them first"):
        loss(3.0 * projection, scale_map)
    with without_value_checks():
        assert loss(3.0 * projection, scale_map).isfinite()
    with pytest.raises(ValueError, match="projections: expected 1, got 2"):
        loss([projection, projection], scale_map)
    with pytest.raises(ValueError, match=r"scale_map: expected 0 … 2, got 1 … 255"):
        loss(projection, hidden)
    with without_value_checks():
        assert loss(projection, hidden).isfinite()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"head": "foo"}, "head: expected 'per_scale' or 'shared', got 'foo'"),
        ({"n_scales": 0}, "n_scales: expected a number of scales from 1 up, got 0"),
        ({"temperature": 0}, "temperature: Input should be greater than or equal to 0.001 \\(got 0\\)"),
        ({"ignore_label": "255"}, "ignore_label: expected a whole number, got '255'"),
    ],
)
def test_wrong_arguments_of_a_contrast_are_a_line(arguments, said):
    with pytest.raises(ValueError, match=f"^Contrast: {said}$"):
        Contrast(**{"n_scales": 2, **arguments})


@pytest.mark.parametrize(
    ("logits", "said"),
    [
        ([torch.zeros(1, 2, 4, 4)], "got list; of deep supervision's levels call the loss on each"),
        (np.zeros((1, 2, 4, 4), np.float32), "got ndarray; give a tensor"),
        (torch.zeros(1, 2, 4, 4, dtype=torch.int64), r"got torch.int64 \(1, 2, 4, 4\)"),
        (torch.zeros(2, 4, 4), r"got torch.float32 \(2, 4, 4\); add the axis of channels with unsqueeze\(1\)"),
    ],
)
def test_logits_of_another_kind_are_told_what_helps(logits, said):
    with pytest.raises(ValueError, match=f"^logits: expected floats .*, {said}$"):
        module("SoftClDice")(logits, torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match=r"^SoftClDice: ignore_label: expected a whole number, got '255'$"):
        module("SoftClDice", ignore_label="255")


@pytest.mark.parametrize("name", NAMES)
def test_a_module_survives_a_copy_and_a_file(name):
    labels = labels_of()
    logits = logits_for(labels).detach()
    loss = module(name, to_onehot=True)
    assert not list(loss.parameters())
    assert not loss.state_dict()
    torch.manual_seed(0)
    expected = loss(logits, labels)
    for copied in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        torch.manual_seed(0)
        assert torch.equal(copied(logits, labels), expected)


def test_a_module_says_what_it_is():
    said = repr(module("SoftClDice", weight=0.5, activation="sigmoid"))
    assert said.startswith("SoftClDice(weight=0.5, activation='sigmoid'")
    assert "iterations=3" in said
    said = repr(module("DiceCrossEntropy", checked=False, over_batch=True, cross_entropy_weight=0.5))
    assert all(part in said for part in ("checked=False", "over_batch=True", "cross_entropy_weight=0.5"))
    assert "radius=1" in repr(module("SkeletonRecall"))


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_those_of_the_settings(name):
    """Written out in the signature for whoever calls it; GeneralisedDice chooses its complement by the channels."""
    loss = getattr(losses, name)
    assert loss.settings is not None
    given = {own: loss.settings.model_fields[own].default for own in loss().own}
    parameters = inspect.signature(loss).parameters
    own = {parameter: parameters[parameter].default for parameter in given if parameter in parameters}
    assert own.keys() >= given.keys() - {"over_batch"}
    chosen = {"complement"} if name == "GeneralisedDice" else set()
    assert {key: own[key] for key in own.keys() - chosen} == {key: given[key] for key in own.keys() - chosen}


def test_a_loss_of_ones_own_needs_one_method():
    class Brier(SegmentationLoss):
        def loss(self, batch):
            return (batch.probabilities - batch.target.float()).square().mean()

    logits, labels = torch.zeros(1, 1, 2, 2), torch.tensor([[[[0, 1], [1, 1]]]])
    assert Brier(2.0, activation="sigmoid")(logits, labels).item() == 0.5
    assert Brier(activation="sigmoid", reduction="none")(logits, labels).tolist() == [[0.25]]
    with pytest.raises(ValueError, match="Brier: unknown argument 'power'; it takes activation, checked, drop_back"):
        Brier(power=3)
    with pytest.raises(NotImplementedError, match="SegmentationLoss: a loss overrides `loss`"):
        SegmentationLoss(activation="sigmoid")(logits, labels)
