"""Measures over batches, as MONAI's metrics are used, and inside MONAI itself."""

import re
import warnings

import numpy as np
import pytest
import torch

from ramify.metrics.case import evaluate_case
from ramify.metrics.settings import EvaluationSettings
from ramify.metrics.vessel_metric import VesselMetric

SPACING = (1.0, 2.0)


def line(length: int, row: int = 4) -> np.ndarray:
    mask = np.zeros((8, 12), dtype=bool)
    mask[row, 1 : 1 + length] = True
    return mask


def batch(*masks: np.ndarray) -> np.ndarray:
    return np.stack(masks)[:, None]


def test_values_are_those_of_a_case_and_means_are_of_what_is_defined():
    metric = VesselMetric(("dice", "hd95_mm"), spacing_mm=SPACING)
    predictions, targets = [line(3), line(6), line(0)], [line(6), line(6), line(0)]
    first = metric(batch(*predictions[:2]), batch(*targets[:2]))
    metric(batch(predictions[2]), batch(targets[2]))  # neither has a vessel: not defined
    rows = [evaluate_case(p, t, SPACING) for p, t in zip(predictions, targets)]
    for name in ("dice", "hd95_mm"):
        assert first[name].tolist() == [[row[name]] for row in rows[:2]]
        assert np.isnan(metric.get_buffer()[name][2, 0])
        assert metric.aggregate()[name].item() == pytest.approx(np.mean([row[name] for row in rows[:2]]))
    assert len(metric) == 3
    metric.reset()
    assert len(metric) == 0
    with pytest.raises(ValueError, match="nothing was measured"):
        metric.aggregate()


def test_one_measure_is_a_number_and_nothing_defined_is_nan():
    metric = VesselMetric("cldice", spacing_mm=SPACING)
    assert metric(batch(line(0)), batch(line(0))).shape == (1, 1)
    assert np.isnan(metric.aggregate())
    perfect = VesselMetric("cldice", spacing_mm=SPACING, settings=EvaluationSettings(both_empty="perfect"))
    perfect(batch(line(0)), batch(line(0)))
    assert perfect.aggregate() == 1.0


def test_classes_by_hand():
    """Two classes, the second in one item alone: dice 2/3 and 1 in the first item, 1 and nothing in the second."""
    truth = np.stack([line(4) + 2 * line(4, row=6), line(4) + 0])
    found = truth.copy()
    found[0, 4, 1:3] = 0  # 2 of 4 voxels: dice 2 * 2 / (2 + 4)
    metric = VesselMetric("dice", spacing_mm=SPACING, drop_background=True, num_classes=3)
    values = metric(found[:, None], truth[:, None])
    np.testing.assert_allclose(values, [[2 / 3, 1.0], [1.0, np.nan]])
    np.testing.assert_allclose(metric.aggregate("mean_batch"), [5 / 6, 1])
    np.testing.assert_allclose(metric.aggregate("mean_channel"), [5 / 6, 1])
    assert metric.aggregate() == pytest.approx(11 / 12)
    np.testing.assert_array_equal(metric.aggregate("none"), values)
    # The same as masks, a channel each, with the background and without.
    channels = [np.stack([np.where(maps == label, 1, 0) for label in range(3)], axis=1) for maps in (found, truth)]
    np.testing.assert_allclose(VesselMetric("dice", spacing_mm=SPACING, drop_background=True)(*channels), values)
    assert VesselMetric("dice", spacing_mm=SPACING, drop_background=False)(*channels).shape == (2, 3)


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8, torch.float32, torch.bfloat16])
def test_tensors_of_any_type_and_lists_of_any_size(kind: torch.dtype):
    metric = VesselMetric("dice", spacing_mm=SPACING)
    short, long = torch.from_numpy(line(3))[None].to(kind), torch.from_numpy(line(6))[None].to(kind)
    if kind.is_floating_point:
        short.requires_grad_()
    metric([short, long[..., :9]], [long, long[..., :9]])
    np.testing.assert_allclose(metric.get_buffer(), [[2 / 3], [1.0]])


def test_a_region_says_what_counts():
    metric = VesselMetric("dice", spacing_mm=SPACING)
    region = np.arange(12)[None, None, None] < np.full((1, 1, 8, 1), 4)
    metric(batch(line(3)), batch(line(6)), region=region)
    assert metric.aggregate() == 1.0


def test_a_rank_adds_the_values_of_the_others():
    metric = VesselMetric("dice", spacing_mm=SPACING, gather=lambda own: np.concatenate([own, own * 0]))
    metric(batch(line(6)), batch(line(6)))
    assert metric.get_buffer().tolist() == [[1.0], [0.0]]
    assert metric.aggregate() == 0.5


