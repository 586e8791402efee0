"""Every pure function, by what it refuses: label maps, missing axes, arrays, logits, masks that do not fit."""

import importlib.util
import inspect

import numpy as np
import pytest
import torch

from ramify import losses

# Of anchors, and of pictures with a file of weights: they have tests of their own.
OF_OTHER_INPUT = {"contrastive_loss", "perceptual_loss"}
NAMES = [name for name in losses.__all__ if name.endswith("_loss") and name not in OF_OTHER_INPUT]
if not importlib.util.find_spec("gudhi"):
    NAMES.remove("persistent_homology_loss")

TARGET = torch.zeros(2, 1, 12, 14)
TARGET[..., 3:6, 1:-1] = 1.0
LABELS = TARGET.clone()
LABELS[..., 8:10, :] = 2.0
PROBABILITIES = 0.1 + 0.8 * TARGET
SLICES = torch.zeros(2, 18, 12, 14)  # (B, D, H, W)
SLICES[..., 3:6, 1:-1] = 1.0


@pytest.mark.parametrize(
    ("probabilities", "target", "said"),
    [
        (PROBABILITIES, LABELS, r"expected \[0, 1\], got \[0, 2\]; of a label map make one channel a class"),
        (PROBABILITIES, LABELS.to(torch.uint8), r"expected \[0, 1\], got \[0, 2\]; of a label map"),
        (PROBABILITIES.repeat(1, 3, 1, 1), LABELS, r"differs from the target's .*; of a label map make one channel"),
        (SLICES, SLICES, "18 channels, most of which overlap the next, .* unsqueeze"),
        (SLICES[:, :16, :, 2], SLICES[:, :16, :, 2], "16 channels, most of which overlap the next, .* unsqueeze"),
        (SLICES[0, 0], SLICES[0, 0], r"with a spatial axis at least, got \(12, 14\); add the axis of channels"),
        (PROBABILITIES, TARGET.numpy(), "expected a tensor, got ndarray; torch.as_tensor makes one"),
        (PROBABILITIES, None, "expected a tensor, got NoneType"),
        (PROBABILITIES.numpy(), TARGET, "expected a tensor, got ndarray"),
        (20.0 * PROBABILITIES, TARGET, r"expected \[0, 1\], got \[2, 18\]; pass logits through a sigmoid"),
        (PROBABILITIES * float("nan"), TARGET, r"probabilities: expected \[0, 1\], got NaN"),
        (TARGET.long(), TARGET, "probabilities: expected floating point numbers, got torch.int64"),
        (PROBABILITIES[:0], TARGET[:0], "with at least one value"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_is_refused(name, probabilities, target, said):
    with pytest.raises(ValueError, match=said):
        getattr(losses, name)(probabilities, target)


@pytest.mark.parametrize("name", ["dice_loss", "soft_cldice_loss"])
def test_many_channels_that_do_not_overlap_are_channels(name):
    loss = getattr(losses, name)
    # Regions of which few overlap the next are regions.
    nested = torch.arange(8).view(1, 8, 1, 1).expand(1, 8, 8, 8) <= torch.arange(8).view(8, 1)
    assert loss(nested.float(), nested).item() == pytest.approx(0.0, abs=1e-6)
    regions = torch.zeros(1, 32, 8, 8)
    regions[:, ::2, :4] = regions[:, 1::2, 4:] = 1.0
    regions[:, 3] = 1.0
    assert loss(regions, regions).item() == 0.0
    # As many classes that exclude one another are classes.
    classes = torch.nn.functional.one_hot(torch.arange(32).view(1, 4, 8), 32).movedim(-1, 1).float()
    assert loss(classes, classes).item() == 0.0


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (
            torch.ones(2, 12, 14, dtype=torch.bool),
            r"mask: expected bool \(2, 1, 12, 14\), .* got torch.bool \(2, 12, 14\)",
        ),
        (torch.ones(2, 1, 12, 14), "mask: expected bool .* got torch.float32"),
        (np.ones((2, 1, 12, 14), bool), "mask: expected a tensor, got ndarray"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_masks_that_do_not_fit_are_refused(name, mask, said):
    with pytest.raises(ValueError, match=said):
        getattr(losses, name)(PROBABILITIES, TARGET, mask=mask)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "spacing_mm" in inspect.signature(getattr(losses, name)).parameters]
)
def test_spacings_are_numbers_that_fit(name):
    for given, said in (
        ("a", r"spacing_mm: expected numbers, such as \(1.0, 1.0\), got 'a'"),
        ((None, 1.0), "spacing_mm: expected numbers"),
        ((1.0, 1.0, 1.0), r"spacing_mm: expected shape \(2, 2\)"),
        (0.0, "spacing_mm: expected positive numbers"),
    ):
        with pytest.raises(ValueError, match=said):
            getattr(losses, name)(PROBABILITIES, TARGET, spacing_mm=given)
