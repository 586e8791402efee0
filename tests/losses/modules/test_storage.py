"""Loss modules by type and layout of memory: half precision, channels last, slices, wrong values, no checks."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from ramify.losses import Contrast, dice_loss, without_value_checks
from tests.losses.modules.table import NAMES, labels_of, logits_for, module, value_and_gradient


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_computed_in_float32(name, dtype):
    labels = labels_of()
    half = logits_for(labels, dtype=dtype)
    whole = half.detach().float().requires_grad_()
    value, gradient = value_and_gradient(module(name, to_onehot=True), half, labels)
    expected, exact = value_and_gradient(module(name, to_onehot=True), whole, labels)
    assert value.dtype == torch.float32
    assert gradient.dtype == dtype
    torch.testing.assert_close(value, expected, rtol=0.0, atol=0.0)
    torch.testing.assert_close(gradient, exact.to(dtype), rtol=1e-2, atol=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, _ = value_and_gradient(module(name, to_onehot=True), half, labels)
    torch.testing.assert_close(mixed, expected, rtol=0.0, atol=0.0)


@pytest.mark.parametrize("size", [(12, 18), (4, 12, 10)])
@pytest.mark.parametrize("name", NAMES)
def test_the_layout_of_memory_changes_nothing(name, size):
    labels = labels_of(size)
    logits = logits_for(labels)
    expected = value_and_gradient(module(name, to_onehot=True), logits, labels)
    last = torch.channels_last if len(size) == 2 else torch.channels_last_3d
    rows = slice(None), slice(None), slice(None, None, 2)
    apart = [torch.zeros_like(values.repeat_interleave(2, dim=2)) for values in (logits, labels)]
    for wide, values in zip(apart, (logits, labels)):
        wide[rows] = values.detach()
    layouts = [
        (logits.detach().to(memory_format=last), labels.to(memory_format=last)),
        (apart[0][rows], apart[1][rows]),
        (
            logits.detach().transpose(2, 3).contiguous().transpose(2, 3),
            labels.transpose(0, 2).contiguous().transpose(0, 2),
        ),
    ]
    for own, target in layouts:
        found = value_and_gradient(module(name, to_onehot=True), own.detach().requires_grad_(), target)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", NAMES)
def test_targets_of_any_type(name):
    labels = labels_of()
    logits = logits_for(labels).detach()
    expected = module(name, to_onehot=True)(logits, labels)
    tensors = [labels.to(dtype) for dtype in (torch.int16, torch.uint8, torch.uint16, torch.float32)]
    for target in (*tensors, labels.numpy().astype(np.uint16), labels.numpy()):
        assert torch.equal(module(name, to_onehot=True)(logits, target), expected)


def test_a_label_that_a_type_does_not_have_ignores_nothing():
    labels = labels_of()
    logits = logits_for(labels).detach()
    ends = torch.where(labels == 2, 255, labels).to(torch.uint8)
    with pytest.raises(ValueError, match="expected labels 0 … 2 for 3 channels, got 0 … 255"):
        module("Dice", to_onehot=True, ignore_label=-1)(logits, ends)  # which uint8 would take for 255
    expected = module("Dice", to_onehot=True, ignore_label=-1)(logits, torch.where(labels == 2, -1, labels))
    assert torch.equal(module("Dice", to_onehot=True, ignore_label=255)(logits, ends), expected)


@pytest.mark.parametrize("name", NAMES)
def test_tensors_of_monai(name):
    labels = labels_of()
    logits = logits_for(labels)
    expected = value_and_gradient(module(name, to_onehot=True), logits, labels)
    found = value_and_gradient(module(name, to_onehot=True), logits, MetaTensor(labels))
    torch.testing.assert_close(found, expected, rtol=0.0, atol=0.0)
    of_both = module(name, to_onehot=True)(MetaTensor(logits.detach()), MetaTensor(labels))
    assert of_both.item() == expected[0].item()


@pytest.mark.parametrize("name", NAMES)
def test_rounding_beyond_one_is_cut_off(name):
    target = (labels_of() == 1).float()
    probabilities = torch.where(target > 0, 1.0009765625, -0.0004)  # a step of float16 too many
    loss = module(name, activation=None) if name != "DiceCrossEntropy" else None
    if loss is None:
        return
    assert torch.equal(loss(probabilities, target), loss(target, target))
    assert torch.equal(module(name, activation=None, checked=False)(probabilities, target), loss(target, target))
    with pytest.raises(ValueError, match=r"probabilities: expected \[0, 1\], got \[-0.0004, 1.5\]"):
        loss(torch.where(target > 0, 1.5, -0.0004), target)


def test_values_are_not_looked_at_where_nobody_asks_for_it(monkeypatch):
    """A GPU would wait for each look."""
    labels, logits = labels_of(), logits_for(labels_of()).detach()

    def look(*_):
        raise AssertionError("a value was looked at")

    for way in ("item", "tolist", "__bool__", "__int__", "__float__"):
        monkeypatch.setattr(torch.Tensor, way, look)
    for name in ("Dice", "DiceCrossEntropy", "GeneralisedDice", "Tversky", "SkeletonRecall"):
        tube = {"tube": labels > 0} if name == "SkeletonRecall" else {}
        module(name, to_onehot=True, ignore_label=2, checked=False)(logits, labels, **tube)
        with pytest.raises(AssertionError, match="looked at"):
            module(name, to_onehot=True, ignore_label=2)(logits, labels, **tube)


def test_checks_come_back_after_an_error():
    logits, target = torch.full((1, 1, 4, 4), 3.0), torch.ones(1, 1, 4, 4)
    with pytest.raises(ValueError, match="differs"), without_value_checks():
        dice_loss(logits, target[..., :2])
    with pytest.raises(ValueError, match="pass logits through a sigmoid"):
        dice_loss(logits, target)


LABELS = labels_of()
LOGITS = logits_for(LABELS).detach()
VOLUME = torch.rand(1, 18, 20, 20) < 0.5  # (B, D, H, W), without an axis of channels


@pytest.mark.parametrize(
    ("shared", "logits", "target", "said"),
    [
        (
            {},
            LOGITS,
            LABELS,
            r"target: shape \(2, 1, 12, 18\) differs from the logits'.*; of a label map give to_onehot",
        ),
        ({"activation": "sigmoid"}, LOGITS[:, :1], LABELS, r"target: expected \[0, 1\], got \[0, 2\]; of a label map"),
        ({"to_onehot": True}, LOGITS[:, :2], LABELS, r"labels 0 … 1 for 2 channels, got 0 … 2; .* ignore_label"),
        ({"to_onehot": True}, LOGITS, LABELS + 0.5, r"labels 0 … 2 for 3 channels, got 0.5 … 2.5"),
        (
            {"to_onehot": True},
            LOGITS,
            LABELS.repeat(1, 3, 1, 1),
            r"to_onehot=True expects a label map \(2, 1, 12, 18\)",
        ),
        ({}, LOGITS, (torch.tensor([5, 1, 2]).view(3, 1, 1) == LABELS), "do not add up to 1"),
        ({"to_onehot": True}, LOGITS, LABELS[:, 0], r"target: expected .* got \(2, 12, 18\); add the axis of channels"),
        (
            {"to_onehot": True},
            LOGITS[:, 0],
            LABELS[:, 0],
            r"logits: expected .* got torch.float32 \(2, 12, 18\); add the",
        ),
        ({}, LOGITS[:, :1], LABELS > 0, "logits: one channel is a probability for a sigmoid"),
        (
            {"activation": "sigmoid", "drop_background": True},
            LOGITS[:, :1],
            LABELS > 0,
            "drop_background=True leaves none",
        ),
        ({"to_onehot": True}, LABELS, LABELS, r"logits: expected floats \(B, C, H, W\)"),
        ({"to_onehot": True}, LOGITS, None, "target: expected a tensor or an array of numbers, got NoneType"),
        ({"activation": "sigmoid"}, torch.zeros(VOLUME.shape), VOLUME, "18 channels, most of which overlap the next"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_is_refused(name, shared, logits, target, said):
    with pytest.raises(ValueError, match=said):
        module(name, **shared)(logits, target)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("Dice", {"activation": "relu"}, "Dice: activation: expected 'softmax', 'sigmoid' or None, got 'relu'"),
        ("Dice", {"reduction": "sum"}, "Dice: reduction: expected 'mean' or 'none', got 'sum'"),
        ("Dice", {"ignore_label": 0}, "Dice: ignore_label: 0 is a value of every one-hot target"),
        ("SoftClDice", {"iterations": 0}, "SoftClDice: iterations: .* greater than or equal to 1 \\(got 0"),
        ("Tversky", {"alpha": -1.0}, "Tversky: alpha: "),
        ("DiceCrossEntropy", {"activation": None}, "cross-entropy needs logits"),
        ("DiceCrossEntropy", {"drop_bg": True}, "unknown argument 'drop_bg'; did you mean 'drop_background'"),
        ("DiceCrossEntropy", {"smooth": 3}, "DiceCrossEntropy: unknown argument 'smooth'; it takes activation, "),
        ("DiceCrossEntropy", {"cross_entropy_weight": -1}, "cross_entropy_weight: .*greater than or equal to 0"),
        ("DiceCrossEntropy", {"cross_entropy_weight": float("nan")}, "DiceCrossEntropy: cross_entropy_weight: "),
        ("DiceCrossEntropy", {"epsilon": -1}, "DiceCrossEntropy: epsilon: .*greater than 0 \\(got -1"),
        ("DiceCrossEntropy", {"class_weights": (1.0, -1.0)}, "class_weights.1: .*greater than 0 \\(got -1.0"),
        ("SkeletonRecall", {"radius": -1}, "SkeletonRecall: radius: .*greater than or equal to 0 \\(got -1"),
        ("SkeletonRecall", {"radius": 2.5}, "SkeletonRecall: radius: .*got 2.5"),
        ("SkeletonRecall", {"balance": "scales"}, "SkeletonRecall: unknown argument 'balance'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(name, arguments, said):
    with pytest.raises(ValueError, match=said):
        module(name, **arguments)


@pytest.mark.parametrize("name", [*NAMES, "Contrast"])
def test_weights_are_finite_numbers(name):
    make = module if name in NAMES else lambda _, weight: Contrast(2, weight)
    for weight in ("a", float("nan"), float("inf"), None):
        with pytest.raises(ValueError, match=f"{name}: weight: expected a finite number, got {weight!r}"):
            make(name, weight=weight)


@pytest.mark.parametrize("number", [0.3, 255.0, float("nan")])
def test_masks_and_tubes_say_yes_or_no(number):
    given = torch.ones(LABELS.shape)
    given[0, 0, 0, 0] = number
    for name in ("mask", "tube"):
        loss = module("SkeletonRecall", to_onehot=True)
        with pytest.raises(ValueError, match=f"{name}: expected bool, or numbers of 0 and 1, got {number:g}; compare"):
            loss(LOGITS, LABELS, **{name: given})
        with without_value_checks():
            assert loss(LOGITS, LABELS, **{name: given}).isfinite()


def test_masks_and_tubes_that_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"mask: expected \(2, 1, 12, 18\), True where a voxel counts, got \(2, 12, 18\)"
    ):
        module("Dice", to_onehot=True)(LOGITS, LABELS, mask=LABELS[:, 0])
    with pytest.raises(
        ValueError, match=r"tube: expected \(2, 1, 12, 18\), or a channel a class, got \(1, 1, 12, 18\)"
    ):
        module("SkeletonRecall", to_onehot=True)(LOGITS, LABELS, tube=LABELS[:1])


def test_regions_that_overlap_are_channels_where_one_says_so():
    torch.manual_seed(0)
    logits, regions = torch.randn(1, 18, 8, 8), torch.rand(1, 18, 8, 8) < 0.5
    assert module("Dice", activation="sigmoid")(logits[:, :15], regions[:, :15]).isfinite()
    with pytest.raises(ValueError, match=r"18 channels, most of which overlap .* checked=False"):
        module("Dice", activation="sigmoid")(logits, regions)
    with without_value_checks():
        expected = dice_loss(torch.sigmoid(logits), regions)
    assert module("Dice", activation="sigmoid", checked=False)(logits, regions) == expected
