"""Plans of trainings, for machines from two cores to a GPU of 80 GB."""

from itertools import pairwise

import pytest

from ramify.planning.choices import lines_of
from ramify.planning.ladder import Prepared
from ramify.planning.machine import GB, Machine
from ramify.planning.step_cost import NetworkForm, NetworkSize, memory_of, products_of
from ramify.planning.training import plan_training
from tests.planning.made_cases import GPU_11, GPU_24, GPU_80, MACHINES, TWO_CORES

SCALES = NetworkForm("resunet", 3, decoders=4, outputs=4)
LIVER = Prepared([(118, 294, 287)] * 20, (1.6, 0.743, 0.743))
THICK = Prepared([(40, 300, 300)] * 20, (5.0, 0.7, 0.7))
RETINA = Prepared([(584, 565)] * 20, (1.0, 1.0))
SMALL = Prepared([(50, 52, 49)] * 12, (2.0, 2.0, 2.0))
SETS = [(LIVER, SCALES), (THICK, SCALES), (RETINA, SCALES._replace(ndim=2)), (SMALL, SCALES)]
SETS += [(LIVER, NetworkForm("unet", 3, outputs=1))]


@pytest.mark.parametrize(("cases", "form"), SETS)
def test_a_plan_fits_the_cases_and_the_machine(cases, form):
    for machine in MACHINES:
        plan = plan_training(cases, machine, form)
        assert plan.memory <= plan.budget < machine.memory
        assert plan.memory == memory_of(form, plan.network, plan.patch_size, plan.batch_size, half=machine.is_gpu)
        for side, whole, halvings in zip(plan.patch_size, cases.median_shape, plan.network.halvings, strict=True):
            assert side <= whole
            assert side % 2**halvings == 0
            assert halvings == 0 or side // 2**halvings >= 4


@pytest.mark.parametrize(("cases", "form"), SETS)
def test_a_larger_machine_never_gets_a_smaller_patch(cases, form):
    plans = [plan_training(cases, Machine(gb * GB), form) for gb in (3, 4, 6, 8, 11, 16, 24, 32, 48, 80, 141)]
    for smaller, larger in pairwise(plans):
        assert all(a <= b for a, b in zip(smaller.patch_size, larger.patch_size, strict=True))
        assert smaller.network.base_channels <= larger.network.base_channels
        assert smaller.batch_size <= larger.batch_size


def test_the_liver_on_four_machines():
    """By hand: slices of 1.6 mm are more than twice the plane's 0.743 mm, so that they are halved once less."""
    plans = [plan_training(LIVER, machine, SCALES) for machine in MACHINES]
    # About cubes in mm: 51 x 59 x 59, then 102 x 95 x 95, and on 80 GB all that whole multiples of 32 leave of a case.
    assert plans[0].patch_size == (32, 80, 80)
    assert plans[1].patch_size == (64, 128, 128)
    assert plans[3].patch_size == (112, 288, 256)
    assert [plan.network.halvings for plan in plans] == [(3, 4, 4), (4, 5, 5), (4, 5, 5), (4, 5, 5)]
    assert [plan.network.base_channels for plan in plans] == [8, 16, 16, 16]
    assert [plan.batch_size for plan in plans] == [2] * 4


def test_a_step_on_a_cpu_is_bearable():
    plan = plan_training(LIVER, TWO_CORES, SCALES)
    # Five seconds of two cores, 20 billion products a second each.
    assert plan.products <= 2e11
    # Memory alone would allow more.
    unbound = plan_training(LIVER, TWO_CORES._replace(cores=64), SCALES)
    assert unbound.products > 2e11
    assert unbound.memory <= plan.budget


def test_thick_slices_are_joined_last():
    plan = plan_training(THICK, GPU_11, SCALES)
    # 5 mm beside 0.7 mm: the first two levels halve the plane alone, and about 20 slices are as long as the plane is.
    assert plan.network.rows[:3] == ((1, 2, 2), (1, 2, 2), (1, 2, 2))
    assert plan.network.halvings == (2, 5, 5)
    depth, width = plan.patch_size[0] * 5.0, plan.patch_size[1] * 0.7
    assert 0.8 < depth / width < 1.25


def test_planes_have_wider_patches_and_larger_batches():
    plan = plan_training(RETINA, GPU_24, SCALES._replace(ndim=2))
    # All of a picture that five halvings leave: 584 = 18 x 32 + 8, 565 = 17 x 32 + 21.
    assert plan.patch_size == (576, 544)
    assert plan.batch_size == 4


