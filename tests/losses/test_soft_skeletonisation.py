"""The soft skeleton: drawn by hand, beside numpy, and beside autograd through PyTorch's own pooling, ties and all."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from ramify.losses import soft_skeleton_kernels, soft_skeleton_passage, soft_skeleton_rounds, soft_skeletonisation
from ramify.losses.soft_skeletonisation import soft_skeleton
from tests.losses.soft_skeletons import by_autograd, gradient_of, values_in

SHAPES = [
    (9, 8),
    (2, 3),
    (1, 6),
    (6, 1),
    (1, 1),
    (5, 6, 7),
    (2, 2, 2),
    (1, 6, 5),
    (6, 1, 5),
    (6, 5, 1),
    (1, 1, 7),
    (7, 1, 1),
]


def by_numpy(image: np.ndarray, iterations: int, variant: str) -> np.ndarray:
    """The same of one channel (*S), by shifted copies."""

    def shifted(values: np.ndarray, steps: tuple[int, ...], outside: float) -> np.ndarray:
        padded = np.pad(values, 1, constant_values=outside)
        return padded[tuple(slice(1 + step, 1 + step + n) for step, n in zip(steps, values.shape, strict=True))]

    box = list(np.ndindex((3,) * image.ndim))
    steps = [tuple(int(i) - 1 for i in place) for place in box]
    cross = [step for step in steps if np.abs(step).sum() <= 1]

    def erode(values: np.ndarray) -> np.ndarray:
        return np.min([shifted(values, step, np.inf) for step in cross], axis=0)

    def residue(values: np.ndarray) -> np.ndarray:
        opened = np.max([shifted(erode(values), step, -np.inf) for step in steps], axis=0)
        return np.maximum(values - opened, 0)

    skeleton = residue(image)
    for _ in range(iterations):
        image = erode(image)
        skeleton = skeleton + ((1 - skeleton) if variant == "cvpr" else skeleton) * residue(image)
    return skeleton


def drawn(*rows: str) -> torch.Tensor:
    """A picture, # for 1, as (1, 1, H, W)."""
    return torch.tensor([[float(letter == "#") for letter in row] for row in rows])[None, None]


def test_a_bar_by_hand(way):
    bar = drawn(".......", ".......", ".#####.", ".#####.", ".#####.", ".......", ".......")
    line = drawn(".......", ".......", ".......", "..###..", ".......", ".......", ".......")
    assert torch.equal(soft_skeleton(bar, 1), line)
    assert torch.equal(soft_skeleton(bar, 5), line)


def test_a_tee_by_hand(way):
    # The bar and the voxel below it survive one erosion, and their box reaches one voxel down the stem: a hole.
    tee = drawn(".......", ".#####.", ".#####.", ".#####.", "...#...", "...#...", "...#...")
    expected = drawn(".......", ".......", "..###..", "...#...", ".......", "...#...", "...#...")
    assert torch.equal(soft_skeleton(tee, 3), expected)


def test_outside_the_volume_is_no_background(way):
    bar = drawn(".......", ".......", "#######", "#######", "#######", ".......", ".......")
    line = drawn(".......", ".......", ".......", "#######", ".......", ".......", ".......")
    assert torch.equal(soft_skeleton(bar, 3), line)


def test_grey_values_by_hand(way):
    # A row: erosion takes the least of three, dilation gives back the larger; what stands out is 0.9 - 0.5, then 0.5.
    row = torch.tensor([0.0, 0.5, 0.9, 0.5, 0.0], dtype=torch.float64).view(1, 1, 1, 5)
    # I_1 = 0 0 .5 0 0, D(I_1) = 0 .5 .5 .5 0, so δ_0 = 0 0 .4 0 0; I_2 = 0, so δ_1 = I_1.
    expected = [0.0, 0.0, 1 - (1 - 0.4) * (1 - 0.5), 0.0, 0.0]
    assert soft_skeleton(row, 1).flatten().tolist() == pytest.approx(expected)
    assert soft_skeleton(row, 1, "workshop").flatten().tolist() == pytest.approx([0.0, 0.0, 0.4 * 1.5, 0.0, 0.0])


