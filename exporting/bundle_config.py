"""The inference configuration of a MONAI bundle: what `predict.py` does without an organ mask, in MONAI's own parts."""

from typing import Any

import numpy as np

from ramify.exporting.trained import TrainedNetwork
from ramify.preprocessing.intensity import IntensitySettings
from ramify.training.inference import VESSEL_PROBABILITY

Config = dict[str, Any]
AXES = "SPL"
"""Towards head, back and left: prepared arrays, z y x, in the letters of MONAI's Orientation."""
IMAGE, PRED = "image", "pred"
_BOX = "$lambda f: (f / 2 + 0.5 - torch.arange(-int(f / 2 + 1), int(f / 2 + 1) + 1).abs()).clamp(0, 1) / f"
"""Weights of the voxels around one whose area grows to f >= 1 of its sides; their sum is 1."""


def inference_config(trained: TrainedNetwork) -> Config:
    """configs/inference.json; `check_fits` comes first."""
    return {
        "imports": ["$import functools", "$import glob", "$import numpy", "$import torch"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/images'",
        "output_dir": "$@bundle_root + '/eval'",
        "datalist": "$sorted(glob.glob(@dataset_dir + '/*.nii.gz'))",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": "$torch.jit.load(@bundle_root + '/models/model.ts', map_location=@device)",
        "network": "$@network_def.to(@device)",
        "box": _BOX,
        "preprocessing": _composed(_preprocessing(trained)),
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'image': path} for path in @datalist]",
            "transform": "@preprocessing",
        },
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
        "inferer": _inferer(trained),
        "postprocessing": _composed(_postprocessing(trained)),
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
        },
        "run": ["$@evaluator.run()"],
    }


def check_fits(trained: TrainedNetwork) -> None:
    """Refuse a network that a bundle of MONAI's parts cannot serve; ValueError with the remedy."""
    if trained.ndim != 3:
        raise ValueError("bundle: of networks of volumes alone, as MONAI Label and 3D Slicer show them; give --onnx")
    rules = list(trained.preprocessing.rules(trained.channels).values())
    if any(rule != rules[0] for rule in rules):
        raise ValueError(
            "bundle: the channels of the image are scaled by different rules, which MONAI's transforms of one image "
            "cannot; give --onnx"
        )