@pytest.mark.parametrize(
    ("given", "arrays", "message"),
    [
        ({"spacing_mm": SPACING}, (np.full((1, 1, 8, 8), 0.4), np.ones((1, 1, 8, 8))), "0 and 1, got 0.4; threshold"),
        ({"spacing_mm": SPACING}, (np.full((1, 1, 8, 8), 2), np.ones((1, 1, 8, 8))), "num_classes for label maps"),
        ({"spacing_mm": (1, 1, 1)}, (np.ones((1, 9, 8, 8)),) * 2, "add the axis of channels"),
        ({"spacing_mm": SPACING}, (np.ones((1, 2, 8, 8)),) * 2, "give drop_background=True"),
        (
            {"measures": ("dice", "hd_mm")},
            (np.ones((1, 1, 8, 8)),) * 2,
            "which measures of surface need; give spacing_mm",
        ),
        ({}, (np.ones((1, 8, 8)),) * 2, r"2 or 3 dimensions an item, got \(8, 8\); add the axis of channels"),
        ({}, (np.ones((1, 9, 8, 8)),) * 2, "9 channels or classes; give drop_background"),
        ({"spacing_mm": SPACING}, (np.ones((2, 1, 8, 8)), np.ones((1, 1, 8, 8))), "2 predictions, 1 targets"),
        ({"spacing_mm": SPACING, "num_classes": 2}, (np.full((1, 1, 8, 8), 2),) * 2, "labels 0 … 1, got 2"),
        (
            {"spacing_mm": SPACING, "num_classes": 3, "drop_background": True},
            (np.ones((1, 2, 8, 8)),) * 2,
            r"prediction expected a label map \(1, …\) or the masks of 3 classes",
        ),
        (
            {"spacing_mm": SPACING, "drop_background": False},
            (np.ones((1, 2, 8, 8)), np.ones((1, 3, 8, 8))),
            "prediction has 2 classes, target has 3",
        ),
    ],
)
def test_what_cannot_be_measured_is_one_line(given, arrays, message):
    with pytest.raises(ValueError, match=message):
        VesselMetric(**{"measures": "dice", **given})(*arrays)


@pytest.mark.parametrize("spacing_mm", [2.0, "a", (1.0, None)])
def test_spacings_are_a_number_for_each_axis(spacing_mm):
    said = f"spacing_mm expected a number for each axis, .* got {re.escape(repr(spacing_mm))}"
    with pytest.raises(ValueError, match=said):
        VesselMetric("hd95_mm", spacing_mm=spacing_mm)
    with pytest.raises(ValueError, match=said):
        VesselMetric("hd95_mm")(batch(line(3)), batch(line(6)), spacing_mm=spacing_mm)


@pytest.mark.parametrize("name", ["dice", "cldice", "betti0_error"])
def test_voxels_of_unknown_size_are_cubes_where_lengths_do_not_matter(name):
    masks = batch(line(3)), batch(line(6))
    assert VesselMetric(name)(*masks) == VesselMetric(name, spacing_mm=(1.0, 1.0))(*masks)


def test_a_measure_has_its_name():
    with pytest.raises(ValueError, match="no measure is called 'cl_dice'; did you mean cldice"):
        VesselMetric("cl_dice")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"measures": ()}, "no measure given"),
        ({"reduction": "sum"}, "no reduction is called 'sum'; there are mean, mean_batch, mean_channel, none"),
        ({"num_classes": 1}, "num_classes=1 leaves nothing"),
    ],
)
def test_what_a_metric_cannot_be_is_one_line(given, message):
    with pytest.raises(ValueError, match=message):
        VesselMetric(**given)


def test_how_values_are_reduced_has_its_name():
    metric = VesselMetric("dice", spacing_mm=SPACING)
    metric(batch(line(6)), batch(line(6)))
    with pytest.raises(ValueError, match="no reduction is called 'sum'"):
        metric.aggregate("sum")


def test_only_what_is_asked_for_is_computed():
    metric = VesselMetric(("hd95_mm", "dice"))
    assert metric._settings.measures == ("overlap", "surface")


def test_in_an_evaluator_of_monai():
    """MetaTensors bring their spacing; the handler takes several measures as so many metrics."""
    pytest.importorskip("ignite", reason="pytorch-ignite is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.data import DataLoader, MetaTensor
        from monai.engines import SupervisedEvaluator
        from monai.handlers import IgniteMetricHandler, from_engine
        from monai.metrics import DiceMetric

        affine = torch.diag(torch.tensor([*SPACING, 1.0, 1.0]))
        targets = [MetaTensor(torch.from_numpy(line(n))[None].float(), affine=affine) for n in (6, 8)]
        items = [{"image": target.clone(), "label": target} for target in targets]
        evaluator = SupervisedEvaluator(
            device="cpu",
            val_data_loader=DataLoader(items, batch_size=1),
            network=torch.nn.MaxPool2d((1, 3), stride=1, padding=(0, 1)),  # a voxel longer at each end
            key_val_metric={
                "vessels": IgniteMetricHandler(
                    VesselMetric(("dice", "hd95_mm")), output_transform=from_engine(["pred", "label"])
                )
            },
            additional_metrics={
                "cldice": IgniteMetricHandler(VesselMetric("cldice"), output_transform=from_engine(["pred", "label"])),
                "theirs": IgniteMetricHandler(DiceMetric(), output_transform=from_engine(["pred", "label"])),
            },
        )
        evaluator.run()
    found = evaluator.state.metrics
    assert found["dice"] == pytest.approx(np.mean([12 / 14, 16 / 18])) == pytest.approx(found["theirs"])
    longer = [line(n + 1) | np.roll(line(n + 1), -1, axis=1) for n in (6, 8)]
    rows = [evaluate_case(mask, line(n), SPACING) for mask, n in zip(longer, (6, 8))]
    assert found["hd95_mm"] == pytest.approx(np.mean([row["hd95_mm"] for row in rows]))
    assert evaluator.state.metric_details["cldice"].shape == (2, 1)