def test_iterations_reach_the_radius(way):
    # A square of 9 x 9 loses one row a side with each erosion: its centre is what the fifth opening takes.
    square = functional.pad(torch.ones(1, 1, 9, 9), (3, 3, 3, 3))
    centre = torch.zeros_like(square)
    centre[..., 7, 7] = 1.0
    assert not soft_skeleton(square, 3).any()
    assert torch.equal(soft_skeleton(square, 4), centre)
    assert torch.equal(soft_skeleton(square, 25), centre)


@pytest.mark.parametrize("variant", ["cvpr", "workshop"])
@pytest.mark.parametrize("shape", [(2, 2, 8, 9), (2, 1, 5, 6, 7)])
def test_beside_numpy(way, shape, variant):
    image = values_in(shape, None)
    skeleton = soft_skeleton(image, 4, variant)
    for b in range(shape[0]):
        for c in range(shape[1]):
            expected = by_numpy(image[b, c].numpy(), 4, variant)
            np.testing.assert_allclose(skeleton[b, c].numpy(), expected, atol=1e-12)


@pytest.mark.filterwarnings("ignore:the workshop's soft skeleton")
@pytest.mark.parametrize("variant", ["cvpr", "workshop"])
@pytest.mark.parametrize("shape", SHAPES)
def test_value_and_gradient_are_those_of_autograd(way, shape, variant):
    image = torch.cat([values_in((1, 1, *shape), levels) for levels in (None, 5, 3, 2, 1)], dim=1)
    outer = torch.randn(image.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = gradient_of(lambda x: by_autograd(x, 4, variant), image, outer)
    for ours, autograds in zip(
        gradient_of(lambda x: soft_skeleton(x, 4, variant), image, outer), expected, strict=True
    ):
        torch.testing.assert_close(ours, autograds, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1, 30, 40), (1, 1, 12, 16, 20)])
def test_real_looking_ties_in_float32(way, shape):
    # Saturated probabilities around blobs, as a trained network gives: most windows are tied.
    smooth = functional.avg_pool2d(values_in((1, shape[1], *shape[-2:]), None, torch.float32), 7, 1, 3)
    image = torch.sigmoid((smooth - smooth.mean()) * 400).unsqueeze(2).expand(1, shape[1], 3, *shape[-2:])
    image = image[:, :, 0] if len(shape) == 4 else image.repeat_interleave(7, 2)[:, :, : shape[2]]
    image = (image * 20).round() / 20
    outer = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    expected = gradient_of(lambda x: by_autograd(x, 12, "cvpr"), image, outer)
    for ours, autograds in zip(gradient_of(lambda x: soft_skeleton(x, 12), image, outer), expected, strict=True):
        torch.testing.assert_close(ours, autograds, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("variant", ["cvpr", "workshop"])
@pytest.mark.parametrize("shape", [(1, 1, 3, 4), (1, 1, 3, 2, 2)])
def test_gradcheck(way, shape, variant):
    image = values_in(shape, None).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: soft_skeleton(x, 2, variant), (image,))


@pytest.mark.parametrize("shape", [(1, 1, 31, 8), (1, 1, 13, 6, 5)])
def test_no_bit_depends_on_threads_or_slabs(shape, monkeypatch):
    image, outer = values_in(shape, 7, torch.float32), values_in(shape, None, torch.float32)
    expected = gradient_of(lambda x: soft_skeleton(x, 6), image, outer)
    monkeypatch.setattr(soft_skeleton_kernels, "THREAD_VOXELS", 1)
    for threads in (1, 2, 5, 40):
        monkeypatch.setattr(torch, "get_num_threads", lambda n=threads: n)
        for _ in range(2):
            for once, again in zip(expected, gradient_of(lambda x: soft_skeleton(x, 6), image, outer), strict=True):
                assert torch.equal(once, again)


def test_each_volume_by_itself(way):
    image = values_in((2, 3, 6, 7, 5), 4, torch.float32)
    outer = values_in(image.shape, None, torch.float32)
    skeleton, gradient = gradient_of(lambda x: soft_skeleton(x, 3), image, outer)
    for b in range(2):
        for c in range(3):
            one = (slice(b, b + 1), slice(c, c + 1))
            alone = gradient_of(lambda x: soft_skeleton(x, 3), image[one], outer[one])
            assert torch.equal(skeleton[one], alone[0])
            assert torch.equal(gradient[one], alone[1])


