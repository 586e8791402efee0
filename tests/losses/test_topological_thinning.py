"""The skeleton that keeps the topology: drawn cases, Betti numbers, gradients beside automatic differentiation."""

from collections.abc import Iterable
from itertools import product

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.measure import euler_number
from torch import Tensor
from torch.nn import functional

from ramify.losses.topological_thinning import binary_skeleton, skeleton_of_draw, thin_by_tensors, topological_skeleton

RULES = ["boolean", "euler"]


def drawn(*rows: str) -> Tensor:
    """(1, 1, H, W) bool from rows of # and dots."""
    return torch.tensor([[sign == "#" for sign in row] for row in rows])[None, None]


def random_mask(*shape: int, share: float = 0.5, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share


def betti_numbers(mask: np.ndarray) -> list[int]:
    """Components, tunnels (3D only) and holes or cavities of (*S) bool."""
    mask = np.pad(mask, 1)
    components = ndimage.label(mask, np.ones((3,) * mask.ndim))[1]
    holes = ndimage.label(~mask)[1] - 1
    if mask.ndim == 2:
        return [components, holes]
    return [components, components + holes - euler_number(mask, connectivity=3), holes]


# The paper's algorithm in plain operations that autograd differentiates, from Bertrand's definitions.


def _sum(values: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(values)).sum(0)


def _counted(values: Tensor, low: float = 1.0) -> Tensor:
    """1 where a count is `low` or more, clamped below and above."""
    return functional.hardtanh(values - (low - 1.0), 0.0, 1.0)


def _exactly_one(count: Tensor) -> Tensor:
    return _counted(count) * functional.hardtanh(2.0 - count, 0.0, 1.0)


def _plain_simple(near: dict[tuple[int, ...], Tensor], rule: str) -> Tensor:
    def all_of(background: list[tuple[int, ...]], foreground: tuple[tuple[int, ...], ...] = ()) -> Tensor:
        count = _sum([*(1.0 - near[place] for place in background), *(near[place] for place in foreground)])
        return _counted(count, len(background) + len(foreground))

    def rank(place: tuple[int, ...]) -> int:
        return sum(map(abs, place))

    def touching(place: tuple[int, ...]) -> list[tuple[int, ...]]:
        return [q for q in near if 0 < rank(q) < 3 and max(abs(a - b) for a, b in zip(place, q)) == 1]

    def inside(place: tuple[int, ...]) -> list[tuple[int, ...]]:
        return [q for q in near if 0 < rank(q) < rank(place) and all(b in (0, a) for a, b in zip(place, q))]

    faces, edges, corners = ([place for place in near if rank(place) == axes] for axes in (1, 2, 3))
    n_faces = _sum(1.0 - near[face] for face in faces)
    a18 = _sum(all_of([edge, *inside(edge)]) for edge in edges)
    a26 = _sum(all_of([corner, *inside(corner)]) for corner in corners)
    unchanged = n_faces - a18 + a26
    if rule == "euler":
        change = functional.hardtanh(torch.abs(unchanged - 1.0), 0.0, 1.0)
        return torch.where(near[0, 0, 0] > 0, 1.0 - change, torch.ones_like(change))
    b26 = _sum(all_of(inside(corner), (corner,)) for corner in corners)
    b18 = _sum(all_of(touching(edge), (edge,)) for edge in edges)
    a6 = _sum(all_of([face], tuple(q for q in edges if face in inside(q))) for face in faces)
    conditions = [
        _exactly_one(n_faces),
        _exactly_one(_sum(near[q] for q in (*faces, *edges, *corners))),
        _exactly_one(_sum(near[q] for q in (*faces, *edges))) * (1.0 - _counted(b26)),
        (1.0 - _counted(a6)) * (1.0 - _counted(b26)) * (1.0 - _counted(b18)) * _exactly_one(unchanged),
    ]
    return torch.stack(conditions).amax(0)


def plain_skeleton(p: Tensor, u: Tensor, k: int, tau: float, beta: float, rule: str) -> Tensor:
    """(D, H, W) probabilities and draws."""
    alpha = (p + 1e-8) / (1.0 - p + 1e-8)
    estimate = torch.sigmoid((torch.log(alpha) + beta * (torch.log(u) - torch.log(1.0 - u))) / tau)
    x = (estimate > 0.5).to(p.dtype) - estimate.detach() + estimate
    index = torch.stack(torch.meshgrid(*map(torch.arange, p.shape), indexing="ij"))

    def neighbours() -> dict[tuple[int, ...], Tensor]:
        padded = functional.pad(x, (1,) * 6)
        places = product((-1, 0, 1), repeat=3)
        return {
            q: padded[tuple(slice(1 + step, 1 + step + n) for step, n in zip(q, p.shape, strict=True))] for q in places
        }

    for _ in range(k):
        near = neighbours()
        endpoint = functional.hardtanh(2.0 - (_sum(near.values()) - near[0, 0, 0]), 0.0, 1.0)
        for z, y, x_parity in product((1, 0), repeat=3):
            field = (index[2] % 2 == z) & (index[1] % 2 == y) & (index[0] % 2 == x_parity)
            candidate = _plain_simple(neighbours(), rule) * (1.0 - endpoint)
            x = torch.where(field, torch.minimum(x, 1.0 - candidate), x)
    return x


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("size", "tau", "beta"),
    [((6, 7), 1.0, 0.33), ((4, 5, 6), 0.5, 0.7), ((1, 5, 6), 1.0, 0.33), ((3, 2, 1), 0.5, 0.7)],
)
def test_values_and_gradients_are_those_of_automatic_differentiation(size, tau, beta, rule):
    generator = torch.Generator().manual_seed(0)
    p, u, weights = (torch.rand(size, generator=generator, dtype=torch.float64) for _ in range(3))
    p.view(-1)[::7], p.view(-1)[3::7] = 0.0, 1.0
    p.requires_grad_()
    lifted = (1,) * (3 - len(size)) + size
    expected = plain_skeleton(p.view(lifted), u.view(lifted), 3, tau, beta, rule).view(size)
    (by_autograd,) = torch.autograd.grad((weights * expected).sum(), p)
    skeleton = skeleton_of_draw(p[None, None], u[None, None], 3, tau, beta, rule)[0, 0]
    (gradient,) = torch.autograd.grad((weights * skeleton).sum(), p)
    torch.testing.assert_close(skeleton, expected, rtol=0.0, atol=0.0)
    torch.testing.assert_close(gradient, by_autograd, rtol=1e-5, atol=1e-7)
    assert bool((by_autograd != 0).any())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(2, 9, 10, 11), (1, 1, 15, 14), (1, 7, 5, 70), (1, 3, 64, 130), (1, 1, 1, 1)])
