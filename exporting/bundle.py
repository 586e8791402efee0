"""A MONAI bundle of a trained network: a folder that MONAI, MONAI Label and with it 3D Slicer load, without Ramify.

metadata.json and inference.json in configs/, the network as TorchScript in models/, a README in docs/.
"""

import io
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

import ramify
from ramify.disk.json_files import to_json
from ramify.exporting.bundle_config import IMAGE, PRED, check_fits, inference_config, lowest_value, window_of
from ramify.exporting.description import METADATA, description_of
from ramify.exporting.trained import TrainedNetwork
from ramify.optional_packages import optional_package

INSTALL = "nibabel pytorch-ignite, which Ramify's extra `bundle` brings"
NETWORK_FILE = "models/model.ts"
FILES = ("configs/metadata.json", "configs/inference.json", NETWORK_FILE, "docs/README.md")
"""What a bundle holds, relative to its folder."""


def bundle_of(trained: TrainedNetwork, name: str) -> dict[str, bytes | str]:
    """Content of each of FILES by its name.

    Args:
        trained: of three dimensions, its channels scaled alike.
        name: what the bundle is called.

    Raises ValueError as `check_bundle`.
    """
    check_bundle(trained)
    contents = (to_json(_metadata(trained, name)), to_json(inference_config(trained)), traced(trained), _readme(name))
    return dict(zip(FILES, contents, strict=True))


def check_bundle(trained: TrainedNetwork) -> None:
    """Refuse what no bundle comes of, before anything is written.

    Raises ValueError for a network that does not fit (`bundle_config.check_fits`), and where a package that bundles
    run with is not installed.
    """
    check_fits(trained)
    _versions()


def traced(trained: TrainedNetwork) -> bytes:
    """The network as TorchScript: image (B, C, *S) -> probabilities (B, M, *S), any size it takes.

    Raises ValueError for a network whose trace does otherwise at another size than that it was made at.
    """
    module, buffer = trained.module, io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # torch.jit warns of its age; MONAI Label reads nothing newer without the code of the network.
        warnings.simplefilter("ignore")
        script = torch.jit.trace(module, module.example(2, 3, 4), check_trace=False)
        other = module.example(4, 2, batch=2)
        if not torch.allclose(script(other), module(other), rtol=0, atol=1e-4):
            raise ValueError(
                f"network {trained.settings.model.network}: its trace holds for one size alone; give --onnx"
            )
        torch.jit.save(script, buffer)
    return buffer.getvalue()


def _metadata(trained: TrainedNetwork, name: str) -> Mapping[str, Any]:
    """configs/metadata.json in the form of MONAI's schema."""
    rule = next(iter(trained.preprocessing.rules(trained.channels).values()))
    low, high = lowest_value(rule), None if lowest_value(rule) is None else 1.0
    free = [f"{multiple}*n" for multiple in trained.size_multiples]
    segmented, labels = trained.tasks.segmented, _labels(trained)
    monai_version, further = _versions()
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json",
        "version": "0.1.0",
        "changelog": {"0.1.0": f"exported by Ramify {ramify.__version__}"},
        "monai_version": monai_version.partition("+")[0],
        "pytorch_version": torch.__version__.partition("+")[0],
        "numpy_version": np.__version__,
        "required_packages_version": further,
        "name": name,
        "task": "segmentation of vessels",
        "description": f"{', '.join(segmented)} of {', '.join(trained.channels)}; no medical device",
        "authors": "",
        "copyright": "",
        "image_classes": f"{len(trained.channels)} channel(s), {_listed(enumerate(trained.channels))}",
        "label_classes": f"values of the mask, {_listed(labels.items())}",
        "pred_classes": f"{len(segmented)} channel(s) of probabilities, {_listed(enumerate(segmented))}",
        "intended_use": "research; not a medical device",
        "network_data_format": {
            "inputs": {
                IMAGE: {
                    "type": "image",
                    "format": "magnitude",
                    "modality": "CT" if rule.method == "window" else "n/a",
                    "num_channels": len(trained.channels),
                    "spatial_shape": list(window_of(trained) or free),
                    "dtype": "float32",
                    "value_range": [] if low is None else [low, high],
                    "is_patch_data": window_of(trained) is not None,
                    "channel_def": {str(number): channel for number, channel in enumerate(trained.channels)},
                }
            },
            "outputs": {
                PRED: {
                    "type": "image",
                    "format": "segmentation",
                    "num_channels": len(segmented),
                    "spatial_shape": list(window_of(trained) or free),
                    "dtype": "float32",
                    "value_range": [0, 1],
                    "is_patch_data": window_of(trained) is not None,
                    # By value of the mask, of which MONAI Label takes it; "pred_classes" says which channel is which.
                    "channel_def": labels,
                }
            },
        },
        METADATA: description_of(trained),
    }


def _versions() -> tuple[str, dict[str, str]]:
    """Versions installed here of MONAI and of what else bundles run with; ValueError without one."""
    modules = {"monai": "monai", "nibabel": "nibabel", "pytorch-ignite": "ignite"}
    found = {name: optional_package(module, "bundle", INSTALL).__version__ for name, module in modules.items()}
    return found.pop("monai"), found


def _listed(named: Iterable[tuple[object, str]]) -> str:
    return ", ".join(f"{number} {name}" for number, name in named)


def _labels(trained: TrainedNetwork) -> dict[str, str]:
    """Value in the mask or label map -> what it is, as MONAI Label asks for it."""
    table, values = trained.tasks.table, trained.values
    if trained.tasks.tells_apart:
        return {"0": "background", **{str(value): name for value, name in zip(values[1:], table.names, strict=True)}}
    return {"0": "background", str(values[table.vessels[0]]): trained.tasks.segmented[0]}


def _readme(name: str) -> str:
    return f"""# {name}

A network that segments vessels, exported by Ramify {ramify.__version__} as a MONAI bundle: TorchScript, which needs
MONAI and PyTorch and no Ramify, and for the line below the package fire. `configs/metadata.json` says under
`{METADATA}` how it was trained to see its images.

    python -m monai.bundle run --config_file configs/inference.json --bundle_root . --dataset_dir IN --output_dir OUT

Before it is given to others: a licence, `authors`, `copyright`, and what it was trained on.
"""