def test_volumes_together_as_on_a_gpu(monkeypatch):
    image = values_in((2, 3, 6, 7, 5), 3)
    outer = values_in(image.shape, None)
    expected = gradient_of(lambda x: soft_skeleton(x, 3), image, outer)
    monkeypatch.setattr(soft_skeletonisation, "COMPILED", False)
    monkeypatch.setattr(soft_skeletonisation, "_chunks", lambda volumes: volumes.split(4))
    for ours, alone in zip(gradient_of(lambda x: soft_skeleton(x, 3), image, outer), expected, strict=True):
        torch.testing.assert_close(ours, alone, atol=1e-12, rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 3), st.integers(1, 6))
def test_flips_and_swaps_of_axes_go_along(seed, ndim, iterations):
    image = torch.rand(1, 1, *(5, 6, 7)[:ndim], generator=torch.Generator().manual_seed(seed))
    skeleton = soft_skeleton(image, iterations)
    assert bool(((skeleton >= 0) & (skeleton <= 1)).all())
    axes = list(range(2, 2 + ndim))
    assert torch.equal(soft_skeleton(image.flip(axes), iterations), skeleton.flip(axes))
    swapped = soft_skeleton(image.transpose(2, ndim + 1), iterations)
    torch.testing.assert_close(swapped, skeleton.transpose(2, ndim + 1))


def test_memory_order_of_input_and_gradient_is_no_matter(way):
    image, outer = values_in((2, 2, 4, 6, 5), 3), values_in((2, 2, 4, 6, 5), None)
    expected = gradient_of(lambda x: soft_skeleton(x, 3), image, outer)
    last = image.to(memory_format=torch.channels_last_3d)
    turned = outer.permute(4, 3, 2, 1, 0).contiguous().permute(4, 3, 2, 1, 0)
    for ours, other in zip(gradient_of(lambda x: soft_skeleton(x, 3), last, turned), expected, strict=True):
        assert torch.equal(ours, other)
    constant = torch.ones((), dtype=torch.float64).expand(image.shape)
    _, gradient = gradient_of(lambda x: soft_skeleton(x, 3), image, constant)
    assert torch.equal(gradient, gradient_of(lambda x: soft_skeleton(x, 3), image, constant.contiguous())[1])


def test_empty_and_full_volumes_have_no_skeleton(way):
    for level in (0.0, 1.0):
        image = torch.full((1, 2, 4, 5, 6), level)
        skeleton, gradient = gradient_of(lambda x: soft_skeleton(x, 10), image, torch.ones_like(image))
        assert not skeleton.any()
        assert not gradient.any()