def window_of(trained: TrainedNetwork) -> tuple[int, ...] | None:
    """The sliding window, as `training.predictor` has it without an organ mask; None: the whole volume."""
    window = trained.settings.inference.window or trained.settings.loading.patch_size
    if window is None and trained.preprocessing.grid.crop == "organ":
        sides = zip(trained.prepared_shape, trained.size_multiples, strict=True)
        window = tuple(-(-side // multiple) * multiple for side, multiple in sides)
    return window


def lowest_value(rule: IntensitySettings) -> float | None:
    """What a scaled image does not go below; None where that is the image's own."""
    if rule.method in ("window", "percentile"):
        return 0.0 if rule.output_range == "zero_one" else -1.0
    if rule.method == "foreground" and rule.foreground:
        lower, _, mean, deviation = rule.foreground
        return (lower - mean) / deviation
    return None


def _preprocessing(trained: TrainedNetwork) -> list[Config]:
    rule = next(iter(trained.preprocessing.rules(trained.channels).values()))
    return [
        {"_target_": "LoadImaged", "keys": IMAGE},
        {"_target_": "EnsureChannelFirstd", "keys": IMAGE},
        {"_target_": "EnsureTyped", "keys": IMAGE, "dtype": "$torch.float32"},
        {"_target_": "Orientationd", "keys": IMAGE, "axcodes": AXES, "labels": None},
        *_resampling(trained),
        *_scaling(rule),
        *_padding(trained, lowest_value(rule)),
    ]


def _resampling(trained: TrainedNetwork) -> list[Config]:
    """Onto the grid of the training: its voxel size, or its size where whole volumes were stretched to one."""
    grid = trained.preprocessing.grid
    if grid.crop == "volume" and grid.size is not None:
        size = list(grid.size)
        factors = f"[max(1.0, n / m) for n, m in zip(image.shape[1:], {size})]"
        return [
            _averaged_by(factors),
            {"_target_": "Resized", "keys": IMAGE, "spatial_size": size, "mode": "trilinear"},
        ]
    spacing = trained.prepared_spacing_mm if grid.crop == "organ" else grid.spacing_mm
    if spacing is None:
        return []
    # By their extent: the edges of the volume stay where they are.
    shared = {"mode": "bilinear", "padding_mode": "border", "scale_extent": True}
    factors = f"[max(1.0, m / float(n)) for n, m in zip(image.pixdim, {list(spacing)})]"
    return [
        _averaged_by(factors),
        {"_target_": "Spacingd", "keys": IMAGE, "pixdim": list(spacing), **shared},
    ]


def _averaged_by(factors: str) -> Config:
    """The mean over the new voxel's area where an image shrinks, by an expression for how far it does along each axis.

    At the old voxels, between which MONAI interpolates: a little more blurred than `preprocessing.interpolation`.
    """
    kernels = f"[@box(factor) for factor in {factors}]"
    filtered = f"monai.networks.layers.separable_filtering(image.as_tensor()[None], {kernels}, mode='replicate')[0]"
    return {
        "_target_": "Lambdad",
        "keys": IMAGE,
        "func": f"$lambda image: monai.utils.convert_to_dst_type({filtered}, image)[0]",
    }


def _scaling(rule: IntensitySettings) -> list[Config]:
    """`preprocessing.intensity.normalise` of a whole image."""
    low, high = (0.0, 1.0) if rule.output_range == "zero_one" else (-1.0, 1.0)
    bounds = {"b_min": low, "b_max": high, "clip": True}
    if rule.method == "window":
        lower, upper = rule.window
        return [{"_target_": "ScaleIntensityRanged", "keys": IMAGE, "a_min": lower, "a_max": upper, **bounds}]
    if rule.method == "percentile":
        lower, upper = rule.percentiles
        given = {"lower": lower, "upper": upper, **bounds, "channel_wise": True}
        return [{"_target_": "ScaleIntensityRangePercentilesd", "keys": IMAGE, **given}]
    if rule.method == "z_score":
        return [{"_target_": "NormalizeIntensityd", "keys": IMAGE, "channel_wise": True}]
    if rule.method == "foreground":
        assert rule.foreground is not None, "preparation filled it in"
        lower, upper, mean, deviation = rule.foreground
        scaled = {"b_min": (lower - mean) / deviation, "b_max": (upper - mean) / deviation, "clip": True}
        return [{"_target_": "ScaleIntensityRanged", "keys": IMAGE, "a_min": lower, "a_max": upper, **scaled}]
    return []


def _padding(trained: TrainedNetwork, lowest: float | None) -> list[Config]:
    """Volumes smaller than the window, or no multiple of the network's, go on at their far ends."""
    filled = {"mode": "minimum"} if lowest is None else {"mode": "constant", "value": lowest}
    window = window_of(trained)
    padding = [
        {"_target_": "DivisiblePadd", "keys": IMAGE, "k": list(trained.size_multiples), "method": "end", **filled}
    ]
    if window is not None:
        # Where windows lie follows from the size: that of `training.inference.infer`, a multiple beyond the window too.
        to_window = {"_target_": "SpatialPadd", "keys": IMAGE, "spatial_size": list(window), "method": "end", **filled}
        padding = [to_window, *padding]
    return padding


def _inferer(trained: TrainedNetwork) -> Config:
    window, settings = window_of(trained), trained.settings.inference
    if window is None:
        return {"_target_": "SimpleInferer"}
    return {
        "_target_": "SlidingWindowInferer",
        "roi_size": list(window),
        "sw_batch_size": settings.windows_at_once,
        "overlap": settings.overlap,
        "mode": "gaussian",
    }


def _postprocessing(trained: TrainedNetwork) -> list[Config]:
    """Probabilities on the image's own grid, and a mask or label map of them, as `training.segmentation` has it."""
    return [
        {
            "_target_": "Invertd",
            "keys": PRED,
            "transform": "@preprocessing",
            "orig_keys": IMAGE,
            "nearest_interp": False,
            "to_tensor": True,
        },
        {"_target_": "Lambdad", "keys": PRED, "func": _labelling(trained)},
        {
            "_target_": "SaveImaged",
            "keys": PRED,
            "output_dir": "@output_dir",
            "output_postfix": "vessels",
            "output_dtype": f"$numpy.{np.min_scalar_type(max(trained.values))}",
            "resample": False,
            "separate_folder": False,
        },
    ]


def _labelling(trained: TrainedNetwork) -> str:
    """An expression: probabilities (M, *S) to the values of a mask or label map (1, *S)."""
    tasks, values = trained.tasks, trained.values
    if tasks.asked == "classes":
        likeliest = "torch.cat((1 - p.sum(0, keepdim=True), p)).argmax(0, keepdim=True)"
        over = "torch.where(number == one[0], one[1], found)"
        numbered = list(enumerate(values))[1:]
        # torch.where keeps what a MetaTensor knows of its place, which indexing a table of values would lose.
        return (
            f"$lambda p: (lambda number: functools.reduce(lambda found, one: {over}, {numbered}, "
            f"torch.zeros_like(number)))({likeliest})"
        )
    if tasks.asked == "regions":
        numbers = [tasks.table.number_of_region(name) for name in tasks.segmented]
    else:
        numbers = [tasks.table.vessels[0]]
    written = [values[number] for number in numbers]
    over = f"torch.where(one[1] >= {VESSEL_PROBABILITY}, one[0], found)"
    return f"$lambda p: functools.reduce(lambda found, one: {over}, zip({written}, p), torch.zeros_like(p[0]))[None]"


def _composed(transforms: list[Config]) -> Config:
    return {"_target_": "Compose", "transforms": transforms}
