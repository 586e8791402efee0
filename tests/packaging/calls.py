"""What `make package` runs in the environment of an installed copy: every module imported, public functions called.

Leaves raw/images and raw/vessels behind, two phantoms as a hospital would give them.
"""

import importlib
import pkgutil
import sys
import time
from importlib import metadata
from pathlib import Path

NEVER_TORCH = ("metrics", "vessels", "phantoms", "comparison")
WITH_NNUNET = ("nnunetv2", "batchgeneratorsv2")
"""What the trainers for nnU-Net are imported with, and nobody else has."""


def check_files() -> None:
    """The environment holds the package ramify, its description and the command, and nothing more of ours."""
    distribution = metadata.distribution("ramify")
    files = [path for path in distribution.files or () if "__pycache__" not in path.parts]
    info = f"ramify-{distribution.version}.dist-info"
    strays = [str(path) for path in files if path.parts[0] not in ("ramify", info) and path.name != "ramify"]
    assert files, "pip keeps no list"
    assert not strays, strays
    print(f"          {len(files)} files in site-packages/ramify, {info} and bin/ramify; none elsewhere")


def import_all() -> None:
    """`import ramify` loads nothing else; rooms of geometry and scores load no torch; every module can be imported."""
    before = set(sys.modules)
    began = time.perf_counter()
    ramify = importlib.import_module("ramify")
    seconds = time.perf_counter() - began
    loaded = {name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names
    assert loaded == {"ramify"}, loaded
    assert Path(sys.prefix) in Path(str(ramify.__file__)).parents, ramify.__file__
    assert metadata.version("ramify") == ramify.__version__
    print(f"          import ramify: {1000 * seconds:.1f} ms")

    for room in NEVER_TORCH:
        import_below(f"ramify.{room}")
    assert "torch" not in sys.modules
    print(f"          {import_below('ramify')} modules imported; those of {', '.join(NEVER_TORCH)} without torch")


def import_below(package: str) -> int:
    """Import all modules of a package but those that only nnU-Net's users can; how many."""
    imported = 0
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.partition(".")[0] not in WITH_NNUNET:
                raise
        else:
            imported += 1
    return imported


def call_functions() -> None:
    """Public functions of several rooms, on a phantom."""
    import numpy as np
    import torch

    from ramify.data.files import read_mask, write_volume
    from ramify.data.volume import Volume
    from ramify.losses.dice import dice_loss
    from ramify.losses.soft_cldice import soft_cldice_loss
    from ramify.metrics.centreline import cldice
    from ramify.metrics.overlap import dice
    from ramify.metrics.surface import hausdorff_95_mm
    from ramify.models import ModelSettings, build_network
    from ramify.phantoms.phantom import grow_phantom
    from ramify.phantoms.settings import PhantomSettings
    from ramify.vessels.betti import betti_numbers
    from ramify.vessels.scales import decompose_scales
    from ramify.vessels.skeleton import skeletonize

    settings = PhantomSettings(size=(32, 32, 32), spacing_mm=(4.0, 4.0, 4.0))
    for seed in (100, 101):
        phantom = grow_phantom(settings, seed)
        for kind, array in (("images", phantom.image), ("vessels", phantom.vessels)):
            write_volume(Path("raw") / kind / f"case_{seed}.nii.gz", Volume(array, phantom.spacing_mm))
    vessels, spacing = phantom.vessels, phantom.spacing_mm
    assert np.array_equal(read_mask(Path("raw") / "vessels" / "case_101.nii.gz").array, vessels)

    assert set(np.unique(decompose_scales(vessels, spacing).scale_map)) == {0, 1, 2, 3}
    assert betti_numbers(vessels).pieces == betti_numbers(skeletonize(vessels)).pieces > 0
    assert dice(vessels, vessels) == cldice(vessels, vessels) == 1
    assert hausdorff_95_mm(vessels, vessels, spacing) == 0

    truth = torch.from_numpy(vessels)[None, None].float()
    assert soft_cldice_loss(truth, truth) == 0
    assert dice_loss(truth, truth) < 1e-4
    network = build_network(ModelSettings(levels=2, base_channels=4), in_channels=1, n_scales=3, ndim=3)
    assert network(truth).logits.shape == (1, 4, *vessels.shape)
    print("          twelve public functions called")


if __name__ == "__main__":
    check_files()
    import_all()
    call_functions()
