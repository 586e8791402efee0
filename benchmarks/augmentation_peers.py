"""Each kind of augmentation as a call: ours, batchgeneratorsv2's (nnU-Net's library) and MONAI's, on the same patch."""

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from monai import transforms as monai
from monai.data.meta_obj import get_track_meta, set_track_meta
from numpy.typing import NDArray

from ramify.data.augmentation import AUGMENTATIONS, apply_augmentation, draw_augmentation
from ramify.data.augmentations.drawn import Augmentation, Draw
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.random_streams import Branches

Call = Callable[[], object]
STILL: dict[str, Any] = {"probability": 0, "translation_mm": 0, "flip_probability": 0, "gamma": (1, 1)}
TURNED: dict[str, Any] = {"probability": 1, "rotation_degrees": 30, "scaling": {"probability": 1}}
GREY: dict[str, tuple[dict[str, Any], float]] = {
    "noise": ({"noise": {}}, 0.1),
    "blur": ({"blur": {"per_axis": True}}, 0.2),
    "brightness": ({"brightness": {}}, 0.15),
    "contrast": ({"contrast": {}}, 0.15),
    "low resolution": ({"low_resolution": {}}, 0.25),
    "gamma, inverted": ({"inverted_gamma": {}}, 0.1),
    "gamma": ({"gamma": (0.7, 1.5), "gamma_keeps": "mean_and_sd"}, 0.3),
}
"""Settings of each kind of grey values, and the share of the samples that nnU-Net changes so."""


class Patch(NamedTuple):
    """What is augmented: image float32 (1, *S), labels uint8 (*S), and the voxels of the window that is cut."""

    image: NDArray[np.float32]
    labels: NDArray[np.uint8]
    window: tuple[int, ...]