def test_the_form_for_any_device_equals_the_kernel(shape, rule):
    mask = random_mask(*shape, share=0.6)
    probabilities = mask[:, None].double().requires_grad_()
    skeleton = topological_skeleton(probabilities, 5, noise_scale=0.0, simple_points=rule)
    (gradient,) = torch.autograd.grad(skeleton.sum(), probabilities)
    by_tensors, candidacies = thin_by_tensors(mask, 5, rule)
    assert torch.equal(skeleton[:, 0] > 0, by_tensors)
    weight = torch.where(by_tensors, 0.5**5, 0.5 ** candidacies.double()) * ~(mask & ~by_tensors)
    torch.testing.assert_close(gradient[:, 0], weight, rtol=1e-5, atol=1e-7)


def test_drawn_y():
    y = drawn(
        "#.....#",
        "##...##",
        ".##.##.",
        "..###..",
        "...#...",
        "...#...",
        "...#...",
    )
    thin = drawn(
        ".......",
        "#.....#",
        ".#...#.",
        "..#.#..",
        "...#...",
        "...#...",
        "...#...",
    )
    assert torch.equal(binary_skeleton(y, 5), thin)


def test_one_iteration_peels_one_layer():
    full = torch.ones(1, 1, 7, 7, dtype=torch.bool)
    once = torch.zeros_like(full)
    once[..., 1:6, 1:6] = True
    assert torch.equal(binary_skeleton(full, 1), once)


@pytest.mark.parametrize("size", [(7, 7), (6, 6), (5, 5, 5), (6, 6, 6)])
def test_a_full_cube_shrinks_to_one_voxel(size):
    assert binary_skeleton(torch.ones(1, 1, *size, dtype=torch.bool), 6).sum() == 1


