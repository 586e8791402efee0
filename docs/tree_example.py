"""The page of an analysed tree for the gallery: a phantom's portal vein, drawn and given to analyse.py."""

from pathlib import Path

import numpy as np

from ramify import analyse
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from ramify.phantoms import PhantomSettings, grow_phantom
from ramify.phantoms.phantom import PORTAL

_SEED = 100


def write_example(folder: Path) -> Path:
    """Write mask, organ, results and page into a folder; where the page is."""
    phantom = grow_phantom(PhantomSettings(size=(128, 128, 128), spacing_mm=(1.0, 1.0, 1.0)), _SEED)
    files = {"portal_vein": phantom.structures[PORTAL], "liver": phantom.organ}
    for name, mask in files.items():
        write_volume(folder / f"{name}.nii.gz", Volume(mask.astype(np.uint8), phantom.spacing_mm))
    trunk = phantom.graph.tree(PORTAL)
    # The graph counts from the outer corner, volumes from the centre of the first voxel.
    root = ",".join(f"{end:.1f}" for end in (trunk.nodes_mm[trunk.roots()[0]] - 0.5)[::-1])
    words = {"input": "portal_vein.nii.gz", "organ": "liver.nii.gz", "output": "analysis", "report": "tree.html"}
    analyse.main([f"--root={root}", *(f"--{flag}={folder / name}" for flag, name in words.items())])
    return folder / "tree.html"
