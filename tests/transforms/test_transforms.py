"""One map, whichever library asks for it: the same voxels, on the label's grid, by its own voxel size."""

import pickle
from typing import Any

import numpy as np
import pytest
import torch

from ramify.transforms import (
    AddScaleMap,
    AddTubedSkeleton,
    ScaleMapd,
    ScaleMapTransform,
    TubedSkeletond,
    TubedSkeletonTransform,
    scale_map_of,
    tubed_skeleton_of,
)
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_scales
from ramify.vessels.tube import tubed_skeleton_of_classes

SPACING = (1.0, 2.0, 1.5)
HALVES = ScaleSettings(quantiles=(0.5,))


def label() -> np.ndarray:
    """A thin vessel of label 1, a thick one of label 2, and voxels that nnU-Net has not seen."""
    drawn = np.zeros((20, 20, 30), dtype=np.int16)
    drawn[2:5, 2:5] = 1
    drawn[9:16, 9:16] = 2
    drawn[:, :, :2] = -1
    return drawn


def expected() -> tuple[np.ndarray, np.ndarray]:
    return decompose_scales(label() > 0, SPACING, HALVES).scale_map, tubed_skeleton_of_classes(
        label(), [(1,), (2,)], 1, SPACING
    )


def test_maps_of_labels():
    scales, tube = expected()
    np.testing.assert_array_equal(scale_map_of(label(), SPACING, HALVES), scales)
    np.testing.assert_array_equal(tubed_skeleton_of(label(), SPACING, radius=1), tube)
    assert set(np.unique(scales)) == {0, 1, 2}
    # Of the thick vessel alone.
    only = scale_map_of(label(), SPACING, ScaleSettings(quantiles=()), labels=[2])
    np.testing.assert_array_equal(only > 0, label() == 2)
    nothing = np.zeros((4, 4), dtype=np.uint8)
    assert not scale_map_of(nothing, (1, 1)).any()
    assert not tubed_skeleton_of(nothing).any()


def test_a_label_of_any_type_is_read():
    found = TubedSkeletond("label", 1, spacing_mm=SPACING)({"label": torch.from_numpy(label()[None]).bfloat16()})
    np.testing.assert_array_equal(found["label_tube"][0].numpy(), expected()[1])


@pytest.mark.parametrize("kind", ["tensor", "array", "MetaTensor"])
def test_in_monai(kind: str):
    given: Any = label()[None]
    further: dict[str, Any] = {"spacing_mm": SPACING}
    if kind != "array":
        given = torch.from_numpy(given)
    if kind == "MetaTensor":
        from monai.data import MetaTensor

        given, further = MetaTensor(given, affine=torch.diag(torch.tensor([*SPACING, 1.0]))), {}
    data = {"label": given, "id": "a"}
    found = TubedSkeletond(["label"], 1, **further)(ScaleMapd("label", HALVES, **further)(data))
    assert set(data) == {"label", "id"}
    for made, wanted in zip((found["label_scales"], found["label_tube"]), expected(), strict=True):
        assert type(made) is type(given)
        assert made.dtype in (torch.uint8, np.uint8)
        np.testing.assert_array_equal(np.asarray(made)[0], wanted)
    if kind == "MetaTensor":
        torch.testing.assert_close(found["label_scales"].affine, given.affine)


def test_a_tube_needs_no_voxel_size():
    found = TubedSkeletond("label", 1)({"label": label()[None]})
    np.testing.assert_array_equal(found["label_tube"][0], tubed_skeleton_of(label(), radius=1))


def test_in_monais_compose():
    from monai.transforms import Compose, Flipd

    compose = Compose([TubedSkeletond("label", 1, spacing_mm=SPACING), Flipd(["label", "label_tube"], 0)])
    found = compose({"label": torch.from_numpy(label()[None])})
    np.testing.assert_array_equal(np.asarray(found["label_tube"])[0], expected()[1][::-1])


def test_monais_caches_keep_the_maps(monkeypatch):
    from monai.data import CacheDataset
    from monai.transforms import Compose, RandFlipd

    cases: list[int] = []

    def counted(numbers: np.ndarray, *given: Any) -> np.ndarray:
        cases.append(1)
        return tubed_skeleton_of_classes(numbers, *given)

    monkeypatch.setattr("ramify.transforms.vessel_maps.tubed_skeleton_of_classes", counted)
    chain = Compose([TubedSkeletond("label", 1, spacing_mm=SPACING), RandFlipd(["label", "label_tube"], prob=0.0)])
    dataset = CacheDataset([{"label": torch.from_numpy(label()[None])}], chain, progress=False)
    for _ in range(3):
        np.testing.assert_array_equal(np.asarray(dataset[0]["label_tube"])[0], expected()[1])
    assert len(cases) == 1


def test_in_batchgenerators():
    drawn = torch.from_numpy(np.stack([label() * 0, label()]))
    data = {"image": torch.zeros(1, 20, 20, 30), "segmentation": drawn}
    for transform in (
        ScaleMapTransform(SPACING, HALVES, channel=1),
        TubedSkeletonTransform(1, spacing_mm=SPACING, channel=1),
    ):
        data = transform(**data)
    assert data["segmentation"].dtype == torch.int16
    for made, wanted in zip(data["segmentation"], (*drawn.numpy(), *expected()), strict=True):
        np.testing.assert_array_equal(made.numpy(), wanted)
    assert ScaleMapTransform(SPACING)(image=data["image"]) == {"image": data["image"]}
    with pytest.raises(
        ValueError, match="TubedSkeletonTransform: the segmentation has 2 channels, and none is number 2"
    ):
        TubedSkeletonTransform(channel=2)(segmentation=drawn)


