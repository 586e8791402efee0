"""The soft skeleton where not all is known: beside pooling with what is unknown in no window, and its gradient."""

import pytest
import torch

from ramify.losses.soft_skeletonisation import soft_skeleton
from tests.losses.soft_skeletons import by_autograd, gradient_of, values_in

SHAPES = [(9, 8), (1, 6), (5, 6, 7), (6, 1, 5), (7, 1, 1)]


def known_in(shape: tuple[int, ...]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(shape[-1])
    return torch.rand((shape[0], 1, *shape[2:]), generator=generator) > 0.3


@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("levels", [None, 2, 3])
@pytest.mark.parametrize("variant", ["cvpr", "workshop"])
@pytest.mark.filterwarnings("ignore:the workshop")
def test_beside_pooling(way, size, levels, variant):
    image = values_in((2, 2, *size), levels)
    known = known_in(tuple(image.shape))
    outer = values_in((2, 2, *size), None)
    expected, by_image = gradient_of(lambda x: by_autograd(x, 3, variant, known), image, outer)
    skeleton, gradient = gradient_of(lambda x: soft_skeleton(x, 3, variant, mask=known), image, outer)
    torch.testing.assert_close(skeleton, expected)
    torch.testing.assert_close(gradient, by_image)
    assert not gradient[(~known).expand_as(gradient)].any()


def test_gradcheck(way):
    image = values_in((1, 2, 4, 5), None).requires_grad_()
    known = known_in((1, 2, 4, 5))
    assert torch.autograd.gradcheck(lambda x: soft_skeleton(x, 2, mask=known), (image,))


def test_many_rounds_stay_finite(way):
    image = values_in((1, 1, 6, 7), 2, torch.float32).requires_grad_()
    known = known_in((1, 1, 6, 7))
    skeleton = soft_skeleton(image, 300, mask=known)
    skeleton.sum().backward()
    assert skeleton.isfinite().all()
    assert image.grad is not None
    assert image.grad.isfinite().all()
    assert ((skeleton >= 0.0) & (skeleton <= 1.0)).all()
