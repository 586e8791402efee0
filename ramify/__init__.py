"""Segmenting vascular trees at their scales.

Rooms are imported by name, as in `from ramify.losses import soft_cldice_loss`; `import ramify` alone loads nothing.
`ramify.decompose` is `ramify.vessels.decompose_scales`: the way in for whoever has a mask and no more.
"""

from pathlib import Path as _Path
from typing import TYPE_CHECKING as _TYPE_CHECKING

__version__ = "0.1.0"

# An installed copy has the rooms inside this folder, a checkout beside it, where `python train.py` finds them as well.
if not (_Path(__path__[0]) / "losses").is_dir():
    __path__.append(str(_Path(__path__[0]).parent))

if _TYPE_CHECKING:
    from ramify.vessels.scales import decompose_scales as decompose

__all__ = ["__version__", "decompose"]


def __getattr__(name: str) -> object:
    if name != "decompose":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ramify.vessels.scales import decompose_scales

    return decompose_scales