def test_batchgenerators_moves_the_maps_with_the_labels():
    pytest.importorskip("batchgeneratorsv2", reason="batchgeneratorsv2 is not installed")
    from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
    from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
    from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms

    # What is not cut or turned is the patch in the middle.
    patch = SpatialTransform((16, 16, 16), 0, random_crop=False, p_elastic_deform=0, p_rotation=0, p_scaling=0)
    mirrored = MirrorTransform((0, 1, 2))
    compose = ComposeTransforms([TubedSkeletonTransform(1, spacing_mm=SPACING), patch, mirrored])
    tube = torch.from_numpy(expected()[1].astype(np.int16))[None]
    for seed in range(3):
        made = []
        for chain in (compose, ComposeTransforms([patch, mirrored])):
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            given = torch.from_numpy(label())[None] if chain is compose else tube
            made.append(chain(image=torch.zeros(1, 20, 20, 30), segmentation=given)["segmentation"])
        assert made[0].shape == (2, 16, 16, 16)
        assert made[1].any()
        assert torch.equal(made[0][1:], made[1])


class LabelMap:
    """What is asked of TorchIO's, and no more of it."""

    def __init__(self, tensor: torch.Tensor, affine: np.ndarray) -> None:
        self.data, self.affine = tensor, affine
        self.spacing = tuple(np.abs(np.diag(affine)[:3]).tolist())


class Subject(dict[str, LabelMap]):
    def add_image(self, image: LabelMap, name: str) -> None:
        self[name] = image


@pytest.mark.parametrize("flat", [False, True])
def test_in_torchio(flat: bool):
    drawn = label()[12:13].transpose(1, 2, 0) if flat else label()
    spacing = (*SPACING[1:], 9.0) if flat else SPACING
    affine = np.diag([*spacing, 1.0])
    subject = Subject(vessels=LabelMap(torch.from_numpy(drawn.copy())[None], affine))
    scaled = AddScaleMap("vessels", ScaleSettings(quantiles=()) if flat else HALVES)(subject)
    found = AddTubedSkeleton("vessels", 1)(scaled)
    scales, tube = expected()
    if flat:
        scales, tube = drawn > 0, tubed_skeleton_of_classes(drawn[..., 0], [(1,), (2,)], 1, SPACING[1:])[..., None]
    np.testing.assert_array_equal(found["scales"].data[0].numpy(), scales)
    np.testing.assert_array_equal(found["tube"].data[0].numpy(), tube)
    assert found["scales"].affine is affine
    assert set(subject) == {"vessels"}


def test_in_torchio_itself():
    torchio = pytest.importorskip("torchio", reason="torchio is not installed")
    affine = np.diag([*SPACING, 1.0])
    subject = torchio.Subject(vessels=torchio.LabelMap(tensor=torch.from_numpy(label())[None], affine=affine))
    found = torchio.Compose([AddTubedSkeleton("vessels", 1), torchio.Flip(0)])(subject)
    np.testing.assert_array_equal(found["tube"].data[0].numpy(), expected()[1][::-1])
    AddScaleMap("vessels", HALVES)(subject)
    assert set(subject) == {"vessels"}


@pytest.mark.parametrize(
    "transform",
    [ScaleMapd("label"), TubedSkeletonTransform(), AddScaleMap("vessels")],
    ids=lambda one: type(one).__name__,
)
def test_loader_processes_get_them(transform: object):
    assert type(pickle.loads(pickle.dumps(transform))) is type(transform)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ScaleMapd("label")({"label": label()[None]}), "give spacing_mm"),
        (lambda: ScaleMapd("label", spacing_mm=SPACING)({"label": np.zeros((2, 4, 4))}), "take one channel"),
        (
            lambda: ScaleMapd("vessel", spacing_mm=SPACING)({"label": label()[None]}),
            "`vessel` of transform `ScaleMapd`",
        ),
        (
            lambda: AddScaleMap("vessel")(Subject(vessels=LabelMap(torch.zeros(1, 4, 4, 4), np.eye(4)))),
            "AddScaleMap: the subject has no 'vessel'; it has vessels",
        ),
        (lambda: AddScaleMap("vessel")(label()), "AddScaleMap: expected a subject, got ndarray"),
        (lambda: tubed_skeleton_of(np.full((4, 4), 0.3)), "whole numbers, got 0.3; threshold"),
        (lambda: tubed_skeleton_of(np.zeros(4)), "2 or 3 dimensions"),
        (lambda: tubed_skeleton_of(np.zeros((4, 4)), labels=1), "labels: expected the values .* got 1"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_label_is_one_line(call, message):
    with pytest.raises((ValueError, KeyError), match=message):
        call()
    assert ScaleMapd("vessel", spacing_mm=SPACING, allow_missing_keys=True)({"label": 1}) == {"label": 1}