def test_memory_that_is_left_goes_to_the_batch_up_to_a_share_of_all_voxels():
    many = Prepared([(50, 52, 49)] * 200, (2.0, 2.0, 2.0))
    plan = plan_training(many, GPU_80, SCALES)
    # 48^3 of 50 x 52 x 49: a twentieth of 200 cases is 11.5 patches, but batches are even.
    assert (plan.patch_size, plan.batch_size) == ((48, 48, 48), 10)
    assert plan_training(SMALL, GPU_80, SCALES).batch_size == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"loading.patch_size": (64, 96, 96)}, ((64, 96, 96), (4, 4, 4))),
        # 100 is even twice.
        ({"loading.patch_size": (40, 100, 100)}, ((40, 100, 100), (3, 2, 2))),
        ({"model.levels": 3}, (None, (2, 3, 3))),
        ({"model.pooling": (1, 4, 4)}, (None, (1, 4, 4))),
        ({"model.levels": 3, "model.pooling": None}, (None, (3, 3, 3))),
    ],
)
def test_what_is_given_stays_and_the_others_adapt(given, expected):
    plan = plan_training(LIVER, GPU_11, SCALES, given)
    patch, halvings = expected
    assert plan.network.halvings == halvings
    assert plan.patch_size == (patch or plan.patch_size)
    assert not {choice.key for choice in plan.choices} & set(given)
    assert plan.memory <= plan.budget


def test_a_larger_batch_leaves_a_smaller_patch():
    usual, large = (plan_training(LIVER, GPU_24, SCALES, given) for given in ({}, {"loading.batch_size": 8}))
    assert large.batch_size == 8
    assert all(a < b for a, b in zip(large.patch_size, usual.patch_size, strict=True))


def test_given_channels_stay():
    plan = plan_training(LIVER, GPU_24, SCALES, {"model.base_channels": 32})
    assert plan.network.base_channels == 32


def test_whole_cases_are_as_large_as_the_largest_and_of_several_sizes_alone():
    cases = Prepared([(60, 100, 100), (70, 90, 110)], (1.0, 1.0, 1.0))
    plan = plan_training(cases, GPU_80, SCALES, {"loading.patch_size": None})
    assert (plan.patch_size, plan.batch_size, plan.network.halvings) == (None, 1, (4, 4, 4))
    expected = memory_of(SCALES, plan.network, (80, 112, 112), 1, half=True)
    assert plan.memory == expected


@pytest.mark.parametrize(
    ("machine", "family", "line"),
    [
        (
            Machine(0.5 * GB),
            "resunet",
            r"the least plan \(patch 16 x 40 x 40, 2 a batch, 8 channels\) takes \d+ MB, and a GPU of 500 MB leaves a "
            "step 0 MB, as a tenth of it stays free, and CUDA needs 1 GB; give a smaller patch, batch or network than",
        ),
        (GPU_11, "hrnet", "network hrnet cannot be planned, resunet and unet can"),
    ],
)
def test_what_cannot_be_planned_is_told(machine, family, line):
    with pytest.raises(ValueError, match=line):
        plan_training(LIVER, machine, SCALES._replace(family=family))


def test_steps_that_take_too_long_are_told_as_such():
    given = {"loading.patch_size": (96, 96, 96), "model.base_channels": 64}
    machine = Machine(400 * GB, cores=2, half=False)
    seconds = products_of(SCALES, NetworkSize(64, (4, 4, 4)), (96, 96, 96), 2) / 2 / 20e9
    with pytest.raises(ValueError, match=f"takes about {seconds:.0f} s a step on 2 CPU cores with 400 GB, where 5 s"):
        plan_training(LIVER, machine, SCALES, given | {"model.pooling": (4, 4, 4)})


ODD = "only even edges of 8 voxels and more are halved; give --loading.patch-size"
COUNT = "give 3, such as --loading.patch-size 64 64 64, or leave it out"