def test_a_loop_keeps_its_hole_and_a_broken_vessel_its_gap():
    loop = drawn("#####", "#####", "##.##", "#####", "#####")
    # Row 1, column 1 has no background beside it. Then go those between it and its like, then the corners.
    diamond = drawn("..#..", ".#.#.", "#...#", ".#.#.", "..#..")
    assert torch.equal(binary_skeleton(loop, 4), diamond)
    broken = drawn(".......", "###.###", "###.###", "###.###", ".......")
    assert torch.equal(binary_skeleton(broken, 4), drawn(".......", ".......", ".#...#.", ".......", "......."))


def test_lines_and_spurs_of_one_voxel_keep_their_ends():
    spur = drawn("...#...", "...#...", "#######", ".......")
    assert torch.equal(binary_skeleton(spur, 4) | drawn(*["......."] * 2, "...#...", "......."), spur)
    line = torch.zeros(1, 1, 5, 5, 5, dtype=torch.bool)
    line[0, 0, range(5), range(5), range(5)] = True
    assert torch.equal(binary_skeleton(line, 4), line)


def test_nothing_stays_nothing():
    empty = torch.zeros(2, 1, 4, 5)
    assert not topological_skeleton(empty, 3).any()
    assert not binary_skeleton(empty > 0, 3).any()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("size", [(24, 70), (11, 12, 13)])
def test_topology_stays(size, share):
    masks = random_mask(3, 1, *size, share=share)
    for mask, skeleton in zip(masks[:, 0].numpy(), binary_skeleton(masks, 9)[:, 0].numpy(), strict=True):
        assert betti_numbers(skeleton) == betti_numbers(mask)
        assert not (skeleton & ~mask).any()
        assert skeleton.sum() < mask.sum()


def test_volumes_do_not_mix():
    masks = random_mask(2, 3, 6, 7, 8)
    together = binary_skeleton(masks, 4)
    for sample, channel in product(range(2), range(3)):
        alone = masks[sample : sample + 1, channel : channel + 1]
        assert torch.equal(binary_skeleton(alone, 4), together[sample : sample + 1, channel : channel + 1])


def test_a_view_is_thinned_as_its_copy_and_left_as_it_was():
    mask = random_mask(1, 1, 9, 8, 7).transpose(2, 4)
    before = mask.clone()
    assert torch.equal(binary_skeleton(mask, 3), binary_skeleton(before, 3))
    assert torch.equal(mask, before)


def test_weights_of_the_gradient_by_hand():
    # A square of three, of which the middle stays; β = 0 and p = 3/4 give the slope σ'(log 3) / (p (1 - p)) = 1.
    probabilities = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    probabilities[..., 1:4, 1:4] = 0.75
    probabilities.requires_grad_()
    skeleton = topological_skeleton(probabilities, 2, noise_scale=0.0)
    assert skeleton.nonzero().tolist() == [[0, 0, 2, 2]]
    skeleton.sum().backward()
    assert probabilities.grad[0, 0, 2, 2].item() == pytest.approx(0.25)
    assert probabilities.grad[0, 0, 1:4, 1:4].count_nonzero() == 1


@pytest.mark.parametrize("noise_scale", [0.33, 1.0])
def test_a_voxel_alone_is_drawn_with_the_logistic_probability(noise_scale):
    # [logit p + β l > 0] with l logistic has the probability σ(logit p / β); an endpoint is never deleted.
    count = 20000
    skeleton = topological_skeleton(
        torch.full((count, 1, 1, 1), 0.4), 1, noise_scale=noise_scale, generator=torch.Generator().manual_seed(0)
    )
    expected = torch.sigmoid(torch.logit(torch.tensor(0.4)) / noise_scale).item()
    error = (expected * (1 - expected) / count) ** 0.5
    assert skeleton.mean().item() == pytest.approx(expected, abs=5 * error)