def test_half_precision_is_computed_in_float32(way):
    image = values_in((1, 1, 9, 10), None, torch.float32).to(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        skeleton, gradient = gradient_of(lambda x: soft_skeleton(x, 3), image, torch.ones_like(image))
    expected, expected_gradient = gradient_of(lambda x: soft_skeleton(x, 3), image.float(), torch.ones(image.shape))
    assert skeleton.dtype == torch.float32
    assert gradient.dtype == torch.bfloat16
    assert torch.equal(skeleton, expected)
    assert torch.equal(gradient, expected_gradient.to(torch.bfloat16))


def rounds_done(monkeypatch) -> list[int]:
    """Grows by one with each round that is done forward."""
    rounds: list[int] = []
    for made in (soft_skeleton_kernels.CompiledRounds, soft_skeleton_rounds.PlainRounds):
        forward = made.forward

        def counted(self, *arguments, forward=forward):
            rounds.append(1)
            return forward(self, *arguments)

        monkeypatch.setattr(made, "forward", counted)
    return rounds


def test_rounds_end_when_nothing_is_left(way, monkeypatch):
    rounds = rounds_done(monkeypatch)
    bar = drawn(".......", ".......", ".#####.", ".#####.", ".#####.", ".......", ".......")
    assert soft_skeleton(bar, 1000).sum() == 3.0
    assert len(rounds) == 2
    expected = gradient_of(lambda x: by_autograd(x, 30, "cvpr"), bar, torch.ones_like(bar))
    for ours, autograds in zip(gradient_of(lambda x: soft_skeleton(x, 30), bar, bar * 0 + 1), expected, strict=True):
        torch.testing.assert_close(ours, autograds)


@pytest.mark.parametrize("iterations", [1, 4, 9, 25])
def test_no_round_is_done_more_than_twice(way, iterations, monkeypatch):
    rounds = rounds_done(monkeypatch)
    image = values_in((1, 1, 5, 5), None)
    gradient_of(lambda x: soft_skeleton(x, iterations), image, image)
    assert len(rounds) <= 2 * (iterations + 1)


def test_states_kept_grow_with_the_root_of_the_rounds():
    assert soft_skeleton_passage._kept_rounds(11) == {10, 8, 5, 1, 0}
    for count in range(1, 200):
        kept = sorted(soft_skeleton_passage._kept_rounds(count))
        assert kept[0] == 0
        assert kept[-1] == count - 1
        # Behind each kept state lie those before it, and what is done again up to the next: all in memory at once.
        most = max(before + later - state for before, (state, later) in enumerate(zip(kept, [*kept[1:], count])))
        assert most <= (2 * count) ** 0.5 + 1


def test_a_second_way_back_is_the_same(way):
    image, outer = values_in((1, 2, 6, 7), 3).requires_grad_(), values_in((1, 2, 6, 7), None)
    skeleton = soft_skeleton(image, 6)
    (once,) = torch.autograd.grad(skeleton, image, outer, retain_graph=True)
    (again,) = torch.autograd.grad(skeleton, image, outer, retain_graph=True)
    (third,) = torch.autograd.grad(skeleton, image, 2.0 * outer)
    assert torch.equal(once, again)
    assert torch.equal(2.0 * once, third)


def test_no_second_derivative(way):
    image = values_in((1, 1, 6, 7), None).requires_grad_()
    (gradient,) = torch.autograd.grad(soft_skeleton(image, 2).pow(2).sum(), image, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_without_gradient_nothing_is_kept(way):
    image = values_in((1, 1, 6, 7), None)
    assert soft_skeleton(image, 3).grad_fn is None
    with torch.no_grad():
        skeleton = soft_skeleton(image.requires_grad_(), 3)
    assert not skeleton.requires_grad
    assert torch.equal(skeleton, soft_skeleton(image, 3).detach())


def test_input_stays_as_it_was(way):
    image = values_in((1, 1, 6, 7), 3)
    before = image.clone()
    gradient_of(lambda x: soft_skeleton(x, 5), image, image)
    assert torch.equal(image, before)


def test_the_workshop_variant_warns_of_binary_input_once(way):
    tube = functional.pad(torch.ones(1, 1, 3, 3, 9), (1,) * 6)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert not soft_skeleton(tube, 3, "workshop").any()
        assert [warning.category for warning in caught] == [UserWarning]
        assert caught[0].filename == __file__
        soft_skeleton(tube * 0.5, 3, "workshop")
        assert soft_skeleton(tube, 3).any()
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("image", "iterations", "variant", "message"),
    [
        (torch.zeros(1, 1, 4, 4), 0, "cvpr", "iterations: expected an integer of at least 1, got 0"),
        (torch.zeros(1, 1, 4, 4), 2.0, "cvpr", r"iterations: expected an integer of at least 1, got 2\.0"),
        (torch.zeros(1, 1, 4, 4), True, "cvpr", "iterations: expected an integer of at least 1, got True"),
        (torch.zeros(1, 1, 4, 4), 3, "lee", "variant: expected one of cvpr, workshop, got 'lee'"),
        (torch.zeros(1, 1, 4, 4).long(), 3, "cvpr", "probabilities: expected floating point numbers, got torch.int64"),
        (torch.full((1, 1, 4, 4), 3.0), 3, "cvpr", r"expected \[0, 1\], got \[3, 3\]; pass logits through a sigmoid"),
        (torch.full((1, 1, 4, 4), float("nan")), 3, "cvpr", r"expected \[0, 1\], got NaN"),
        (torch.zeros(1, 1, 4), 3, "cvpr", r"expected \(B, C, H, W\) or \(B, C, D, H, W\), got \(1, 1, 4\)"),
        (torch.zeros(1, 1, 2, 2, 2, 2), 3, "cvpr", r"got \(1, 1, 2, 2, 2, 2\); add or drop axes"),
        (torch.zeros(1, 1, 0, 4), 3, "cvpr", r"at least one value, got \(1, 1, 0, 4\)"),
        (torch.zeros(0, 1, 4, 4), 3, "cvpr", r"at least one value, got \(0, 1, 4, 4\)"),
    ],
)
def test_bad_arguments(image, iterations, variant, message):
    with pytest.raises(ValueError, match=message):
        soft_skeleton(image, iterations, variant)