@pytest.mark.parametrize(
    ("cases", "given", "line"),
    [
        (
            LIVER,
            {"loading.patch_size": (64, 64, 64, 64)},
            f"64 64 64 64: 4 numbers, and the cases have 3 axes; {COUNT}",
        ),
        (LIVER, {"loading.patch_size": (32,)}, f"loading.patch_size 32: 1 number, and the cases have 3 axes; {COUNT}"),
        (
            RETINA,
            {"loading.patch_size": (64, 64, 64)},
            "the cases have 2 axes; give 2, such as --loading.patch-size 128",
        ),
        (RETINA, {"model.pooling": (1, 3, 3)}, "model.pooling 1 3 3: 3 numbers, and the cases have 2 axes; give 2"),
        (SMALL, {"loading.patch_size": (33, 33, 33)}, f"{ODD} 32 32 32, or"),
        (SMALL, {"loading.patch_size": (5, 5, 5)}, f"{ODD} 8 8 8, or"),
        (
            SMALL,
            {"loading.patch_size": (0, 8, 8)},
            "loading.patch_size 0 8 8: expected voxels along each axis, none below",
        ),
        # The plane is halved first: 100 is even twice, and 96 three times.
        (
            THICK,
            {"loading.patch_size": (40, 100, 100), "model.levels": 3},
            "model.levels 3 asks for multiples of 2 8 8; give --loading.patch-size 40 96 96, or leave one of the two",
        ),
        (
            SMALL,
            {"loading.patch_size": (48, 48, 48), "model.pooling": (3, 3, 5)},
            "model.pooling 3 3 5 asks for multiples of 8 8 32; give --loading.patch-size 48 48 64",
        ),
        (
            Prepared([(63, 73, 71)], (2.0, 2.0, 2.0)),
            {"model.levels": 8},
            "model.levels 8 asks for edges of at least 256 x 256 x 256 voxels, and a median case has 63 x 73 x 71; "
            "give --model.levels 4, or leave it out; the least plan .* takes 68.4 GB",
        ),
        (Prepared([(7, 7, 7)], (2.0, 2.0, 2.0)), {}, "7 x 7 x 7 voxels of a case are too few to be halved"),
    ],
)
def test_what_is_given_and_fits_no_network_is_told_with_what_would(cases, given, line):
    with pytest.raises(ValueError, match=line) as caught:
        plan_training(cases, GPU_11, SCALES._replace(ndim=len(cases.spacing_mm)), given)
    assert "\n" not in str(caught.value)


def test_a_patch_that_is_halved_less_often_than_it_might_be_is_told():
    plan = plan_training(SMALL, GPU_11, SCALES, {"loading.patch_size": (33, 47, 50)})
    assert plan.network.halvings == (0, 0, 1)
    why = {choice.key: choice.why for choice in plan.choices}
    assert "--loading.patch-size 32 48 48 would be halved 3 x 3 x 3 times" in why["model.levels"]
    assert why["model.base_channels"].endswith("nothing larger is worth it beside what is given (loading.patch_size)")
    # As often as its length has room for.
    plan = plan_training(SMALL, GPU_11, SCALES, {"loading.patch_size": (32, 48, 48)})
    assert "would be" not in " ".join(lines_of(plan.choices))


def test_all_axes_are_halved_as_often_where_that_is_given():
    plan = plan_training(THICK, GPU_11, SCALES, {"model.pooling": None})
    # 32 slices leave 4 after three halvings, and so no axis has more.
    assert (plan.patch_size[0], plan.network.halvings) == (32, (3, 3, 3))
    assert not any(side % 8 for side in plan.patch_size)


def test_levels_that_need_more_than_a_case_has_are_told_where_they_fit():
    plan = plan_training(SMALL, GPU_80, SCALES, {"model.levels": 6})
    assert plan.patch_size == (64, 64, 64)
    assert "model.levels 6 asks for edges of at least 64 x 64 x 64 voxels" in plan.choices[0].why


def test_every_choice_says_why_in_a_line():
    lines = lines_of(plan_training(LIVER, GPU_11, SCALES).choices)
    assert len(lines) == 5
    assert lines[0].startswith("auto:        loading.patch_size 64 128 128: 102 x 95 x 95 mm of a median case")
    assert "model.pooling 4 5 5" in lines[3]
    assert "a GPU of 11 GB leaves 8.9 GB" in lines[4]


def test_memory_and_products_are_those_of_the_sums_by_hand():
    """One level of two channels over 4 x 4 pixels, one decoder."""
    form, size = NetworkForm("resunet", 2), NetworkSize(2, (1, 1))
    first, second = 9 * (1 * 2 + 2 * 2) + 1 * 2, 9 * (2 * 4 + 4 * 4) + 2 * 4
    up, merged, head = 4 * 2, 9 * 3 * 2 * 2 + 2 * 2 * 2, 2
    assert products_of(form, size, (4, 4), 3) == 3 * 3 * (16 * (first + merged + head) + 4 * (second + up))
    weights = first + second + up + merged + head
    features = (9 + 7) * (16 * 2 + 4 * 4)
    assert memory_of(form, size, (4, 4), 3, half=True) == 16 * weights + 3 * (2 * features + 4 * 16 * (52 + 20))