def test_certain_voxels_are_never_turned_over():
    mask = random_mask(1, 1, 40, 50, 30)
    skeleton = topological_skeleton(mask.float(), 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(skeleton > 0, binary_skeleton(mask, 2))


def test_the_generator_replays_the_draw():
    probabilities = torch.full((1, 1, 9, 9, 9), 0.5).requires_grad_()

    def draw(seed: int) -> tuple[Tensor, Tensor]:
        skeleton = topological_skeleton(probabilities, 3, generator=torch.Generator().manual_seed(seed))
        return skeleton.detach(), torch.autograd.grad(skeleton.sum(), probabilities)[0]

    first, again, other = draw(1), draw(1), draw(2)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_double_precision_sees_the_sample_of_single_precision():
    probabilities = torch.rand((1, 1, 9, 9, 9), generator=torch.Generator().manual_seed(1))
    states, skeletons = [], []
    for dtype in (torch.float32, torch.float64):
        generator = torch.Generator().manual_seed(3)
        skeletons.append(topological_skeleton(probabilities.to(dtype), 2, generator=generator).float())
        states.append(generator.get_state())
    assert torch.equal(*skeletons)
    assert torch.equal(*states)


def test_without_a_generator_the_draw_is_pytorchs():
    probabilities = torch.full((1, 1, 9, 9), 0.5)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        first = topological_skeleton(probabilities, 3)
        torch.manual_seed(3)
        assert torch.equal(topological_skeleton(probabilities, 3), first)


def test_probabilities_of_0_and_1_have_finite_gradients():
    probabilities = torch.tensor([0.0, 1.0, 0.0, 1.0]).view(1, 1, 1, 4).requires_grad_()
    topological_skeleton(probabilities, 2, noise_scale=0.0).sum().backward()
    # slope σ'(±log 1e8) / 1e-8 = 1, halved twice where it stays
    torch.testing.assert_close(probabilities.grad.flatten()[1::2], torch.tensor([0.25, 0.25]))
    assert bool(torch.isfinite(probabilities.grad).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_any_floating_type(dtype):
    probabilities = random_mask(1, 1, 8, 8).to(dtype).requires_grad_()
    skeleton = topological_skeleton(probabilities, 3)
    assert skeleton.dtype == torch.promote_types(dtype, torch.float32)
    skeleton.sum().backward()
    assert probabilities.grad.dtype == dtype


def test_no_graph_where_none_is_asked_for():
    probabilities = random_mask(1, 1, 8, 8).float().requires_grad_()
    with torch.no_grad():
        assert not topological_skeleton(probabilities, 3).requires_grad
    assert not topological_skeleton(probabilities.detach(), 3).requires_grad


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": torch.full((1, 1, 4, 4), 1.5)}, r"expected \[0, 1\], got \[1\.5, 1\.5\]; pass logits"),
        ({"probabilities": torch.full((1, 1, 4, 4), torch.nan)}, r"expected \[0, 1\], got NaN"),
        ({"probabilities": torch.ones(1, 1, 4, 4, dtype=torch.int64)}, r"expected floating point numbers, got .*int64"),
        ({"probabilities": torch.ones(1, 1, 4)}, r"expected \(batch, channel\) and two or three axes, got \(1, 1, 4\)"),
        ({"iterations": 0}, r"iterations: expected an integer in 1\.\.1000, got 0"),
        ({"iterations": 2.0}, r"iterations: expected an integer in 1\.\.1000, got 2\.0"),
        ({"iterations": True}, r"iterations: expected an integer in 1\.\.1000, got True"),
        ({"iterations": 1001}, r"iterations: expected an integer in 1\.\.1000, got 1001"),
        (
            {"temperature": 0.0},
            r"expected temperature > 0 and noise_scale >= 0, got temperature 0 and noise_scale 0\.33",
        ),
        ({"noise_scale": -1.0}, r"temperature 1 and noise_scale -1"),
        ({"simple_points": "lee"}, r"simple_points: expected boolean or euler, got 'lee'"),
    ],
)
def test_bad_input(change, message):
    arguments = {"probabilities": torch.ones(1, 1, 4, 4), "iterations": 3} | change
    with pytest.raises(ValueError, match=message):
        topological_skeleton(**arguments)


def test_bad_mask():
    with pytest.raises(ValueError, match=r"two or three axes, got \(3, 4\)"):
        binary_skeleton(torch.ones(3, 4, dtype=torch.bool), 3)
    with pytest.raises(ValueError, match=r"mask: expected bool, got torch\.float32; mask > 0\.5 makes one"):
        binary_skeleton(torch.ones(1, 1, 3, 4), 3)