def random_patch(window: tuple[int, ...], seed: int) -> Patch:
    """Noise, a quarter larger than the window along each axis, so that there is something to turn into it."""
    random = np.random.default_rng(seed)
    shape = tuple(n + n // 4 for n in window)
    image = random.random((1, *shape), dtype=np.float32)
    return Patch(image, (image[0] > 0.95).view(np.uint8), window)


def kinds_of(patch: Patch) -> dict[str, dict[str, Call]]:
    """Each kind done to every sample: by name the calls of ours, and of the peers that have it."""
    image = patch.image[(slice(None), *(slice(0, n) for n in patch.window))]
    kinds: dict[str, dict[str, Call]] = {
        "a window, mirrored": _whole(patch, {"flip_probability": 0.5}, [_mirrored]),
        "rotation and zoom": _whole(patch, TURNED, [_turned]),
        "rotation, zoom, elastic": _whole(
            patch, {**TURNED, "elastic": {"probability": 1, "magnitude_mm": (4, 4)}}, [_bent]
        ),
    }
    for name in GREY:
        kinds[name] = {"ours": _our_grey(image.copy(), name)}
        for peer, transform in _grey(name, 1.0).items():
            kinds[name][peer] = _on_image(transform, image)
    return kinds


def whole_of(patch: Patch, share: Callable[[float], float]) -> dict[str, Call]:
    """All of nnU-Net's kinds, one after the other; share: of the samples that each changes, from nnU-Net's."""
    settings: dict[str, Any] = {"flip_probability": 0.5, "probability": share(0.2), "rotation_degrees": 30}
    settings["scaling"] = {"probability": share(0.2)}
    for name, (_, probability) in GREY.items():
        settings |= _section_of(name, share(probability))
    settings["gamma_probability"] = share(GREY["gamma"][1])
    greys = [lambda patch, name=name, p=p: _grey(name, share(p)) for name, (_, p) in GREY.items()]
    return _whole(patch, settings, [lambda patch: _turned(patch, share(0.2)), *greys, _flips])


def _section_of(name: str, probability: float) -> dict[str, Any]:
    """Our settings of a kind that so many samples get; the share of `gamma` has a setting beside it."""
    return {
        kind: {**values, "probability": probability} if isinstance(values, dict) else values
        for kind, values in GREY[name][0].items()
    }


def _our_grey(image: NDArray[np.float32], name: str) -> Call:
    """The kind alone, as the peers' transforms are."""
    section = _section_of(name, 1.0)
    settings, random = AugmentationSettings.model_validate(STILL | section), np.random.default_rng(0)
    (kind,) = (each for each in AUGMENTATIONS if each.__name__ == next(iter(section)))
    nothing, spacing = Augmentation.identity(image.ndim - 1), (1.0,) * (image.ndim - 1)

    def call() -> None:
        for change, _ in kind(nothing, Draw(settings, random, False, None, Branches(random))).grey_changes:
            change(image[0], spacing)

    return call


def _on_image(transform: Callable[..., Any], image: NDArray[np.float32]) -> Call:
    tensor = torch.from_numpy(image.copy())
    # Both kinds of libraries are given the patch alone; batchgeneratorsv2 changes it where it is, as ours does.
    of_keywords = type(transform).__module__.startswith("batchgenerators")
    return (lambda: transform(image=tensor)) if of_keywords else _on_plain_tensors(transform, {"image": tensor})


def _on_plain_tensors(transform: Callable[..., Any], sample: dict[str, Any]) -> Call:
    """A transform of MONAI's, which without this also keeps a history and affines of what it did."""

    def call() -> object:
        before = get_track_meta()
        set_track_meta(False)
        try:
            return transform(sample)
        finally:
            set_track_meta(before)

    return call


def _whole(
    patch: Patch, settings: dict[str, Any], steps: list[Callable[[Patch], dict[str, Callable[..., Any]]]]
) -> dict[str, Call]:
    """From the volume to a window of image and labels; ours samples a tubed skeleton as well, as in training."""
    ours, random, spacing = AugmentationSettings.model_validate(STILL | settings), np.random.default_rng(0), (1.0,) * 3
    middle = tuple(n // 2 + 0.5 for n in patch.labels.shape)

    def call() -> object:
        drawn = draw_augmentation(ours, 3, random)
        tube = patch.labels
        return apply_augmentation(
            drawn, patch.image, patch.labels, tube, spacing, output_shape=patch.window, centre=middle, lowest=[0.0]
        )

    calls: dict[str, Call] = {"ours": call}
    of_steps = [step(patch) for step in steps]
    image, labels = torch.from_numpy(patch.image), torch.from_numpy(patch.labels[None])
    monais = monai.Compose([each for step in of_steps for each in _listed(step.get("MONAI"))])
    calls["MONAI"] = _on_plain_tensors(monais, {"image": image, "label": labels})
    theirs = [each for step in of_steps for each in _listed(step.get("batchgeneratorsv2"))]
    if theirs:

        def call_theirs() -> object:
            sample = {"image": image, "segmentation": labels}
            for transform in theirs:
                sample = transform(**sample)
            return sample

        calls["batchgeneratorsv2"] = call_theirs
    return calls


def _listed(transforms: Any) -> list[Any]:
    return [] if transforms is None else list(transforms) if isinstance(transforms, tuple) else [transforms]


def _spatial(patch: Patch, **chances: Any) -> Any:
    from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform

    ranges: dict[str, Any] = {"rotation": (-np.pi / 6, np.pi / 6), "scaling": (0.7, 1.4)}
    return SpatialTransform(
        patch.window, 0, random_crop=False, p_synchronize_scaling_across_axes=1, mode_seg="nearest", **ranges, **chances
    )


def _mirrored(patch: Patch) -> dict[str, Any]:
    flips = _flips(patch)
    steps = {"MONAI": (monai.CenterSpatialCropd(["image", "label"], patch.window), *_listed(flips["MONAI"]))}
    if has_batchgenerators():
        steps["batchgeneratorsv2"] = (_spatial(patch), flips["batchgeneratorsv2"])
    return steps


def _flips(patch: Patch) -> dict[str, Any]:
    steps: dict[str, Any] = {"MONAI": tuple(monai.RandFlipd(["image", "label"], 0.5, axis) for axis in range(3))}
    if has_batchgenerators():
        from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform

        steps["batchgeneratorsv2"] = MirrorTransform((0, 1, 2))
    return steps


def _turned(patch: Patch, share: float = 1.0) -> dict[str, Any]:
    affine = monai.RandAffined(
        ["image", "label"], patch.window, share, (np.pi / 6,) * 3, scale_range=((-0.3, 0.4),) * 3,
        mode=("bilinear", "nearest"), padding_mode="zeros",
    )  # fmt: skip
    steps: dict[str, Any] = {"MONAI": affine}
    if has_batchgenerators():
        steps["batchgeneratorsv2"] = _spatial(patch, p_rotation=share, p_scaling=share)
    return steps


def _bent(patch: Patch) -> dict[str, Any]:
    elastic = monai.Rand3DElasticd(
        ["image", "label"], (6, 7), (100, 100), patch.window, 1.0, (np.pi / 6,) * 3, None, None, ((-0.3, 0.4),) * 3,
        ("bilinear", "nearest"), "zeros",
    )  # fmt: skip
    steps: dict[str, Any] = {"MONAI": elastic}
    if has_batchgenerators():
        scale = 8 / max(patch.window)
        bent = {"elastic_deform_scale": (scale, scale), "elastic_deform_magnitude": (4, 4)}
        steps["batchgeneratorsv2"] = _spatial(patch, p_rotation=1, p_scaling=1, p_elastic_deform=1, **bent)
    return steps


def _grey(name: str, share: float) -> dict[str, Any]:
    """The peers' transform for a share of the samples."""
    key = ["image"]
    of_monai: dict[str, Any] = {
        "noise": monai.RandGaussianNoised(key, share, std=0.1),
        "blur": monai.RandGaussianSmoothd(key, (0.5, 1), (0.5, 1), (0.5, 1), prob=share),
        "brightness": monai.RandScaleIntensityd(key, (-0.25, 0.25), share),
        "low resolution": monai.RandSimulateLowResolutiond(key, share),
        "gamma, inverted": monai.RandAdjustContrastd(key, share, (0.7, 1.5), invert_image=True, retain_stats=True),
        "gamma": monai.RandAdjustContrastd(key, share, (0.7, 1.5), retain_stats=True),
    }
    found = {"MONAI": of_monai[name]} if name in of_monai else {}
    return found | ({"batchgeneratorsv2": _batchgenerators(name, share)} if has_batchgenerators() else {})


def _batchgenerators(name: str, share: float) -> Any:
    from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
    from batchgeneratorsv2.transforms.intensity.contrast import BGContrast, ContrastTransform
    from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
    from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
    from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
    from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
    from batchgeneratorsv2.transforms.utils.random import RandomTransform

    factor, exponent = BGContrast((0.75, 1.25)), BGContrast((0.7, 1.5))
    found = {
        "noise": lambda: GaussianNoiseTransform((0, 0.1), 1, True),
        # nnU-Net lets it try FFT, nine times for each new size: no gain for kernels as small, and long in a benchmark.
        "blur": lambda: GaussianBlurTransform((0.5, 1.0), False, False, 1),
        "brightness": lambda: MultiplicativeBrightnessTransform(factor, False, 1),
        "contrast": lambda: ContrastTransform(factor, True, False, 1),
        "low resolution": lambda: SimulateLowResolutionTransform((0.5, 1), False, True, None, None, 1),
        "gamma, inverted": lambda: GammaTransform(exponent, 1, False, 1, 1),
        "gamma": lambda: GammaTransform(exponent, 0, False, 1, 1),
    }
    return RandomTransform(found[name](), share)


def has_batchgenerators() -> bool:
    """Whether that peer is installed."""
    return importlib.util.find_spec("batchgeneratorsv2") is not None
